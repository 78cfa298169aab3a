// Max pooling of NHWC images, vectors of 4 channels at a time.
// A unit is one output row of one image. A window that holds no number above -Infinity yields -Infinity and NaN is passed
// over, as in the tfjs cpu backend. Order of taps does not matter to a maximum, so any partition gives the same bits.
//
//   x f32 [batch, inHeight, inWidth, channels]     window of output (r, c): corner (r * strideHeight - padTop, …)
//   y f32 [batch, outHeight, outWidth, channels]

import { PoolArgs, endTap, firstTap } from './window';

export function maxPool(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const pixelBytes = <usize>a.channels << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const imageBytes = rowBytes * <usize>a.inHeight;
  for (let unit = start; unit < end; unit++) {
    const image = <usize>a.x + <usize>(unit / a.outHeight) * imageBytes;
    const top = (unit % a.outHeight) * a.strideHeight - a.padTop;
    const firstRow = firstTap(top, a.dilationHeight);
    const rows = max(0, endTap(top, a.dilationHeight, a.inHeight, a.filterHeight) - firstRow);
    const window = image + <usize>max(0, top + firstRow * a.dilationHeight) * rowBytes;
    const rowStep = rowBytes * <usize>a.dilationHeight;
    const columnStep = pixelBytes * <usize>a.dilationWidth;
    let y = <usize>a.y + <usize>unit * <usize>a.outWidth * pixelBytes;
    for (let column = 0; column < a.outWidth; column++) {
      const left = column * a.strideWidth - a.padLeft;
      const firstColumn = firstTap(left, a.dilationWidth);
      const columns = max(0, endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - firstColumn);
      const corner = window + <usize>max(0, left + firstColumn * a.dilationWidth) * pixelBytes;
      if (rows == 2 && columns == 2) poolTwoByTwo(corner, y, pixelBytes, rowStep, columnStep);
      else poolWindow(corner, y, pixelBytes, rows, columns, rowStep, columnStep);
      y += pixelBytes;
    }
  }
}

/** The most common window, without inner loops. */
@inline
function poolTwoByTwo(corner: usize, y: usize, pixelBytes: usize, rowStep: usize, columnStep: usize): void {
  const right = corner + columnStep;
  const below = corner + rowStep;
  const belowRight = below + columnStep;
  const vectorBytes = pixelBytes & ~15;
  let c: usize = 0;
  for (; c < vectorBytes; c += 16) {
    let best = f32x4.pmax(f32x4.splat(-Infinity), v128.load(corner + c));
    best = f32x4.pmax(best, v128.load(right + c));
    best = f32x4.pmax(best, v128.load(below + c));
    best = f32x4.pmax(best, v128.load(belowRight + c));
    v128.store(y + c, best);
  }
  for (; c < pixelBytes; c += 4) {
    let best = above(<f32>-Infinity, load<f32>(corner + c));
    best = above(best, load<f32>(right + c));
    best = above(best, load<f32>(below + c));
    store<f32>(y + c, above(best, load<f32>(belowRight + c)));
  }
}

function poolWindow(
  corner: usize,
  y: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  rowStep: usize,
  columnStep: usize,
): void {
  const vectorBytes = pixelBytes & ~15;
  let c: usize = 0;
  for (; c < vectorBytes; c += 16) {
    let best = f32x4.splat(-Infinity);
    let row = corner + c;
    for (let r = 0; r < rows; r++) {
      let x = row;
      for (let k = 0; k < columns; k++) {
        best = f32x4.pmax(best, v128.load(x));
        x += columnStep;
      }
      row += rowStep;
    }
    v128.store(y + c, best);
  }
  for (; c < pixelBytes; c += 4) {
    let best: f32 = -Infinity;
    let row = corner + c;
    for (let r = 0; r < rows; r++) {
      let x = row;
      for (let k = 0; k < columns; k++) {
        best = above(best, load<f32>(x));
        x += columnStep;
      }
      row += rowStep;
    }
    store<f32>(y + c, best);
  }
}

/** One lane of f32x4.pmax: keeps `best` unless `x` is greater. */
@inline
function above(best: f32, x: f32): f32 {
  return best < x ? x : best;
}
