// Two-dimensional Winograd transforms of one tile of NHWC pixels, for all its channels, and tiles that reach over an image's edge.
// Not kernels: winograd-conv-2d.ts and its gradients walk over tiles. Invariant: lines first, then columns, so results do not
// depend on where a tile lies.
//
//   tile: `size` x `size` pixels         positions: n x n products of the tile, `positionBytes` apart
//
//     . . . . . .  <- rowBytes             [ channels of the tile ] [ … ] … n * n
//     . . . . . .     pixelBytes ->
import { copyFloats, zeroFloats } from './columns';
import { filterFour, filterGradientFour, inputFour, inputGradientFour, outputFour, outputGradientFour } from './winograd';
import { F2, F3, F4 } from './winograd-f2-f4';
import { F5, F6 } from './winograd-f5-f6';

/** Bytes that transforms keep lines in: 8 x 8 vectors, and a cache line. */
export const LINES_BYTES: usize = 1088;

/** V = B^T d B of a tile of m + 2 by m + 2 pixels; groups of four channels go `step` bytes apart. */
@inline
export function inputTile(
  m: i32, from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, step: usize, lines: usize,
): void {
  if (m == 6) inputBy<F6>(from, rowBytes, pixelBytes, to, positionBytes, step, lines);
  else if (m == 5) inputBy<F5>(from, rowBytes, pixelBytes, to, positionBytes, step, lines);
  else if (m == 4) inputBy<F4>(from, rowBytes, pixelBytes, to, positionBytes, step, lines);
  else if (m == 3) inputBy<F3>(from, rowBytes, pixelBytes, to, positionBytes, step, lines);
  else inputBy<F2>(from, rowBytes, pixelBytes, to, positionBytes, step, lines);
}

function inputBy<F>(
  from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, step: usize, lines: usize,
): void {
  const end = from + pixelBytes;
  const toRow = <usize>(changetype<F>(0).m + 2) * positionBytes;
  for (; from < end; from += 16, to += step) {
    inputFour<F>(from, rowBytes, pixelBytes, to, toRow, positionBytes, lines);
  }
}

/** dM = A dY A^T of a tile of m by m pixels; groups of four channels go `evenStep` and `oddStep` bytes apart in turn. */
@inline
export function outputGradientTile(
  m: i32, from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, evenStep: usize,
  oddStep: usize, lines: usize,
): void {
  if (m == 6) outputGradientBy<F6>(from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
  else if (m == 5) outputGradientBy<F5>(from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
  else if (m == 4) outputGradientBy<F4>(from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
  else if (m == 3) outputGradientBy<F3>(from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
  else outputGradientBy<F2>(from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
}

function outputGradientBy<F>(
  from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, evenStep: usize, oddStep: usize,
  lines: usize,
): void {
  const end = from + pixelBytes;
  const toRow = <usize>(changetype<F>(0).m + 2) * positionBytes;
  let step = evenStep;
  let next = oddStep;
  for (; from < end; from += 16) {
    outputGradientFour<F>(from, rowBytes, pixelBytes, to, toRow, positionBytes, lines);
    to += step;
    const swap = step;
    step = next;
    next = swap;
  }
}

/** Y = A^T M A of a tile of m by m pixels. */
@inline
export function sumsTile(
  m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, lines: usize,
): void {
  if (m == 6) sumsBy<F6>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 5) sumsBy<F5>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 4) sumsBy<F4>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 3) sumsBy<F3>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else sumsBy<F2>(from, positionBytes, to, rowBytes, pixelBytes, lines);
}

function sumsBy<F>(
  from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, lines: usize,
): void {
  const fromRow = <usize>(changetype<F>(0).m + 2) * positionBytes;
  const end = to + pixelBytes;
  for (; to < end; to += 16, from += 16) outputFour<F>(from, fromRow, positionBytes, to, rowBytes, pixelBytes, lines);
}

/** Y = A^T M A of four channels of a tile, to m by m vectors side by side in rows. */
@inline
export function outputStrip(m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, lines: usize): void {
  if (m == 6) outputStripBy<F6>(from, positionBytes, to, rowBytes, lines);
  else if (m == 5) outputStripBy<F5>(from, positionBytes, to, rowBytes, lines);
  else if (m == 4) outputStripBy<F4>(from, positionBytes, to, rowBytes, lines);
  else if (m == 3) outputStripBy<F3>(from, positionBytes, to, rowBytes, lines);
  else outputStripBy<F2>(from, positionBytes, to, rowBytes, lines);
}

function outputStripBy<F>(from: usize, positionBytes: usize, to: usize, rowBytes: usize, lines: usize): void {
  const fromRow = <usize>(changetype<F>(0).m + 2) * positionBytes;
  outputFour<F>(from, fromRow, positionBytes, to, rowBytes, 16, lines);
}

/** Y = clamp(A^T M A + bias) of a tile of m by m pixels. `biasStep` is 4, or 0 for one bias for all channels; `bias` may be 0: none. */
@inline
export function outputTile(
  m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, bias: usize, biasStep: usize,
  low: f32, high: f32, lines: usize,
): void {
  if (m == 6) outputBy<F6>(from, positionBytes, to, rowBytes, pixelBytes, bias, biasStep, low, high, lines);
  else if (m == 5) outputBy<F5>(from, positionBytes, to, rowBytes, pixelBytes, bias, biasStep, low, high, lines);
  else if (m == 4) outputBy<F4>(from, positionBytes, to, rowBytes, pixelBytes, bias, biasStep, low, high, lines);
  else if (m == 3) outputBy<F3>(from, positionBytes, to, rowBytes, pixelBytes, bias, biasStep, low, high, lines);
  else outputBy<F2>(from, positionBytes, to, rowBytes, pixelBytes, bias, biasStep, low, high, lines);
}

function outputBy<F>(
  from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, bias: usize, biasStep: usize,
  low: f32, high: f32, lines: usize,
): void {
  const m = changetype<F>(0).m;
  const lineBytes = (<usize>(m + 2)) << 4;
  const minimum = f32x4.splat(low);
  const maximum = f32x4.splat(high);
  const end = to + pixelBytes;
  let added = f32x4.splat(0);
  if (bias != 0) added = v128.load32_splat(bias);
  for (; to < end; to += 16, from += 16) {
    if (biasStep != 0) {
      added = v128.load(bias);
      bias += 16;
    }
    // The second pass replaces each line by its results.
    outputFour<F>(from, (<usize>(m + 2)) * positionBytes, positionBytes, lines, 16, lineBytes, lines);
    for (let x = 0, column = to, line = lines; x < m; x++, column += pixelBytes, line += lineBytes) {
      for (let y = 0, at = column, value = line; y < m; y++, at += rowBytes, value += 16) {
        v128.store(at, f32x4.pmin(f32x4.pmax(f32x4.add(v128.load(value), added), minimum), maximum));
      }
    }
  }
}

/** dX += B dV B^T over a tile of m + 2 by m + 2 pixels. */
@inline
export function inputGradientTile(
  m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, lines: usize,
): void {
  if (m == 6) inputGradientBy<F6>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 5) inputGradientBy<F5>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 4) inputGradientBy<F4>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else if (m == 3) inputGradientBy<F3>(from, positionBytes, to, rowBytes, pixelBytes, lines);
  else inputGradientBy<F2>(from, positionBytes, to, rowBytes, pixelBytes, lines);
}

function inputGradientBy<F>(
  from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, lines: usize,
): void {
  const fromRow = <usize>(changetype<F>(0).m + 2) * positionBytes;
  const end = to + pixelBytes;
  for (; to < end; to += 16, from += 16) {
    inputGradientFour<F>(from, fromRow, positionBytes, to, rowBytes, pixelBytes, lines);
  }
}

/** U = G g G^T of `vectors` vectors of four weights; taps, and positions, lie `fromBytes` and `toBytes` apart. */
@inline
export function transformFilter(
  m: i32, from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  if (m == 6) filterBy<F6>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 5) filterBy<F5>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 4) filterBy<F4>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 3) filterBy<F3>(from, fromBytes, to, toBytes, vectors, lines);
  else filterBy<F2>(from, fromBytes, to, toBytes, vectors, lines);
}

function filterBy<F>(from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize): void {
  const toRow = <usize>(changetype<F>(0).m + 2) * toBytes;
  for (let vector = 0; vector < vectors; vector++, from += 16, to += 16) {
    filterFour<F>(from, 3 * fromBytes, fromBytes, to, toRow, toBytes, lines);
  }
}

/** dW = G^T dU G. */
@inline
export function transformFilterGradient(
  m: i32, from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  if (m == 6) filterGradientBy<F6>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 5) filterGradientBy<F5>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 4) filterGradientBy<F4>(from, fromBytes, to, toBytes, vectors, lines);
  else if (m == 3) filterGradientBy<F3>(from, fromBytes, to, toBytes, vectors, lines);
  else filterGradientBy<F2>(from, fromBytes, to, toBytes, vectors, lines);
}

function filterGradientBy<F>(
  from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  const fromRow = <usize>(changetype<F>(0).m + 2) * fromBytes;
  for (let vector = 0; vector < vectors; vector++, from += 16, to += 16) {
    filterGradientFour<F>(from, fromRow, fromBytes, to, 3 * toBytes, toBytes, lines);
  }
}

/**
 * Copies the part of a tile that lies in an image; zeros outside.
 *
 * @param image First pixel of an image of `height` by `width` pixels
 * @param y Top row and `x` left column of the tile in the image; may be negative
 */
export function gatherTile(
  to: usize, image: usize, height: i32, width: i32, pixelBytes: usize, y: i32, x: i32, size: i32,
): void {
  const rowBytes = <usize>size * pixelBytes;
  const first = min(max(-x, 0), size);
  const last = max(min(width - x, size), first);
  for (let row = y; row < y + size; row++, to += rowBytes) {
    if (row < 0 || row >= height || first == last) {
      zeroFloats(to, rowBytes);
      continue;
    }
    const from = image + <usize>(row * width + x + first) * pixelBytes;
    zeroFloats(to, <usize>first * pixelBytes);
    copyFloats(to + <usize>first * pixelBytes, from, <usize>(last - first) * pixelBytes);
    zeroFloats(to + <usize>last * pixelBytes, <usize>(size - last) * pixelBytes);
  }
}

/** Copies, or adds, the part of a tile that lies in an image. */
@inline
function putTile(
  adds: bool, from: usize, image: usize, height: i32, width: i32, pixelBytes: usize, y: i32, x: i32, size: i32,
): void {
  const rowBytes = <usize>size * pixelBytes;
  const first = min(max(-x, 0), size);
  const last = max(min(width - x, size), first);
  const bytes = <usize>(last - first) * pixelBytes;
  const firstRow = max(-y, 0);
  const lastRow = min(height - y, size);
  for (let row = firstRow; row < lastRow; row++) {
    let at = image + <usize>((y + row) * width + x + first) * pixelBytes;
    let tile = from + <usize>row * rowBytes + <usize>first * pixelBytes;
    const end = at + bytes;
    for (; at < end; at += 16, tile += 16) {
      if (adds) v128.store(at, f32x4.add(v128.load(at), v128.load(tile)));
      else v128.store(at, v128.load(tile));
    }
  }
}

export function scatterTile(
  from: usize, image: usize, height: i32, width: i32, pixelBytes: usize, y: i32, x: i32, size: i32,
): void {
  putTile(false, from, image, height, width, pixelBytes, y, x, size);
}

export function scatterAddTile(
  from: usize, image: usize, height: i32, width: i32, pixelBytes: usize, y: i32, x: i32, size: i32,
): void {
  putTile(true, from, image, height, width, pixelBytes, y, x, size);
}
