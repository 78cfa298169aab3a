// y = a op b of floats under NumPy's broadcasting. Not here: other types, and shapes of more than four runs (see below).
// Invariant: lane by lane, NaN as IEEE has it, so an element's bits do not depend on where its unit begins.
//
//   Broadcasting leaves at most four runs of axes over which each of a and b either moves or stands still:
//
//     y  f32 [n0, n1, n2, inner]       all that is written, in order
//     a  f32 at i0 a0 + i1 a1 + i2 a2 + column stepA       a0 … b2 in floats, 0 where the tensor stands still
//     b  f32 at i0 b0 + i1 b1 + i2 b2 + column stepB       stepA, stepB: 0 or 1, never both 0
//
//   e.g. a bias: [rows, inner] + [inner] has n0 = n1 = 1, n2 = rows, a2 = inner, b2 = 0, both steps 1
//
//   unit = elementsPerUnit elements of y, of which the last unit may have fewer
import { stepOf } from './simd/activation';
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class BinaryArgs {
  a: u32;
  b: u32;
  y: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
  inner: i32;
  stepA: i32;
  stepB: i32;
  n1: i32;
  n2: i32;
  a0: i32;
  a1: i32;
  a2: i32;
  b0: i32;
  b1: i32;
  b2: i32;
}

const ADD: i32 = 0;
const SUB: i32 = 1;
const MULTIPLY: i32 = 2;
const REAL_DIV: i32 = 3;
const MAXIMUM: i32 = 4;
const MINIMUM: i32 = 5;
const SQUARED_DIFFERENCE: i32 = 6;
/** 0 + a * b: a sum of one product, which is never -0. */
const PRODUCT: i32 = 8;
/** a * step(b): the gradient a of relu(b), back to b. */
const RELU_GRAD: i32 = 7;

@inline
function combine(code: i32, a: v128, b: v128): v128 {
  if (code == ADD) return f32x4.add(a, b);
  if (code == SUB) return f32x4.sub(a, b);
  if (code == MULTIPLY) return f32x4.mul(a, b);
  if (code == REAL_DIV) return f32x4.div(a, b);
  // As Math.max and Math.min: NaN if either is, 0 above -0.
  if (code == MAXIMUM) return f32x4.max(a, b);
  if (code == MINIMUM) return f32x4.min(a, b);
  if (code == SQUARED_DIFFERENCE) {
    const difference = f32x4.sub(a, b);
    return f32x4.mul(difference, difference);
  }
  if (code == PRODUCT) return f32x4.add(f32x4.splat(0), f32x4.mul(a, b));
  return f32x4.mul(a, stepOf(b));
}

/** `count` elements with both steps 1. */
@inline
function combineBoth(code: i32, a: usize, b: usize, y: usize, count: i32): void {
  const end = y + (<usize>(count & ~3) << 2);
  const blockEnd = y + (<usize>(count & ~15) << 2);
  for (; y < blockEnd; y += 64, a += 64, b += 64) {
    v128.store(y, combine(code, v128.load(a), v128.load(b)));
    v128.store(y, combine(code, v128.load(a, 16), v128.load(b, 16)), 16);
    v128.store(y, combine(code, v128.load(a, 32), v128.load(b, 32)), 32);
    v128.store(y, combine(code, v128.load(a, 48), v128.load(b, 48)), 48);
  }
  for (; y < end; y += 16, a += 16, b += 16) v128.store(y, combine(code, v128.load(a), v128.load(b)));
  count &= 3;
  if (count > 0) {
    const last = combine(code, loadColumns(a, count), loadColumns(b, count));
    storeColumns(y, last, last, count);
  }
}

/** `count` elements with one number of b for all. */
@inline
function combineWithScalar(code: i32, a: usize, b: usize, y: usize, count: i32): void {
  const scalar = v128.load32_splat(b);
  const end = y + (<usize>(count & ~3) << 2);
  const blockEnd = y + (<usize>(count & ~15) << 2);
  for (; y < blockEnd; y += 64, a += 64) {
    v128.store(y, combine(code, v128.load(a), scalar));
    v128.store(y, combine(code, v128.load(a, 16), scalar), 16);
    v128.store(y, combine(code, v128.load(a, 32), scalar), 32);
    v128.store(y, combine(code, v128.load(a, 48), scalar), 48);
  }
  for (; y < end; y += 16, a += 16) v128.store(y, combine(code, v128.load(a), scalar));
  count &= 3;
  if (count > 0) {
    const last = combine(code, loadColumns(a, count), scalar);
    storeColumns(y, last, last, count);
  }
}

/** `count` elements with one number of a for all. */
@inline
function combineScalarWith(code: i32, a: usize, b: usize, y: usize, count: i32): void {
  const scalar = v128.load32_splat(a);
  const end = y + (<usize>(count & ~3) << 2);
  const blockEnd = y + (<usize>(count & ~15) << 2);
  for (; y < blockEnd; y += 64, b += 64) {
    v128.store(y, combine(code, scalar, v128.load(b)));
    v128.store(y, combine(code, scalar, v128.load(b, 16)), 16);
    v128.store(y, combine(code, scalar, v128.load(b, 32)), 32);
    v128.store(y, combine(code, scalar, v128.load(b, 48)), 48);
  }
  for (; y < end; y += 16, b += 16) v128.store(y, combine(code, scalar, v128.load(b)));
  count &= 3;
  if (count > 0) {
    const last = combine(code, scalar, loadColumns(b, count));
    storeColumns(y, last, last, count);
  }
}

@inline
function combineRows(code: i32, args: BinaryArgs, start: i32, end: i32): void {
  const inner = args.inner;
  const last = min(end * args.elementsPerUnit, args.elements);
  let i = start * args.elementsPerUnit;
  let column = i % inner;
  const row = i / inner;
  let i2 = row % args.n2;
  let i1 = (row / args.n2) % args.n1;
  let i0 = row / args.n2 / args.n1;
  let a = <usize>args.a + (<usize>(i0 * args.a0 + i1 * args.a1 + i2 * args.a2) << 2);
  let b = <usize>args.b + (<usize>(i0 * args.b0 + i1 * args.b1 + i2 * args.b2) << 2);
  while (i < last) {
    const count = min(inner - column, last - i);
    const y = <usize>args.y + (<usize>i << 2);
    const skipped = <usize>column << 2;
    if (!args.stepB) combineWithScalar(code, a + skipped, b, y, count);
    else if (!args.stepA) combineScalarWith(code, a, b + skipped, y, count);
    else combineBoth(code, a + skipped, b + skipped, y, count);
    i += count;
    column = 0;
    if (++i2 < args.n2) {
      a += <usize>args.a2 << 2;
      b += <usize>args.b2 << 2;
    } else {
      i2 = 0;
      if (++i1 == args.n1) {
        i1 = 0;
        i0++;
      }
      a = <usize>args.a + (<usize>(i0 * args.a0 + i1 * args.a1) << 2);
      b = <usize>args.b + (<usize>(i0 * args.b0 + i1 * args.b1) << 2);
    }
  }
}

// Functions of their own, since the optimiser merges loops of one function that differ in a constant alone.
function addRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(ADD, a, start, end);
}

function subRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(SUB, a, start, end);
}

function multiplyRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(MULTIPLY, a, start, end);
}

function realDivRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(REAL_DIV, a, start, end);
}

function maximumRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(MAXIMUM, a, start, end);
}

function minimumRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(MINIMUM, a, start, end);
}

function squaredDifferenceRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(SQUARED_DIFFERENCE, a, start, end);
}

function reluGradRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(RELU_GRAD, a, start, end);
}

function productRows(a: BinaryArgs, start: i32, end: i32): void {
  combineRows(PRODUCT, a, start, end);
}

export function elementwiseBinary(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BinaryArgs>(args);
  if (a.code == ADD) addRows(a, start, end);
  else if (a.code == SUB) subRows(a, start, end);
  else if (a.code == MULTIPLY) multiplyRows(a, start, end);
  else if (a.code == REAL_DIV) realDivRows(a, start, end);
  else if (a.code == MAXIMUM) maximumRows(a, start, end);
  else if (a.code == MINIMUM) minimumRows(a, start, end);
  else if (a.code == SQUARED_DIFFERENCE) squaredDifferenceRows(a, start, end);
  else if (a.code == PRODUCT) productRows(a, start, end);
  else reluGradRows(a, start, end);
}
