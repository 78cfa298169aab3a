// Average pooling of NHWC images, vectors of 4 channels at a time.
// A unit is one output row of one image. Each window divides by the taps inside the image, as tfjs does; one with none inside
// yields NaN, as 0 / 0 does there. A window's rows are summed each by itself and then together: in large windows that keeps
// digits, and the order follows from the window alone, so any partition gives the same bits.
//
//   x f32 [batch, inHeight, inWidth, channels]     window of output (r, c): corner (r * strideHeight - padTop, …)
//   y f32 [batch, outHeight, outWidth, channels]

import { endTap, firstTap, PoolArgs } from './window';

export function avgPool(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const pixelBytes = <usize>a.channels << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const imageBytes = rowBytes * <usize>a.inHeight;
  const rowStep = rowBytes * <usize>a.dilationHeight;
  const columnStep = pixelBytes * <usize>a.dilationWidth;
  for (let unit = start; unit < end; unit++) {
    const image = <usize>a.x + <usize>(unit / a.outHeight) * imageBytes;
    const top = (unit % a.outHeight) * a.strideHeight - a.padTop;
    const firstRow = firstTap(top, a.dilationHeight);
    const rows = max(0, endTap(top, a.dilationHeight, a.inHeight, a.filterHeight) - firstRow);
    const window = image + <usize>max(0, top + firstRow * a.dilationHeight) * rowBytes;
    let y = <usize>a.y + <usize>unit * <usize>a.outWidth * pixelBytes;
    for (let column = 0; column < a.outWidth; column++) {
      const left = column * a.strideWidth - a.padLeft;
      const firstColumn = firstTap(left, a.dilationWidth);
      const columns = max(0, endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - firstColumn);
      const corner = window + <usize>max(0, left + firstColumn * a.dilationWidth) * pixelBytes;
      if (rows == 2 && columns == 2) averageTwoByTwo(corner, y, pixelBytes, rowStep, columnStep);
      else averageWindow(corner, y, pixelBytes, rows, columns, rowStep, columnStep);
      y += pixelBytes;
    }
  }
}

/** The most common window, without inner loops. A quarter is exact, so multiplying by it divides. */
@inline
function averageTwoByTwo(corner: usize, y: usize, pixelBytes: usize, rowStep: usize, columnStep: usize): void {
  const right = corner + columnStep;
  const below = corner + rowStep;
  const belowRight = below + columnStep;
  const vectorBytes = pixelBytes & ~15;
  const quarter = f32x4.splat(0.25);
  let c: usize = 0;
  for (; c < vectorBytes; c += 16) {
    const upper = f32x4.add(v128.load(corner + c), v128.load(right + c));
    const lower = f32x4.add(v128.load(below + c), v128.load(belowRight + c));
    v128.store(y + c, f32x4.mul(f32x4.add(upper, lower), quarter));
  }
  for (; c < pixelBytes; c += 4) {
    const upper = load<f32>(corner + c) + load<f32>(right + c);
    const lower = load<f32>(below + c) + load<f32>(belowRight + c);
    store<f32>(y + c, (upper + lower) * <f32>0.25);
  }
}

/** Sixteen channels at a time, which are a cache line: pixels that lie a power of two apart share few sets of the cache. */
function averageWindow(
  corner: usize,
  y: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  rowStep: usize,
  columnStep: usize,
): void {
  const count = <f32>rows * <f32>columns;
  const divisor = f32x4.splat(count);
  const zero = f32x4.splat(0);
  const lineBytes = pixelBytes & ~63;
  const vectorBytes = pixelBytes & ~15;
  let c: usize = 0;
  for (; c < lineBytes; c += 64) {
    let sum0 = zero;
    let sum1 = zero;
    let sum2 = zero;
    let sum3 = zero;
    let row = corner + c;
    for (let r = 0; r < rows; r++) {
      let row0 = zero;
      let row1 = zero;
      let row2 = zero;
      let row3 = zero;
      let x = row;
      for (let k = 0; k < columns; k++) {
        row0 = f32x4.add(row0, v128.load(x));
        row1 = f32x4.add(row1, v128.load(x, 16));
        row2 = f32x4.add(row2, v128.load(x, 32));
        row3 = f32x4.add(row3, v128.load(x, 48));
        x += columnStep;
      }
      sum0 = f32x4.add(sum0, row0);
      sum1 = f32x4.add(sum1, row1);
      sum2 = f32x4.add(sum2, row2);
      sum3 = f32x4.add(sum3, row3);
      row += rowStep;
    }
    v128.store(y + c, f32x4.div(sum0, divisor));
    v128.store(y + c, f32x4.div(sum1, divisor), 16);
    v128.store(y + c, f32x4.div(sum2, divisor), 32);
    v128.store(y + c, f32x4.div(sum3, divisor), 48);
  }
  for (; c < vectorBytes; c += 16) {
    let sum = zero;
    let row = corner + c;
    for (let r = 0; r < rows; r++) {
      let rowSum = zero;
      let x = row;
      for (let k = 0; k < columns; k++) {
        rowSum = f32x4.add(rowSum, v128.load(x));
        x += columnStep;
      }
      sum = f32x4.add(sum, rowSum);
      row += rowStep;
    }
    v128.store(y + c, f32x4.div(sum, divisor));
  }
  for (; c < pixelBytes; c += 4) {
    let sum: f32 = 0;
    let row = corner + c;
    for (let r = 0; r < rows; r++) {
      let rowSum: f32 = 0;
      let x = row;
      for (let k = 0; k < columns; k++) {
        rowSum += load<f32>(x);
        x += columnStep;
      }
      sum += rowSum;
      row += rowStep;
    }
    store<f32>(y + c, sum / count);
  }
}
