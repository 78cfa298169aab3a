// Counter-based random numbers: Philox4x32-10. Every draw is a pure function of (seed, stream, counter), so any of them can be made
// again without the ones before, on any thread. Not here: NumPy's generator (mersenne-twister.ts).
// Invariant: integers and + - * / alone, so every engine gives the same bits; `assembly/simd/random.ts` gives the same words.
// Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; test vectors of Random123.
import { SelvedgeError } from './errors.ts';
import { checkLength, checkSeed } from './mersenne-twister.ts';
import { normalQuantile } from './normal-quantile.ts';

/**
 * What randomness is for. The stream is the second key word, so two purposes never share numbers under one seed. Zero is left to
 * kernels that use both key words for the seed.
 */
export const randomStreams = {
  shuffle: 1,
  augmentation: 2,
  initialiser: 3,
  tuning: 4,
  madeImages: 5,
  flippedLabels: 6,
  mixing: 7,
  corruption: 8,
  split: 11,
  resampling: 12,
  catalogue: 14,
  shoppers: 15,
  inspection: 16,
  scenes: 17,
  generation: 18,
  verification: 19,
} as const;

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Probability that a standard normal value lies below -2. */
const BELOW_TWO_SIGMA = 0.02275013194817921;

export interface PhiloxOptions {
  /** Integer from 0 to 2^32 - 1. */
  readonly seed: number;
  /** One of `randomStreams`, or any other integer from 0 to 2^32 - 1. */
  readonly stream: number;
  /** Words 1, 2 and 3 of the counter: what tells sequences of one stream apart, such as epoch and example. Default zeros. */
  readonly substream?: readonly [number, number?, number?];
}

/** A sequence of draws; word 0 of its counter counts blocks of four words. */
export interface Philox {
  /** The next 32 bits. */
  nextUint32(): number;
  /** Uniform in [0, 1), a multiple of 2^-24 and so exact in float32. */
  nextUniform(): number;
  /** Uniform integer from 0 to `bound` - 1, without bias; `bound` from 1 to 2^32. */
  nextBelow(bound: number): number;
  /** Standard normal, from two words. Within 1e-15 of the quantile of its uniform; never beyond 8.3. */
  nextNormal(): number;
  /** Standard normal given that it lies between -2 and 2, from two words. Its standard deviation is .87962566103423978. */
  nextTruncatedNormal(): number;
}

/**
 * Starts a sequence at its first word.
 *
 * @param options Seed, stream and, where a stream has many sequences, the substream
 * @returns The sequence; it repeats after 2^34 words
 * @throws SelvedgeError `random/bad-seed`
 * @example
 * ```ts
 * import { createPhilox, randomStreams } from 'selvedge';
 * const draws = createPhilox({ seed: 7, stream: randomStreams.initialiser });
 * console.assert(Math.abs(draws.nextTruncatedNormal()) <= 2);
 * ```
 */
export function createPhilox(options: PhiloxOptions): Philox {
  const { seed, stream, substream = [0] } = options;
  const [word1, word2 = 0, word3 = 0] = substream;
  for (const word of [seed, stream, word1, word2, word3]) checkSeed(word);
  const block = new Uint32Array(4);
  let blockNumber = 0;
  let used = 4;

  const nextUint32 = (): number => {
    if (used === 4) {
      philox4x32(block, blockNumber++, word1, word2, word3, seed, stream);
      used = 0;
    }
    return block[used++]!;
  };
  const nextUniform = (): number => (nextUint32() >>> 8) * 5.9604644775390625e-8;
  const nextBelow = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000) {
      throw new SelvedgeError(
        'random/bad-bound',
        `Cannot draw below ${bound}: expected an integer from 1 to 4294967296`,
      );
    }
    if (bound === 0x100000000) return nextUint32();
    return drawBelow(nextUint32, bound);
  };
  const nextNormal = (): number => normalQuantile(openUniform(nextUint32(), nextUint32()));
  const nextTruncatedNormal = (): number => {
    const uniform = openUniform(nextUint32(), nextUint32());
    return normalQuantile(BELOW_TWO_SIGMA + uniform * (1 - 2 * BELOW_TWO_SIGMA));
  };
  return { nextUint32, nextUniform, nextBelow, nextNormal, nextTruncatedNormal };
}

/**
 * The indices 0 to length - 1 in an order that is a function of seed and epoch alone.
 *
 * @param length Number of indices
 * @param options `seed`, and the `epoch` that the order is for, both integers from 0 to 2^32 - 1
 * @returns A uniformly drawn permutation (Fisher-Yates)
 * @throws SelvedgeError `random/bad-seed` or `random/bad-length`
 * @example
 * ```ts
 * import { shuffledIndices } from 'selvedge';
 * console.assert(shuffledIndices(48000, { seed: 1, epoch: 0 }).length === 48000);
 * ```
 */
export function shuffledIndices(
  length: number,
  options: { readonly seed: number; readonly epoch: number },
): Int32Array {
  checkLength(length);
  const { seed, epoch } = options;
  return drawPermutation(createPhilox({ seed, stream: randomStreams.shuffle, substream: [epoch] }), length);
}

/** The indices 0 to length - 1 in an order that is drawn uniformly (Fisher-Yates). */
export function drawPermutation(draws: Pick<Philox, 'nextUint32'>, length: number): Int32Array {
  const order = new Int32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  for (let i = length - 1; i > 0; i--) {
    const j = drawBelow(draws.nextUint32, i + 1);
    const moved = order[i]!;
    order[i] = order[j]!;
    order[j] = moved;
  }
  return order;
}

/**
 * One block: the four words of a counter under a key.
 *
 * @param out Receives four words
 * @param c0 Counter, four unsigned 32-bit words
 * @param k0 Key, two unsigned 32-bit words
 * @example
 * ```ts
 * import { philox4x32 } from 'selvedge';
 * const words = new Uint32Array(4);
 * philox4x32(words, 0, 0, 0, 0, 0, 0);
 * console.assert(words[0] === 0x6627e8d5);
 * ```
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  let key0 = k0;
  let key1 = k1;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0 >>> 0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2 >>> 0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ key0;
    c2 = high0 ^ c3 ^ key1;
    c1 = low1;
    c3 = low0;
    key0 = (key0 + WEYL_0) | 0;
    key1 = (key1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Upper 32 bits of the product of two unsigned 32-bit integers; every sum below stays under 2^53. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + (carry >>> 16)) >>> 0;
}

/** Source: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019. */
function drawBelow(nextUint32: () => number, bound: number): number {
  const rejectBelow = (0x100000000 - bound) % bound;
  for (;;) {
    const word = nextUint32();
    if (Math.imul(word, bound) >>> 0 >= rejectBelow) return multiplyHigh(word, bound);
  }
}

/** Uniform on the 2^52 midpoints (k + 1/2) / 2^52: symmetric, and never 0 or 1. */
function openUniform(high: number, low: number): number {
  return ((high >>> 6) * 0x4000000 + (low >>> 6) + 0.5) * 2.220446049250313e-16;
}
