// Exponential functions of four floats from arithmetic alone, so that every engine gives the same bits. Not kernels: others call them.
// Relative errors below 3e-7, tested through the activations, exp for negative x. NaN stays NaN.
//
// Source: Cephes (S. Moshier), expf.c: x = k ln 2 + r with |r| <= ln 2 / 2, then e^r = 1 + r + r^2 P(r), times 2^k.

/** e^r - 1 for |r| <= .35: r + r^2 P(r). */
@inline
export function expm1Reduced(r: v128): v128 {
  let p = f32x4.add(f32x4.mul(f32x4.splat(1.98756915e-4), r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  return f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r);
}

/** The whole number of ln 2 in x. */
@inline
function quotient(x: v128): v128 {
  return f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
}

/** x - k ln 2, ln 2 in two parts: the first has nine bits, so that its product is exact. */
@inline
function remainder(x: v128, k: v128): v128 {
  const high = f32x4.sub(x, f32x4.mul(k, f32x4.splat(0.693359375)));
  return f32x4.add(high, f32x4.mul(k, f32x4.splat(2.12194440e-4)));
}

/** 2^k for whole -126 <= k <= 127. */
@inline
function powerOfTwo(k: v128): v128 {
  return i32x4.shl(i32x4.add(k, i32x4.splat(127)), 23);
}

/** e^x: infinity above 88.73, subnormal below -87.34, 0 below -104. */
export function exp(x: v128): v128 {
  // The operands are in the order in which pmax and pmin keep NaN.
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-104)), f32x4.splat(89));
  const k = quotient(bounded);
  const e = f32x4.add(expm1Reduced(remainder(bounded, k)), f32x4.splat(1));
  // In two factors: 2^128 and 2^-150 are no floats.
  const whole = i32x4.trunc_sat_f32x4_s(k);
  const half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(e, powerOfTwo(half)), powerOfTwo(i32x4.sub(whole, half)));
}

/** e^x - 1, exact near 0 too, for x up to 88: beyond that the result is that of 88. */
export function expm1(x: v128): v128 {
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-64)), f32x4.splat(88));
  const k = quotient(bounded);
  const e = expm1Reduced(remainder(bounded, k));
  const power = powerOfTwo(i32x4.trunc_sat_f32x4_s(k));
  return f32x4.add(f32x4.mul(power, e), f32x4.sub(power, f32x4.splat(1)));
}

/** tanh x = -t / (t + 2) with t = e^(-2|x|) - 1, and the sign of x. */
export function tanh(x: v128): v128 {
  const sign = i32x4.splat(i32.MIN_VALUE);
  const t = expm1(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)));
  const magnitude = f32x4.div(f32x4.abs(t), f32x4.add(t, f32x4.splat(2)));
  return v128.bitselect(x, magnitude, sign);
}

/** 1 / (1 + e^-x), by e^-|x| on both sides of 0, so that the small tail keeps its digits. */
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const numerator = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(numerator, f32x4.add(one, e));
}
