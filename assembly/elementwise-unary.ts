// y = f(x) of floats. Not here: other types, and functions that the trainer fuses (activation.ts).
// Invariant: lane by lane, so an element's bits do not depend on where its unit begins; NaN stays NaN.
//
//   x, y  f32 [elements]
//
//   unit = elementsPerUnit elements, of which the last unit may have fewer
import { loadColumns, storeColumns } from './simd/columns';
import { exp } from './simd/exp';
import * as exponentials from './simd/exp-negative';

@unmanaged
class UnaryArgs {
  x: u32;
  y: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
  /** Of STEP: its value at and below zero. Of LEAKY_RELU: its slope below zero. */
  alpha: f32;
}

const ABS: i32 = 0;
const CEIL: i32 = 1;
const FLOOR: i32 = 2;
const NEG: i32 = 3;
const RECIPROCAL: i32 = 4;
const RSQRT: i32 = 5;
const SQRT: i32 = 6;
const SQUARE: i32 = 7;
const STEP: i32 = 8;
const RELU: i32 = 9;
const RELU6: i32 = 10;
const LEAKY_RELU: i32 = 11;
const ELU: i32 = 12;
const EXP: i32 = 13;
const SIGMOID: i32 = 14;
const TANH: i32 = 15;

/** 0 of -0, as Math.max gives. Not by adding 0: pipelines that compare are those that add. */
@inline
function withoutSign(x: v128): v128 {
  return v128.and(x, i32x4.splat(i32.MAX_VALUE));
}

@inline
function apply(code: i32, x: v128, alpha: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (code == ABS) return f32x4.abs(x);
  if (code == CEIL) return f32x4.ceil(x);
  if (code == FLOOR) return f32x4.floor(x);
  if (code == NEG) return f32x4.neg(x);
  if (code == RECIPROCAL) return f32x4.div(one, x);
  if (code == RSQRT) return f32x4.div(one, f32x4.sqrt(x));
  if (code == SQRT) return f32x4.sqrt(x);
  if (code == SQUARE) return f32x4.mul(x, x);
  if (code == STEP) return v128.bitselect(v128.bitselect(one, alpha, f32x4.gt(x, zero)), x, f32x4.eq(x, x));
  // The operands are in the order in which pmax and pmin keep NaN.
  if (code == RELU) return withoutSign(f32x4.pmax(x, zero));
  if (code == RELU6) return f32x4.pmin(withoutSign(f32x4.pmax(x, zero)), f32x4.splat(6));
  return v128.bitselect(f32x4.mul(alpha, x), x, f32x4.lt(x, zero));
}

@inline
function applyRange(code: i32, a: UnaryArgs, start: i32, end: i32): void {
  const first = start * a.elementsPerUnit;
  const elements = min(end * a.elementsPerUnit, a.elements) - first;
  const alpha = f32x4.splat(a.alpha);
  let x = <usize>a.x + (<usize>first << 2);
  let y = <usize>a.y + (<usize>first << 2);
  const vectorEnd = y + (<usize>(elements & ~3) << 2);
  const blockEnd = y + (<usize>(elements & ~15) << 2);
  for (; y < blockEnd; y += 64, x += 64) {
    v128.store(y, apply(code, v128.load(x), alpha));
    v128.store(y, apply(code, v128.load(x, 16), alpha), 16);
    v128.store(y, apply(code, v128.load(x, 32), alpha), 32);
    v128.store(y, apply(code, v128.load(x, 48), alpha), 48);
  }
  for (; y < vectorEnd; y += 16, x += 16) v128.store(y, apply(code, v128.load(x), alpha));
  const rest = elements & 3;
  if (rest > 0) {
    const last = apply(code, loadColumns(x, rest), alpha);
    storeColumns(y, last, last, rest);
  }
}

// Functions of their own, since the optimiser merges loops of one function that differ in a constant alone.
function reluRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(RELU, a, start, end);
}

function stepRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(STEP, a, start, end);
}

function squareRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(SQUARE, a, start, end);
}

function sqrtRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(SQRT, a, start, end);
}

function negRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(NEG, a, start, end);
}

function absRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(ABS, a, start, end);
}

function relu6Range(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(RELU6, a, start, end);
}

function leakyReluRange(a: UnaryArgs, start: i32, end: i32): void {
  applyRange(LEAKY_RELU, a, start, end);
}

@inline
function exponentialRange(code: i32, a: UnaryArgs, start: i32, end: i32): void {
  const first = start * a.elementsPerUnit;
  let elements = min(end * a.elementsPerUnit, a.elements) - first;
  let x = <usize>a.x + (<usize>first << 2);
  let y = <usize>a.y + (<usize>first << 2);
  for (; elements >= 16; elements -= 16, x += 64, y += 64) exponentials.applyExponentialToFour(code, x, y);
  for (; elements >= 4; elements -= 4, x += 16, y += 16) {
    v128.store(y, exponentials.applyExponential(code, v128.load(x)));
  }
  if (elements > 0) {
    const last = exponentials.applyExponential(code, loadColumns(x, elements));
    storeColumns(y, last, last, elements);
  }
}

/** Inlined: a call a vector costs as much as the arithmetic. */
@inline
function exponential(x: v128): v128 {
  return inline.always(exp(x));
}

function expRange(a: UnaryArgs, start: i32, end: i32): void {
  const first = start * a.elementsPerUnit;
  let elements = min(end * a.elementsPerUnit, a.elements) - first;
  let x = <usize>a.x + (<usize>first << 2);
  let y = <usize>a.y + (<usize>first << 2);
  for (; elements >= 4; elements -= 4, x += 16, y += 16) v128.store(y, exponential(v128.load(x)));
  if (elements > 0) {
    const last = exponential(loadColumns(x, elements));
    storeColumns(y, last, last, elements);
  }
}

function eluRange(a: UnaryArgs, start: i32, end: i32): void {
  exponentialRange(exponentials.ELU, a, start, end);
}

function sigmoidRange(a: UnaryArgs, start: i32, end: i32): void {
  exponentialRange(exponentials.SIGMOID, a, start, end);
}

function tanhRange(a: UnaryArgs, start: i32, end: i32): void {
  exponentialRange(exponentials.TANH, a, start, end);
}

/** The codes whose arithmetic costs more than a branch on the code, without the unrolled loop. */
function otherRange(a: UnaryArgs, start: i32, end: i32): void {
  const first = start * a.elementsPerUnit;
  const alpha = f32x4.splat(a.alpha);
  let elements = min(end * a.elementsPerUnit, a.elements) - first;
  let x = <usize>a.x + (<usize>first << 2);
  let y = <usize>a.y + (<usize>first << 2);
  for (; elements >= 4; elements -= 4, x += 16, y += 16) v128.store(y, apply(a.code, v128.load(x), alpha));
  if (elements > 0) {
    const last = apply(a.code, loadColumns(x, elements), alpha);
    storeColumns(y, last, last, elements);
  }
}

export function elementwiseUnary(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<UnaryArgs>(args);
  if (a.code == RELU) reluRange(a, start, end);
  else if (a.code == STEP) stepRange(a, start, end);
  else if (a.code == SQUARE) squareRange(a, start, end);
  else if (a.code == SQRT) sqrtRange(a, start, end);
  else if (a.code == NEG) negRange(a, start, end);
  else if (a.code == ABS) absRange(a, start, end);
  else if (a.code == RELU6) relu6Range(a, start, end);
  else if (a.code == LEAKY_RELU) leakyReluRange(a, start, end);
  else if (a.code == EXP) expRange(a, start, end);
  else if (a.code == ELU) eluRange(a, start, end);
  else if (a.code == SIGMOID) sigmoidRange(a, start, end);
  else if (a.code == TANH) tanhRange(a, start, end);
  else otherRange(a, start, end);
}
