// Sums over pixels, channel by channel, and columns of one to four channels. Not here: what the sums are for (plan/group-norm.ts).
// Sums run over blocks of pixels in order, each channel by itself, so neither threads nor the batch show.
import { loadColumns, storeColumns, zeroFloats } from './columns';

/** Of one pass: in the first-level cache. */
export const BLOCK_PIXELS = 32;

@inline
export function take(at: usize, columns: i32): v128 {
  return columns == 4 ? v128.load(at) : loadColumns(at, columns);
}

@inline
export function put(at: usize, value: v128, columns: i32): void {
  if (columns == 4) v128.store(at, value);
  else storeColumns(at, value, value, columns);
}

@inline
export function addTo(at: usize, value: v128, columns: i32): void {
  put(at, f32x4.add(take(at, columns), value), columns);
}

/** What a pixel adds to the sum of a channel: its value, or the square of what it is off a mean. */
@inline
function term(value: v128, mean: v128, squares: bool): v128 {
  if (!squares) return value;
  const off = f32x4.sub(value, mean);
  return f32x4.mul(off, off);
}

/** Adds the sum of a block of some channels' pixels to what is at `sums`. */
@inline
function columnSum(x: usize, pixels: i32, pitch: usize, columns: i32, means: usize, squares: bool, sums: usize): void {
  const mean = squares ? take(means, columns) : f32x4.splat(0);
  let sum = f32x4.splat(0);
  for (let pixel = 0; pixel < pixels; pixel++, x += pitch) sum = f32x4.add(sum, term(take(x, columns), mean, squares));
  addTo(sums, sum, columns);
}

/** The same of sixteen channels: four sums that do not wait for each other. */
@inline
function columnSums(x: usize, pixels: i32, pitch: usize, means: usize, squares: bool, sums: usize): void {
  const mean0 = squares ? v128.load(means) : f32x4.splat(0);
  const mean1 = squares ? v128.load(means, 16) : mean0;
  const mean2 = squares ? v128.load(means, 32) : mean0;
  const mean3 = squares ? v128.load(means, 48) : mean0;
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  for (let pixel = 0; pixel < pixels; pixel++, x += pitch) {
    sum0 = f32x4.add(sum0, term(v128.load(x), mean0, squares));
    sum1 = f32x4.add(sum1, term(v128.load(x, 16), mean1, squares));
    sum2 = f32x4.add(sum2, term(v128.load(x, 32), mean2, squares));
    sum3 = f32x4.add(sum3, term(v128.load(x, 48), mean3, squares));
  }
  addTo(sums, sum0, 4);
  addTo(sums + 16, sum1, 4);
  addTo(sums + 32, sum2, 4);
  addTo(sums + 48, sum3, 4);
}

@inline
function channelSums(x: usize, pixels: i32, channels: i32, means: usize, sums: usize, squares: bool): void {
  const pitch = (<usize>channels) << 2;
  zeroFloats(sums, pitch);
  for (let first = 0; first < pixels; first += BLOCK_PIXELS) {
    const block = min(BLOCK_PIXELS, pixels - first);
    let channel = 0;
    let at: usize = 0;
    for (; channel + 16 <= channels; channel += 16, at += 64) {
      columnSums(x + at, block, pitch, means + at, squares, sums + at);
    }
    for (; channel + 4 <= channels; channel += 4, at += 16) {
      columnSum(x + at, block, pitch, 4, means + at, squares, sums + at);
    }
    if (channel < channels) columnSum(x + at, block, pitch, channels - channel, means + at, squares, sums + at);
    x += <usize>block * pitch;
  }
}

/** Sums of each channel, into `sums`. */
export function sumsOf(x: usize, pixels: i32, channels: i32, sums: usize): void {
  channelSums(x, pixels, channels, 0, sums, false);
}

/** Sums of the squares of what is off the means, into `sums`. */
export function squaresOf(x: usize, pixels: i32, channels: i32, means: usize, sums: usize): void {
  channelSums(x, pixels, channels, means, sums, true);
}

/** Sum of some floats, in double precision. */
export function total(at: usize, floats: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < floats; i++, at += 4) sum += <f64>load<f32>(at);
  return sum;
}

/** A value, many times. */
export function fill(at: usize, floats: i32, value: f32): void {
  for (let i = 0; i < floats; i++, at += 4) store<f32>(at, value);
}
