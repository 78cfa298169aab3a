// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// 2011). A number is a function of (seed, stream, position), so nothing but integers has to be saved to resume.
// Invariant: only exact arithmetic (+ - * / sqrt, integers), so every engine draws the same bits.

/** Four unsigned 32-bit words. */
export type Words4 = readonly [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const TWO_32 = 0x100000000;

/** High 32 bits of a product of two unsigned 32-bit integers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000)) >>> 0;
}

/**
 * One block of Philox4x32-10.
 *
 * @param counter Four 32-bit words
 * @param key Two 32-bit words
 *
 * @example
 * ```ts
 * import { philoxBlock } from '../src/core/philox.ts';
 * console.assert(philoxBlock([0, 0, 0, 0], [0, 0])[0] === 0x6627e8d5);
 * ```
 */
export function philoxBlock(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(MULTIPLIER_0, c0 >>> 0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = highProduct(MULTIPLIER_1, c2 >>> 0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** Draws numbers in turn from one stream of a seed. */
export interface RandomStream {
  /** An unsigned 32-bit integer. */
  word(): number;
  /** A double from 0 up to, not including, 1, with 53 random bits. */
  uniform(): number;
  /** A whole number from 0 up to, not including, `bound` (at most 2^32), without bias. */
  below(bound: number): number;
  /** A standard normal deviate, by Marsaglia's polar method. */
  normal(): number;
}

/**
 * A stream of random numbers. Streams of different ids are independent.
 *
 * @param seed Whole number from 0 to 2^53 - 1
 * @param ids Up to three whole numbers that name the stream, for example (purpose, epoch)
 *
 * @example
 * ```ts
 * import { randomStream } from '../src/core/philox.ts';
 * console.assert(randomStream(7, 1).word() === randomStream(7, 1).word());
 * ```
 */
export function randomStream(seed: number, ...ids: readonly number[]): RandomStream {
  const key: [number, number] = [seed >>> 0, Math.floor(seed / TWO_32) >>> 0];
  let block = 0;
  let words: Words4 = [0, 0, 0, 0];
  let used = 4;
  const word = (): number => {
    if (used === 4) {
      words = philoxBlock([block++, ids[0] ?? 0, ids[1] ?? 0, ids[2] ?? 0], key);
      used = 0;
    }
    return words[used++]!;
  };
  const uniform = (): number => ((word() >>> 5) * 0x4000000 + (word() >>> 6)) / 0x20000000000000;
  return {
    word,
    uniform,
    below(bound) {
      // Lemire's rejection: words below 2^32 mod bound would favour small results.
      const rejected = TWO_32 % bound;
      let drawn = word();
      while (drawn < rejected) drawn = word();
      return drawn % bound;
    },
    normal() {
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const square = u * u + v * v;
        if (square > 0 && square < 1) return u * Math.sqrt((-2 * naturalLogarithm(square)) / square);
      }
    },
  };
}

/**
 * A random permutation of 0 … n - 1 (Fisher and Yates).
 *
 * @returns int32 [n]
 */
export function randomPermutation(n: number, stream: RandomStream): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

const LN2 = 0.6931471805599453;
const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** log(m 2^e) = e ln 2 + 2 atanh((m - 1) / (m + 1)), for positive normal numbers; within 3 units in the last place. */
function naturalLogarithm(x: number): number {
  double[0] = x;
  let exponent = ((halves[1]! >>> 20) & 0x7ff) - 1023;
  halves[1] = (halves[1]! & 0xfffff) | 0x3ff00000;
  let mantissa = double[0]!;
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  const f = (mantissa - 1) / (mantissa + 1);
  const square = f * f;
  let sum = 0;
  for (let n = 21; n > 0; n -= 2) sum = sum * square + 1 / n;
  return exponent * LN2 + 2 * f * sum;
}
