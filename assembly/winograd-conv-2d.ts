// 3x3 convolution with stride 1 by Winograd's minimal filtering F(m x m, 3 x 3), NHWC, and both gradients.
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. The gradients are the transposed
// algorithm: every step of the forward pass, transposed, in reverse order. Channels come in multiples of four.
//
//   d    tile of n x n inputs, n = m + 2, m apart; zeros outside the image
//   V    = B^T d B                                              [tile][position of n * n][inChannels]
//   U    = G g G^T                                              [panel of outChannels][1 + inChannels][8]; see gemm.ts
//   M    = V U                        a product a position      [tile][position][outChannels]
//   Y    = A^T M A + bias, clamped    tile of m x m outputs
//
//   input gradient    dM = A dY A^T,  dV = dM U^T,       dX += B dV B^T      tiles overlap: one thread adds those of an image
//   filter gradient   V and dM,       dU = sum V^T dM,   dW = G^T dU G
//
//   unit of the forward pass = tilesPerUnit tiles; of the input gradient = imagesPerUnit images, tilesPerUnit tiles at a time.
//   V and M lie in the thread's scratch. The sum of an output is one over channels, whatever the units: the bits are the same for
//   any number of threads.
import { zeroFloats } from './simd/columns';
import { HIGHEST, LOWEST, multiplyBlock } from './simd/multiply';
import { multiplyColumns } from './simd/multiply-columns';
import {
  gatherTile, inputGradientTile, inputTile, LINES_BYTES, outputGradientTile, outputTile, scatterAddTile, scatterTile,
  transformFilter, transformFilterGradient,
} from './simd/winograd-tiles';
import { biasDead, deadOutputs } from './simd/winograd-zeros';

@unmanaged
class WinogradFilterArgs {
  source: u32;
  target: u32;
  /** Bytes between taps or positions. */
  sourceBytes: u32;
  targetBytes: u32;
  /** Groups of four weights; a unit is vectorsPerUnit of them. */
  vectors: i32;
  vectorsPerUnit: i32;
  m: i32;
}

/** U = G g G^T, of nine packed matrices into n * n. */
export function winogradFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradFilterArgs>(args);
  const first = start * a.vectorsPerUnit;
  const vectors = min(end * a.vectorsPerUnit, a.vectors) - first;
  const offset = (<usize>first) << 4;
  transformFilter(a.m, a.source + offset, a.sourceBytes, a.target + offset, a.targetBytes, vectors, scratch);
}

/** dW = G^T dU G. */
export function winogradFilterGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradFilterArgs>(args);
  const first = start * a.vectorsPerUnit;
  const vectors = min(end * a.vectorsPerUnit, a.vectors) - first;
  const offset = (<usize>first) << 4;
  transformFilterGradient(a.m, a.source + offset, a.sourceBytes, a.target + offset, a.targetBytes, vectors, scratch);
}

/** Sizes that the three kernels share. */
@unmanaged
class WinogradArgs {
  /** Input, or its gradient. */
  x: u32;
  /** Output, or its gradient. */
  y: u32;
  /** U, or dU. */
  u: u32;
  m: i32;
  batch: i32;
  inHeight: i32;
  inWidth: i32;
  inChannels: i32;
  outHeight: i32;
  outWidth: i32;
  outChannels: i32;
  padTop: i32;
  padLeft: i32;
  tilesY: i32;
  tilesX: i32;
  tilesPerUnit: i32;
  /** Bytes of a tile of V and of M, and between their positions. */
  rowBytesV: u32;
  rowBytesM: u32;
  positionBytesV: u32;
  positionBytesM: u32;
  /** Bytes of a panel of U and between its positions. */
  panelBytes: u32;
  positionBytesU: u32;
  /** Forward: byte offset of the bias or 0; 4, or 0 for one bias for all channels; bounds. */
  bias: u32;
  biasStep: u32;
  low: f32;
  high: f32;
  /** Input gradient: images of a unit. */
  imagesPerUnit: i32;
  /** Filter gradient: first tile and number of tiles of this part of the batch; byte offsets of V and dM; add to dU. */
  firstTile: i32;
  tiles: i32;
  v: u32;
  dm: u32;
  accumulate: i32;
}

@inline
function pixelBytesIn(a: WinogradArgs): usize {
  return (<usize>a.inChannels) << 2;
}

@inline
function pixelBytesOut(a: WinogradArgs): usize {
  return (<usize>a.outChannels) << 2;
}

/** Transforms the inputs below a tile. Groups of four channels go `step` bytes apart. Dead outputs are told where `dead` is not 0. */
function loadInput(
  a: WinogradArgs, tile: i32, to: usize, positionBytes: usize, step: usize, lines: usize, room: usize, dead: usize,
): void {
  const perImage = a.tilesY * a.tilesX;
  const image = tile / perImage;
  const tileY = (tile - image * perImage) / a.tilesX;
  const y = tileY * a.m - a.padTop;
  const x = (tile - image * perImage - tileY * a.tilesX) * a.m - a.padLeft;
  const size = a.m + 2;
  const pixel = pixelBytesIn(a);
  const first = <usize>a.x + <usize>(image * a.inHeight) * <usize>a.inWidth * pixel;
  if (y >= 0 && x >= 0 && y + size <= a.inHeight && x + size <= a.inWidth) {
    const from = first + <usize>(y * a.inWidth + x) * pixel;
    inputTile(a.m, from, <usize>a.inWidth * pixel, pixel, to, positionBytes, step, lines);
    if (dead != 0) store<u64>(dead, deadOutputs(a.m, from, <usize>a.inWidth * pixel, pixel));
  } else {
    gatherTile(room, first, a.inHeight, a.inWidth, pixel, y, x, size);
    inputTile(a.m, room, <usize>size * pixel, pixel, to, positionBytes, step, lines);
    if (dead != 0) store<u64>(dead, deadOutputs(a.m, room, <usize>size * pixel, pixel));
  }
}

/** Transforms the output gradients of a tile. */
function loadOutputGradient(
  a: WinogradArgs, tile: i32, to: usize, positionBytes: usize, evenStep: usize, oddStep: usize, lines: usize,
  room: usize,
): void {
  const perImage = a.tilesY * a.tilesX;
  const image = tile / perImage;
  const tileY = (tile - image * perImage) / a.tilesX;
  const y = tileY * a.m;
  const x = (tile - image * perImage - tileY * a.tilesX) * a.m;
  const pixel = pixelBytesOut(a);
  const first = <usize>a.y + <usize>(image * a.outHeight) * <usize>a.outWidth * pixel;
  if (y + a.m <= a.outHeight && x + a.m <= a.outWidth) {
    const from = first + <usize>(y * a.outWidth + x) * pixel;
    outputGradientTile(a.m, from, <usize>a.outWidth * pixel, pixel, to, positionBytes, evenStep, oddStep, lines);
  } else {
    gatherTile(room, first, a.outHeight, a.outWidth, pixel, y, x, a.m);
    outputGradientTile(a.m, room, <usize>a.m * pixel, pixel, to, positionBytes, evenStep, oddStep, lines);
  }
}

function storeOutput(a: WinogradArgs, tile: i32, from: usize, lines: usize, room: usize, dead: u64): void {
  const perImage = a.tilesY * a.tilesX;
  const image = tile / perImage;
  const tileY = (tile - image * perImage) / a.tilesX;
  const y = tileY * a.m;
  const x = (tile - image * perImage - tileY * a.tilesX) * a.m;
  const pixel = pixelBytesOut(a);
  const first = <usize>a.y + <usize>(image * a.outHeight) * <usize>a.outWidth * pixel;
  const isInside = y + a.m <= a.outHeight && x + a.m <= a.outWidth;
  const to = isInside ? first + <usize>(y * a.outWidth + x) * pixel : room;
  const rowBytes = <usize>(isInside ? a.outWidth : a.m) * pixel;
  outputTile(a.m, from, a.positionBytesM, to, rowBytes, pixel, a.bias, a.biasStep, a.low, a.high, lines);
  biasDead(dead, to, rowBytes, pixel, a.bias, a.biasStep, a.low, a.high);
  if (!isInside) scatterTile(room, first, a.outHeight, a.outWidth, pixel, y, x, a.m);
}

function addInputGradient(a: WinogradArgs, tile: i32, from: usize, lines: usize, room: usize): void {
  const perImage = a.tilesY * a.tilesX;
  const image = tile / perImage;
  const tileY = (tile - image * perImage) / a.tilesX;
  const y = tileY * a.m - a.padTop;
  const x = (tile - image * perImage - tileY * a.tilesX) * a.m - a.padLeft;
  const size = a.m + 2;
  const pixel = pixelBytesIn(a);
  const first = <usize>a.x + <usize>(image * a.inHeight) * <usize>a.inWidth * pixel;
  if (y >= 0 && x >= 0 && y + size <= a.inHeight && x + size <= a.inWidth) {
    const to = first + <usize>(y * a.inWidth + x) * pixel;
    inputGradientTile(a.m, from, a.positionBytesV, to, <usize>a.inWidth * pixel, pixel, lines);
  } else {
    zeroFloats(room, <usize>(size * size) * pixel);
    inputGradientTile(a.m, from, a.positionBytesV, room, <usize>size * pixel, pixel, lines);
    scatterAddTile(room, first, a.inHeight, a.inWidth, pixel, y, x, size);
  }
}

/** Per position: `rows` rows of `from` times the panels of U give rows of `to`. */
function multiplyPositions(
  a: WinogradArgs, rows: i32, depth: i32, columns: i32, from: usize, fromRow: usize, fromPosition: usize, to: usize,
  toRow: usize, toPosition: usize,
): void {
  const positions = (a.m + 2) * (a.m + 2);
  let panels = <usize>a.u;
  for (let position = 0; position < positions; position++) {
    // The bias of a packed panel comes first.
    let panel = panels + 32;
    for (let column = 0; column < columns; column += 8, panel += a.panelBytes) {
      multiplyBlock(from, fromRow, rows, depth, panel, to + ((<usize>column) << 2), toRow, min(8, columns - column));
    }
    from += fromPosition;
    to += toPosition;
    panels += a.positionBytesU;
  }
}

/** Bytes of a tile, in a thread's scratch: lines, a tile, V, M, dead outputs. */
@inline
function roomBytes(a: WinogradArgs): usize {
  return <usize>((a.m + 2) * (a.m + 2)) * (<usize>max(a.inChannels, a.outChannels) << 2);
}

export function winogradConv2d(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradArgs>(args);
  const room = scratch + LINES_BYTES;
  const v = (room + roomBytes(a) + 63) & ~63;
  const products = v + <usize>a.tilesPerUnit * a.rowBytesV;
  const dead = products + <usize>a.tilesPerUnit * a.rowBytesM;
  const total = a.batch * a.tilesY * a.tilesX;
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.tilesPerUnit;
    const tiles = min(a.tilesPerUnit, total - first);
    for (let i = 0; i < tiles; i++) {
      loadInput(a, first + i, v + <usize>i * a.rowBytesV, a.positionBytesV, 16, scratch, room, dead + ((<usize>i) << 3));
    }
    multiplyPositions(
      a, tiles, a.inChannels, a.outChannels, v, a.rowBytesV, a.positionBytesV, products, a.rowBytesM, a.positionBytesM,
    );
    for (let i = 0; i < tiles; i++) {
      const from = products + <usize>i * a.rowBytesM;
      storeOutput(a, first + i, from, scratch, room, load<u64>(dead + ((<usize>i) << 3)));
    }
  }
}

export function winogradConv2dBackpropInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradArgs>(args);
  const room = scratch + LINES_BYTES;
  const v = (room + roomBytes(a) + 63) & ~63;
  const products = v + <usize>a.tilesPerUnit * a.rowBytesV;
  const perImage = a.tilesY * a.tilesX;
  const imageBytes = <usize>(a.inHeight * a.inWidth) * pixelBytesIn(a);
  for (let unit = start; unit < end; unit++) {
    const firstImage = unit * a.imagesPerUnit;
    const lastImage = min(firstImage + a.imagesPerUnit, a.batch);
    memory.fill(<usize>a.x + <usize>firstImage * imageBytes, 0, <usize>(lastImage - firstImage) * imageBytes);
    for (let first = firstImage * perImage; first < lastImage * perImage; first += a.tilesPerUnit) {
      const tiles = min(a.tilesPerUnit, lastImage * perImage - first);
      for (let i = 0; i < tiles; i++) {
        const to = products + <usize>i * a.rowBytesM;
        loadOutputGradient(a, first + i, to, a.positionBytesM, 16, 16, scratch, room);
      }
      multiplyPositions(
        a, tiles, a.outChannels, a.inChannels, products, a.rowBytesM, a.positionBytesM, v, a.rowBytesV,
        a.positionBytesV,
      );
      for (let i = 0; i < tiles; i++) addInputGradient(a, first + i, v + <usize>i * a.rowBytesV, scratch, room);
    }
  }
}

/**
 * V and dM of a part of the batch, for the filter gradient; a unit is tilesPerUnit tiles. What a product reads lies side by side:
 *
 *   V   [position][four inChannels][tile][4]      dM   [position][eight outChannels][tile][8]
 */
export function winogradTiles(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradArgs>(args);
  const room = scratch + LINES_BYTES;
  const stepV = (<usize>a.tiles) << 4;
  const stepM = ((<usize>a.tiles) << 5) - 16;
  const last = min(end * a.tilesPerUnit, a.tiles);
  for (let i = start * a.tilesPerUnit; i < last; i++) {
    loadInput(a, a.firstTile + i, <usize>a.v + ((<usize>i) << 4), a.positionBytesV, stepV, scratch, room, 0);
    const to = <usize>a.dm + ((<usize>i) << 5);
    loadOutputGradient(a, a.firstTile + i, to, a.positionBytesM, 16, stepM, scratch, room);
  }
}

/** dU of one position a unit: sums over the tiles of a part of the batch, in order, replacing dU or added to it. */
export function winogradConv2dBackpropFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WinogradArgs>(args);
  const stepV = (<usize>a.tiles) << 4;
  const stepM = (<usize>a.tiles) << 5;
  const pitch = pixelBytesOut(a);
  zeroFloats(scratch, 32);
  for (let position = start; position < end; position++) {
    const to = <usize>a.u + <usize>position * a.positionBytesU;
    let dm = <usize>a.dm + <usize>position * a.positionBytesM;
    for (let column = 0; column < a.outChannels; column += 8, dm += stepM) {
      let v = <usize>a.v + <usize>position * a.positionBytesV;
      for (let row = 0; row < a.inChannels; row += 4, v += stepV) {
        multiplyColumns(
          4, v, dm, 1, 1, a.tiles, 16, 0, 0, 32, scratch, to + <usize>row * pitch + ((<usize>column) << 2), pitch,
          min(8, a.outChannels - column), a.accumulate != 0, LOWEST, HIGHEST,
        );
      }
    }
  }
}
