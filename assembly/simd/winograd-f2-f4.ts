// Winograd's minimal filtering F(m, 3) of one line of values, m = 2, 3, 4. Not kernels: winograd.ts says what each is
// and applies them. A class holds the transforms of one m; it has no instances, and is a type to choose them by.
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; matrices by Cook-Toom from the points.
//
// Invariant: all of a line is loaded before any of it is stored.
import { give, minus, plus, put, putPair, take, times } from './lines';

/** F(2, 3) by the points 0, 1, -1, infinity. */
@unmanaged
export class F2 {
  @inline
  get m(): i32 {
    return 2;
  }

  @inline
  input(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    put(to, toStep, 0, minus(x2, x0));
    putPair(to, toStep, 1, x2, x1);
    put(to, toStep, 3, minus(x3, x1));
  }

  @inline
  filter(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const even = times(plus(x0, x2), 0.5);
    const odd = times(x1, 0.5);
    put(to, toStep, 0, f32x4.neg(x0));
    putPair(to, toStep, 1, even, odd);
    put(to, toStep, 3, x2);
  }

  @inline
  output(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    put(to, toStep, 0, plus(x0, plus(x1, x2)));
    put(to, toStep, 1, plus(minus(x1, x2), x3));
  }

  @inline
  inputGradient(adds: bool, from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    give(adds, to, toStep, 0, f32x4.neg(x0));
    give(adds, to, toStep, 1, minus(minus(x1, x2), x3));
    give(adds, to, toStep, 2, plus(x0, plus(x1, x2)));
    give(adds, to, toStep, 3, x3);
  }

  @inline
  filterGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const even = times(plus(x1, x2), 0.5);
    put(to, toStep, 0, minus(even, x0));
    put(to, toStep, 1, times(minus(x1, x2), 0.5));
    put(to, toStep, 2, plus(even, x3));
  }

  @inline
  outputGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    put(to, toStep, 0, x0);
    putPair(to, toStep, 1, x0, x1);
    put(to, toStep, 3, x1);
  }
}

/** F(3, 3) by the points 0, 1, -1, 1/2, infinity. */
@unmanaged
export class F3 {
  @inline
  get m(): i32 {
    return 3;
  }

  @inline
  input(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const difference = minus(x3, x1);
    const even = minus(x3, times(x2, 0.5));
    const odd = minus(x2, times(x1, 0.5));
    put(to, toStep, 0, minus(difference, times(minus(x2, x0), 0.5)));
    putPair(to, toStep, 1, even, odd);
    put(to, toStep, 3, difference);
    put(to, toStep, 4, minus(minus(x4, x2), times(difference, 0.5)));
  }

  @inline
  filter(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const even = plus(x0, x2);
    const half = plus(plus(x0, times(x1, 0.5)), times(x2, 0.25));
    put(to, toStep, 0, plus(x0, x0));
    put(to, toStep, 1, plus(even, x1));
    put(to, toStep, 2, times(minus(even, x1), -1 / <f32>3));
    put(to, toStep, 3, times(half, -8 / <f32>3));
    put(to, toStep, 4, x2);
  }

  @inline
  output(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const sum = plus(x1, x2);
    put(to, toStep, 0, plus(plus(x0, sum), x3));
    put(to, toStep, 1, plus(minus(x1, x2), times(x3, 0.5)));
    put(to, toStep, 2, plus(plus(sum, times(x3, 0.25)), x4));
  }

  @inline
  inputGradient(adds: bool, from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const sum = plus(x1, x2);
    const difference = minus(x1, x2);
    const half = times(x4, 0.5);
    give(adds, to, toStep, 0, times(x0, 0.5));
    give(adds, to, toStep, 1, minus(minus(half, times(difference, 0.5)), plus(x0, x3)));
    give(adds, to, toStep, 2, minus(minus(difference, times(plus(x0, sum), 0.5)), x4));
    give(adds, to, toStep, 3, minus(plus(plus(x0, sum), x3), half));
    give(adds, to, toStep, 4, x4);
  }

  @inline
  filterGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const minusOne = times(x2, -1 / <f32>3);
    const half = times(x3, -8 / <f32>3);
    const even = plus(x1, minusOne);
    put(to, toStep, 0, plus(plus(plus(x0, x0), even), half));
    put(to, toStep, 1, plus(minus(x1, minusOne), times(half, 0.5)));
    put(to, toStep, 2, plus(plus(even, times(half, 0.25)), x4));
  }

  @inline
  outputGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const even = plus(x0, x2);
    put(to, toStep, 0, x0);
    putPair(to, toStep, 1, even, x1);
    put(to, toStep, 3, plus(plus(x0, times(x1, 0.5)), times(x2, 0.25)));
    put(to, toStep, 4, x2);
  }
}

/** F(4, 3) by the points 0, 3/4, -3/4, 3/2, -3/2, infinity: a third of the rounding error of 0, ±1, ±2. */
@unmanaged
export class F4 {
  @inline
  get m(): i32 {
    return 4;
  }

  @inline
  input(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const near = minus(x4, times(x2, 2.25));
    const nearOdd = times(minus(x3, times(x1, 2.25)), 0.75);
    const far = minus(x4, times(x2, 0.5625));
    const farOdd = times(minus(x3, times(x1, 0.5625)), 1.5);
    put(to, toStep, 0, plus(minus(x4, times(x2, 2.8125)), times(x0, 1.265625)));
    putPair(to, toStep, 1, near, nearOdd);
    putPair(to, toStep, 3, far, farOdd);
    put(to, toStep, 5, plus(minus(x5, times(x3, 2.8125)), times(x1, 1.265625)));
  }

  @inline
  filter(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    // 1 / N of each point, N = product of its differences from the other points: 81/64, -243/128, 243/32.
    const near = times(plus(x0, times(x2, 0.5625)), -128 / <f32>243);
    const nearOdd = times(x1, (-128 * 0.75) / <f32>243);
    const far = times(plus(x0, times(x2, 2.25)), 32 / <f32>243);
    const farOdd = times(x1, (32 * 1.5) / <f32>243);
    put(to, toStep, 0, times(x0, 64 / <f32>81));
    putPair(to, toStep, 1, near, nearOdd);
    putPair(to, toStep, 3, far, farOdd);
    put(to, toStep, 5, x2);
  }

  @inline
  output(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const near = plus(x1, x2);
    const nearOdd = minus(x1, x2);
    const far = plus(x3, x4);
    const farOdd = minus(x3, x4);
    put(to, toStep, 0, plus(plus(x0, near), far));
    put(to, toStep, 1, plus(times(nearOdd, 0.75), times(farOdd, 1.5)));
    put(to, toStep, 2, plus(times(near, 0.5625), times(far, 2.25)));
    put(to, toStep, 3, plus(plus(times(nearOdd, 0.421875), times(farOdd, 3.375)), x5));
  }

  @inline
  inputGradient(adds: bool, from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const near = plus(x1, x2);
    const nearOdd = minus(x1, x2);
    const far = plus(x3, x4);
    const farOdd = minus(x3, x4);
    give(adds, to, toStep, 0, times(x0, 1.265625));
    give(adds, to, toStep, 1, minus(times(x5, 1.265625), plus(times(nearOdd, 1.6875), times(farOdd, 0.84375))));
    give(adds, to, toStep, 2, minus(times(x0, -2.8125), plus(times(near, 2.25), times(far, 0.5625))));
    give(adds, to, toStep, 3, minus(plus(times(nearOdd, 0.75), times(farOdd, 1.5)), times(x5, 2.8125)));
    give(adds, to, toStep, 4, plus(plus(x0, near), far));
    give(adds, to, toStep, 5, x5);
  }

  @inline
  filterGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const near = plus(x1, x2);
    const nearOdd = minus(x1, x2);
    const far = plus(x3, x4);
    const farOdd = minus(x3, x4);
    const nearScaled = times(near, -128 / <f32>243);
    const farScaled = times(far, 32 / <f32>243);
    const nearOddScaled = times(nearOdd, (-128 * 0.75) / <f32>243);
    const farOddScaled = times(farOdd, (32 * 1.5) / <f32>243);
    put(to, toStep, 0, plus(plus(times(x0, 64 / <f32>81), nearScaled), farScaled));
    put(to, toStep, 1, plus(nearOddScaled, farOddScaled));
    put(to, toStep, 2, plus(plus(times(nearScaled, 0.5625), times(farScaled, 2.25)), x5));
  }

  @inline
  outputGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const near = plus(x0, times(x2, 0.5625));
    const nearOdd = plus(times(x1, 0.75), times(x3, 0.421875));
    const far = plus(x0, times(x2, 2.25));
    const farOdd = plus(times(x1, 1.5), times(x3, 3.375));
    put(to, toStep, 0, x0);
    putPair(to, toStep, 1, near, nearOdd);
    putPair(to, toStep, 3, far, farOdd);
    put(to, toStep, 5, x3);
  }
}
