// Stages of a plan for normalisation by the statistics of an image itself, and what follows it at once: a factor and a shift of the image's
// own for each channel (FiLM, Perez et al. 2018), and an activation. Unit: image.
//
//   rows of an image   each is normalised by itself: one row of all pixels and some groups of channels is group normalisation
//                      (Wu & He 2018), a row a pixel and one group is layer normalisation (Ba et al. 2016)
//   xhat = (x - mean) / sqrt(variance + epsilon), of the pixels and channels of a group; variance: biased
//   y    = f((gamma xhat + beta) factor + shift)
//
//   x, y, dy, dx      f32 [batch][rows][pixels][channels]
//   statistics        f32 [batch][rows][groups][2]: mean, 1 / sqrt(variance + epsilon)
//   factors, shifts   f32 [batch][channels] each, or 0: 1 and 0. Of one row alone; as are their gradients, 0 where nobody asks
//   dGamma, dBeta     f32 [partitions][pitch]: sums over the images of a partition, or 0
//
// Passes go over blocks of pixels, channel by channel, so that a block stays in the first-level cache; one in which the activation is
// undone is as many floats of scratch. The way back leaves dy f' where dy was. Sums run over blocks in order, then over the channels of a
// group in double precision, so neither threads nor the batch show.
import { LINEAR } from '../simd/activation';
import { addTo, BLOCK_PIXELS, fill, put, squaresOf, sumsOf, take, total } from '../simd/pixel-sums';
import { zeroFloats } from '../simd/columns';
import { activateRun, slopeRun } from '../simd/smooth-activation';

@unmanaged
class PlanGroupNorm {
  x: u32;
  y: u32;
  statistics: u32;
  /** f32 [channels], or 0: 1. */
  gamma: u32;
  /** f32 [channels], or 0: 0. */
  beta: u32;
  factors: u32;
  shifts: u32;
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
  dFactors: u32;
  addsToFactors: i32;
  dShifts: u32;
  addsToShifts: i32;
  dGamma: u32;
  dBeta: u32;
  /** Floats. */
  gammaPitch: i32;
  betaPitch: i32;
  partitionImages: i32;
}

@inline
function weightAt(weights: usize, channel: i32, other: f32): f32 {
  return weights != 0 ? load<f32>(weights + ((<usize>channel) << 2)) : other;
}

/** Byte offset of an image's own vector, or 0. */
@inline
function vectorOf(vectors: u32, row: i32, channels: i32): usize {
  return vectors != 0 ? <usize>vectors + ((<usize>(row * channels)) << 2) : 0;
}

/** Mean, factor and offset of each channel, z = (x - mean) scale + shift, from the statistics of its group. */
function lines(a: PlanGroupNorm, row: i32, means: usize, scales: usize, shifts: usize): void {
  const channels = a.channels;
  const width = channels / a.groups;
  const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
  const factor = vectorOf(a.factors, row, channels);
  const shift = vectorOf(a.shifts, row, channels);
  for (let channel = 0; channel < channels; channel++) {
    const at = (<usize>channel) << 2;
    const group = statistics + ((<usize>(channel / width)) << 3);
    const own = weightAt(factor, channel, 1);
    store<f32>(means + at, load<f32>(group));
    store<f32>(scales + at, load<f32>(group, 4) * weightAt(a.gamma, channel, 1) * own);
    store<f32>(shifts + at, weightAt(a.beta, channel, 0) * own + weightAt(shift, channel, 0));
  }
}

/** Scratch: three lines of floats for each channel. */
export function planGroupNorm(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanGroupNorm>(args);
  const channels = a.channels;
  const line = (<usize>(channels + 3)) << 2;
  const means = scratch;
  const scales = scratch + line;
  const shifts = scratch + 2 * line;
  const sums = scales;
  const width = channels / a.groups;
  const count = <f64>(width * a.pixels);
  const rowBytes = <usize>(a.pixels * channels) << 2;
  for (let row = start * a.rows; row < end * a.rows; row++) {
    const x = <usize>a.x + <usize>row * rowBytes;
    const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
    sumsOf(x, a.pixels, channels, sums);
    for (let group = 0; group < a.groups; group++) {
      const at = (<usize>(group * width)) << 2;
      const mean = <f32>(total(sums + at, width) / count);
      store<f32>(statistics + ((<usize>group) << 3), mean);
      fill(means + at, width, mean);
    }
    squaresOf(x, a.pixels, channels, means, sums);
    for (let group = 0; group < a.groups; group++) {
      const variance = total(sums + ((<usize>(group * width)) << 2), width) / count;
      store<f32>(statistics + ((<usize>group) << 3), <f32>(1 / Math.sqrt(variance + <f64>a.epsilon)), 4);
    }
    lines(a, row, means, scales, shifts);
    const alpha = f32x4.splat(a.alpha);
    let from = x;
    let to = <usize>a.y + <usize>row * rowBytes;
    for (let first = 0; first < a.pixels; first += BLOCK_PIXELS) {
      const floats = min(BLOCK_PIXELS, a.pixels - first) * channels;
      normalise(from, to, floats, channels, means, scales, shifts);
      if (a.code != LINEAR) activateRun(a.code, to, to, floats, alpha);
      from += (<usize>floats) << 2;
      to += (<usize>floats) << 2;
    }
  }
}

/** (x - mean) scale + shift, of the pixels of a block. */
function normalise(
  x: usize, y: usize, floats: i32, channels: i32, means: usize, scales: usize, shifts: usize,
): void {
  const pitch = (<usize>channels) << 2;
  const end = x + ((<usize>floats) << 2);
  let channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    const at = (<usize>channel) << 2;
    normaliseColumn(x + at, y + at, end, pitch, 4, means + at, scales + at, shifts + at);
  }
  if (channel == channels) return;
  const at = (<usize>channel) << 2;
  normaliseColumn(x + at, y + at, end, pitch, channels - channel, means + at, scales + at, shifts + at);
}

@inline
function normaliseColumn(
  x: usize, y: usize, end: usize, pitch: usize, columns: i32, means: usize, scales: usize, shifts: usize,
): void {
  const mean = take(means, columns);
  const scale = take(scales, columns);
  const shift = take(shifts, columns);
  for (; x < end; x += pitch, y += pitch) {
    put(y, f32x4.add(f32x4.mul(f32x4.sub(take(x, columns), mean), scale), shift), columns);
  }
}

/** Scratch: 64 bytes, five lines of floats for each channel, and a block of pixels. */
export function planGroupNormGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanGroupNorm>(args);
  const channels = a.channels;
  const line = (<usize>(channels + 3)) << 2;
  const means = scratch + 64;
  const scales = means + line;
  const shifts = scales + line;
  const slopes = shifts + line;
  const products = slopes + line;
  const room = products + line;
  const rowBytes = <usize>(a.pixels * channels) << 2;
  const alpha = f32x4.splat(a.alpha);
  const partition = start / a.partitionImages;
  const dGamma = vectorOf(a.dGamma, partition, a.gammaPitch);
  const dBeta = vectorOf(a.dBeta, partition, a.betaPitch);
  if (dGamma != 0) zeroFloats(dGamma, (<usize>channels) << 2);
  if (dBeta != 0) zeroFloats(dBeta, (<usize>channels) << 2);
  for (let row = start * a.rows; row < end * a.rows; row++) {
    const x = <usize>a.x + <usize>row * rowBytes;
    const dy = <usize>a.dy + <usize>row * rowBytes;
    lines(a, row, means, scales, shifts);
    zeroFloats(slopes, (<usize>channels) << 2);
    zeroFloats(products, (<usize>channels) << 2);
    for (let at: usize = 0; at < rowBytes; ) {
      const floats = min(BLOCK_PIXELS * channels, <i32>((rowBytes - at) >> 2));
      if (a.code != LINEAR) {
        normalise(x + at, room, floats, channels, means, scales, shifts);
        slopeRun(a.code, dy + at, room, dy + at, floats, alpha, false, scratch);
      }
      slopeSums(x + at, dy + at, floats, channels, means, slopes, products);
      at += (<usize>floats) << 2;
    }
    weightGradients(a, row, slopes, products, dGamma, dBeta);
    if (a.dx == 0) continue;
    meanGradients(a, row, slopes, products);
    const dx = <usize>a.dx + <usize>row * rowBytes;
    for (let at: usize = 0; at < rowBytes; ) {
      const floats = min(BLOCK_PIXELS * channels, <i32>((rowBytes - at) >> 2));
      gradient(x + at, dy + at, dx + at, floats, channels, means, scales, slopes, products, a.addsToX != 0);
      at += (<usize>floats) << 2;
    }
  }
}

/** Adds the sums of dz, and of dz (x - mean), of a block's pixels, to those of each channel. */
function slopeSums(
  x: usize, dz: usize, floats: i32, channels: i32, means: usize, slopes: usize, products: usize,
): void {
  const pitch = (<usize>channels) << 2;
  const end = x + ((<usize>floats) << 2);
  let channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    const at = (<usize>channel) << 2;
    slopeColumn(x + at, dz + at, end, pitch, 4, means + at, slopes + at, products + at);
  }
  if (channel == channels) return;
  const at = (<usize>channel) << 2;
  slopeColumn(x + at, dz + at, end, pitch, channels - channel, means + at, slopes + at, products + at);
}

@inline
function slopeColumn(
  x: usize, dz: usize, end: usize, pitch: usize, columns: i32, means: usize, slopes: usize, products: usize,
): void {
  const mean = take(means, columns);
  let slope = f32x4.splat(0);
  let product = f32x4.splat(0);
  for (; x < end; x += pitch, dz += pitch) {
    const d = take(dz, columns);
    slope = f32x4.add(slope, d);
    product = f32x4.add(product, f32x4.mul(d, f32x4.sub(take(x, columns), mean)));
  }
  addTo(slopes, slope, columns);
  addTo(products, product, columns);
}

/** Of gamma, beta, factors and shifts, from the sums of each channel; what is summed of dz (x - mean) becomes the sum of dz xhat. */
function weightGradients(
  a: PlanGroupNorm, row: i32, slopes: usize, products: usize, dGamma: usize, dBeta: usize,
): void {
  const channels = a.channels;
  const width = channels / a.groups;
  const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
  const factors = vectorOf(a.factors, row, channels);
  const dFactors = vectorOf(a.dFactors, row, channels);
  const dShifts = vectorOf(a.dShifts, row, channels);
  for (let channel = 0; channel < channels; channel++) {
    const at = (<usize>channel) << 2;
    const slope = load<f32>(slopes + at);
    const product = load<f32>(products + at) * load<f32>(statistics + ((<usize>(channel / width)) << 3), 4);
    store<f32>(products + at, product);
    const own = weightAt(factors, channel, 1);
    if (dGamma != 0) store<f32>(dGamma + at, load<f32>(dGamma + at) + product * own);
    if (dBeta != 0) store<f32>(dBeta + at, load<f32>(dBeta + at) + slope * own);
    if (dFactors != 0) {
      const made = product * weightAt(a.gamma, channel, 1) + slope * weightAt(a.beta, channel, 0);
      store<f32>(dFactors + at, a.addsToFactors != 0 ? load<f32>(dFactors + at) + made : made);
    }
    if (dShifts != 0) store<f32>(dShifts + at, a.addsToShifts != 0 ? load<f32>(dShifts + at) + slope : slope);
  }
}

/** What the mean and the deviation of a group take away, for each channel: in the place of the sums. */
function meanGradients(a: PlanGroupNorm, row: i32, slopes: usize, products: usize): void {
  const width = a.channels / a.groups;
  const count = <f64>(width * a.pixels);
  const statistics = <usize>a.statistics + ((<usize>(row * a.groups)) << 3);
  const factors = vectorOf(a.factors, row, a.channels);
  for (let group = 0; group < a.groups; group++) {
    const deviation = <f64>load<f32>(statistics + ((<usize>group) << 3), 4);
    let slope: f64 = 0;
    let product: f64 = 0;
    for (let channel = group * width; channel < (group + 1) * width; channel++) {
      const at = (<usize>channel) << 2;
      const scale = <f64>weightAt(a.gamma, channel, 1) * <f64>weightAt(factors, channel, 1);
      slope += scale * <f64>load<f32>(slopes + at);
      product += scale * <f64>load<f32>(products + at);
    }
    fill(slopes + ((<usize>(group * width)) << 2), width, <f32>((-deviation * slope) / count));
    fill(products + ((<usize>(group * width)) << 2), width, <f32>((-deviation * deviation * product) / count));
  }
}

/** dx = dz scale + (x - mean) product + slope, of the pixels of a block. */
function gradient(
  x: usize, dz: usize, dx: usize, floats: i32, channels: i32, means: usize, scales: usize, slopes: usize, products: usize,
  adds: bool,
): void {
  const pitch = (<usize>channels) << 2;
  const end = x + ((<usize>floats) << 2);
  let channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    const at = (<usize>channel) << 2;
    gradientColumn(
      x + at, dz + at, dx + at, end, pitch, 4, means + at, scales + at, slopes + at, products + at, adds,
    );
  }
  if (channel == channels) return;
  const at = (<usize>channel) << 2;
  gradientColumn(
    x + at, dz + at, dx + at, end, pitch, channels - channel, means + at, scales + at, slopes + at, products + at, adds,
  );
}

@inline
function gradientColumn(
  x: usize, dz: usize, dx: usize, end: usize, pitch: usize, columns: i32, means: usize, scales: usize, slopes: usize,
  products: usize, adds: bool,
): void {
  const mean = take(means, columns);
  const scale = take(scales, columns);
  const slope = take(slopes, columns);
  const product = take(products, columns);
  for (; x < end; x += pitch, dz += pitch, dx += pitch) {
    const off = f32x4.mul(f32x4.sub(take(x, columns), mean), product);
    const made = f32x4.add(f32x4.add(f32x4.mul(take(dz, columns), scale), off), slope);
    put(dx, adds ? f32x4.add(take(dx, columns), made) : made, columns);
  }
}
