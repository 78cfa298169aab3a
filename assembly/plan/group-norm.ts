// Stages of a plan for normalisation by the statistics of an image itself, and what follows it at once. Unit: image.
//
//   rows of an image   each is normalised by itself: one row of all pixels and some groups of channels is group normalisation
//                      (Wu & He 2018), a row a pixel and one group is layer normalisation (Ba et al. 2016)
//   xhat = (x - mean) / sqrt(variance + epsilon), of the pixels and channels of a group; variance: biased
//   y    = f(gamma xhat + beta)
//
//   x, y, dy, dx    f32 [batch][rows][pixels][channels]
//   statistics      f32 [batch][rows][groups][2]: mean, 1 / sqrt(variance + epsilon)
//   dGamma, dBeta   f32 [partitions][pitch]: sums over the images of a partition, or 0
//
// The way back leaves dy f' where dy was. Sums run over blocks of pixels in order, then over the channels of a group in double
// precision, so neither threads nor the batch show.
import { LINEAR, RELU } from '../simd/activation';
import { loadColumns, storeColumns, zeroFloats } from '../simd/columns';
import { activateAny, SILU, slopeOfAny } from '../simd/smooth-activation';

@unmanaged
class PlanGroupNorm {
  x: u32;
  y: u32;
  statistics: u32;
  /** f32 [channels], or 0: 1. */
  gamma: u32;
  /** f32 [channels], or 0: 0. */
  beta: u32;
  rows: i32;
  pixels: i32;
  channels: i32;
  groups: i32;
  epsilon: f32;
  /** Of simd/smooth-activation.ts. */
  code: i32;
  alpha: f32;
  dy: u32;
  /** 0: nobody asks. */
  dx: u32;
  addsToX: i32;
  dGamma: u32;
  dBeta: u32;
  /** Floats. */
  gammaPitch: i32;
  betaPitch: i32;
  partitionImages: i32;
}

const BLOCK_PIXELS = 32;

/** Adds the pixels' columns at `x`, a vector of channels, less `shift`, squared or not. */
@inline
function columnSum(x: usize, pixels: i32, pitch: usize, columns: i32, shift: v128, squares: bool): v128 {
  let sum = f32x4.splat(0);
  for (let first = 0; first < pixels; first += BLOCK_PIXELS) {
    const last = min(first + BLOCK_PIXELS, pixels);
    let block = f32x4.splat(0);
    for (let pixel = first; pixel < last; pixel++, x += pitch) {
      const value = columns == 4 ? v128.load(x) : loadColumns(x, columns);
      if (squares) {
        const off = f32x4.sub(value, shift);
        block = f32x4.add(block, f32x4.mul(off, off));
      } else {
        block = f32x4.add(block, value);
      }
    }
    sum = f32x4.add(sum, block);
  }
  return sum;
}

/** Sums of each channel, into `sums`. */
function channelSums(x: usize, pixels: i32, channels: i32, shifts: usize, sums: usize, squares: bool): void {
  const pitch = (<usize>channels) << 2;
  let channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    const at = (<usize>channel) << 2;
    const shift = squares ? v128.load(shifts + at) : f32x4.splat(0);
    if (squares) v128.store(sums + at, columnSum(x + at, pixels, pitch, 4, shift, true));
    else v128.store(sums + at, columnSum(x + at, pixels, pitch, 4, shift, false));
  }
  if (channel < channels) {
    const at = (<usize>channel) << 2;
    const columns = channels - channel;
    const shift = squares ? loadColumns(shifts + at, columns) : f32x4.splat(0);
    const sum = columnSum(x + at, pixels, pitch, columns, shift, squares);
    storeColumns(sums + at, sum, sum, columns);
  }
}

/** Sum of some floats, in double precision. */
function total(at: usize, floats: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < floats; i++, at += 4) sum += <f64>load<f32>(at);
  return sum;
}

function fill(at: usize, floats: i32, value: f32): void {
  for (let i = 0; i < floats; i++, at += 4) store<f32>(at, value);
}

@inline
function weightAt(weights: usize, channel: i32, other: f32): f32 {
  return weights != 0 ? load<f32>(weights + ((<usize>channel) << 2)) : other;
}

/** Factor and offset of each channel, f(x) = x scale + shift, from the statistics of its group. */
function factors(a: PlanGroupNorm, statistics: usize, means: usize, scales: usize, shifts: usize): void {
  const width = a.channels / a.groups;
  for (let channel = 0; channel < a.channels; channel++) {
    const at = (<usize>channel) << 2;
    const group = statistics + ((<usize>(channel / width)) << 3);
    const mean = load<f32>(group);
    store<f32>(means + at, mean);
    store<f32>(scales + at, load<f32>(group, 4) * weightAt(a.gamma, channel, 1));
    store<f32>(shifts + at, weightAt(a.beta, channel, 0));
  }
}

export function planGroupNorm(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanGroupNorm>(args);
  const channels = a.channels;
  const line = (<usize>(channels + 3)) << 2;
  const sums = scratch;
  const means = scratch + line;
  const scales = scratch + 2 * line;
  const shifts = scratch + 3 * line;
  const width = channels / a.groups;
  const count = <f64>(width * a.pixels);
  const rowBytes = <usize>(a.pixels * channels) << 2;
  const alpha = f32x4.splat(a.alpha);
  for (let row = start * a.rows; row < end * a.rows; row++) {
    const x = <usize>a.x + <usize>row * rowBytes;
    const y = <usize>a.y + <usize>row * rowBytes;
    const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
    channelSums(x, a.pixels, channels, 0, sums, false);
    for (let group = 0; group < a.groups; group++) {
      const at = (<usize>(group * width)) << 2;
      const mean = <f32>(total(sums + at, width) / count);
      store<f32>(statistics + ((<usize>group) << 3), mean);
      fill(means + at, width, mean);
    }
    channelSums(x, a.pixels, channels, means, sums, true);
    for (let group = 0; group < a.groups; group++) {
      const variance = total(sums + ((<usize>(group * width)) << 2), width) / count;
      store<f32>(statistics + ((<usize>group) << 3), <f32>(1 / Math.sqrt(variance + <f64>a.epsilon)), 4);
    }
    factors(a, statistics, means, scales, shifts);
    if (a.code == LINEAR) applyRow(LINEAR, x, y, means, scales, shifts, a.pixels, channels, alpha);
    else if (a.code == RELU) applyRow(RELU, x, y, means, scales, shifts, a.pixels, channels, alpha);
    else if (a.code == SILU) applyRow(SILU, x, y, means, scales, shifts, a.pixels, channels, alpha);
    else applyRow(a.code, x, y, means, scales, shifts, a.pixels, channels, alpha);
  }
}

/** (x - mean) scale + shift, of one vector of channels. */
@inline
function normalised(x: v128, mean: v128, scale: v128, shift: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(x, mean), scale), shift);
}

@inline
function applyRow(
  code: i32, x: usize, y: usize, means: usize, scales: usize, shifts: usize, pixels: i32, channels: i32, alpha: v128,
): void {
  const bytes = (<usize>channels) << 2;
  const whole = bytes & ~15;
  const left = channels & 3;
  for (let pixel = 0; pixel < pixels; pixel++, x += bytes, y += bytes) {
    for (let at: usize = 0; at < whole; at += 16) {
      const z = normalised(v128.load(x + at), v128.load(means + at), v128.load(scales + at), v128.load(shifts + at));
      v128.store(y + at, activateAny(code, z, alpha));
    }
    if (left == 0) continue;
    const z = normalised(
      loadColumns(x + whole, left), v128.load(means + whole), v128.load(scales + whole), v128.load(shifts + whole),
    );
    storeColumns(y + whole, activateAny(code, z, alpha), z, left);
  }
}

export function planGroupNormGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanGroupNorm>(args);
  const channels = a.channels;
  const line = (<usize>(channels + 3)) << 2;
  const means = scratch;
  const scales = scratch + line;
  const shifts = scratch + 2 * line;
  const slopes = scratch + 3 * line;
  const products = scratch + 4 * line;
  const width = channels / a.groups;
  const count = <f64>(width * a.pixels);
  const rowBytes = <usize>(a.pixels * channels) << 2;
  const alpha = f32x4.splat(a.alpha);
  const partition = <usize>(start / a.partitionImages);
  const dGamma = a.dGamma != 0 ? <usize>a.dGamma + ((partition * <usize>a.gammaPitch) << 2) : 0;
  const dBeta = a.dBeta != 0 ? <usize>a.dBeta + ((partition * <usize>a.betaPitch) << 2) : 0;
  if (dGamma != 0) zeroFloats(dGamma, (<usize>channels) << 2);
  if (dBeta != 0) zeroFloats(dBeta, (<usize>channels) << 2);
  for (let row = start * a.rows; row < end * a.rows; row++) {
    const x = <usize>a.x + <usize>row * rowBytes;
    const dy = <usize>a.dy + <usize>row * rowBytes;
    const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
    factors(a, statistics, means, scales, shifts);
    if (a.code == RELU) undoRow(RELU, x, dy, means, scales, shifts, a.pixels, channels, alpha);
    else if (a.code == SILU) undoRow(SILU, x, dy, means, scales, shifts, a.pixels, channels, alpha);
    else if (a.code != LINEAR) undoRow(a.code, x, dy, means, scales, shifts, a.pixels, channels, alpha);
    slopeSums(x, dy, a.pixels, channels, means, slopes, products);
    for (let channel = 0; channel < channels; channel++) {
      const at = (<usize>channel) << 2;
      const deviation = load<f32>(statistics + ((<usize>(channel / width)) << 3), 4);
      store<f32>(products + at, load<f32>(products + at) * deviation);
      if (dBeta != 0) store<f32>(dBeta + at, load<f32>(dBeta + at) + load<f32>(slopes + at));
      if (dGamma != 0) store<f32>(dGamma + at, load<f32>(dGamma + at) + load<f32>(products + at));
    }
    if (a.dx == 0) continue;
    for (let group = 0; group < a.groups; group++) {
      const deviation = <f64>load<f32>(statistics + ((<usize>group) << 3), 4);
      let slope: f64 = 0;
      let product: f64 = 0;
      for (let channel = group * width; channel < (group + 1) * width; channel++) {
        const at = (<usize>channel) << 2;
        const gamma = <f64>weightAt(a.gamma, channel, 1);
        slope += gamma * <f64>load<f32>(slopes + at);
        product += gamma * <f64>load<f32>(products + at);
      }
      fill(slopes + ((<usize>(group * width)) << 2), width, <f32>((-deviation * slope) / count));
      fill(products + ((<usize>(group * width)) << 2), width, <f32>((-deviation * deviation * product) / count));
    }
    const dx = <usize>a.dx + <usize>row * rowBytes;
    gradientRow(x, dy, dx, means, scales, slopes, products, a.pixels, channels, a.addsToX != 0);
  }
}

/** dy f'(z), in the place of dy. */
@inline
function undoRow(
  code: i32, x: usize, dy: usize, means: usize, scales: usize, shifts: usize, pixels: i32, channels: i32, alpha: v128,
): void {
  const bytes = (<usize>channels) << 2;
  const whole = bytes & ~15;
  const left = channels & 3;
  for (let pixel = 0; pixel < pixels; pixel++, x += bytes, dy += bytes) {
    for (let at: usize = 0; at < whole; at += 16) {
      const z = normalised(v128.load(x + at), v128.load(means + at), v128.load(scales + at), v128.load(shifts + at));
      v128.store(dy + at, f32x4.mul(v128.load(dy + at), slopeOfAny(code, z, alpha)));
    }
    if (left == 0) continue;
    const z = normalised(
      loadColumns(x + whole, left), v128.load(means + whole), v128.load(scales + whole), v128.load(shifts + whole),
    );
    const slope = f32x4.mul(loadColumns(dy + whole, left), slopeOfAny(code, z, alpha));
    storeColumns(dy + whole, slope, slope, left);
  }
}

/** Sums of dz, and of dz (x - mean), of each channel. */
function slopeSums(
  x: usize, dz: usize, pixels: i32, channels: i32, means: usize, slopes: usize, products: usize,
): void {
  const pitch = (<usize>channels) << 2;
  for (let channel = 0; channel < channels; channel += 4) {
    const at = (<usize>channel) << 2;
    const columns = min(4, channels - channel);
    const mean = v128.load(means + at);
    let slope = f32x4.splat(0);
    let product = f32x4.splat(0);
    let fromX = x + at;
    let fromDz = dz + at;
    for (let first = 0; first < pixels; first += BLOCK_PIXELS) {
      const last = min(first + BLOCK_PIXELS, pixels);
      let slopeBlock = f32x4.splat(0);
      let productBlock = f32x4.splat(0);
      for (let pixel = first; pixel < last; pixel++, fromX += pitch, fromDz += pitch) {
        const d = columns == 4 ? v128.load(fromDz) : loadColumns(fromDz, columns);
        const value = columns == 4 ? v128.load(fromX) : loadColumns(fromX, columns);
        slopeBlock = f32x4.add(slopeBlock, d);
        productBlock = f32x4.add(productBlock, f32x4.mul(d, f32x4.sub(value, mean)));
      }
      slope = f32x4.add(slope, slopeBlock);
      product = f32x4.add(product, productBlock);
    }
    storeColumns(slopes + at, slope, slope, columns);
    storeColumns(products + at, product, product, columns);
  }
}

/** dx = dz scale + (x - mean) product + slope */
function gradientRow(
  x: usize, dz: usize, dx: usize, means: usize, scales: usize, slopes: usize, products: usize, pixels: i32, channels: i32,
  adds: bool,
): void {
  const bytes = (<usize>channels) << 2;
  const whole = bytes & ~15;
  const left = channels & 3;
  for (let pixel = 0; pixel < pixels; pixel++, x += bytes, dz += bytes, dx += bytes) {
    for (let at: usize = 0; at < whole; at += 16) {
      const off = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(means + at)), v128.load(products + at));
      const own = f32x4.mul(v128.load(dz + at), v128.load(scales + at));
      const made = f32x4.add(f32x4.add(own, off), v128.load(slopes + at));
      v128.store(dx + at, adds ? f32x4.add(v128.load(dx + at), made) : made);
    }
    if (left == 0) continue;
    const off = f32x4.mul(f32x4.sub(loadColumns(x + whole, left), v128.load(means + whole)), v128.load(products + whole));
    const own = f32x4.mul(loadColumns(dz + whole, left), v128.load(scales + whole));
    let made = f32x4.add(f32x4.add(own, off), v128.load(slopes + whole));
    if (adds) made = f32x4.add(loadColumns(dx + whole, left), made);
    storeColumns(dx + whole, made, made, left);
  }
}
