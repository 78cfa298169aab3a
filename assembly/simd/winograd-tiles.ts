// Two-dimensional Winograd transforms of one tile of NHWC pixels, for all its channels, and tiles that reach over an image's edge.
// Not kernels: winograd-conv-2d.ts and its gradients walk over tiles. Invariant: lines first, then columns, so results do not
// depend on where a tile lies.
//
//   tile: `size` x `size` pixels         positions: n x n products of the tile, `positionBytes` apart
//
//     . . . . . .  <- rowBytes             [ channels of the tile ] [ … ] … n * n
//     . . . . . .     pixelBytes ->
import { copyFloats, zeroFloats } from './columns';
import {
  ADD, FILTER, FILTER_GRADIENT, FINISH, INPUT, INPUT_GRADIENT, inputsOf, OUTPUT, OUTPUT_GRADIENT, outputsOf, REPLACE,
  transformLines,
} from './winograd';

/** Bytes that transforms keep lines in: 8 x 8 vectors, and a cache line. */
export const LINES_BYTES: usize = 1088;

/**
 * Transforms four channels of a tile, rows first.
 *
 * @param mode ADD is for INPUT_GRADIENT and FINISH, with `bias`, `low` and `high`, for OUTPUT
 */
export function transformFour(
  kind: i32, m: i32, mode: i32, from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize,
  lines: usize, bias: v128, low: v128, high: v128,
): void {
  const ins = inputsOf(kind, m);
  const outs = outputsOf(kind, m);
  const lineBytes = (<usize>ins) << 4;
  transformLines(kind, m, false, from, fromRow, fromColumn, lines, 16, lineBytes, ins);
  if (mode != FINISH) {
    transformLines(kind, m, mode == ADD, lines, lineBytes, 16, to, toColumn, toRow, outs);
    return;
  }
  transformLines(kind, m, false, lines, lineBytes, 16, lines, lineBytes, 16, outs);
  for (let column = 0; column < outs; column++, lines += lineBytes, to += toColumn) {
    let at = to;
    for (let line = lines; line < lines + ((<usize>outs) << 4); line += 16, at += toRow) {
      v128.store(at, f32x4.pmin(f32x4.pmax(f32x4.add(v128.load(line), bias), low), high));
    }
  }
}

/** Pixels to positions: four channels after four lie `evenStep` apart, and after every second of them `oddStep`. */
@inline
function tileToPositions(
  kind: i32, m: i32, from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, evenStep: usize,
  oddStep: usize, lines: usize,
): void {
  const zero = f32x4.splat(0);
  const end = from + pixelBytes;
  const toRow = <usize>outputsOf(kind, m) * positionBytes;
  let step = evenStep;
  let next = oddStep;
  for (; from < end; from += 16) {
    transformFour(
      kind, m, REPLACE, from, rowBytes, pixelBytes, to, toRow, positionBytes, lines, zero, zero, zero,
    );
    to += step;
    const swap = step;
    step = next;
    next = swap;
  }
}

/** V = B^T d B of a tile of m + 2 by m + 2 pixels. */
export function inputTile(
  m: i32, from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, step: usize, lines: usize,
): void {
  tileToPositions(INPUT, m, from, rowBytes, pixelBytes, to, positionBytes, step, step, lines);
}

/** dM = A dY A^T of a tile of m by m pixels. */
export function outputGradientTile(
  m: i32, from: usize, rowBytes: usize, pixelBytes: usize, to: usize, positionBytes: usize, evenStep: usize,
  oddStep: usize, lines: usize,
): void {
  tileToPositions(OUTPUT_GRADIENT, m, from, rowBytes, pixelBytes, to, positionBytes, evenStep, oddStep, lines);
}

/** Y = clamp(A^T M A + bias) of a tile of m by m pixels. `biasStep` is 4, or 0 for one bias for all channels; `bias` may be 0: none. */
export function outputTile(
  m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, bias: usize, biasStep: usize,
  low: f32, high: f32, lines: usize,
): void {
  const fromRow = <usize>(m + 2) * positionBytes;
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
    transformFour(
      OUTPUT, m, FINISH, from, fromRow, positionBytes, to, rowBytes, pixelBytes, lines, added, minimum, maximum,
    );
  }
}

/** dX += B dV B^T over a tile of m + 2 by m + 2 pixels. */
export function inputGradientTile(
  m: i32, from: usize, positionBytes: usize, to: usize, rowBytes: usize, pixelBytes: usize, lines: usize,
): void {
  const fromRow = <usize>(m + 2) * positionBytes;
  const zero = f32x4.splat(0);
  const end = to + pixelBytes;
  for (; to < end; to += 16, from += 16) {
    transformFour(
      INPUT_GRADIENT, m, ADD, from, fromRow, positionBytes, to, rowBytes, pixelBytes, lines, zero, zero, zero,
    );
  }
}

/** U = G g G^T of `vectors` vectors of four weights; taps, and positions, lie `fromBytes` and `toBytes` apart. */
@inline
function filterVectors(
  kind: i32, m: i32, from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  const zero = f32x4.splat(0);
  const fromRow = <usize>inputsOf(kind, m) * fromBytes;
  const toRow = <usize>outputsOf(kind, m) * toBytes;
  for (let vector = 0; vector < vectors; vector++, from += 16, to += 16) {
    transformFour(kind, m, REPLACE, from, fromRow, fromBytes, to, toRow, toBytes, lines, zero, zero, zero);
  }
}

export function transformFilter(
  m: i32, from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  filterVectors(FILTER, m, from, fromBytes, to, toBytes, vectors, lines);
}

/** dW = G^T dU G. */
export function transformFilterGradient(
  m: i32, from: usize, fromBytes: usize, to: usize, toBytes: usize, vectors: i32, lines: usize,
): void {
  filterVectors(FILTER_GRADIENT, m, from, fromBytes, to, toBytes, vectors, lines);
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
