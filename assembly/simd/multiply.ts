// The inner product of convolutions and matrix products along the rows of A: tiles of 4 rows x 8 columns in registers.
// Not kernels: they know neither threads nor shapes. Invariant: an output is one sum in one fixed order, whatever the tiling.
//
// Measured on V8, 128-bit strict SIMD: 8 accumulators and 3 loads in one loop fit the 16 registers; more of either spills and
// halves the rate, and a rolled loop beats an unrolled one.
//
//   multiplyRows      C[i][0..8) = sum over k of A[i][k] * B[k][0..8)        rows of A are contiguous: forward, input gradient
//
//     k -------------------->           B: panel of 8 columns, one row a `panelStep`
//   p0 a a a a . a a a a . …              b b b b b b b b     runs of `run` floats, `runsX` of them `jumpX` apart,
//   p1 a a a a . a a a a . …              b b b b b b b b     `runsY` such groups `jumpY` apart: the taps of a filter,
//   p2 a a a a . a a a a . …              b b b b b b b b     read in place in the input
//   p3 a a a a . a a a a . …              …
//
// Sums down the columns of A are in multiply-columns.ts.
import { loadColumns, storeColumns } from './columns';

/** Bounds that clamp nothing. */
export const LOWEST: f32 = -Infinity;
export const HIGHEST: f32 = Infinity;

@inline
export function madd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** Clamps, NaN staying NaN: the operands are in the order in which `pmax` and `pmin` keep it. */
@inline
function clamp(value: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(value, low), high);
}

/** Where tile rows read and write: pairs (byte offset in A, byte offset in C), the last pair repeated three times more. */
const PAIR_BYTES: usize = 8;

/** Repeats the last pair, so that a tile of four may reach over the end: it computes and stores the last row again. */
@inline
export function padPairs(end: usize): void {
  const last = load<u64>(end - PAIR_BYTES);
  store<u64>(end, last);
  store<u64>(end + 8, last);
  store<u64>(end + 16, last);
}

/**
 * Products of table rows with one panel.
 *
 * @param pairs Table of pairs, padded by `padPairs`
 * @param init Eight floats that each sum starts from: the bias or zeros
 * @param columnBytes Added to each C offset: the panel's place in a row of C
 * @param columns How many of the eight columns exist
 * @param accumulate Add to what C holds instead of replacing it
 */
export function multiplyRows(
  pairs: usize,
  rows: i32,
  panel: usize,
  panelStep: usize,
  runsY: i32,
  runsX: i32,
  run: i32,
  jumpX: usize,
  jumpY: usize,
  init: usize,
  columnBytes: usize,
  columns: i32,
  accumulate: bool,
  low: f32,
  high: f32,
): void {
  const runBytes = (<usize>run) * panelStep;
  const end = pairs + (<usize>rows) * PAIR_BYTES;
  for (; pairs < end; pairs += 4 * PAIR_BYTES) {
    let p0 = <usize>load<u32>(pairs);
    let p1 = <usize>load<u32>(pairs, 8);
    let p2 = <usize>load<u32>(pairs, 16);
    let p3 = <usize>load<u32>(pairs, 24);
    let c00 = v128.load(init);
    let c01 = v128.load(init, 16);
    let c10 = c00;
    let c11 = c01;
    let c20 = c00;
    let c21 = c01;
    let c30 = c00;
    let c31 = c01;
    let b = panel;
    for (let y = 0; y < runsY; y++) {
      for (let x = 0; x < runsX; x++) {
        const runEnd = b + runBytes;
        do {
          const b0 = v128.load(b);
          const b1 = v128.load(b, 16);
          let a = v128.load32_splat(p0);
          c00 = madd(c00, a, b0);
          c01 = madd(c01, a, b1);
          a = v128.load32_splat(p1);
          c10 = madd(c10, a, b0);
          c11 = madd(c11, a, b1);
          a = v128.load32_splat(p2);
          c20 = madd(c20, a, b0);
          c21 = madd(c21, a, b1);
          a = v128.load32_splat(p3);
          c30 = madd(c30, a, b0);
          c31 = madd(c31, a, b1);
          b += panelStep;
          p0 += 4;
          p1 += 4;
          p2 += 4;
          p3 += 4;
        } while (b != runEnd);
        p0 += jumpX;
        p1 += jumpX;
        p2 += jumpX;
        p3 += jumpX;
      }
      p0 += jumpY;
      p1 += jumpY;
      p2 += jumpY;
      p3 += jumpY;
    }
    const o0 = <usize>load<u32>(pairs, 4) + columnBytes;
    const o1 = <usize>load<u32>(pairs, 12) + columnBytes;
    const o2 = <usize>load<u32>(pairs, 20) + columnBytes;
    const o3 = <usize>load<u32>(pairs, 28) + columnBytes;
    const minimum = f32x4.splat(low);
    const maximum = f32x4.splat(high);
    if (columns == 8) {
      if (accumulate) {
        // All loads come before the first store: repeated rows share a place.
        c00 = f32x4.add(c00, v128.load(o0));
        c01 = f32x4.add(c01, v128.load(o0, 16));
        c10 = f32x4.add(c10, v128.load(o1));
        c11 = f32x4.add(c11, v128.load(o1, 16));
        c20 = f32x4.add(c20, v128.load(o2));
        c21 = f32x4.add(c21, v128.load(o2, 16));
        c30 = f32x4.add(c30, v128.load(o3));
        c31 = f32x4.add(c31, v128.load(o3, 16));
      }
      v128.store(o0, clamp(c00, minimum, maximum));
      v128.store(o0, clamp(c01, minimum, maximum), 16);
      v128.store(o1, clamp(c10, minimum, maximum));
      v128.store(o1, clamp(c11, minimum, maximum), 16);
      v128.store(o2, clamp(c20, minimum, maximum));
      v128.store(o2, clamp(c21, minimum, maximum), 16);
      v128.store(o3, clamp(c30, minimum, maximum));
      v128.store(o3, clamp(c31, minimum, maximum), 16);
    } else {
      if (accumulate) {
        c00 = f32x4.add(c00, loadColumns(o0, columns));
        c01 = f32x4.add(c01, loadColumns(o0 + 16, columns - 4));
        c10 = f32x4.add(c10, loadColumns(o1, columns));
        c11 = f32x4.add(c11, loadColumns(o1 + 16, columns - 4));
        c20 = f32x4.add(c20, loadColumns(o2, columns));
        c21 = f32x4.add(c21, loadColumns(o2 + 16, columns - 4));
        c30 = f32x4.add(c30, loadColumns(o3, columns));
        c31 = f32x4.add(c31, loadColumns(o3 + 16, columns - 4));
      }
      storeColumns(o0, clamp(c00, minimum, maximum), clamp(c01, minimum, maximum), columns);
      storeColumns(o1, clamp(c10, minimum, maximum), clamp(c11, minimum, maximum), columns);
      storeColumns(o2, clamp(c20, minimum, maximum), clamp(c21, minimum, maximum), columns);
      storeColumns(o3, clamp(c30, minimum, maximum), clamp(c31, minimum, maximum), columns);
    }
  }
}

/**
 * Rows that lie `aPitch` bytes apart times one panel, replacing C. A last tile of fewer than four rows computes its last row again.
 *
 * @param panel First row of the panel, its eight columns side by side
 * @param columns How many of the eight columns exist
 */
export function multiplyBlock(
  a: usize, aPitch: usize, rows: i32, depth: i32, panel: usize, c: usize, cPitch: usize, columns: i32,
): void {
  const end = panel + ((<usize>depth) << 5);
  // The last row of a panel of odd depth; else none.
  const last = depth & 1 ? end - 32 : 0;
  for (let row = 0; row < rows; row += 4) {
    const left = rows - row;
    const step1 = left > 1 ? 1 : 0;
    const step2 = left > 2 ? 2 : step1;
    const step3 = left > 3 ? 3 : step2;
    let p0 = a + <usize>row * aPitch;
    let p1 = p0 + <usize>step1 * aPitch;
    let p2 = p0 + <usize>step2 * aPitch;
    let p3 = p0 + <usize>step3 * aPitch;
    let c00 = f32x4.splat(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    let b = panel;
    // Two rows of the panel a round, with a branch between: V8 keeps the loads of each apart, and spills none.
    while (true) {
      let b0 = v128.load(b);
      let b1 = v128.load(b, 16);
      let s = v128.load32_splat(p0);
      c00 = madd(c00, s, b0);
      c01 = madd(c01, s, b1);
      s = v128.load32_splat(p1);
      c10 = madd(c10, s, b0);
      c11 = madd(c11, s, b1);
      s = v128.load32_splat(p2);
      c20 = madd(c20, s, b0);
      c21 = madd(c21, s, b1);
      s = v128.load32_splat(p3);
      c30 = madd(c30, s, b0);
      c31 = madd(c31, s, b1);
      if (b == last) break;
      b0 = v128.load(b, 32);
      b1 = v128.load(b, 48);
      s = v128.load32_splat(p0, 4);
      c00 = madd(c00, s, b0);
      c01 = madd(c01, s, b1);
      s = v128.load32_splat(p1, 4);
      c10 = madd(c10, s, b0);
      c11 = madd(c11, s, b1);
      s = v128.load32_splat(p2, 4);
      c20 = madd(c20, s, b0);
      c21 = madd(c21, s, b1);
      s = v128.load32_splat(p3, 4);
      c30 = madd(c30, s, b0);
      c31 = madd(c31, s, b1);
      b += 64;
      if (b == end) break;
      p0 += 8;
      p1 += 8;
      p2 += 8;
      p3 += 8;
    }
    const to = c + <usize>row * cPitch;
    storeColumns(to, c00, c01, columns);
    storeColumns(to + <usize>step1 * cPitch, c10, c11, columns);
    storeColumns(to + <usize>step2 * cPitch, c20, c21, columns);
    storeColumns(to + <usize>step3 * cPitch, c30, c31, columns);
  }
}

/** Adds to what is there if asked to, clamps and stores a row of a tile. */
@inline
export function finishRow(at: usize, c0: v128, c1: v128, columns: i32, accumulate: bool, low: v128, high: v128): void {
  if (columns == 8) {
    if (accumulate) {
      c0 = f32x4.add(c0, v128.load(at));
      c1 = f32x4.add(c1, v128.load(at, 16));
    }
    v128.store(at, clamp(c0, low, high));
    v128.store(at, clamp(c1, low, high), 16);
  } else {
    if (accumulate) {
      c0 = f32x4.add(c0, loadColumns(at, columns));
      c1 = f32x4.add(c1, loadColumns(at + 16, columns - 4));
    }
    storeColumns(at, clamp(c0, low, high), clamp(c1, low, high), columns);
  }
}
