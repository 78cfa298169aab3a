// Numbers of 16 bits, as vectors lie on disk: IEEE 754 binary16. Not here: what they are of.
// Invariant: what is encoded is rounded once, to the nearest, ties to even; what is decoded is exact.

const words = new Uint32Array(1);
const number = new Float32Array(words.buffer);

/**
 * Rounds numbers to 16 bits.
 *
 * @param values float32
 * @returns binary16, as many; what is above 65504 by more than rounding is Infinity
 * @example
 * ```ts
 * import { decodeHalf, encodeHalf } from 'selvedge';
 * console.assert(decodeHalf(encodeHalf(Float32Array.of(0.5, -2)))[1] === -2);
 * ```
 */
export function encodeHalf(values: Float32Array): Uint16Array {
  // No `from`: it holds what it maps as an array of JavaScript, eight times as large.
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = halfOf(values[i]!);
  return halves;
}

function halfOf(value: number): number {
  number[0] = value;
  const bits = words[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Above the largest number, infinity and NaN.
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: in units of 2^-24. The addition rounds, since a double holds both.
    number[0] = Math.abs(value) + 0.5;
    return sign | (words[0]! - 0x3f000000);
  }
  const rounding = 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((magnitude + rounding - 0x38000000) >>> 13);
}

/** Every number of 16 bits. */
let table: Float32Array | undefined;

function tableOfHalves(): Float32Array {
  if (table) return table;
  table = new Float32Array(0x10000);
  for (let half = 0; half < 0x10000; half++) {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 0x3ff;
    // 2^-24 and 2^-25, and powers of two by shifts: exact.
    if (exponent === 31) table[half] = fraction ? Number.NaN : sign * Infinity;
    else if (exponent === 0) table[half] = (sign * fraction) / 0x1000000;
    else table[half] = (sign * (0x400 + fraction) * 2 ** exponent) / 0x2000000;
  }
  return table;
}

/**
 * Numbers of 16 bits as float32.
 *
 * @param halves binary16
 * @param into Where they go; default: a new array
 * @example
 * ```ts
 * import { decodeHalf } from 'selvedge';
 * console.assert(decodeHalf(Uint16Array.of(0x3c00))[0] === 1);
 * ```
 */
export function decodeHalf(halves: Uint16Array, into = new Float32Array(halves.length)): Float32Array {
  const known = tableOfHalves();
  for (let i = 0; i < halves.length; i++) into[i] = known[halves[i]!]!;
  return into;
}
