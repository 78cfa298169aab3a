// e^x and e^x - 1 of four floats that are not above 0, inlined: what sigmoid, tanh, elu and SiLU of whole tensors need. Not kernels.
// Bits are those of exp.ts, whose polynomial this is: k is rounded by adding 1.5 * 2^23, which leaves it in the low bits of the sum,
// and one of the two factors of 2^k is constant. Positive numbers give anything; NaN stays NaN.
//
// Source: Cephes (S. Moshier), expf.c, as in exp.ts.

import { expm1Reduced } from './exp';

const ROUNDING: f32 = 12582912.0;
const ROUNDING_BITS: i32 = 0x4b400000;
const SIGN: i32 = i32.MIN_VALUE;

/** The whole number of ln 2 in x, plus ROUNDING. */
@inline
function shiftedQuotient(x: v128): v128 {
  return f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504088896341)), f32x4.splat(ROUNDING));
}

/** x - k ln 2. */
@inline
function remainder(x: v128, shifted: v128): v128 {
  const k = f32x4.sub(shifted, f32x4.splat(ROUNDING));
  const high = f32x4.sub(x, f32x4.mul(k, f32x4.splat(0.693359375)));
  return f32x4.add(high, f32x4.mul(k, f32x4.splat(2.12194440e-4)));
}

/** 2^(k + more), for the k of a shifted quotient. */
@inline
function powerOfTwo(shifted: v128, more: i32): v128 {
  return i32x4.shl(i32x4.add(shifted, i32x4.splat(127 + more - ROUNDING_BITS)), 23);
}

/** e^x from its parts: those of `expm1Reduced` and of the quotient. */
@inline
function expOf(reduced: v128, shifted: v128): v128 {
  const e = f32x4.add(reduced, f32x4.splat(1));
  // 2^-64; the first product is exact, so there is one rounding, to a subnormal number.
  return f32x4.mul(f32x4.mul(e, powerOfTwo(shifted, 64)), f32x4.splat(5.421010862427522e-20));
}

/** e^x - 1 from the same parts. */
@inline
function expm1Of(reduced: v128, shifted: v128): v128 {
  const power = powerOfTwo(shifted, 0);
  return f32x4.add(f32x4.mul(power, reduced), f32x4.sub(power, f32x4.splat(1)));
}

export const SIGMOID: i32 = 0;
export const TANH: i32 = 1;
export const ELU: i32 = 2;
/** x sigmoid(x), and its slope. */
export const SILU: i32 = 3;
export const SILU_SLOPE: i32 = 4;

/** The number, not above 0, whose exponential a function needs; bounded from below. */
@inline
function argument(code: i32, x: v128): v128 {
  // -|x| by its sign: engines make abs and neg of three instructions each.
  if (code == SIGMOID || code == SILU || code == SILU_SLOPE) return f32x4.pmax(v128.or(x, i32x4.splat(SIGN)), f32x4.splat(-104));
  const negative = code == TANH ? f32x4.mul(v128.or(x, i32x4.splat(SIGN)), f32x4.splat(2)) : x;
  return f32x4.pmax(negative, f32x4.splat(-64));
}

/** The function from the parts of that exponential. */
@inline
function finished(code: i32, x: v128, reduced: v128, shifted: v128): v128 {
  if (code == SIGMOID || code == SILU || code == SILU_SLOPE) {
    const one = f32x4.splat(1);
    const e = expOf(reduced, shifted);
    // e, which is not above 1, or 1 where x is not negative.
    const numerator = f32x4.pmax(e, v128.andnot(one, i32x4.shr_s(x, 31)));
    const s = f32x4.div(numerator, f32x4.add(one, e));
    if (code == SIGMOID) return s;
    if (code == SILU) return f32x4.mul(x, s);
    return f32x4.mul(s, f32x4.add(one, f32x4.mul(x, f32x4.sub(one, s))));
  }
  const t = expm1Of(reduced, shifted);
  if (code == ELU) return v128.bitselect(x, t, f32x4.ge(x, f32x4.splat(0)));
  // t is from -1 to 0, and x has the sign.
  const magnitude = f32x4.div(v128.and(t, i32x4.splat(~SIGN)), f32x4.add(t, f32x4.splat(2)));
  return v128.or(magnitude, v128.and(x, i32x4.splat(SIGN)));
}

/** `sigmoid` and `tanh` of exp.ts, to the bit, or another of these functions. `code` is a constant at each place of use. */
@inline
export function applyExponential(code: i32, x: v128): v128 {
  const bounded = argument(code, x);
  const shifted = shiftedQuotient(bounded);
  return finished(code, x, expm1Reduced(remainder(bounded, shifted)), shifted);
}

/** The same of sixteen floats, step by step side by side: a processor looks ahead over fewer operations than one vector takes. */
@inline
export function applyExponentialToFour(code: i32, x: usize, y: usize): void {
  const x0 = v128.load(x);
  const x1 = v128.load(x, 16);
  const x2 = v128.load(x, 32);
  const x3 = v128.load(x, 48);
  const bounded0 = argument(code, x0);
  const bounded1 = argument(code, x1);
  const bounded2 = argument(code, x2);
  const bounded3 = argument(code, x3);
  const shifted0 = shiftedQuotient(bounded0);
  const shifted1 = shiftedQuotient(bounded1);
  const shifted2 = shiftedQuotient(bounded2);
  const shifted3 = shiftedQuotient(bounded3);
  const remainder0 = remainder(bounded0, shifted0);
  const remainder1 = remainder(bounded1, shifted1);
  const remainder2 = remainder(bounded2, shifted2);
  const remainder3 = remainder(bounded3, shifted3);
  const reduced0 = expm1Reduced(remainder0);
  const reduced1 = expm1Reduced(remainder1);
  const reduced2 = expm1Reduced(remainder2);
  const reduced3 = expm1Reduced(remainder3);
  const y0 = finished(code, x0, reduced0, shifted0);
  const y1 = finished(code, x1, reduced1, shifted1);
  const y2 = finished(code, x2, reduced2, shifted2);
  const y3 = finished(code, x3, reduced3, shifted3);
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
}
