// Gradient of max pooling: the first maximum of each window, in window order, gets the gradient of its output.
// A unit is one block of channels of one image; it zeroes and owns that part of dx. Each element of dx sums its windows in
// rising order of output row and column, so any partition into units gives the same bits. Where no value of a window is
// above -Infinity nobody gets the gradient, and NaN is passed over, as in the tfjs cpu backend.
//
//   x, dx f32 [batch, inHeight, inWidth, channels]
//   y     f32 [batch, outHeight, outWidth, channels]     holds dy here
//
// Where x is what a rectifier gave, isRectified takes the gradient on through it: dx is multiplied by the step of x.
import { stepOf } from './simd/activation';
import { PoolArgs, endTap, firstTap } from './window';

export function maxPoolGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const blocks = (a.channels + a.blockChannels - 1) / a.blockChannels;
  const pixelBytes = <usize>a.channels << 2;
  const imageBytes = pixelBytes * <usize>a.inWidth * <usize>a.inHeight;
  const outBytes = pixelBytes * <usize>a.outWidth * <usize>a.outHeight;
  for (let unit = start; unit < end; unit++) {
    const channel = (unit % blocks) * a.blockChannels;
    const blockBytes = <usize>min(a.blockChannels, a.channels - channel) << 2;
    const image = <usize>(unit / blocks);
    const offset = image * imageBytes + (<usize>channel << 2);
    const dy = <usize>a.y + image * outBytes + (<usize>channel << 2);
    maxPoolGradImage(a, <usize>a.x + offset, dy, <usize>a.dx + offset, blockBytes);
  }
}

/** The gradient of an image, or of the block of its channels that `blockBytes` of each pixel are. */
export function maxPoolGradImage(a: PoolArgs, x: usize, dy: usize, dx: usize, blockBytes: usize): void {
  const pixelBytes = <usize>a.channels << 2;
  if (areWholePairs(a) && blockBytes == pixelBytes) {
    if (a.isRectified) storePairs(true, a, x, dy, dx);
    else storePairs(false, a, x, dy, dx);
    return;
  }
  zeroBlock(dx, blockBytes, pixelBytes, a.inHeight * a.inWidth);
  scatterImage(a, x, dy, dx, blockBytes);
  if (a.isRectified) rectifyBlock(x, dx, blockBytes, pixelBytes, a.inHeight * a.inWidth);
}

/** Windows of 2x2 side by side, none of which reaches into padding: each element of dx belongs to one of them or to none. */
@inline
function areWholePairs(a: PoolArgs): bool {
  return (
    a.filterHeight == 2 &&
    a.filterWidth == 2 &&
    a.strideHeight == 2 &&
    a.strideWidth == 2 &&
    a.dilationHeight == 1 &&
    a.dilationWidth == 1 &&
    (a.padTop | a.padLeft) == 0 &&
    2 * a.outHeight <= a.inHeight &&
    2 * a.outWidth <= a.inWidth
  );
}

/** Multiplies dx by the step of x. */
function rectifyBlock(x: usize, dx: usize, blockBytes: usize, pixelBytes: usize, pixels: i32): void {
  const vectorBytes = blockBytes & ~15;
  for (let pixel = 0; pixel < pixels; pixel++, x += pixelBytes, dx += pixelBytes) {
    for (let c: usize = 0; c < vectorBytes; c += 16) {
      v128.store(dx + c, f32x4.mul(v128.load(dx + c), stepOf(v128.load(x + c))));
    }
    for (let c = vectorBytes; c < blockBytes; c += 4) {
      const step = stepOf(v128.load32_zero(x + c));
      store<f32>(dx + c, load<f32>(dx + c) * f32x4.extract_lane(step, 0));
    }
  }
}

/** Writes dx once: no zeroing, no sums. `isRectified` is a constant at each place of use. */
@inline
function storePairs(isRectified: bool, a: PoolArgs, x: usize, dy: usize, dx: usize): void {
  const pixelBytes = <usize>a.channels << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const pairsBytes = 2 * pixelBytes * <usize>a.outWidth;
  for (let row = 0; row < a.outHeight; row++) {
    const end = dx + pairsBytes;
    for (let at = dx; at < end; at += 2 * pixelBytes, x += 2 * pixelBytes, dy += pixelBytes) {
      storeTwoByTwo(isRectified, x, dy, at, pixelBytes, rowBytes);
    }
    // What no window covers: the last column of an odd width.
    memory.fill(end, 0, rowBytes - pairsBytes);
    memory.fill(end + rowBytes, 0, rowBytes - pairsBytes);
    x += 2 * rowBytes - pairsBytes;
    dx += 2 * rowBytes;
  }
  memory.fill(dx, 0, rowBytes * <usize>(a.inHeight - 2 * a.outHeight));
}

@inline
function storeTwoByTwo(isRectified: bool, x: usize, dy: usize, dx: usize, pixelBytes: usize, rowBytes: usize): void {
  const vectorBytes = pixelBytes & ~15;
  const belowRight = rowBytes + pixelBytes;
  for (let c: usize = 0; c < vectorBytes; c += 16) {
    const first = v128.load(x + c);
    const second = v128.load(x + c + pixelBytes);
    const third = v128.load(x + c + rowBytes);
    const fourth = v128.load(x + c + belowRight);
    // pmax passes over NaN as the comparisons do.
    let best = f32x4.pmax(f32x4.splat(-Infinity), first);
    const isFirst = f32x4.gt(first, f32x4.splat(-Infinity));
    const isSecond = f32x4.gt(second, best);
    best = f32x4.pmax(best, second);
    const isThird = f32x4.gt(third, best);
    best = f32x4.pmax(best, third);
    const isFourth = f32x4.gt(fourth, best);
    // A tap wins if it rose above all before it and none after rose above it. Adding 0 leaves no -0, as sums do.
    const zero = f32x4.splat(0);
    let rest = f32x4.add(v128.load(dy + c), zero);
    v128.store(dx + c + belowRight, rectified(isRectified, v128.and(rest, isFourth), fourth));
    rest = v128.andnot(rest, isFourth);
    v128.store(dx + c + rowBytes, rectified(isRectified, v128.and(rest, isThird), third));
    rest = v128.andnot(rest, isThird);
    v128.store(dx + c + pixelBytes, rectified(isRectified, v128.and(rest, isSecond), second));
    v128.store(dx + c, rectified(isRectified, v128.and(v128.andnot(rest, isSecond), isFirst), first));
  }
  for (let c = vectorBytes; c < pixelBytes; c += 4) {
    store<f32>(dx + c, 0);
    store<f32>(dx + c + pixelBytes, 0);
    store<f32>(dx + c + rowBytes, 0);
    store<f32>(dx + c + belowRight, 0);
    scatterLane(x + c, dy + c, dx + c, 2, 2, rowBytes, pixelBytes);
    if (isRectified) {
      rectifyBlock(x + c, dx + c, 4, pixelBytes, 2);
      rectifyBlock(x + c + rowBytes, dx + c + rowBytes, 4, pixelBytes, 2);
    }
  }
}

@inline
function rectified(isRectified: bool, gradient: v128, x: v128): v128 {
  return isRectified ? f32x4.mul(gradient, stepOf(x)) : gradient;
}

@inline
function zeroBlock(dx: usize, blockBytes: usize, pixelBytes: usize, pixels: i32): void {
  if (blockBytes == pixelBytes) {
    memory.fill(dx, 0, pixelBytes * <usize>pixels);
    return;
  }
  for (let pixel = 0; pixel < pixels; pixel++) {
    memory.fill(dx, 0, blockBytes);
    dx += pixelBytes;
  }
}

function scatterImage(a: PoolArgs, x: usize, dy: usize, dx: usize, blockBytes: usize): void {
  const pixelBytes = <usize>a.channels << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const rowStep = rowBytes * <usize>a.dilationHeight;
  const columnStep = pixelBytes * <usize>a.dilationWidth;
  for (let row = 0; row < a.outHeight; row++) {
    const top = row * a.strideHeight - a.padTop;
    const firstRow = firstTap(top, a.dilationHeight);
    const rows = endTap(top, a.dilationHeight, a.inHeight, a.filterHeight) - firstRow;
    const rowOffset = <usize>(top + firstRow * a.dilationHeight) * rowBytes;
    for (let column = 0; column < a.outWidth; column++) {
      const left = column * a.strideWidth - a.padLeft;
      const firstColumn = firstTap(left, a.dilationWidth);
      const columns = endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - firstColumn;
      if (rows > 0 && columns > 0) {
        const corner = rowOffset + <usize>(left + firstColumn * a.dilationWidth) * pixelBytes;
        if (rows == 2 && columns == 2) {
          scatterTwoByTwo(x + corner, dy, dx + corner, blockBytes, rowStep, columnStep);
        } else {
          scatterWindow(x + corner, dy, dx + corner, blockBytes, rows, columns, rowStep, columnStep);
        }
      }
      dy += pixelBytes;
    }
  }
}

/** The most common window, without inner loops. */
@inline
function scatterTwoByTwo(
  x: usize,
  dy: usize,
  dx: usize,
  blockBytes: usize,
  rowStep: usize,
  columnStep: usize,
): void {
  const vectorBytes = blockBytes & ~15;
  const below = rowStep + columnStep;
  for (let c: usize = 0; c < vectorBytes; c += 16) {
    let best = f32x4.splat(-Infinity);
    let value = v128.load(x + c);
    const first = f32x4.gt(value, best);
    best = v128.bitselect(value, best, first);
    value = v128.load(x + c + columnStep);
    const second = f32x4.gt(value, best);
    best = v128.bitselect(value, best, second);
    value = v128.load(x + c + rowStep);
    const third = f32x4.gt(value, best);
    best = v128.bitselect(value, best, third);
    const fourth = f32x4.gt(v128.load(x + c + below), best);
    // A tap wins if it rose above all before it and none after rose above it.
    const gradient = v128.load(dy + c);
    addMasked(dx + c + below, gradient, fourth);
    let later = fourth;
    addMasked(dx + c + rowStep, gradient, v128.andnot(third, later));
    later = v128.or(later, third);
    addMasked(dx + c + columnStep, gradient, v128.andnot(second, later));
    later = v128.or(later, second);
    addMasked(dx + c, gradient, v128.andnot(first, later));
  }
  for (let c = vectorBytes; c < blockBytes; c += 4) scatterLane(x + c, dy + c, dx + c, 2, 2, rowStep, columnStep);
}

@inline
function addMasked(address: usize, value: v128, mask: v128): void {
  v128.store(address, f32x4.add(v128.load(address), v128.and(value, mask)));
}

function scatterWindow(
  x: usize,
  dy: usize,
  dx: usize,
  blockBytes: usize,
  rows: i32,
  columns: i32,
  rowStep: usize,
  columnStep: usize,
): void {
  const vectorBytes = blockBytes & ~15;
  for (let c: usize = 0; c < vectorBytes; c += 16) {
    let best = f32x4.splat(-Infinity);
    let winner = i32x4.splat(-1);
    let tap = 0;
    let row = x + c;
    for (let r = 0; r < rows; r++) {
      let pixel = row;
      for (let k = 0; k < columns; k++) {
        const value = v128.load(pixel);
        const isGreater = f32x4.gt(value, best);
        best = v128.bitselect(value, best, isGreater);
        winner = v128.bitselect(i32x4.splat(tap), winner, isGreater);
        tap++;
        pixel += columnStep;
      }
      row += rowStep;
    }
    const gradient = v128.load(dy + c);
    tap = 0;
    row = dx + c;
    for (let r = 0; r < rows; r++) {
      let pixel = row;
      for (let k = 0; k < columns; k++) {
        addMasked(pixel, gradient, i32x4.eq(winner, i32x4.splat(tap)));
        tap++;
        pixel += columnStep;
      }
      row += rowStep;
    }
  }
  for (let c = vectorBytes; c < blockBytes; c += 4) {
    scatterLane(x + c, dy + c, dx + c, rows, columns, rowStep, columnStep);
  }
}

function scatterLane(
  x: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  columns: i32,
  rowStep: usize,
  columnStep: usize,
): void {
  let best: f32 = -Infinity;
  let winner: usize = 0;
  let isFound = false;
  let row: usize = 0;
  for (let r = 0; r < rows; r++) {
    let pixel = row;
    for (let k = 0; k < columns; k++) {
      const value = load<f32>(x + pixel);
      if (value > best) {
        best = value;
        winner = pixel;
        isFound = true;
      }
      pixel += columnStep;
    }
    row += rowStep;
  }
  if (isFound) store<f32>(dx + winner, load<f32>(dx + winner) + load<f32>(dy));
}
