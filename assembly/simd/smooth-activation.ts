// Activations whose slope does not follow from their output, and all others by one code, with slopes from the input. Not kernels.
// Invariant: lane by lane; NaN stays NaN; with a constant code all but one branch folds away.
//
//   code             f(x)                                         source
//   0 to 6           as in activation.ts
//   SILU       7     x / (1 + e^-x)                               Elfwing et al. 2017; "swish" in Keras
//   GELU       8     x/2 (1 + erf(x / sqrt 2))                    Hendrycks & Gimpel 2016
//   GELU_TANH  9     x/2 (1 + tanh(sqrt(2/pi) (x + .044715 x^3)))
//
// erf is the rational minimax approximation of Eigen (Eigen/src/Core/MathFunctionsImpl.h), within 3e-7 of the function.
import { activate, activationSlope, LINEAR, RELU } from './activation';
import { loadColumns, storeColumns } from './columns';
import { exp, tanh } from './exp';
import { applyExponential, applyExponentialToFour, SILU as EXPONENTIAL_SILU, SILU_SLOPE } from './exp-negative';

export const SILU: i32 = 7;
export const GELU: i32 = 8;
export const GELU_TANH: i32 = 9;

const SQRT_HALF: f32 = 0.70710678118654752;
/** sqrt(2 / pi), and 1 / sqrt(2 pi). */
const TANH_SCALE: f32 = 0.79788456080286536;
const DENSITY_SCALE: f32 = 0.3989422804014327;
const CUBE: f32 = 0.044715;

@inline
function step(p: v128, x: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, x), f32x4.splat(c));
}

/** erf(x). */
export function erf(x: v128): v128 {
  // The operands are in the order in which pmax and pmin keep NaN.
  const z = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-4)), f32x4.splat(4));
  const s = f32x4.mul(z, z);
  let p = f32x4.splat(-2.72614225801306e-10);
  p = step(p, s, 2.77068142495902e-8);
  p = step(p, s, -2.10102402082508e-6);
  p = step(p, s, -5.69250639462346e-5);
  p = step(p, s, -7.34990630326855e-4);
  p = step(p, s, -2.954600073792457e-3);
  p = step(p, s, -1.60960333262415e-2);
  let q = f32x4.splat(-1.45660718464996e-5);
  q = step(q, s, -2.13374055278905e-4);
  q = step(q, s, -1.68282697438203e-3);
  q = step(q, s, -7.37332916720468e-3);
  q = step(q, s, -1.42647390514189e-2);
  return f32x4.div(f32x4.mul(z, p), q);
}

@inline
function half(x: v128): v128 {
  return f32x4.mul(x, f32x4.splat(0.5));
}

@inline
function tanhOfGelu(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(f32x4.mul(x, x), x), f32x4.splat(CUBE));
  return tanh(f32x4.mul(f32x4.add(x, cube), f32x4.splat(TANH_SCALE)));
}

/** f(x). */
@inline
export function activateAny(code: i32, x: v128, alpha: v128): v128 {
  if (code == SILU) return applyExponential(EXPONENTIAL_SILU, x);
  if (code == GELU) return f32x4.mul(half(x), f32x4.add(f32x4.splat(1), erf(f32x4.mul(x, f32x4.splat(SQRT_HALF)))));
  if (code == GELU_TANH) return f32x4.mul(half(x), f32x4.add(f32x4.splat(1), tanhOfGelu(x)));
  return activate(code, x, alpha);
}

/** f'(x) from x. */
@inline
export function slopeOfAny(code: i32, x: v128, alpha: v128): v128 {
  const one = f32x4.splat(1);
  if (code == SILU) return applyExponential(SILU_SLOPE, x);
  if (code == GELU) {
    const below = half(f32x4.add(one, erf(f32x4.mul(x, f32x4.splat(SQRT_HALF)))));
    const density = f32x4.mul(exp(f32x4.neg(half(f32x4.mul(x, x)))), f32x4.splat(DENSITY_SCALE));
    return f32x4.add(below, f32x4.mul(x, density));
  }
  if (code == GELU_TANH) {
    const t = tanhOfGelu(x);
    const inner = f32x4.mul(
      f32x4.add(one, f32x4.mul(f32x4.mul(x, x), f32x4.splat(3 * CUBE))),
      f32x4.splat(TANH_SCALE),
    );
    const rise = f32x4.mul(f32x4.mul(half(x), f32x4.sub(one, f32x4.mul(t, t))), inner);
    return f32x4.add(half(f32x4.add(one, t)), rise);
  }
  if (code == LINEAR) return one;
  return activationSlope(code, activate(code, x, alpha), alpha);
}

/** y = f(x) of some floats; y may be the memory of x. */
export function activateRun(code: i32, x: usize, y: usize, elements: i32, alpha: v128): void {
  if (code == SILU) {
    for (; elements >= 16; elements -= 16, x += 64, y += 64) applyExponentialToFour(EXPONENTIAL_SILU, x, y);
    restActivated(SILU, x, y, elements, alpha);
  } else if (code == RELU) {
    restActivated(RELU, x, y, elements, alpha);
  } else {
    restActivated(code, x, y, elements, alpha);
  }
}

@inline
function restActivated(code: i32, x: usize, y: usize, elements: i32, alpha: v128): void {
  for (; elements >= 4; elements -= 4, x += 16, y += 16) v128.store(y, activateAny(code, v128.load(x), alpha));
  if (elements > 0) storeColumns(y, activateAny(code, loadColumns(x, elements), alpha), alpha, elements);
}

/**
 * dx = dy f'(x) of some floats, or added to what is there; dx may be the memory of dy.
 *
 * @param room 64 bytes
 */
export function slopeRun(
  code: i32, dy: usize, x: usize, dx: usize, elements: i32, alpha: v128, adds: bool, room: usize,
): void {
  if (code == SILU) {
    for (; elements >= 16; elements -= 16, x += 64, dy += 64, dx += 64) {
      applyExponentialToFour(SILU_SLOPE, x, room);
      for (let at: usize = 0; at < 64; at += 16) {
        const slope = f32x4.mul(v128.load(dy + at), v128.load(room + at));
        v128.store(dx + at, adds ? f32x4.add(v128.load(dx + at), slope) : slope);
      }
    }
    restSloped(SILU, dy, x, dx, elements, alpha, adds);
  } else if (code == RELU) {
    restSloped(RELU, dy, x, dx, elements, alpha, adds);
  } else {
    restSloped(code, dy, x, dx, elements, alpha, adds);
  }
}

@inline
function restSloped(code: i32, dy: usize, x: usize, dx: usize, elements: i32, alpha: v128, adds: bool): void {
  for (; elements >= 4; elements -= 4, dy += 16, x += 16, dx += 16) {
    const slope = f32x4.mul(v128.load(dy), slopeOfAny(code, v128.load(x), alpha));
    v128.store(dx, adds ? f32x4.add(v128.load(dx), slope) : slope);
  }
  if (elements > 0) {
    let slope = f32x4.mul(loadColumns(dy, elements), slopeOfAny(code, loadColumns(x, elements), alpha));
    if (adds) slope = f32x4.add(loadColumns(dx, elements), slope);
    storeColumns(dx, slope, slope, elements);
  }
}
