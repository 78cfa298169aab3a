// Activations of four floats by code, and their slopes from the output alone. Not kernels: they are inlined where values are stored.
// Invariant: lane by lane; NaN stays NaN. With a constant code all but one branch folds away.
//
//   code            f(x)                            f'(x) from y = f(x)
//   LINEAR      0   x                               1
//   RELU        1   max(0, x)                       y > 0 ? 1 : 0
//   RELU6       2   min(6, max(0, x))               0 < y < 6 ? 1 : 0
//   LEAKY_RELU  3   x > 0 ? x : alpha x             y > 0 ? 1 : alpha          alpha >= 0
//   ELU         4   x > 0 ? x : alpha (e^x - 1)     y > 0 ? 1 : y + alpha      alpha >= 0
//   SIGMOID     5   1 / (1 + e^-x)                  y (1 - y)
//   TANH        6   tanh x                          1 - y^2
import { expm1, sigmoid, tanh } from './exp';

export const LINEAR: i32 = 0;
export const RELU: i32 = 1;
export const RELU6: i32 = 2;
export const LEAKY_RELU: i32 = 3;
export const ELU: i32 = 4;
export const SIGMOID: i32 = 5;
export const TANH: i32 = 6;

/** 1 above zero, else 0, and NaN of NaN, as the Step of tfjs: times what is not finite, 0 is NaN. */
@inline
export function stepOf(x: v128): v128 {
  const isAbove = f32x4.gt(x, f32x4.splat(0));
  return v128.bitselect(v128.and(f32x4.splat(1), isAbove), x, f32x4.eq(x, x));
}

/** f(x); `alpha` is splat, and used by LEAKY_RELU and ELU alone. */
@inline
export function activate(code: i32, x: v128, alpha: v128): v128 {
  const zero = f32x4.splat(0);
  // As the products of convolutions clamp: the operands are in the order in which pmax and pmin keep NaN.
  if (code == RELU) return f32x4.pmax(x, zero);
  if (code == LINEAR) return x;
  if (code == RELU6) return f32x4.pmin(f32x4.pmax(x, zero), f32x4.splat(6));
  if (code == LEAKY_RELU) return v128.bitselect(x, f32x4.mul(x, alpha), f32x4.gt(x, zero));
  if (code == ELU) return v128.bitselect(x, f32x4.mul(alpha, expm1(x)), f32x4.gt(x, zero));
  if (code == SIGMOID) return sigmoid(x);
  return tanh(x);
}

/** f'(x) from y = f(x). */
@inline
export function activationSlope(code: i32, y: v128, alpha: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (code == RELU) return v128.and(one, f32x4.gt(y, zero));
  if (code == LINEAR) return one;
  if (code == RELU6) return v128.and(one, v128.and(f32x4.gt(y, zero), f32x4.lt(y, f32x4.splat(6))));
  if (code == LEAKY_RELU) return v128.bitselect(one, alpha, f32x4.gt(y, zero));
  if (code == ELU) return v128.bitselect(one, f32x4.add(y, alpha), f32x4.gt(y, zero));
  if (code == SIGMOID) return f32x4.mul(y, f32x4.sub(one, y));
  return f32x4.sub(one, f32x4.mul(y, y));
}

/** dy f'(x) from y = f(x): what flows back; exactly dy or 0 through RELU. */
@inline
export function backpropActivation(code: i32, dy: v128, y: v128, alpha: v128): v128 {
  const zero = f32x4.splat(0);
  if (code == LINEAR) return dy;
  if (code == RELU) return v128.and(dy, f32x4.gt(y, zero));
  if (code == RELU6) return v128.and(dy, v128.and(f32x4.gt(y, zero), f32x4.lt(y, f32x4.splat(6))));
  return f32x4.mul(dy, activationSlope(code, y, alpha));
}
