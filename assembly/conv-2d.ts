// 2-D convolution, NHWC: each output pixel is a row of a matrix product with the packed filter, its taps read in place.
// Padded inputs are first copied with their border (padImages), so no tap ever needs a check.
//
//   x    f32 [batch, inHeight, inWidth, inChannels]       (already padded)
//   w    f32 [panel][1 + taps * inChannels][8]            see gemm.ts; the first row is the bias
//   out  f32 [batch, outHeight, outWidth, outChannels]
//
//   unit = rowsPerUnit output pixels, counted through the batch, x panelsPerUnit panels. An output is summed by one thread over
//   (filter row, filter column, channel) in that order, so neither units nor threads show in the bits.
import { storeColumns, copyFloats, zeroFloats } from './simd/columns';
import { multiplyRows, padPairs } from './simd/multiply';

@unmanaged
class Conv2DArgs {
  x: u32;
  panels: u32;
  out: u32;
  panelBytes: u32;
  panelCount: i32;
  panelsPerUnit: i32;
  rows: i32;
  rowsPerUnit: i32;
  outHeight: i32;
  outWidth: i32;
  outChannels: i32;
  imageBytes: u32;
  /** Bytes between the inputs of output rows, and of output columns. */
  strideRowBytes: u32;
  strideColumnBytes: u32;
  /** The taps: see multiplyRows. */
  runsY: i32;
  runsX: i32;
  run: i32;
  jumpX: u32;
  jumpY: u32;
  low: f32;
  high: f32;
}

/** Byte offsets of each output pixel's first tap and of its outputs. */
function pairPixels(a: Conv2DArgs, pairs: usize, first: i32, last: i32): void {
  const pixels = a.outHeight * a.outWidth;
  const outPitch = (<usize>a.outChannels) << 2;
  let image = first / pixels;
  let y = (first - image * pixels) / a.outWidth;
  let x = first - image * pixels - y * a.outWidth;
  let out = <usize>a.out + (<usize>first) * outPitch;
  let line = <usize>a.x + (<usize>image) * a.imageBytes + (<usize>y) * a.strideRowBytes;
  let at = line + (<usize>x) * a.strideColumnBytes;
  for (let row = first; row < last; row++) {
    store<u32>(pairs, <u32>at);
    store<u32>(pairs, <u32>out, 4);
    pairs += 8;
    out += outPitch;
    at += a.strideColumnBytes;
    if (++x == a.outWidth) {
      x = 0;
      line += a.strideRowBytes;
      if (++y == a.outHeight) {
        y = 0;
        image++;
        line = <usize>a.x + (<usize>image) * a.imageBytes;
      }
      at = line;
    }
  }
  padPairs(pairs);
}

export function conv2d(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<Conv2DArgs>(args);
  const panelBlocks = (a.panelCount + a.panelsPerUnit - 1) / a.panelsPerUnit;
  for (let unit = start; unit < end; unit++) {
    const block = unit / panelBlocks;
    const firstPanel = (unit - block * panelBlocks) * a.panelsPerUnit;
    const lastPanel = min(firstPanel + a.panelsPerUnit, a.panelCount);
    const first = block * a.rowsPerUnit;
    const last = min(first + a.rowsPerUnit, a.rows);
    pairPixels(a, scratch, first, last);
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const b = <usize>a.panels + (<usize>panel) * a.panelBytes;
      const columns = min(8, a.outChannels - (panel << 3));
      const columnBytes = (<usize>panel) << 5;
      multiplyRows(
        scratch, last - first, b + 32, 32, a.runsY, a.runsX, a.run, a.jumpX, a.jumpY, b, columnBytes, columns, false,
        a.low, a.high,
      );
    }
  }
}

/**
 * The same for one input channel and horizontal stride 1, where K is a handful of taps: tiles of 2 x 2 pixels x 8 channels walk the
 * taps with two pointers instead of four. Needs at least 2 x 2 outputs. A unit is rowsPerUnit pairs of output rows.
 */
export function conv2dSingleChannel(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<Conv2DArgs>(args);
  const rowPairs = (a.outHeight + 1) >> 1;
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.rowsPerUnit;
    const last = min(first + a.rowsPerUnit, a.rows);
    for (let pair = first; pair < last; pair++) {
      const image = pair / rowPairs;
      // An odd last row or column is reached by stepping back: its neighbour is computed twice, to the same bits.
      const y = min((pair - image * rowPairs) << 1, a.outHeight - 2);
      rowPair(a, image, y);
    }
  }
}

function rowPair(a: Conv2DArgs, image: i32, y: i32): void {
  const outPitch = (<usize>a.outChannels) << 2;
  const linePitch = outPitch * <usize>a.outWidth;
  const x = <usize>a.x + (<usize>image) * a.imageBytes + (<usize>y) * a.strideRowBytes;
  const out = <usize>a.out + (<usize>(image * a.outHeight + y)) * linePitch;
  const runBytes = (<usize>a.run) << 5;
  const jump = <usize>a.jumpX + <usize>a.jumpY;
  const low = f32x4.splat(a.low);
  const high = f32x4.splat(a.high);
  for (let panel = 0; panel < a.panelCount; panel++) {
    const init = <usize>a.panels + (<usize>panel) * a.panelBytes;
    const columns = min(8, a.outChannels - (panel << 3));
    for (let column = 0; column < a.outWidth; column += 2) {
      const left = <usize>min(column, a.outWidth - 2);
      let upper = x + (left << 2);
      let lower = upper + a.strideRowBytes;
      let b = init;
      let c00 = v128.load(b);
      let c01 = v128.load(b, 16);
      let c10 = c00;
      let c11 = c01;
      let c20 = c00;
      let c21 = c01;
      let c30 = c00;
      let c31 = c01;
      for (let tapRow = 0; tapRow < a.runsY; tapRow++) {
        const runEnd = b + runBytes;
        do {
          const b0 = v128.load(b, 32);
          const b1 = v128.load(b, 48);
          let s = v128.load32_splat(upper);
          c00 = f32x4.add(c00, f32x4.mul(s, b0));
          c01 = f32x4.add(c01, f32x4.mul(s, b1));
          s = v128.load32_splat(upper, 4);
          c10 = f32x4.add(c10, f32x4.mul(s, b0));
          c11 = f32x4.add(c11, f32x4.mul(s, b1));
          s = v128.load32_splat(lower);
          c20 = f32x4.add(c20, f32x4.mul(s, b0));
          c21 = f32x4.add(c21, f32x4.mul(s, b1));
          s = v128.load32_splat(lower, 4);
          c30 = f32x4.add(c30, f32x4.mul(s, b0));
          c31 = f32x4.add(c31, f32x4.mul(s, b1));
          b += 32;
          upper += 4;
          lower += 4;
        } while (b != runEnd);
        upper += jump;
        lower += jump;
      }
      const to = out + left * outPitch + ((<usize>panel) << 5);
      storePixel(to, c00, c01, columns, low, high);
      storePixel(to + outPitch, c10, c11, columns, low, high);
      storePixel(to + linePitch, c20, c21, columns, low, high);
      storePixel(to + linePitch + outPitch, c30, c31, columns, low, high);
    }
  }
}

@inline
function storePixel(to: usize, c0: v128, c1: v128, columns: i32, low: v128, high: v128): void {
  c0 = f32x4.pmin(f32x4.pmax(c0, low), high);
  c1 = f32x4.pmin(f32x4.pmax(c1, low), high);
  if (columns == 8) {
    v128.store(to, c0);
    v128.store(to, c1, 16);
  } else {
    storeColumns(to, c0, c1, columns);
  }
}

@unmanaged
class PadArgs {
  x: u32;
  padded: u32;
  inHeight: i32;
  inWidth: i32;
  /** Bytes of a pixel. */
  pixelBytes: u32;
  paddedHeight: i32;
  paddedWidth: i32;
  /** May be negative: then rows or columns are cut. */
  top: i32;
  left: i32;
}

/** Copies images with a border of zeros; a unit is a line of the result. */
export function padImages(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PadArgs>(args);
  const pixel = <usize>a.pixelBytes;
  const linePitch = (<usize>a.paddedWidth) * pixel;
  const before = min(max(a.left, 0), a.paddedWidth);
  const from = max(-a.left, 0);
  const copied = max(min(a.inWidth - from, a.paddedWidth - before), 0);
  for (let unit = start; unit < end; unit++) {
    const image = unit / a.paddedHeight;
    const y = unit - image * a.paddedHeight - a.top;
    const to = <usize>a.padded + (<usize>unit) * linePitch;
    if (y < 0 || y >= a.inHeight) {
      zeroFloats(to, linePitch);
      continue;
    }
    const line = <usize>a.x + (<usize>((image * a.inHeight + y) * a.inWidth + from)) * pixel;
    const first = to + (<usize>before) * pixel;
    const bytes = (<usize>copied) * pixel;
    zeroFloats(to, first - to);
    copyFloats(first, line, bytes);
    zeroFloats(first + bytes, linePitch - (first - to) - bytes);
  }
}
