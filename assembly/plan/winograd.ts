// Stages of a plan for 3x3 convolutions of stride 1 by Winograd's minimal filtering: see assembly/winograd-conv-2d.ts for the
// algorithm. V and dM of the whole batch are kept: the filter gradient is their product, made after the backward pass.
//
//   rows of V, M    image i of a partition of `partitionImages`, tile t:  partition * rowsPerPartition + i * tiles + t
//                   rows between partitions stay zero, so that products may take four rows at a time
//   V, dV    [position][row][inChannels]         M, dM    [position][row][outChannels]: dM replaces M
//   U        [position][panel of outChannels][1 + inChannels][8]      Ut    [position][panel of inChannels][1 + outChannels][8]
//
//   unit of all stages = image; a call covers images of one partition.
import { zeroFloats } from '../simd/columns';
import { multiplyBlock } from '../simd/multiply';
import { multiplyRow } from '../simd/multiply-row';
import {
  gatherTile, inputGradientTile, inputTile, LINES_BYTES, outputGradientTile, outputStrip, scatterAddTile,
  scatterTile, sumsTile,
} from '../simd/winograd-tiles';
import { deadOutputs, zeroDead } from '../simd/winograd-zeros';
import { Finish, finishFour, isPlain, unfinishFour } from './finish';

@unmanaged
class PlanWinograd {
  /** f32 [batch, inHeight, inWidth, inChannels], and its gradient. */
  x: u32;
  dx: u32;
  /** 0 to add to dx. */
  clearsGradient: i32;
  v: u32;
  m: u32;
  dv: u32;
  /** u64 [row]: outputs of each tile that see zeros only. */
  dead: u32;
  u: u32;
  ut: u32;
  /** Byte offset of a `Finish`. */
  finish: u32;
  /** f32 [partitions][channels]. */
  biasPartials: u32;
  tile: i32;
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
  partitionImages: i32;
  rowsPerPartition: i32;
  rowBytesV: u32;
  rowBytesM: u32;
  positionBytesV: u32;
  positionBytesM: u32;
  panelBytesU: u32;
  panelBytesUt: u32;
  positionBytesU: u32;
  positionBytesUt: u32;
}

@inline
function firstRow(a: PlanWinograd, image: i32): i32 {
  const partition = image / a.partitionImages;
  return partition * a.rowsPerPartition + (image - partition * a.partitionImages) * a.tilesY * a.tilesX;
}

@inline
function firstDead(a: PlanWinograd, image: i32): usize {
  return <usize>a.dead + ((<usize>firstRow(a, image)) << 3);
}

/** V = B^T d B of the tiles of images, and which outputs are dead. */
export function planWinogradInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  const size = a.tile + 2;
  const pixel = (<usize>a.inChannels) << 2;
  const rowBytes = <usize>a.inWidth * pixel;
  const room = scratch + LINES_BYTES;
  for (let image = start; image < end; image++) {
    const from = <usize>a.x + <usize>(image * a.inHeight) * rowBytes;
    let to = <usize>a.v + <usize>firstRow(a, image) * a.rowBytesV;
    let dead = firstDead(a, image);
    for (let tileY = 0; tileY < a.tilesY; tileY++) {
      const y = tileY * a.tile - a.padTop;
      for (let tileX = 0; tileX < a.tilesX; tileX++, to += a.rowBytesV, dead += 8) {
        const x = tileX * a.tile - a.padLeft;
        if (y >= 0 && x >= 0 && y + size <= a.inHeight && x + size <= a.inWidth) {
          const at = from + <usize>y * rowBytes + <usize>x * pixel;
          inputTile(a.tile, at, rowBytes, pixel, to, a.positionBytesV, 16, scratch);
          store<u64>(dead, deadOutputs(a.tile, at, rowBytes, pixel));
        } else {
          gatherTile(room, from, a.inHeight, a.inWidth, pixel, y, x, size);
          inputTile(a.tile, room, <usize>size * pixel, pixel, to, a.positionBytesV, 16, scratch);
          store<u64>(dead, deadOutputs(a.tile, room, <usize>size * pixel, pixel));
        }
      }
    }
  }
}

/**
 * Reads a word of each cache line that is about to be written at each position. Stores end one after the other and would wait for each
 * line, far away; loads wait for all at once.
 */
function fetchPositions(at: usize, bytes: usize, positionBytes: usize, tile: i32, scratch: usize): void {
  let words = i32x4.splat(0);
  const positions = (tile + 2) * (tile + 2);
  for (let position = 0; position < positions; position++, at += positionBytes) {
    for (let line: usize = 0; line < bytes; line += 64) words = v128.or(words, v128.load32_zero(at + line));
  }
  // Stored, so that no compiler leaves the reading out.
  v128.store(scratch, words);
}

/** Fetches where V of an image will be: a call of its own before planWinogradInput, which exported models have, too. */
export function planWinogradFetch(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  const bytes = <usize>(a.tilesY * a.tilesX) * a.rowBytesV;
  for (let image = start; image < end; image++) {
    fetchPositions(<usize>a.v + <usize>firstRow(a, image) * a.rowBytesV, bytes, a.positionBytesV, a.tile, scratch);
  }
}

/** M = V U for the tiles of images. */
export function planWinogradProduct(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  multiplyPositions(
    a, start, end, a.v, a.rowBytesV, a.positionBytesV, a.inChannels, a.u, a.panelBytesU, a.positionBytesU, a.m,
    a.rowBytesM, a.positionBytesM, a.outChannels,
  );
}

/** dV = dM Ut for the tiles of images. */
export function planWinogradGradientProduct(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  multiplyPositions(
    a, start, end, a.m, a.rowBytesM, a.positionBytesM, a.outChannels, a.ut, a.panelBytesUt, a.positionBytesUt, a.dv,
    a.rowBytesV, a.positionBytesV, a.inChannels,
  );
}

@inline
function multiplyPositions(
  a: PlanWinograd, start: i32, end: i32, from: usize, fromRow: usize, fromPosition: usize, depth: i32, panels: usize,
  panelBytes: usize, panelsPosition: usize, to: usize, toRow: usize, toPosition: usize, columns: i32,
): void {
  const first = firstRow(a, start);
  const tiles = (end - start) * a.tilesY * a.tilesX;
  const rows = (tiles + 3) & ~3;
  from += <usize>first * fromRow;
  to += <usize>first * toRow;
  const positions = (a.tile + 2) * (a.tile + 2);
  for (let position = 0; position < positions; position++) {
    let panel = panels + 32;
    if (tiles == 1) {
      multiplyRow(from, depth, panel, panelBytes, to, columns);
    } else {
      for (let column = 0; column < columns; column += 8, panel += panelBytes) {
        multiplyBlock(from, fromRow, rows, depth, panel, to + ((<usize>column) << 2), toRow, min(8, columns - column));
      }
    }
    from += fromPosition;
    to += toPosition;
    panels += panelsPosition;
  }
}

/** Sums to outputs: A^T M A, then bias, activation, pooling, dropout. */
export function planWinogradFinish(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  const f = changetype<Finish>(<usize>a.finish);
  if (isPlain(f)) return storeSums(a, <usize>f.out, start, end, scratch);
  const strip = scratch + LINES_BYTES;
  const rowBytes = (<usize>(a.tilesX * a.tile)) << 4;
  const tileBytes = (<usize>a.tile) << 4;
  for (let image = start; image < end; image++) {
    let from = <usize>a.m + <usize>firstRow(a, image) * a.rowBytesM;
    for (let channel = 0; channel < a.outChannels; channel += 4, from += 16) {
      let row = from;
      let dead = firstDead(a, image);
      for (let tileY = 0; tileY < a.tilesY; tileY++) {
        let to = strip + <usize>(tileY * a.tile) * rowBytes;
        for (let tileX = 0; tileX < a.tilesX; tileX++, row += a.rowBytesM, to += tileBytes, dead += 8) {
          outputStrip(a.tile, row, a.positionBytesM, to, rowBytes, scratch);
          zeroDead(load<u64>(dead), to, rowBytes, 16, 16);
        }
      }
      finishFour(f, image, channel, strip, rowBytes, 16);
    }
  }
}

/** A^T M A to where it stays: tile by tile, all channels at a time. */
function storeSums(a: PlanWinograd, out: usize, start: i32, end: i32, scratch: usize): void {
  const size = a.tile;
  const pixel = (<usize>a.outChannels) << 2;
  const rowBytes = <usize>a.outWidth * pixel;
  const room = scratch + LINES_BYTES;
  for (let image = start; image < end; image++) {
    const to = out + <usize>(image * a.outHeight) * rowBytes;
    let from = <usize>a.m + <usize>firstRow(a, image) * a.rowBytesM;
    let dead = firstDead(a, image);
    for (let tileY = 0; tileY < a.tilesY; tileY++) {
      const y = tileY * size;
      for (let tileX = 0; tileX < a.tilesX; tileX++, from += a.rowBytesM, dead += 8) {
        const x = tileX * size;
        if (y + size <= a.outHeight && x + size <= a.outWidth) {
          const at = to + <usize>y * rowBytes + <usize>x * pixel;
          sumsTile(size, from, a.positionBytesM, at, rowBytes, pixel, scratch);
          zeroDead(load<u64>(dead), at, rowBytes, pixel, pixel);
        } else {
          sumsTile(size, from, a.positionBytesM, room, <usize>size * pixel, pixel, scratch);
          zeroDead(load<u64>(dead), room, <usize>size * pixel, pixel, pixel);
          scatterTile(room, to, a.outHeight, a.outWidth, pixel, y, x, size);
        }
      }
    }
  }
}

/** dM = A dY A^T from the gradient of sums that are stored as they are: there is no bias. */
function loadGradient(a: PlanWinograd, dOut: usize, start: i32, end: i32, scratch: usize): void {
  const size = a.tile;
  const pixel = (<usize>a.outChannels) << 2;
  const rowBytes = <usize>a.outWidth * pixel;
  const room = scratch + LINES_BYTES;
  for (let image = start; image < end; image++) {
    const from = dOut + <usize>(image * a.outHeight) * rowBytes;
    let to = <usize>a.m + <usize>firstRow(a, image) * a.rowBytesM;
    for (let tileY = 0; tileY < a.tilesY; tileY++) {
      const y = tileY * size;
      for (let tileX = 0; tileX < a.tilesX; tileX++, to += a.rowBytesM) {
        const x = tileX * size;
        fetchPositions(to, a.rowBytesM, a.positionBytesM, size, scratch);
        if (y + size <= a.outHeight && x + size <= a.outWidth) {
          const at = from + <usize>y * rowBytes + <usize>x * pixel;
          outputGradientTile(size, at, rowBytes, pixel, to, a.positionBytesM, 16, 16, scratch);
        } else {
          gatherTile(room, from, a.outHeight, a.outWidth, pixel, y, x, size);
          outputGradientTile(size, room, <usize>size * pixel, pixel, to, a.positionBytesM, 16, 16, scratch);
        }
      }
    }
  }
}

/** dM = A dY A^T, from the gradient of what was stored; and the bias's gradient of the partition. */
export function planWinogradGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  const f = changetype<Finish>(<usize>a.finish);
  if (isPlain(f)) return loadGradient(a, <usize>f.dOut, start, end, scratch);
  const strip = scratch + LINES_BYTES;
  const rowBytes = (<usize>(a.tilesX * a.tile)) << 4;
  const tileBytes = (<usize>a.tile) << 4;
  const partials = <usize>a.biasPartials + ((<usize>(start / a.partitionImages * a.outChannels)) << 2);
  // What tiles reach beyond the outputs stays zero; all else is written for each image.
  const stripBytes = <usize>(a.tilesY * a.tile) * rowBytes;
  const clears = a.tilesY * a.tile != f.outHeight * f.poolStrideHeight || a.tilesX * a.tile != f.outWidth * f.poolStrideWidth
    || f.poolStrideHeight > f.poolHeight || f.poolStrideWidth > f.poolWidth || f.poolHeight > 2 || f.poolWidth > 2
    || f.poolHeight != f.poolWidth || f.poolStrideHeight != f.poolHeight || f.poolStrideWidth != f.poolWidth;
  for (let image = start; image < end; image++) {
    let to = <usize>a.m + <usize>firstRow(a, image) * a.rowBytesM;
    for (let channel = 0; channel < a.outChannels; channel += 4, to += 16) {
      if (channel % 16 == 0) {
        let line = to;
        for (let tile = 0; tile < a.tilesY * a.tilesX; tile++, line += a.rowBytesM) {
          fetchPositions(line, 16, a.positionBytesM, a.tile, scratch);
        }
      }
      if (clears) zeroFloats(strip, stripBytes);
      let sum = unfinishFour(f, image, channel, strip, rowBytes, 16);
      const partial = partials + ((<usize>channel) << 2);
      if (image != start) sum = f32x4.add(v128.load(partial), sum);
      v128.store(partial, sum);
      let row = to;
      for (let tileY = 0; tileY < a.tilesY; tileY++) {
        let from = strip + <usize>(tileY * a.tile) * rowBytes;
        for (let tileX = 0; tileX < a.tilesX; tileX++, row += a.rowBytesM, from += tileBytes) {
          outputGradientTile(a.tile, from, rowBytes, 16, row, a.positionBytesM, 16, 16, scratch);
        }
      }
    }
  }
}

/** dX = B dV B^T, tiles overlapping. */
export function planWinogradInputGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinograd>(args);
  const size = a.tile + 2;
  const pixel = (<usize>a.inChannels) << 2;
  const rowBytes = <usize>a.inWidth * pixel;
  const room = scratch + LINES_BYTES;
  for (let image = start; image < end; image++) {
    const to = <usize>a.dx + <usize>(image * a.inHeight) * rowBytes;
    if (a.clearsGradient != 0) memory.fill(to, 0, <usize>a.inHeight * rowBytes);
    let from = <usize>a.dv + <usize>firstRow(a, image) * a.rowBytesV;
    for (let tileY = 0; tileY < a.tilesY; tileY++) {
      const y = tileY * a.tile - a.padTop;
      for (let tileX = 0; tileX < a.tilesX; tileX++, from += a.rowBytesV) {
        const x = tileX * a.tile - a.padLeft;
        if (y >= 0 && x >= 0 && y + size <= a.inHeight && x + size <= a.inWidth) {
          const at = to + <usize>y * rowBytes + <usize>x * pixel;
          inputGradientTile(a.tile, from, a.positionBytesV, at, rowBytes, pixel, scratch);
        } else {
          zeroFloats(room, <usize>(size * size) * pixel);
          inputGradientTile(a.tile, from, a.positionBytesV, room, <usize>size * pixel, pixel, scratch);
          scatterAddTile(room, to, a.inHeight, a.inWidth, pixel, y, x, size);
        }
      }
    }
  }
}
