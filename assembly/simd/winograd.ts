// One-dimensional transforms of Winograd's minimal filtering F(m, 3), for four channels at a time: m outputs of a 3-tap filter
// from n = m + 2 products. Not kernels: simd/winograd-tiles.ts applies them to rows, then to columns.
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; matrices by Cook-Toom from the points
//
//   m = 2   0, 1, -1, infinity
//   m = 3   0, 1, -1, 1/2, infinity
//   m = 4   0, 3/4, -3/4, 3/2, -3/2, infinity      a third of the rounding error of the points 0, ±1, ±2
//   m = 5   0, 1, -1, 1/2, -1/2, 2, infinity
//
//   INPUT    d -> B^T d    n -> n        INPUT_GRADIENT    v -> B v      n -> n      the transpose
//   FILTER   g -> G g      3 -> n        FILTER_GRADIENT   u -> G^T u    n -> 3
//   OUTPUT   p -> A^T p    n -> m        OUTPUT_GRADIENT   y -> A y      m -> n
//
// Invariant: `kind`, `m` and `mode` are constants at each place of use, so that all branches fold away.

export const INPUT: i32 = 0;
export const FILTER: i32 = 1;
export const OUTPUT: i32 = 2;
export const INPUT_GRADIENT: i32 = 3;
export const FILTER_GRADIENT: i32 = 4;
export const OUTPUT_GRADIENT: i32 = 5;

/** What happens to a result: it replaces, is added to what is there, or gets a bias and is clamped. */
export const REPLACE: i32 = 0;
export const ADD: i32 = 1;
export const FINISH: i32 = 2;

/** Values that a transform takes. */
@inline
export function inputsOf(kind: i32, m: i32): i32 {
  return kind == FILTER ? 3 : kind == OUTPUT_GRADIENT ? m : m + 2;
}

/** Values that a transform gives. */
@inline
export function outputsOf(kind: i32, m: i32): i32 {
  return kind == FILTER_GRADIENT ? 3 : kind == OUTPUT ? m : m + 2;
}

@inline
function times(a: v128, factor: f32): v128 {
  return f32x4.mul(a, f32x4.splat(factor));
}

@inline
function plus(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

@inline
function minus(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

/** Stores result `index` of a line. */
@inline
function put(mode: i32, to: usize, step: usize, index: usize, value: v128, bias: v128, low: v128, high: v128): void {
  const at = to + index * step;
  if (mode == ADD) v128.store(at, plus(v128.load(at), value));
  else if (mode == FINISH) v128.store(at, f32x4.pmin(f32x4.pmax(plus(value, bias), low), high));
  else v128.store(at, value);
}

/**
 * Transforms one line of values that lie `fromStep` bytes apart to values `toStep` bytes apart.
 *
 * @param mode What happens to the results; `bias`, `low` and `high` are for FINISH
 */
@inline
export function transformLine(
  kind: i32, m: i32, mode: i32, from: usize, fromStep: usize, to: usize, toStep: usize, bias: v128, low: v128, high: v128,
): void {
  if (m == 5) transformLine5(kind, mode, from, fromStep, to, toStep, bias, low, high);
  else if (m == 4) transformLine4(kind, mode, from, fromStep, to, toStep, bias, low, high);
  else if (m == 3) transformLine3(kind, mode, from, fromStep, to, toStep, bias, low, high);
  else transformLine2(kind, mode, from, fromStep, to, toStep, bias, low, high);
}

@inline
function transformLine2(
  kind: i32, mode: i32, from: usize, fromStep: usize, to: usize, toStep: usize, bias: v128, low: v128, high: v128,
): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + fromStep);
  if (kind == OUTPUT_GRADIENT) {
    put(mode, to, toStep, 0, x0, bias, low, high);
    put(mode, to, toStep, 1, plus(x0, x1), bias, low, high);
    put(mode, to, toStep, 2, minus(x0, x1), bias, low, high);
    put(mode, to, toStep, 3, x1, bias, low, high);
    return;
  }
  const x2 = v128.load(from + 2 * fromStep);
  if (kind == FILTER) {
    const even = times(plus(x0, x2), 0.5);
    const odd = times(x1, 0.5);
    put(mode, to, toStep, 0, f32x4.neg(x0), bias, low, high);
    put(mode, to, toStep, 1, plus(even, odd), bias, low, high);
    put(mode, to, toStep, 2, minus(even, odd), bias, low, high);
    put(mode, to, toStep, 3, x2, bias, low, high);
    return;
  }
  const x3 = v128.load(from + 3 * fromStep);
  if (kind == INPUT) {
    put(mode, to, toStep, 0, minus(x2, x0), bias, low, high);
    put(mode, to, toStep, 1, plus(x2, x1), bias, low, high);
    put(mode, to, toStep, 2, minus(x2, x1), bias, low, high);
    put(mode, to, toStep, 3, minus(x3, x1), bias, low, high);
  } else if (kind == OUTPUT) {
    put(mode, to, toStep, 0, plus(x0, plus(x1, x2)), bias, low, high);
    put(mode, to, toStep, 1, plus(minus(x1, x2), x3), bias, low, high);
  } else if (kind == INPUT_GRADIENT) {
    put(mode, to, toStep, 0, f32x4.neg(x0), bias, low, high);
    put(mode, to, toStep, 1, minus(minus(x1, x2), x3), bias, low, high);
    put(mode, to, toStep, 2, plus(x0, plus(x1, x2)), bias, low, high);
    put(mode, to, toStep, 3, x3, bias, low, high);
  } else {
    const even = times(plus(x1, x2), 0.5);
    put(mode, to, toStep, 0, minus(even, x0), bias, low, high);
    put(mode, to, toStep, 1, times(minus(x1, x2), 0.5), bias, low, high);
    put(mode, to, toStep, 2, plus(even, x3), bias, low, high);
  }
}

@inline
function transformLine3(
  kind: i32, mode: i32, from: usize, fromStep: usize, to: usize, toStep: usize, bias: v128, low: v128, high: v128,
): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + fromStep);
  const x2 = v128.load(from + 2 * fromStep);
  if (kind == OUTPUT_GRADIENT) {
    const even = plus(x0, x2);
    put(mode, to, toStep, 0, x0, bias, low, high);
    put(mode, to, toStep, 1, plus(even, x1), bias, low, high);
    put(mode, to, toStep, 2, minus(even, x1), bias, low, high);
    put(mode, to, toStep, 3, plus(plus(x0, times(x1, 0.5)), times(x2, 0.25)), bias, low, high);
    put(mode, to, toStep, 4, x2, bias, low, high);
    return;
  }
  if (kind == FILTER) {
    const even = plus(x0, x2);
    const half = plus(plus(x0, times(x1, 0.5)), times(x2, 0.25));
    put(mode, to, toStep, 0, plus(x0, x0), bias, low, high);
    put(mode, to, toStep, 1, plus(even, x1), bias, low, high);
    put(mode, to, toStep, 2, times(minus(even, x1), -1 / <f32>3), bias, low, high);
    put(mode, to, toStep, 3, times(half, -8 / <f32>3), bias, low, high);
    put(mode, to, toStep, 4, x2, bias, low, high);
    return;
  }
  const x3 = v128.load(from + 3 * fromStep);
  const x4 = v128.load(from + 4 * fromStep);
  if (kind == INPUT) {
    const difference = minus(x3, x1);
    const even = minus(x3, times(x2, 0.5));
    const odd = minus(x2, times(x1, 0.5));
    put(mode, to, toStep, 0, minus(difference, times(minus(x2, x0), 0.5)), bias, low, high);
    put(mode, to, toStep, 1, plus(even, odd), bias, low, high);
    put(mode, to, toStep, 2, minus(even, odd), bias, low, high);
    put(mode, to, toStep, 3, difference, bias, low, high);
    put(mode, to, toStep, 4, minus(minus(x4, x2), times(difference, 0.5)), bias, low, high);
  } else if (kind == OUTPUT) {
    const sum = plus(x1, x2);
    put(mode, to, toStep, 0, plus(plus(x0, sum), x3), bias, low, high);
    put(mode, to, toStep, 1, plus(minus(x1, x2), times(x3, 0.5)), bias, low, high);
    put(mode, to, toStep, 2, plus(plus(sum, times(x3, 0.25)), x4), bias, low, high);
  } else if (kind == INPUT_GRADIENT) {
    const sum = plus(x1, x2);
    const difference = minus(x1, x2);
    const half = times(x4, 0.5);
    put(mode, to, toStep, 0, times(x0, 0.5), bias, low, high);
    put(mode, to, toStep, 1, minus(minus(half, times(difference, 0.5)), plus(x0, x3)), bias, low, high);
    put(mode, to, toStep, 2, minus(minus(difference, times(plus(x0, sum), 0.5)), x4), bias, low, high);
    put(mode, to, toStep, 3, minus(plus(plus(x0, sum), x3), half), bias, low, high);
    put(mode, to, toStep, 4, x4, bias, low, high);
  } else {
    const minusOne = times(x2, -1 / <f32>3);
    const half = times(x3, -8 / <f32>3);
    const even = plus(x1, minusOne);
    put(mode, to, toStep, 0, plus(plus(plus(x0, x0), even), half), bias, low, high);
    put(mode, to, toStep, 1, plus(minus(x1, minusOne), times(half, 0.5)), bias, low, high);
    put(mode, to, toStep, 2, plus(plus(even, times(half, 0.25)), x4), bias, low, high);
  }
}

@inline
function transformLine4(
  kind: i32, mode: i32, from: usize, fromStep: usize, to: usize, toStep: usize, bias: v128, low: v128, high: v128,
): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + fromStep);
  const x2 = v128.load(from + 2 * fromStep);
  if (kind == FILTER) {
    // 1 / N of each point, N = product of its differences from the other points: 81/64, -243/128, 243/32.
    const near = times(plus(x0, times(x2, 0.5625)), -128 / <f32>243);
    const nearOdd = times(x1, (-128 * 0.75) / <f32>243);
    const far = times(plus(x0, times(x2, 2.25)), 32 / <f32>243);
    const farOdd = times(x1, (32 * 1.5) / <f32>243);
    put(mode, to, toStep, 0, times(x0, 64 / <f32>81), bias, low, high);
    put(mode, to, toStep, 1, plus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 2, minus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 3, plus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 4, minus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 5, x2, bias, low, high);
    return;
  }
  const x3 = v128.load(from + 3 * fromStep);
  if (kind == OUTPUT_GRADIENT) {
    const near = plus(x0, times(x2, 0.5625));
    const nearOdd = plus(times(x1, 0.75), times(x3, 0.421875));
    const far = plus(x0, times(x2, 2.25));
    const farOdd = plus(times(x1, 1.5), times(x3, 3.375));
    put(mode, to, toStep, 0, x0, bias, low, high);
    put(mode, to, toStep, 1, plus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 2, minus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 3, plus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 4, minus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 5, x3, bias, low, high);
    return;
  }
  const x4 = v128.load(from + 4 * fromStep);
  const x5 = v128.load(from + 5 * fromStep);
  if (kind == INPUT) {
    const near = minus(x4, times(x2, 2.25));
    const nearOdd = times(minus(x3, times(x1, 2.25)), 0.75);
    const far = minus(x4, times(x2, 0.5625));
    const farOdd = times(minus(x3, times(x1, 0.5625)), 1.5);
    put(mode, to, toStep, 0, plus(minus(x4, times(x2, 2.8125)), times(x0, 1.265625)), bias, low, high);
    put(mode, to, toStep, 1, plus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 2, minus(near, nearOdd), bias, low, high);
    put(mode, to, toStep, 3, plus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 4, minus(far, farOdd), bias, low, high);
    put(mode, to, toStep, 5, plus(minus(x5, times(x3, 2.8125)), times(x1, 1.265625)), bias, low, high);
    return;
  }
  const near = plus(x1, x2);
  const nearOdd = minus(x1, x2);
  const far = plus(x3, x4);
  const farOdd = minus(x3, x4);
  if (kind == OUTPUT) {
    put(mode, to, toStep, 0, plus(plus(x0, near), far), bias, low, high);
    put(mode, to, toStep, 1, plus(times(nearOdd, 0.75), times(farOdd, 1.5)), bias, low, high);
    put(mode, to, toStep, 2, plus(times(near, 0.5625), times(far, 2.25)), bias, low, high);
    put(mode, to, toStep, 3, plus(plus(times(nearOdd, 0.421875), times(farOdd, 3.375)), x5), bias, low, high);
  } else if (kind == INPUT_GRADIENT) {
    put(mode, to, toStep, 0, times(x0, 1.265625), bias, low, high);
    put(
      mode, to, toStep, 1, minus(times(x5, 1.265625), plus(times(nearOdd, 1.6875), times(farOdd, 0.84375))), bias, low,
      high,
    );
    put(
      mode, to, toStep, 2, minus(times(x0, -2.8125), plus(times(near, 2.25), times(far, 0.5625))), bias, low, high,
    );
    put(
      mode, to, toStep, 3, minus(plus(times(nearOdd, 0.75), times(farOdd, 1.5)), times(x5, 2.8125)), bias, low, high,
    );
    put(mode, to, toStep, 4, plus(plus(x0, near), far), bias, low, high);
    put(mode, to, toStep, 5, x5, bias, low, high);
  } else {
    const nearScaled = times(near, -128 / <f32>243);
    const farScaled = times(far, 32 / <f32>243);
    const nearOddScaled = times(nearOdd, (-128 * 0.75) / <f32>243);
    const farOddScaled = times(farOdd, (32 * 1.5) / <f32>243);
    put(mode, to, toStep, 0, plus(plus(times(x0, 64 / <f32>81), nearScaled), farScaled), bias, low, high);
    put(mode, to, toStep, 1, plus(nearOddScaled, farOddScaled), bias, low, high);
    put(mode, to, toStep, 2, plus(plus(times(nearScaled, 0.5625), times(farScaled, 2.25)), x5), bias, low, high);
  }
}

@inline
function transformLine5(
  kind: i32, mode: i32, from: usize, fromStep: usize, to: usize, toStep: usize, bias: v128, low: v128, high: v128,
): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from + fromStep);
  const x2 = v128.load(from + 2 * fromStep);
  if (kind == FILTER) {
    // 1 / N of each point: N = -1/2, -3/2, -9/2, 9/16, 15/16, 45/2.
    const one = plus(x0, x2);
    const half = plus(x0, times(x2, 0.25));
    const halfOdd = times(x1, 0.5);
    put(mode, to, toStep, 0, times(x0, -2), bias, low, high);
    put(mode, to, toStep, 1, times(plus(one, x1), -2 / <f32>3), bias, low, high);
    put(mode, to, toStep, 2, times(minus(one, x1), -2 / <f32>9), bias, low, high);
    put(mode, to, toStep, 3, times(plus(half, halfOdd), 16 / <f32>9), bias, low, high);
    put(mode, to, toStep, 4, times(minus(half, halfOdd), 16 / <f32>15), bias, low, high);
    put(mode, to, toStep, 5, times(plus(plus(x0, times(x2, 4)), plus(x1, x1)), 2 / <f32>45), bias, low, high);
    put(mode, to, toStep, 6, x2, bias, low, high);
    return;
  }
  const x3 = v128.load(from + 3 * fromStep);
  const x4 = v128.load(from + 4 * fromStep);
  if (kind == OUTPUT_GRADIENT) {
    const one = plus(plus(x0, x2), x4);
    const oneOdd = plus(x1, x3);
    const half = plus(plus(x0, times(x2, 0.25)), times(x4, 0.0625));
    const halfOdd = plus(times(x1, 0.5), times(x3, 0.125));
    const two = plus(plus(x0, times(x2, 4)), times(x4, 16));
    const twoOdd = plus(plus(x1, x1), times(x3, 8));
    put(mode, to, toStep, 0, x0, bias, low, high);
    put(mode, to, toStep, 1, plus(one, oneOdd), bias, low, high);
    put(mode, to, toStep, 2, minus(one, oneOdd), bias, low, high);
    put(mode, to, toStep, 3, plus(half, halfOdd), bias, low, high);
    put(mode, to, toStep, 4, minus(half, halfOdd), bias, low, high);
    put(mode, to, toStep, 5, plus(two, twoOdd), bias, low, high);
    put(mode, to, toStep, 6, x4, bias, low, high);
    return;
  }
  const x5 = v128.load(from + 5 * fromStep);
  const x6 = v128.load(from + 6 * fromStep);
  if (kind == INPUT) {
    // All but the row of the point 2 have its factor, x - 2: they are those of the points 0, ±1, ±1/2 for these differences.
    const e0 = minus(x1, plus(x0, x0));
    const e1 = minus(x2, plus(x1, x1));
    const e2 = minus(x3, plus(x2, x2));
    const e3 = minus(x4, plus(x3, x3));
    const e4 = minus(x5, plus(x4, x4));
    const e5 = minus(x6, plus(x5, x5));
    const one = minus(e4, times(e2, 0.25));
    const oneOdd = minus(e3, times(e1, 0.25));
    const half = minus(e4, e2);
    const halfOdd = times(minus(e3, e1), 0.5);
    put(mode, to, toStep, 0, minus(half, times(minus(e2, e0), 0.25)), bias, low, high);
    put(mode, to, toStep, 1, plus(one, oneOdd), bias, low, high);
    put(mode, to, toStep, 2, minus(one, oneOdd), bias, low, high);
    put(mode, to, toStep, 3, plus(half, halfOdd), bias, low, high);
    put(mode, to, toStep, 4, minus(half, halfOdd), bias, low, high);
    put(mode, to, toStep, 5, minus(minus(x5, x3), times(minus(x3, x1), 0.25)), bias, low, high);
    put(mode, to, toStep, 6, minus(minus(e5, e3), times(halfOdd, 0.5)), bias, low, high);
    return;
  }
  if (kind == FILTER_GRADIENT) {
    const plusOne = times(x1, -2 / <f32>3);
    const minusOne = times(x2, -2 / <f32>9);
    const plusHalf = times(x3, 16 / <f32>9);
    const minusHalf = times(x4, 16 / <f32>15);
    const two = times(x5, 2 / <f32>45);
    const one = plus(plusOne, minusOne);
    const half = plus(plusHalf, minusHalf);
    const odd = plus(minus(plusOne, minusOne), times(minus(plusHalf, minusHalf), 0.5));
    put(mode, to, toStep, 0, plus(plus(minus(one, plus(x0, x0)), half), two), bias, low, high);
    put(mode, to, toStep, 1, plus(odd, plus(two, two)), bias, low, high);
    put(mode, to, toStep, 2, plus(plus(plus(one, times(half, 0.25)), times(two, 4)), x6), bias, low, high);
    return;
  }
  const one = plus(x1, x2);
  const oneOdd = minus(x1, x2);
  const half = plus(x3, x4);
  const halfOdd = times(minus(x3, x4), 0.5);
  if (kind == OUTPUT) {
    put(mode, to, toStep, 0, plus(plus(plus(x0, one), half), x5), bias, low, high);
    put(mode, to, toStep, 1, plus(plus(oneOdd, halfOdd), plus(x5, x5)), bias, low, high);
    put(mode, to, toStep, 2, plus(plus(one, times(half, 0.25)), times(x5, 4)), bias, low, high);
    put(mode, to, toStep, 3, plus(plus(oneOdd, times(halfOdd, 0.25)), times(x5, 8)), bias, low, high);
    put(mode, to, toStep, 4, plus(plus(plus(one, times(half, 0.0625)), times(x5, 16)), x6), bias, low, high);
  } else {
    // Gradients of the differences, then of what they are differences of.
    const e0 = times(x0, 0.25);
    const e1 = minus(times(minus(x6, oneOdd), 0.25), halfOdd);
    const e2 = minus(minus(times(one, -0.25), half), times(x0, 1.25));
    const e3 = minus(plus(oneOdd, halfOdd), times(x6, 1.25));
    const e4 = plus(plus(x0, one), half);
    const two = times(x5, 0.25);
    put(mode, to, toStep, 0, times(x0, -0.5), bias, low, high);
    put(mode, to, toStep, 1, minus(plus(e0, two), plus(e1, e1)), bias, low, high);
    put(mode, to, toStep, 2, minus(e1, plus(e2, e2)), bias, low, high);
    put(mode, to, toStep, 3, minus(minus(e2, plus(x5, two)), plus(e3, e3)), bias, low, high);
    put(mode, to, toStep, 4, minus(e3, plus(e4, e4)), bias, low, high);
    put(mode, to, toStep, 5, minus(plus(e4, x5), plus(x6, x6)), bias, low, high);
    put(mode, to, toStep, 6, x6, bias, low, high);
  }
}
