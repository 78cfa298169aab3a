// What the contract suite is: plain functions that every runtime runs, without a test framework and without a runtime's own modules.
// Invariant: what a test returns are bits that must be equal on every runtime, at any number of threads and on either memory.
import type { RunningBackend } from '../../src/backend/index.ts';

/** Numbers whose bits are compared. */
export type Bits = readonly (Float32Array | Int32Array | Uint8Array)[];

/** What a test may use. */
export interface ContractContext {
  readonly engine: RunningBackend;
  /** A folder of this test alone; it need not exist yet. Undefined where the runtime has no files. */
  readonly folder: string | undefined;
}

/** A test throws if what it says is not so. */
export type ContractTest = (context: ContractContext) => Promise<Bits | undefined> | Bits | undefined;

/** Tests by what they show. */
export type ContractTests = Readonly<Record<string, ContractTest>>;

/** A test that is left out where the runtime has no files. */
export type FileTest = (context: ContractContext & { readonly folder: string }) => ReturnType<ContractTest>;

/** Such tests by what they show. */
export type FileTests = Readonly<Record<string, FileTest>>;
