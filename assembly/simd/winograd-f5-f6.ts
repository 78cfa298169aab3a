// Winograd's minimal filtering F(m, 3) of one line of values, m = 5 and 6. Not kernels: winograd.ts says what each is
// and applies them. A class holds the transforms of one m; it has no instances, and is a type to choose them by.
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; matrices by Cook-Toom from the points.
//
// Invariant: all of a line is loaded before any of it is stored.
import { give, minus, plus, put, putPair, take, times } from './lines';

/** F(5, 3) by the points 0, 1, -1, 1/2, -1/2, 2, infinity. */
@unmanaged
export class F5 {
  @inline
  get m(): i32 {
    return 5;
  }

  @inline
  input(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    // All rows but that of the point 2 have its factor, x - 2: they are rows of the points 0, ±1, ±1/2 for these differences.
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
    put(to, toStep, 0, minus(half, times(minus(e2, e0), 0.25)));
    putPair(to, toStep, 1, one, oneOdd);
    putPair(to, toStep, 3, half, halfOdd);
    put(to, toStep, 5, minus(minus(x5, x3), times(minus(x3, x1), 0.25)));
    put(to, toStep, 6, minus(minus(e5, e3), times(halfOdd, 0.5)));
  }

  @inline
  filter(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    // 1 / N of each point: N = -1/2, -3/2, -9/2, 9/16, 15/16, 45/2.
    const one = plus(x0, x2);
    const half = plus(x0, times(x2, 0.25));
    const halfOdd = times(x1, 0.5);
    put(to, toStep, 0, times(x0, -2));
    put(to, toStep, 1, times(plus(one, x1), -2 / <f32>3));
    put(to, toStep, 2, times(minus(one, x1), -2 / <f32>9));
    put(to, toStep, 3, times(plus(half, halfOdd), 16 / <f32>9));
    put(to, toStep, 4, times(minus(half, halfOdd), 16 / <f32>15));
    put(to, toStep, 5, times(plus(plus(x0, times(x2, 4)), plus(x1, x1)), 2 / <f32>45));
    put(to, toStep, 6, x2);
  }

  @inline
  output(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const one = plus(x1, x2);
    const oneOdd = minus(x1, x2);
    const half = plus(x3, x4);
    const halfOdd = times(minus(x3, x4), 0.5);
    put(to, toStep, 0, plus(plus(plus(x0, one), half), x5));
    put(to, toStep, 1, plus(plus(oneOdd, halfOdd), plus(x5, x5)));
    put(to, toStep, 2, plus(plus(one, times(half, 0.25)), times(x5, 4)));
    put(to, toStep, 3, plus(plus(oneOdd, times(halfOdd, 0.25)), times(x5, 8)));
    put(to, toStep, 4, plus(plus(plus(one, times(half, 0.0625)), times(x5, 16)), x6));
  }

  @inline
  inputGradient(adds: bool, from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const one = plus(x1, x2);
    const oneOdd = minus(x1, x2);
    const half = plus(x3, x4);
    const halfOdd = times(minus(x3, x4), 0.5);
    // Gradients of the differences, then of what they are differences of.
    const e0 = times(x0, 0.25);
    const e1 = minus(times(minus(x6, oneOdd), 0.25), halfOdd);
    const e2 = minus(minus(times(one, -0.25), half), times(x0, 1.25));
    const e3 = minus(plus(oneOdd, halfOdd), times(x6, 1.25));
    const e4 = plus(plus(x0, one), half);
    const two = times(x5, 0.25);
    give(adds, to, toStep, 0, times(x0, -0.5));
    give(adds, to, toStep, 1, minus(plus(e0, two), plus(e1, e1)));
    give(adds, to, toStep, 2, minus(e1, plus(e2, e2)));
    give(adds, to, toStep, 3, minus(minus(e2, plus(x5, two)), plus(e3, e3)));
    give(adds, to, toStep, 4, minus(e3, plus(e4, e4)));
    give(adds, to, toStep, 5, minus(plus(e4, x5), plus(x6, x6)));
    give(adds, to, toStep, 6, x6);
  }

  @inline
  filterGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const plusOne = times(x1, -2 / <f32>3);
    const minusOne = times(x2, -2 / <f32>9);
    const plusHalf = times(x3, 16 / <f32>9);
    const minusHalf = times(x4, 16 / <f32>15);
    const two = times(x5, 2 / <f32>45);
    const one = plus(plusOne, minusOne);
    const half = plus(plusHalf, minusHalf);
    const odd = plus(minus(plusOne, minusOne), times(minus(plusHalf, minusHalf), 0.5));
    put(to, toStep, 0, plus(plus(minus(one, plus(x0, x0)), half), two));
    put(to, toStep, 1, plus(odd, plus(two, two)));
    put(to, toStep, 2, plus(plus(plus(one, times(half, 0.25)), times(two, 4)), x6));
  }

  @inline
  outputGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const one = plus(plus(x0, x2), x4);
    const oneOdd = plus(x1, x3);
    const half = plus(plus(x0, times(x2, 0.25)), times(x4, 0.0625));
    const halfOdd = plus(times(x1, 0.5), times(x3, 0.125));
    const two = plus(plus(x0, times(x2, 4)), times(x4, 16));
    const twoOdd = plus(plus(x1, x1), times(x3, 8));
    put(to, toStep, 0, x0);
    putPair(to, toStep, 1, one, oneOdd);
    putPair(to, toStep, 3, half, halfOdd);
    put(to, toStep, 5, plus(two, twoOdd));
    put(to, toStep, 6, x4);
  }
}

/** F(6, 3) by the points 0, 1, -1, 1/2, -1/2, 2, -2, infinity: no sixteenths near them do better. */
@unmanaged
export class F6 {
  @inline
  get m(): i32 {
    return 6;
  }

  @inline
  input(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const x7 = take(from, fromStep, 7);
    const one = minus(plus(x6, x2), times(x4, 4.25));
    const oneOdd = minus(plus(x5, x1), times(x3, 4.25));
    const half = plus(minus(x6, times(x4, 5)), times(x2, 4));
    const halfOdd = times(plus(minus(x5, times(x3, 5)), times(x1, 4)), 0.5);
    const two = plus(minus(x6, times(x4, 1.25)), times(x2, 0.25));
    const twoOdd = times(plus(minus(x5, times(x3, 1.25)), times(x1, 0.25)), 2);
    put(to, toStep, 0, plus(minus(x6, x0), times(minus(x2, x4), 5.25)));
    putPair(to, toStep, 1, one, oneOdd);
    putPair(to, toStep, 3, half, halfOdd);
    putPair(to, toStep, 5, two, twoOdd);
    put(to, toStep, 7, plus(minus(x7, x1), times(minus(x3, x5), 5.25)));
  }

  @inline
  filter(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    // 1 / N of each point: N = -1, -9/2, 45/32, 90.
    const one = times(plus(x0, x2), -2 / <f32>9);
    const oneOdd = times(x1, -2 / <f32>9);
    const half = times(plus(x0, times(x2, 0.25)), 32 / <f32>45);
    const halfOdd = times(x1, 16 / <f32>45);
    const two = times(plus(x0, times(x2, 4)), 1 / <f32>90);
    const twoOdd = times(x1, 1 / <f32>45);
    put(to, toStep, 0, f32x4.neg(x0));
    putPair(to, toStep, 1, one, oneOdd);
    putPair(to, toStep, 3, half, halfOdd);
    putPair(to, toStep, 5, two, twoOdd);
    put(to, toStep, 7, x2);
  }

  @inline
  output(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const x7 = take(from, fromStep, 7);
    const one = plus(x1, x2);
    const oneOdd = minus(x1, x2);
    const half = plus(x3, x4);
    const halfOdd = times(minus(x3, x4), 0.5);
    const two = plus(x5, x6);
    const twoOdd = times(minus(x5, x6), 2);
    put(to, toStep, 0, plus(plus(plus(x0, one), half), two));
    put(to, toStep, 1, plus(plus(oneOdd, halfOdd), twoOdd));
    put(to, toStep, 2, plus(plus(one, times(half, 0.25)), times(two, 4)));
    put(to, toStep, 3, plus(plus(oneOdd, times(halfOdd, 0.25)), times(twoOdd, 4)));
    put(to, toStep, 4, plus(plus(one, times(half, 0.0625)), times(two, 16)));
    put(to, toStep, 5, plus(plus(plus(oneOdd, times(halfOdd, 0.0625)), times(twoOdd, 16)), x7));
  }

  @inline
  inputGradient(adds: bool, from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const x7 = take(from, fromStep, 7);
    const one = plus(x1, x2);
    const oneOdd = minus(x1, x2);
    const half = plus(x3, x4);
    const halfOdd = times(minus(x3, x4), 0.5);
    const two = plus(x5, x6);
    const twoOdd = times(minus(x5, x6), 2);
    const zero = times(x0, 5.25);
    const infinity = times(x7, 5.25);
    const even = plus(one, plus(times(half, 4), times(two, 0.25)));
    const odd = plus(oneOdd, plus(times(halfOdd, 4), times(twoOdd, 0.25)));
    const middle = plus(times(one, 4.25), plus(times(half, 5), times(two, 1.25)));
    const middleOdd = plus(times(oneOdd, 4.25), plus(times(halfOdd, 5), times(twoOdd, 1.25)));
    give(adds, to, toStep, 0, f32x4.neg(x0));
    give(adds, to, toStep, 1, minus(odd, x7));
    give(adds, to, toStep, 2, plus(even, zero));
    give(adds, to, toStep, 3, minus(infinity, middleOdd));
    give(adds, to, toStep, 4, f32x4.neg(plus(middle, zero)));
    give(adds, to, toStep, 5, minus(plus(plus(oneOdd, halfOdd), twoOdd), infinity));
    give(adds, to, toStep, 6, plus(plus(plus(x0, one), half), two));
    give(adds, to, toStep, 7, x7);
  }

  @inline
  filterGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const x6 = take(from, fromStep, 6);
    const x7 = take(from, fromStep, 7);
    const one = times(plus(x1, x2), -2 / <f32>9);
    const oneOdd = times(minus(x1, x2), -2 / <f32>9);
    const half = times(plus(x3, x4), 32 / <f32>45);
    const halfOdd = times(minus(x3, x4), 16 / <f32>45);
    const two = times(plus(x5, x6), 1 / <f32>90);
    const twoOdd = times(minus(x5, x6), 1 / <f32>45);
    put(to, toStep, 0, plus(plus(minus(one, x0), half), two));
    put(to, toStep, 1, plus(plus(oneOdd, halfOdd), twoOdd));
    put(to, toStep, 2, plus(plus(plus(one, times(half, 0.25)), times(two, 4)), x7));
  }

  @inline
  outputGradient(from: usize, fromStep: usize, to: usize, toStep: usize): void {
    const x0 = take(from, fromStep, 0);
    const x1 = take(from, fromStep, 1);
    const x2 = take(from, fromStep, 2);
    const x3 = take(from, fromStep, 3);
    const x4 = take(from, fromStep, 4);
    const x5 = take(from, fromStep, 5);
    const one = plus(plus(x0, x2), x4);
    const oneOdd = plus(plus(x1, x3), x5);
    const half = plus(plus(x0, times(x2, 0.25)), times(x4, 0.0625));
    const halfOdd = times(plus(plus(x1, times(x3, 0.25)), times(x5, 0.0625)), 0.5);
    const two = plus(plus(x0, times(x2, 4)), times(x4, 16));
    const twoOdd = times(plus(plus(x1, times(x3, 4)), times(x5, 16)), 2);
    put(to, toStep, 0, x0);
    putPair(to, toStep, 1, one, oneOdd);
    putPair(to, toStep, 3, half, halfOdd);
    putPair(to, toStep, 5, two, twoOdd);
    put(to, toStep, 7, x5);
  }
}
