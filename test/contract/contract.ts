// Runs the contract suite on the runtime that it is called on. Prints nothing; whoever calls it does.
// Invariant: it answers with what happened and never throws; bits that differ between two starts of the engine are a failure.
import { type BackendOptions, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { messageOf } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { type Machine, platform } from '../../src/platform/index.ts';
import { dataTests } from './data.ts';
import { breakingTests, engineTests } from './engine.ts';
import { evaluationFileTests, evaluationTests } from './evaluation.ts';
import { explanationTests } from './explanation.ts';
import { exportedModelTests } from './exported-model.ts';
import { kernelTests } from './kernels.ts';
import { platformFileTests, platformTests } from './platform.ts';
import { inferOnStockTfjs } from './stock.ts';
import type { Bits, ContractTests, FileTest, FileTests } from './suite.ts';
import { taskFileTests, taskTests } from './tasks.ts';
import { trainingTests } from './training.ts';

/** Tests of what an engine computes: they run on every start. */
const computing: ContractTests = {
  ...engineTests,
  ...kernelTests,
  ...dataTests,
  ...trainingTests,
  ...evaluationTests,
  ...explanationTests,
  ...exportedModelTests,
};
/** Tests that have nothing to do with threads or memory: they run once. */
const standing: ContractTests = { ...platformTests, ...taskTests };
/** The same, of tests that need files. */
const computingWithFiles: FileTests = { ...evaluationFileTests };
const standingWithFiles: FileTests = { ...platformFileTests, ...taskFileTests };

/** Every start of the engine that must give the same bits. */
export const contractStarts: readonly BackendOptions[] = [
  { threads: 1 },
  { threads: 2 },
  { threads: 3 },
  { sharedMemory: false },
];

export interface ContractOptions {
  /** A folder for files; it is removed. Without it, tests that need files are left out. */
  readonly folder?: string;
  /** Default: `contractStarts`. */
  readonly starts?: readonly BackendOptions[];
  readonly onTest?: (result: ContractResult) => void;
}

export interface ContractResult {
  readonly title: string;
  /** What is wrong; undefined if nothing is. */
  readonly problem?: string;
}

export interface ContractReport {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly machine: Machine;
  /** The build and threads of each start. */
  readonly starts: readonly string[];
  readonly results: readonly ContractResult[];
  /** By test: sha256 of the bits that must be equal everywhere. */
  readonly bits: Readonly<Record<string, string>>;
  readonly durationMs: number;
}

/**
 * Runs all tests.
 *
 * @param options Where files may be written, and which starts to try
 */
export async function runContract({ folder, starts, onTest }: ContractOptions): Promise<ContractReport> {
  const began = platform.now();
  const results: ContractResult[] = [];
  const bits: Record<string, string> = {};
  const engines: string[] = [];
  const keep = (result: ContractResult): void => {
    results.push(result);
    onTest?.(result);
  };
  keep(await runTest('stock tfjs infers through our loader', inferOnStockTfjs, { folder: undefined }, bits));
  for (const [i, start] of (starts ?? contractStarts).entries()) {
    const tests = {
      ...(i === 0 ? standing : {}),
      ...computing,
      ...(folder !== undefined && i === 0 ? standingWithFiles : {}),
      ...(folder !== undefined ? computingWithFiles : {}),
    };
    const label = describe(start);
    await withEngine(start, label, keep, async (engine) => {
      const { build, threads } = engine.info;
      engines.push(`${build} x${threads}`);
      for (const [title, test] of Object.entries(tests)) {
        keep(await runTest(title, (own) => test({ ...own, engine }), { folder, label }, bits));
      }
    });
    for (const [title, test] of Object.entries(breakingTests)) {
      await withEngine(start, label, keep, async (engine) =>
        keep(await runTest(title, (own) => test({ ...own, engine }), { folder, label }, bits)),
      );
    }
  }
  const { runtime } = platform;
  return { runtime, machine: platform.machine(), starts: engines, results, bits, durationMs: platform.now() - began };
}

function describe({ threads, sharedMemory }: BackendOptions): string {
  if (sharedMemory === false) return 'unshared memory';
  if (threads === undefined) return 'as it starts by itself';
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

async function withEngine(
  start: BackendOptions,
  label: string,
  keep: (result: ContractResult) => void,
  use: (engine: RunningBackend) => Promise<void>,
): Promise<void> {
  let engine: RunningBackend;
  try {
    engine = await startBackend(start);
  } catch (error) {
    keep({ title: `the engine starts (${label})`, problem: problemOf(error) });
    return;
  }
  await use(engine);
  await engine.stop();
}

async function runTest(
  name: string,
  test: (own: { readonly folder: string }) => ReturnType<FileTest>,
  { folder, label }: { readonly folder: string | undefined; readonly label?: string },
  bits: Record<string, string>,
): Promise<ContractResult> {
  const title = label === undefined ? name : `${name} (${label})`;
  const own = folder === undefined ? undefined : platform.files.join(folder, 'test');
  try {
    // Tests that need a folder are run only where there is one.
    const found = await test({ folder: own as string });
    if (!found) return { title };
    const digest = await digestOf(found);
    bits[name] ??= digest;
    return bits[name] === digest ? { title } : { title, problem: `got other bits than before: ${digest}` };
  } catch (error) {
    return { title, problem: problemOf(error) };
  } finally {
    if (own !== undefined) await platform.files.remove(own);
  }
}

/** The whole text of an error, with its causes. */
export function problemOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const { stack = '' } = error as { stack?: string };
  const message = messageOf(error);
  // Firefox's stack has no message.
  const text = stack.includes(message) ? stack : `${message}\n${stack}`.trimEnd();
  return cause === undefined ? text : `${text}\ncaused by ${problemOf(cause)}`;
}

/** Bytes of numbers, whatever they are of; -0 and each kind of NaN have bits of their own. */
async function digestOf(bits: Bits): Promise<string> {
  const parts = bits.map((values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return sha256(whole);
}
