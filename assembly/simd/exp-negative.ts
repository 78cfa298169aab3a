// e^x and e^x - 1 of four floats that are not above 0, inlined: what sigmoid, tanh and elu of whole tensors need. Not kernels.
// Bits are those of exp.ts, whose polynomial this is: k is rounded by adding 1.5 * 2^23, which leaves it in the low bits of the sum,
// and one of the two factors of 2^k is constant. Positive numbers give anything; NaN stays NaN.
//
// Source: Cephes (S. Moshier), expf.c, as in exp.ts.

import { expm1Reduced } from './exp';

const ROUNDING: f32 = 12582912.0;
const ROUNDING_BITS: i32 = 0x4b400000;

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

@inline
export function expOfNegative(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-104));
  const shifted = shiftedQuotient(bounded);
  const e = f32x4.add(expm1Reduced(remainder(bounded, shifted)), f32x4.splat(1));
  // 2^-64; the first product is exact, so there is one rounding, to a subnormal number.
  return f32x4.mul(f32x4.mul(e, powerOfTwo(shifted, 64)), f32x4.splat(5.421010862427522e-20));
}

@inline
export function expm1OfNegative(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-64));
  const shifted = shiftedQuotient(bounded);
  const power = powerOfTwo(shifted, 0);
  return f32x4.add(f32x4.mul(power, expm1Reduced(remainder(bounded, shifted))), f32x4.sub(power, f32x4.splat(1)));
}
