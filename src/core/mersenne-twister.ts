// NumPy's legacy generator: `numpy.random.RandomState(seed)`, MT19937, with the integer draws of `shuffle` and `permutation`.
// Not for new random choices (those are `philox.ts`): it is here so that splits are those of scikit-learn, index for index.
// Invariant: every draw equals NumPy's for the same seed and the same calls before it.
import { SelvedgeError } from './errors.ts';

const STATE_WORDS = 624;
const MIDDLE_WORD = 397;
const TWIST = 0x9908b0df;
const UPPER_BIT = 0x80000000;
const LOWER_BITS = 0x7fffffff;

/** Largest length of a permutation: its indices must fit an `Int32Array`. */
const MAXIMUM_LENGTH = 0x80000000;

/** A running MT19937 generator. */
export interface MersenneTwister {
  /** The next 32 bits. */
  nextUint32(): number;
  /** A uniform integer from 0 to `maximum` inclusive (at most 2^32 - 1), by masked rejection as NumPy's `random_interval`. */
  nextInterval(maximum: number): number;
  /** `RandomState.permutation(length)`: the indices 0 to length - 1 in random order. */
  permutation(length: number): Int32Array;
}

/**
 * Starts NumPy's `RandomState(seed)`.
 *
 * Source: M. Matsumoto, T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998; the seeding is their `init_genrand`; the draws
 * are those of numpy/random/src/legacy and `RandomState.shuffle`.
 *
 * @param seed Integer from 0 to 2^32 - 1
 * @returns The generator at its start
 * @throws SelvedgeError `random/bad-seed` for any other seed
 * @example
 * ```ts
 * import { createMersenneTwister } from 'selvedge';
 * console.assert(createMersenneTwister(0).nextUint32() === 2357136044);
 * ```
 */
export function createMersenneTwister(seed: number): MersenneTwister {
  checkSeed(seed);
  const state = seededState(seed);
  let position = STATE_WORDS;

  const nextUint32 = (): number => {
    if (position === STATE_WORDS) {
      twist(state);
      position = 0;
    }
    return temper(state[position++]!);
  };

  const nextInterval = (maximum: number): number => {
    if (maximum === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(maximum);
    let value: number;
    do value = (nextUint32() & mask) >>> 0;
    while (value > maximum);
    return value;
  };

  const permutation = (length: number): Int32Array => {
    checkLength(length);
    const order = new Int32Array(length);
    for (let i = 0; i < length; i++) order[i] = i;
    for (let i = length - 1; i > 0; i--) {
      const j = nextInterval(i);
      const moved = order[i]!;
      order[i] = order[j]!;
      order[j] = moved;
    }
    return order;
  };

  return { nextUint32, nextInterval, permutation };
}

/**
 * Refuses a seed that is not an integer from 0 to 2^32 - 1.
 *
 * @param seed What the caller gave
 * @throws SelvedgeError `random/bad-seed`
 */
export function checkSeed(seed: number): void {
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff) return;
  throw new SelvedgeError(
    'random/bad-seed',
    `Cannot seed a generator: expected an integer from 0 to 4294967295, got ${seed}`,
  );
}

/**
 * Refuses a length that no permutation of 32-bit indices can have.
 *
 * @param length What the caller gave
 * @throws SelvedgeError `random/bad-length`
 */
export function checkLength(length: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= MAXIMUM_LENGTH) return;
  throw new SelvedgeError(
    'random/bad-length',
    `Cannot permute indices: expected a length from 0 to ${MAXIMUM_LENGTH}, got ${length}`,
  );
}

function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE_WORDS);
  let word = seed >>> 0;
  for (let i = 0; i < STATE_WORDS; i++) {
    state[i] = word;
    word = (Math.imul(1812433253, word ^ (word >>> 30)) + i + 1) >>> 0;
  }
  return state;
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < STATE_WORDS; i++) {
    const joined = (state[i]! & UPPER_BIT) | (state[(i + 1) % STATE_WORDS]! & LOWER_BITS);
    state[i] = state[(i + MIDDLE_WORD) % STATE_WORDS]! ^ (joined >>> 1) ^ (joined & 1 ? TWIST : 0);
  }
}

function temper(word: number): number {
  let bits = word;
  bits ^= bits >>> 11;
  bits ^= (bits << 7) & 0x9d2c5680;
  bits ^= (bits << 15) & 0xefc60000;
  bits ^= bits >>> 18;
  return bits >>> 0;
}
