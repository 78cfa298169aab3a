// A network as data: a list of kernel calls for each number of images, the words that their arguments are, and where weights lie.
// Made by src/plan/, run by classifier.ts, stored by model-file.ts. Invariant: addresses are those of a memory that begins empty and is
// as large as the network says; nothing in it is moved.
import type { QuantisedWeights } from './quantisation.ts';

/** Words of a call: number of the kernel, byte offset of its arguments, first unit, end of the units. */
export const CALL_WORDS = 4;

/** Weights and where they are put. */
export type NetworkWeights = { readonly byteOffset: number } & (
  | { readonly values: Float32Array }
  | { readonly quantised: QuantisedWeights }
);

export interface Network {
  /** What the memory holds, from address 0. */
  readonly memoryBytes: number;
  /** f32 `[images, height, width, channels]` from 0 to 1, for the largest program. */
  readonly input: number;
  /** f32 `[images, classes]`. */
  readonly output: number;
  /** Private memory of the kernels. */
  readonly scratch: number;
  /** Names of kernels, as calls number them. */
  readonly kernels: readonly string[];
  readonly weights: readonly NetworkWeights[];
  /** Arguments of the kernels. */
  readonly words: readonly { readonly byteOffset: number; readonly values: Int32Array }[];
  /** Calls that make what is derived from weights; they are made once. */
  readonly derivation: Int32Array;
  /** Calls for one image, for two, … */
  readonly programs: readonly Int32Array[];
}

/** Elements of weights. */
export const sizeOfWeights = (weights: NetworkWeights): number =>
  'values' in weights ? weights.values.length : weights.quantised.levels.length;
