// Sums, means, maxima and minima of floats over trailing axes (reduceRows) or over axes before the last (reduceColumns).
// Not here: other types. A long sum is cut into chunks whose results are reduced again by the same kernels.
// Invariant: chunks follow from the shape alone and each is one fixed order of additions, so bits do not depend on threads.
//
//   reduceRows      x f32 [rows, length]            y f32 [rows, chunks]
//   reduceColumns   x f32 [outer, rows, columns]    y f32 [outer, chunks, columns]
//
//   A maximum or minimum is NaN if any of its elements is. Nothing may be empty.
import { loadColumns, storeColumns } from './simd/columns';

const SUM: i32 = 0;
const MAX: i32 = 1;
const MIN: i32 = 2;

@inline
function fold(code: i32, a: v128, b: v128): v128 {
  if (code == SUM) return f32x4.add(a, b);
  return code == MAX ? f32x4.max(a, b) : f32x4.min(a, b);
}

@unmanaged
class RowsArgs {
  x: u32;
  y: u32;
  code: i32;
  /** What sums are divided by: 1, or the elements of a mean. */
  divisor: f32;
  /** rows * chunks. */
  outputs: i32;
  outputsPerUnit: i32;
  length: i32;
  chunkLength: i32;
  chunks: i32;
}

/** One chunk: 16 elements side by side, the four vectors together, their lanes, then the elements left over. */
@inline
function foldRun(code: i32, x: usize, length: i32): f32 {
  const end = x + (<usize>length << 2);
  let result: f32;
  let at = x;
  if (length >= 16) {
    let s0 = v128.load(at);
    let s1 = v128.load(at, 16);
    let s2 = v128.load(at, 32);
    let s3 = v128.load(at, 48);
    const blocks = x + (<usize>(length & ~15) << 2);
    for (at += 64; at < blocks; at += 64) {
      s0 = fold(code, s0, v128.load(at));
      s1 = fold(code, s1, v128.load(at, 16));
      s2 = fold(code, s2, v128.load(at, 32));
      s3 = fold(code, s3, v128.load(at, 48));
    }
    s0 = fold(code, fold(code, s0, s1), fold(code, s2, s3));
    s0 = fold(code, s0, i64x2.shuffle(s0, s0, 1, 0));
    s0 = fold(code, s0, i32x4.shuffle(s0, s0, 1, 0, 3, 2));
    result = f32x4.extract_lane(s0, 0);
  } else {
    result = load<f32>(at);
    at += 4;
  }
  for (; at < end; at += 4) {
    const value = load<f32>(at);
    if (code == SUM) result += value;
    else result = code == MAX ? max<f32>(result, value) : min<f32>(result, value);
  }
  return result;
}

@inline
function reduceRuns(code: i32, a: RowsArgs, start: i32, end: i32): void {
  const last = min(end * a.outputsPerUnit, a.outputs);
  for (let output = start * a.outputsPerUnit; output < last; output++) {
    const row = output / a.chunks;
    const first = (output - row * a.chunks) * a.chunkLength;
    const x = <usize>a.x + (<usize>(row * a.length + first) << 2);
    const result = foldRun(code, x, min(a.chunkLength, a.length - first));
    store<f32>(<usize>a.y + (<usize>output << 2), code == SUM ? result / a.divisor : result);
  }
}

// Functions of their own, since the optimiser merges loops of one function that differ in a constant alone.
function sumRows(a: RowsArgs, start: i32, end: i32): void {
  reduceRuns(SUM, a, start, end);
}

function maxRows(a: RowsArgs, start: i32, end: i32): void {
  reduceRuns(MAX, a, start, end);
}

function minRows(a: RowsArgs, start: i32, end: i32): void {
  reduceRuns(MIN, a, start, end);
}

/** Unit: `outputsPerUnit` outputs. */
export function reduceRows(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<RowsArgs>(args);
  if (a.code == SUM) sumRows(a, start, end);
  else if (a.code == MAX) maxRows(a, start, end);
  else minRows(a, start, end);
}

@unmanaged
class ColumnsArgs {
  x: u32;
  y: u32;
  code: i32;
  divisor: f32;
  rows: i32;
  columns: i32;
  rowsPerChunk: i32;
  chunks: i32;
  columnsPerStrip: i32;
  strips: i32;
}

@inline
function finish(code: i32, sum: v128, divisor: v128): v128 {
  return code == SUM ? f32x4.div(sum, divisor) : sum;
}

/** 32 columns: eight sums in registers. */
@inline
function foldWide(code: i32, x: usize, y: usize, rows: i32, pitch: usize, divisor: v128): void {
  let s0 = v128.load(x);
  let s1 = v128.load(x, 16);
  let s2 = v128.load(x, 32);
  let s3 = v128.load(x, 48);
  let s4 = v128.load(x, 64);
  let s5 = v128.load(x, 80);
  let s6 = v128.load(x, 96);
  let s7 = v128.load(x, 112);
  for (; rows > 1; rows--) {
    x += pitch;
    s0 = fold(code, s0, v128.load(x));
    s1 = fold(code, s1, v128.load(x, 16));
    s2 = fold(code, s2, v128.load(x, 32));
    s3 = fold(code, s3, v128.load(x, 48));
    s4 = fold(code, s4, v128.load(x, 64));
    s5 = fold(code, s5, v128.load(x, 80));
    s6 = fold(code, s6, v128.load(x, 96));
    s7 = fold(code, s7, v128.load(x, 112));
  }
  v128.store(y, finish(code, s0, divisor));
  v128.store(y, finish(code, s1, divisor), 16);
  v128.store(y, finish(code, s2, divisor), 32);
  v128.store(y, finish(code, s3, divisor), 48);
  v128.store(y, finish(code, s4, divisor), 64);
  v128.store(y, finish(code, s5, divisor), 80);
  v128.store(y, finish(code, s6, divisor), 96);
  v128.store(y, finish(code, s7, divisor), 112);
}

@inline
function foldStrip(code: i32, x: usize, y: usize, rows: i32, pitch: usize, columns: i32, divisor: v128): void {
  for (; columns >= 32; columns -= 32, x += 128, y += 128) foldWide(code, x, y, rows, pitch, divisor);
  for (; columns >= 4; columns -= 4, x += 16, y += 16) {
    let sum = v128.load(x);
    let at = x;
    for (let row = 1; row < rows; row++) sum = fold(code, sum, v128.load((at += pitch)));
    v128.store(y, finish(code, sum, divisor));
  }
  if (columns > 0) {
    let sum = loadColumns(x, columns);
    for (let row = 1; row < rows; row++) sum = fold(code, sum, loadColumns((x += pitch), columns));
    storeColumns(y, finish(code, sum, divisor), sum, columns);
  }
}

@inline
function reduceStrips(code: i32, a: ColumnsArgs, start: i32, end: i32): void {
  const divisor = f32x4.splat(a.divisor);
  const pitch = <usize>a.columns << 2;
  for (let unit = start; unit < end; unit++) {
    const part = unit / a.strips;
    const column = (unit - part * a.strips) * a.columnsPerStrip;
    const outer = part / a.chunks;
    const row = (part - outer * a.chunks) * a.rowsPerChunk;
    const x = <usize>a.x + (<usize>((outer * a.rows + row) * a.columns + column) << 2);
    const y = <usize>a.y + (<usize>(part * a.columns + column) << 2);
    const columns = min(a.columnsPerStrip, a.columns - column);
    foldStrip(code, x, y, min(a.rowsPerChunk, a.rows - row), pitch, columns, divisor);
  }
}

function sumColumns(a: ColumnsArgs, start: i32, end: i32): void {
  reduceStrips(SUM, a, start, end);
}

function maxColumns(a: ColumnsArgs, start: i32, end: i32): void {
  reduceStrips(MAX, a, start, end);
}

function minColumns(a: ColumnsArgs, start: i32, end: i32): void {
  reduceStrips(MIN, a, start, end);
}

/** Unit: a strip of columns of a chunk; the number of units is outer * chunks * strips. */
export function reduceColumns(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ColumnsArgs>(args);
  if (a.code == SUM) sumColumns(a, start, end);
  else if (a.code == MAX) maxColumns(a, start, end);
  else minColumns(a, start, end);
}
