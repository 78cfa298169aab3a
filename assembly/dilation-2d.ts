// Greyscale dilation of NHWC images (the largest x + filter of each window) and its two gradients, vectors of 4 channels at a time.
// Sums rise from LEAST, as in tfjs's cpu backend: a window with nothing inside the image gives it, and NaN is passed over.
// Gradients go to the first of the largest sums. For them sums are compared as float64, as there: as float32, sums that differ
// may be equal (.1 + .2 and .3 + 0).
//
//   x, out f32 [batch, inHeight, inWidth, channels]         window of output (r, c): corner (r * strideHeight - padTop, …)
//   filter f32 [filterHeight, filterWidth, channels]
//   y      f32 [batch, outHeight, outWidth, channels]       holds dy in the gradients
//
//   unit of dilation2d: an output row; of the input's gradient: an image's block of channels; of the filter's: a chunk's, whose
//   sums are partials f32 [chunks, filterHeight, filterWidth, channels]
import { loadColumns, storeColumns } from './simd/columns';
import { endTap, firstTap } from './window';

@unmanaged
class DilationArgs {
  x: u32;
  filter: u32;
  y: u32;
  /** Gradient of the input, or partial gradients of the filter. */
  out: u32;
  batch: i32;
  channels: i32;
  inHeight: i32;
  inWidth: i32;
  outHeight: i32;
  outWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  padTop: i32;
  padLeft: i32;
  /** Of the gradients. */
  blockChannels: i32;
  imagesPerChunk: i32;
}

/** Number.MIN_SAFE_INTEGER. */
const LEAST: f64 = -9007199254740991;

/** The taps of one window that are inside the image. */
@unmanaged
class Taps {
  rows: i32;
  columns: i32;
  /** Bytes from the image, and from the filter, to the first of them. */
  x: usize;
  filter: usize;
  /** Bytes from the image to the window's corner, or to the pixel next to it. */
  corner: usize;
}

/** Finds the taps of the window of an output. */
@inline
function findTaps(a: DilationArgs, taps: Taps, row: i32, column: i32): void {
  const pixelBytes = <usize>a.channels << 2;
  const top = row * a.strideHeight - a.padTop;
  const left = column * a.strideWidth - a.padLeft;
  const firstRow = firstTap(top, a.dilationHeight);
  const firstColumn = firstTap(left, a.dilationWidth);
  taps.rows = endTap(top, a.dilationHeight, a.inHeight, a.filterHeight) - firstRow;
  taps.columns = endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - firstColumn;
  const inRow = top + firstRow * a.dilationHeight;
  const inColumn = left + firstColumn * a.dilationWidth;
  taps.x = <usize>(inRow * a.inWidth + inColumn) * pixelBytes;
  taps.filter = <usize>(firstRow * a.filterWidth + firstColumn) * pixelBytes;
  const nearRow = min(max(top, 0), a.inHeight - 1);
  taps.corner = <usize>(nearRow * a.inWidth + min(max(left, 0), a.inWidth - 1)) * pixelBytes;
}

export function dilation2d(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DilationArgs>(args);
  const taps = changetype<Taps>(scratch);
  const pixelBytes = <usize>a.channels << 2;
  const imageBytes = pixelBytes * <usize>(a.inHeight * a.inWidth);
  let y = <usize>a.y + <usize>(start * a.outWidth) * pixelBytes;
  for (let unit = start; unit < end; unit++) {
    const image = <usize>a.x + <usize>(unit / a.outHeight) * imageBytes;
    for (let column = 0; column < a.outWidth; column++, y += pixelBytes) {
      findTaps(a, taps, unit % a.outHeight, column);
      storeLargest(a, taps, image + taps.x, <usize>a.filter + taps.filter, y, pixelBytes);
    }
  }
}

function storeLargest(a: DilationArgs, taps: Taps, x: usize, filter: usize, y: usize, pixelBytes: usize): void {
  const rowStep = pixelBytes * <usize>(a.inWidth * a.dilationHeight);
  const columnStep = pixelBytes * <usize>a.dilationWidth;
  const filterStep = pixelBytes * <usize>a.filterWidth;
  const rows = taps.rows;
  const columns = taps.columns;
  let left = a.channels;
  for (; left > 0; left -= 4, x += 16, filter += 16, y += 16) {
    let best = f32x4.splat(<f32>LEAST);
    for (let r = 0; r < rows; r++) {
      let pixel = x + <usize>r * rowStep;
      let tap = filter + <usize>r * filterStep;
      for (let k = 0; k < columns; k++, pixel += columnStep, tap += pixelBytes) {
        const sum =
          left >= 4
            ? f32x4.add(v128.load(pixel), v128.load(tap))
            : f32x4.add(loadColumns(pixel, left), loadColumns(tap, left));
        // Keeps `best` unless the sum is greater: not for NaN.
        best = f32x4.pmax(best, sum);
      }
    }
    if (left >= 4) v128.store(y, best);
    else storeColumns(y, best, best, left);
  }
}

/**
 * Where the first of the largest sums is, of four channels: bytes from the image, or from the filter; `none` where no sum is above LEAST.
 * `ofFilter` is a constant at each place of use.
 */
@inline
function winners(
  ofFilter: bool, a: DilationArgs, taps: Taps, x: usize, filter: usize, pixelBytes: usize, channels: i32, none: usize,
): v128 {
  const rowStep = pixelBytes * <usize>(a.inWidth * a.dilationHeight);
  const columnStep = pixelBytes * <usize>a.dilationWidth;
  const filterStep = pixelBytes * <usize>a.filterWidth;
  let bestLow = f64x2.splat(LEAST);
  let bestHigh = bestLow;
  let winner = i32x4.splat(<i32>none);
  const rows = taps.rows;
  const columns = taps.columns;
  for (let r = 0; r < rows; r++) {
    let pixel = taps.x + <usize>r * rowStep;
    let tap = taps.filter + <usize>r * filterStep;
    for (let k = 0; k < columns; k++, pixel += columnStep, tap += pixelBytes) {
      const values = channels >= 4 ? v128.load(x + pixel) : loadColumns(x + pixel, channels);
      const weights = channels >= 4 ? v128.load(filter + tap) : loadColumns(filter + tap, channels);
      const low = f64x2.add(f64x2.promote_low_f32x4(values), f64x2.promote_low_f32x4(weights));
      const high = f64x2.add(f64x2.promote_low_f32x4(upper(values)), f64x2.promote_low_f32x4(upper(weights)));
      const isAbove = i32x4.shuffle(f64x2.gt(low, bestLow), f64x2.gt(high, bestHigh), 0, 2, 4, 6);
      bestLow = f64x2.pmax(bestLow, low);
      bestHigh = f64x2.pmax(bestHigh, high);
      winner = v128.bitselect(i32x4.splat(<i32>(ofFilter ? tap : pixel)), winner, isAbove);
    }
  }
  return winner;
}

/** The upper two of four floats, in the place of the lower. */
@inline
function upper(floats: v128): v128 {
  return i64x2.shuffle(floats, floats, 1, 0);
}

/** Adds the gradients of up to four channels to the places that won them. */
@inline
function addToWinners(out: usize, winner: v128, dy: usize, channels: i32): void {
  addTo(out + <usize>(<u32>i32x4.extract_lane(winner, 0)), dy);
  if (channels > 1) addTo(out + <usize>(<u32>i32x4.extract_lane(winner, 1)) + 4, dy + 4);
  if (channels > 2) addTo(out + <usize>(<u32>i32x4.extract_lane(winner, 2)) + 8, dy + 8);
  if (channels > 3) addTo(out + <usize>(<u32>i32x4.extract_lane(winner, 3)) + 12, dy + 12);
}

@inline
function addTo(at: usize, gradient: usize): void {
  store<f32>(at, load<f32>(at) + load<f32>(gradient));
}

export function dilation2dBackpropInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DilationArgs>(args);
  const pixelBytes = <usize>a.channels << 2;
  const imageBytes = pixelBytes * <usize>(a.inHeight * a.inWidth);
  const blocks = (a.channels + a.blockChannels - 1) / a.blockChannels;
  for (let unit = start; unit < end; unit++) {
    const image = unit / blocks;
    const channel = (unit % blocks) * a.blockChannels;
    const channels = min(a.blockChannels, a.channels - channel);
    const out = <usize>a.out + <usize>image * imageBytes + (<usize>channel << 2);
    for (let pixel: usize = 0; pixel < imageBytes; pixel += pixelBytes) {
      memory.fill(out + pixel, 0, <usize>channels << 2);
    }
    scatterImage(false, a, changetype<Taps>(scratch), image, channel, channels, out);
  }
}

export function dilation2dBackpropFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DilationArgs>(args);
  const pixelBytes = <usize>a.channels << 2;
  const filterBytes = pixelBytes * <usize>(a.filterHeight * a.filterWidth);
  const blocks = (a.channels + a.blockChannels - 1) / a.blockChannels;
  for (let unit = start; unit < end; unit++) {
    const chunk = unit / blocks;
    const channel = (unit % blocks) * a.blockChannels;
    const channels = min(a.blockChannels, a.channels - channel);
    const out = <usize>a.out + <usize>chunk * filterBytes + (<usize>channel << 2);
    for (let tap: usize = 0; tap < filterBytes; tap += pixelBytes) memory.fill(out + tap, 0, <usize>channels << 2);
    const last = min((chunk + 1) * a.imagesPerChunk, a.batch);
    for (let image = chunk * a.imagesPerChunk; image < last; image++) {
      scatterImage(true, a, changetype<Taps>(scratch), image, channel, channels, out);
    }
  }
}

/** Takes the gradient of each output of a block of channels to the places of the filter, or of the image, that won it. */
@inline
function scatterImage(
  ofFilter: bool, a: DilationArgs, taps: Taps, image: i32, channel: i32, channels: i32, out: usize,
): void {
  const pixelBytes = <usize>a.channels << 2;
  const first = <usize>channel << 2;
  const x = <usize>a.x + <usize>(image * a.inHeight * a.inWidth) * pixelBytes + first;
  const filter = <usize>a.filter + first;
  let dy = <usize>a.y + <usize>(image * a.outHeight * a.outWidth) * pixelBytes + first;
  for (let row = 0; row < a.outHeight; row++) {
    for (let column = 0; column < a.outWidth; column++, dy += pixelBytes) {
      findTaps(a, taps, row, column);
      const none = ofFilter ? <usize>0 : taps.corner;
      let c: usize = 0;
      let left = channels;
      for (; left >= 4; left -= 4, c += 16) {
        addToWinners(out + c, winners(ofFilter, a, taps, x + c, filter + c, pixelBytes, 4, none), dy + c, 4);
      }
      if (left > 0) {
        addToWinners(out + c, winners(ofFilter, a, taps, x + c, filter + c, pixelBytes, left, none), dy + c, left);
      }
    }
  }
}
