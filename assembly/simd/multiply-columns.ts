// The inner product of convolutions and matrix products down the columns of A, A^T times B: tiles of 4 columns of A x 8 of B in registers,
// as in multiply.ts. Not a kernel: it knows neither threads nor shapes. Invariant: an output is one sum in one fixed order.
//
//   multiplyColumns   C[i][0..8) = sum over k of A[k][i] * B[k][0..8)        columns of A are contiguous: filter gradient, A^T
//
//   k | a0 a1 a2 a3 |   | b b b b b b b b |     A and B step by their own strides; A jumps after each `pixels` and
//   k | a0 a1 a2 a3 |   | b b b b b b b b |     after each `lines`: it is read in place below the sliding filter;
//                                               or a table gives the byte offset of each k
import { finishRow, madd } from './multiply';

/**
 * Four columns of A, transposed, times eight columns of B, over `depth` rows: C[i][0..8) = sum over k of A[k][i] * B[k][0..8). The
 * plain case of `multiplyColumns`, for products whose depth is short.
 *
 * @param accumulate Go on from what C holds
 */
export function multiplyTransposedBlock(
  a: usize, aPitch: usize, b: usize, bPitch: usize, depth: i32, c: usize, cPitch: usize, accumulate: bool,
): void {
  const end = b + <usize>depth * bPitch;
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  if (accumulate) {
    c00 = v128.load(c);
    c01 = v128.load(c, 16);
    c10 = v128.load(c + cPitch);
    c11 = v128.load(c + cPitch, 16);
    c20 = v128.load(c + 2 * cPitch);
    c21 = v128.load(c + 2 * cPitch, 16);
    c30 = v128.load(c + 3 * cPitch);
    c31 = v128.load(c + 3 * cPitch, 16);
  }
  for (; b < end; a += aPitch, b += bPitch) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = madd(c00, s, b0);
    c01 = madd(c01, s, b1);
    s = v128.load32_splat(a, 4);
    c10 = madd(c10, s, b0);
    c11 = madd(c11, s, b1);
    s = v128.load32_splat(a, 8);
    c20 = madd(c20, s, b0);
    c21 = madd(c21, s, b1);
    s = v128.load32_splat(a, 12);
    c30 = madd(c30, s, b0);
    c31 = madd(c31, s, b1);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c + cPitch, c10);
  v128.store(c + cPitch, c11, 16);
  v128.store(c + 2 * cPitch, c20);
  v128.store(c + 2 * cPitch, c21, 16);
  v128.store(c + 3 * cPitch, c30);
  v128.store(c + 3 * cPitch, c31, 16);
}

/** One tile of `multiplyColumns`; `rows` and `byTable` are constants at each place of use and fold away. */
@inline
function columnsTile(
  rows: i32,
  byTable: bool,
  offsets: usize,
  a: usize,
  b: usize,
  images: i32,
  lines: i32,
  pixels: i32,
  aStep: usize,
  aLineJump: usize,
  aImageJump: usize,
  bStep: usize,
  init: usize,
  out: usize,
  outPitch: usize,
  columns: i32,
  accumulate: bool,
  low: f32,
  high: f32,
): void {
  let c00 = v128.load(init);
  let c01 = v128.load(init, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  const lineBytes = (<usize>pixels) * bStep;
  for (let image = 0; image < images; image++) {
    for (let line = 0; line < lines; line++) {
      const lineEnd = b + lineBytes;
      do {
        const b0 = v128.load(b);
        const b1 = v128.load(b, 16);
        let at = a;
        if (byTable) at += load<u32>(offsets);
        let s = v128.load32_splat(at);
        c00 = madd(c00, s, b0);
        c01 = madd(c01, s, b1);
        if (rows > 1) {
          s = v128.load32_splat(at, 4);
          c10 = madd(c10, s, b0);
          c11 = madd(c11, s, b1);
        }
        if (rows > 2) {
          s = v128.load32_splat(at, 8);
          c20 = madd(c20, s, b0);
          c21 = madd(c21, s, b1);
        }
        if (rows > 3) {
          s = v128.load32_splat(at, 12);
          c30 = madd(c30, s, b0);
          c31 = madd(c31, s, b1);
        }
        if (byTable) offsets += 4;
        else a += aStep;
        b += bStep;
      } while (b != lineEnd);
      a += aLineJump;
    }
    a += aImageJump;
  }
  const minimum = f32x4.splat(low);
  const maximum = f32x4.splat(high);
  finishRow(out, c00, c01, columns, accumulate, minimum, maximum);
  if (rows > 1) finishRow(out + outPitch, c10, c11, columns, accumulate, minimum, maximum);
  if (rows > 2) finishRow(out + 2 * outPitch, c20, c21, columns, accumulate, minimum, maximum);
  if (rows > 3) finishRow(out + 3 * outPitch, c30, c31, columns, accumulate, minimum, maximum);
}

/**
 * Product of up to four contiguous columns of A, transposed, with eight columns of B.
 *
 * @param rows Columns of A, rows of C: 1 to 4
 * @param init Eight floats that each sum starts from
 * @param accumulate Add the sum to what C holds instead of replacing it
 */
export function multiplyColumns(
  rows: i32,
  a: usize,
  b: usize,
  images: i32,
  lines: i32,
  pixels: i32,
  aStep: usize,
  aLineJump: usize,
  aImageJump: usize,
  bStep: usize,
  init: usize,
  out: usize,
  outPitch: usize,
  columns: i32,
  accumulate: bool,
  low: f32,
  high: f32,
): void {
  if (rows == 4) {
    columnsTile(
      4, false, 0, a, b, images, lines, pixels, aStep, aLineJump, aImageJump, bStep, init, out, outPitch, columns,
      accumulate, low, high,
    );
  } else if (rows == 3) {
    columnsTile(
      3, false, 0, a, b, images, lines, pixels, aStep, aLineJump, aImageJump, bStep, init, out, outPitch, columns,
      accumulate, low, high,
    );
  } else if (rows == 2) {
    columnsTile(
      2, false, 0, a, b, images, lines, pixels, aStep, aLineJump, aImageJump, bStep, init, out, outPitch, columns,
      accumulate, low, high,
    );
  } else {
    columnsTile(
      1, false, 0, a, b, images, lines, pixels, aStep, aLineJump, aImageJump, bStep, init, out, outPitch, columns,
      accumulate, low, high,
    );
  }
}

/** The same where lines are so short that ending them costs more than looking up each pixel's byte offset from `a`. */
export function multiplyColumnsByTable(
  rows: i32,
  offsets: usize,
  a: usize,
  b: usize,
  pixels: i32,
  bStep: usize,
  init: usize,
  out: usize,
  outPitch: usize,
  columns: i32,
  accumulate: bool,
  low: f32,
  high: f32,
): void {
  if (rows == 4) {
    columnsTile(
      4, true, offsets, a, b, 1, 1, pixels, 0, 0, 0, bStep, init, out, outPitch, columns, accumulate, low, high,
    );
  } else if (rows == 3) {
    columnsTile(
      3, true, offsets, a, b, 1, 1, pixels, 0, 0, 0, bStep, init, out, outPitch, columns, accumulate, low, high,
    );
  } else if (rows == 2) {
    columnsTile(
      2, true, offsets, a, b, 1, 1, pixels, 0, 0, 0, bStep, init, out, outPitch, columns, accumulate, low, high,
    );
  } else {
    columnsTile(
      1, true, offsets, a, b, 1, 1, pixels, 0, 0, 0, bStep, init, out, outPitch, columns, accumulate, low, high,
    );
  }
}
