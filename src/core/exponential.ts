// Exponential and natural logarithm from + - * / alone, so that every engine gives the same bits (`Math.exp` and `Math.log` differ
// between engines). Accuracy: relative error below 1e-15 (tested against mpmath).

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LOGARITHM = [
  0.14798198605116586, 0.15313837699209373, 0.1818357216161805, 0.22222198432149784, 0.2857142874366239,
  0.3999999999940942, 0.6666666666666735, 0,
];

/**
 * Natural logarithm. Source: fdlibm's e_log.c, error below one unit in the last place.
 *
 * @param x A finite number above 0; other numbers give -Infinity for 0, Infinity for Infinity, else NaN
 * @example
 * ```ts
 * import { naturalLogarithm } from 'selvedge';
 * console.assert(naturalLogarithm(1) === 0 && Math.abs(naturalLogarithm(Math.E) - 1) < 1e-15);
 * ```
 */
export function naturalLogarithm(x: number): number {
  if (!(x > 0 && x < Infinity)) {
    if (x === 0) return -Infinity;
    return x === Infinity ? Infinity : Number.NaN;
  }
  let mantissa = x;
  let exponent = 0;
  for (; mantissa < 2.3283064365386963e-10; exponent -= 32) mantissa *= 0x100000000;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  for (; mantissa > 0x100000000; exponent += 32) mantissa /= 0x100000000;
  for (; mantissa > Math.SQRT2; exponent++) mantissa /= 2;
  const f = mantissa - 1;
  const s = f / (2 + f);
  const halfSquare = 0.5 * f * f;
  const rest = polynomial(LOGARITHM, s * s);
  return exponent * LN2_HIGH - (halfSquare - (s * (halfSquare + rest) + exponent * LN2_LOW) - f);
}

/**
 * e to the power of x. Range reduction by ln 2, then the Taylor series to degree 13.
 *
 * @param x 0 comes of what is below -708, Infinity of what is above 709
 * @example
 * ```ts
 * import { naturalExponential } from 'selvedge';
 * console.assert(naturalExponential(0) === 1 && Math.abs(naturalExponential(1) / Math.E - 1) < 1e-15);
 * ```
 */
export function naturalExponential(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < -708) return 0;
  if (x > 709) return Infinity;
  const k = Math.round(x * Math.LOG2E);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 13; n > 0; n--) sum = 1 + (r / n) * sum;
  // Powers of two are exact, in halves so that neither leaves the range of normal numbers.
  const half = Math.trunc(k / 2);
  return sum * powerOfTwo(half) * powerOfTwo(k - half);
}

/** 2^k for a whole k; exact. */
function powerOfTwo(k: number): number {
  let power = 1;
  const factor = k < 0 ? 0.5 : 2;
  for (let i = Math.abs(k); i > 0; i--) power *= factor;
  return power;
}

/** Coefficients from the highest power down. */
export function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * x + coefficient;
  return sum;
}
