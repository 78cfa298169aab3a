// Random changes of images: mirrored, scaled, turned, moved (one bilinear pass), then noise, then a rectangle that is erased,
// or taken from elsewhere in the image.
// All of it is a function of (seed, epoch, example id): no state, so threads and batch composition change nothing.
// Unit: one example.
//
//   input   f32 [batch, height, width, channels]   from 0 to 1
//   output  f32 [batch, height, width, channels]   another array
//   ids     i32 [batch]                            what tells the examples apart
//
// Random words: counter (block, epoch, id, 0) for the choices below, one word each, and (block, epoch, id, 1) for noise, one word
// a value; the key is (seed, stream).
//
//   word  0 mirror?  1 move?  2 columns  3 rows  4 turn?  5 angle  6 scale?  7 factor  8 noise?
//         9 erase?  10 area  11 aspect  12 tall or wide  13 left  14 top  16 left and 17 top of what a rectangle is a copy of
import { PHILOX_BYTES, storePhilox } from './simd/random';

@unmanaged
class AugmentArgs {
  input: u32;
  output: u32;
  ids: u32;
  height: i32;
  width: i32;
  channels: i32;
  seed: u32;
  stream: u32;
  epoch: u32;
  mirrorProbability: f32;
  moveProbability: f32;
  movePixels: i32;
  turnProbability: f32;
  /** Greatest angle in radians. */
  turnAngle: f32;
  scaleProbability: f32;
  scaleFrom: f32;
  scaleTo: f32;
  noiseProbability: f32;
  noiseDeviation: f32;
  eraseProbability: f32;
  eraseFrom: f32;
  eraseTo: f32;
  eraseAspect: f32;
  eraseFill: f32;
  /** Whether an image that is mirrored in one epoch is not in the next. */
  alternates: i32;
  /** Whether a rectangle is filled with a copy of another. */
  eraseCopies: i32;
}

/** Words of random choices, and after them a buffer for words of noise. */
const CHOICES_BYTES: usize = PHILOX_BYTES;

export function augment(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<AugmentArgs>(args);
  const bytes = (<usize>(a.height * a.width * a.channels)) << 2;
  for (let row = start; row < end; row++) {
    const id = load<u32>(<usize>a.ids + ((<usize>row) << 2));
    const input = <usize>a.input + <usize>row * bytes;
    const output = <usize>a.output + <usize>row * bytes;
    storePhilox(scratch, 0, a.epoch, id, 0, a.seed, a.stream);
    resample(a, id, scratch, input, output);
    if (happens(scratch, 8, a.noiseProbability)) addNoise(a, id, scratch + CHOICES_BYTES, output);
    if (happens(scratch, 9, a.eraseProbability)) erase(a, id, scratch, output);
  }
}

/** Random word number `index` as a uniform number in [0, 1). */
@inline
function uniform(words: usize, index: i32): f64 {
  return <f64>(load<u32>(words + ((<usize>index) << 2)) >> 8) * 5.9604644775390625e-8;
}

@inline
function happens(words: usize, index: i32, probability: f32): bool {
  return uniform(words, index) < <f64>probability;
}

@inline
function between(words: usize, index: i32, from: f64, to: f64): f64 {
  return from + uniform(words, index) * (to - from);
}

/** A whole number from -limit to limit. */
@inline
function wholeWithin(words: usize, index: i32, limit: i32): f64 {
  return Math.floor(uniform(words, index) * <f64>(2 * limit + 1)) - <f64>limit;
}

/**
 * Whether an image is mirrored in this epoch: as epoch 0 would have it in even ones, the other way in odd ones. Source: K. Jordan,
 * "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6.
 */
function alternate(a: AugmentArgs, id: u32, words: usize): bool {
  storePhilox(words, 0, 0, id, 0, a.seed, a.stream);
  return happens(words, 0, a.mirrorProbability) != ((a.epoch & 1) == 1);
}

/**
 * Each output pixel takes what lies at its place before mirroring, scaling, turning and moving about the image's centre:
 * p = M S^-1 R^-1 (q - centre - move) + centre, interpolated; outside the image is 0.
 */
function resample(a: AugmentArgs, id: u32, words: usize, input: usize, output: usize): void {
  const mirrors = a.alternates ? alternate(a, id, words + CHOICES_BYTES) : happens(words, 0, a.mirrorProbability);
  const moves = happens(words, 1, a.moveProbability);
  const turns = happens(words, 4, a.turnProbability);
  const scales = happens(words, 6, a.scaleProbability);
  if (!mirrors && !moves && !turns && !scales) {
    memory.copy(output, input, (<usize>(a.height * a.width * a.channels)) << 2);
    return;
  }
  const moveX = moves ? wholeWithin(words, 2, a.movePixels) : 0;
  const moveY = moves ? wholeWithin(words, 3, a.movePixels) : 0;
  const angle = turns ? (2 * uniform(words, 5) - 1) * <f64>a.turnAngle : 0;
  const inverse = scales ? 1 / between(words, 7, <f64>a.scaleFrom, <f64>a.scaleTo) : 1;
  // Half the angle keeps the argument of the series within a quarter turn.
  const halfSine = sineSeries(angle * 0.5);
  const halfCosine = cosineSeries(angle * 0.5);
  const cosine = (1 - 2 * halfSine * halfSine) * inverse;
  const sine = 2 * halfSine * halfCosine * inverse;
  const side: f64 = mirrors ? -1 : 1;
  const centreX = <f64>(a.width - 1) * 0.5;
  const centreY = <f64>(a.height - 1) * 0.5;
  const channels = a.channels;
  for (let row = 0; row < a.height; row++) {
    const y = <f64>row - centreY - moveY;
    for (let column = 0; column < a.width; column++) {
      const x = <f64>column - centreX - moveX;
      const fromX = side * (cosine * x + sine * y) + centreX;
      const fromY = cosine * y - sine * x + centreY;
      interpolate(a, input, fromX, fromY, output);
      output += (<usize>channels) << 2;
    }
  }
}

/** Stores all channels of the point (x, y), bilinear between its four neighbours. */
@inline
function interpolate(a: AugmentArgs, input: usize, x: f64, y: f64, output: usize): void {
  const channels = a.channels;
  const left = Math.floor(x);
  const top = Math.floor(y);
  const right = x - left;
  const down = y - top;
  // Points far outside have no neighbours; the bound also keeps the conversion to integers defined.
  const isNear = left >= -1 && top >= -1 && left < <f64>a.width && top < <f64>a.height;
  const column = isNear ? <i32>left : -2;
  const row = isNear ? <i32>top : -2;
  for (let channel = 0; channel < channels; channel++) {
    const topLeft = pixel(a, input, row, column, channel);
    const topRight = pixel(a, input, row, column + 1, channel);
    const bottomLeft = pixel(a, input, row + 1, column, channel);
    const bottomRight = pixel(a, input, row + 1, column + 1, channel);
    const above = topLeft * (1 - right) + topRight * right;
    const below = bottomLeft * (1 - right) + bottomRight * right;
    store<f32>(output + ((<usize>channel) << 2), <f32>(above * (1 - down) + below * down));
  }
}

@inline
function pixel(a: AugmentArgs, input: usize, row: i32, column: i32, channel: i32): f64 {
  if (<u32>row >= <u32>a.height || <u32>column >= <u32>a.width) return 0;
  return <f64>load<f32>(input + ((<usize>((row * a.width + column) * a.channels + channel)) << 2));
}

/** sin x for |x| <= pi / 2: Taylor to x^21, error below 1e-17. */
function sineSeries(x: f64): f64 {
  const z = x * x;
  let sum: f64 = 1;
  for (let n = 20; n >= 2; n -= 2) sum = 1 - (z * sum) / <f64>(n * (n + 1));
  return x * sum;
}

/** cos x for |x| <= pi / 2: Taylor to x^22, error below 1e-17. */
function cosineSeries(x: f64): f64 {
  const z = x * x;
  let sum: f64 = 1;
  for (let n = 21; n >= 1; n -= 2) sum = 1 - (z * sum) / <f64>(n * (n + 1));
  return sum;
}

/**
 * Adds noise, near normal: the sum of the four bytes of a word has mean 510 and standard deviation sqrt(4 * (256^2 - 1) / 12) =
 * 147.8; it reaches 3.45 deviations. The result is kept within 0 and 1.
 */
function addNoise(a: AugmentArgs, id: u32, words: usize, output: usize): void {
  const count = a.height * a.width * a.channels;
  const factor = <f64>a.noiseDeviation / 147.80054127099803;
  for (let first = 0; first < count; first += 16) {
    storePhilox(words, first >> 2, a.epoch, id, 1, a.seed, a.stream);
    const last = min(first + 16, count);
    for (let i = first; i < last; i++) {
      const word = load<u32>(words + ((<usize>(i - first)) << 2));
      const sum = (word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24);
      const at = output + ((<usize>i) << 2);
      const value = <f64>load<f32>(at) + <f64>(<i32>sum - 510) * factor;
      store<f32>(at, <f32>Math.min(1, Math.max(0, value)));
    }
  }
}

/**
 * Fills a rectangle of random area, aspect and place, with one grey or with what lies elsewhere in the image as it was before. Sources:
 * Z. Zhong et al., "Random erasing", AAAI 2020; J. Howard, "Practical deep learning for coders", part 2, 2022, for the copy.
 */
function erase(a: AugmentArgs, id: u32, words: usize, output: usize): void {
  const area = between(words, 10, <f64>a.eraseFrom, <f64>a.eraseTo) * <f64>(a.height * a.width);
  const aspect = between(words, 11, 1, <f64>a.eraseAspect);
  const long = Math.sqrt(area * aspect);
  const short = Math.sqrt(area / aspect);
  const isTall = happens(words, 12, 0.5);
  const height = min(a.height, max(1, <i32>Math.floor((isTall ? long : short) + 0.5)));
  const width = min(a.width, max(1, <i32>Math.floor((isTall ? short : long) + 0.5)));
  const left = <i32>Math.floor(uniform(words, 13) * <f64>(a.width - width + 1));
  const top = <i32>Math.floor(uniform(words, 14) * <f64>(a.height - height + 1));
  if (a.eraseCopies) {
    const more = words + CHOICES_BYTES;
    storePhilox(more, 4, a.epoch, id, 0, a.seed, a.stream);
    const fromLeft = <i32>Math.floor(uniform(more, 0) * <f64>(a.width - width + 1));
    const fromTop = <i32>Math.floor(uniform(more, 1) * <f64>(a.height - height + 1));
    // Rows that overlap are read before they are written.
    const isUpwards = fromTop < top;
    for (let i = 0; i < height; i++) {
      const row = isUpwards ? height - 1 - i : i;
      const to = ((<usize>(((top + row) * a.width + left) * a.channels)) << 2) + output;
      const from = ((<usize>(((fromTop + row) * a.width + fromLeft) * a.channels)) << 2) + output;
      memory.copy(to, from, (<usize>(width * a.channels)) << 2);
    }
    return;
  }
  for (let row = top; row < top + height; row++) {
    const start = output + ((<usize>((row * a.width + left) * a.channels)) << 2);
    for (let i = 0; i < width * a.channels; i++) store<f32>(start + ((<usize>i) << 2), a.eraseFill);
  }
}
