// What a plan does to the sums of a convolution or a dense layer before it stores them: bias or batch normalisation, activation,
// max pooling and dropout in one pass over four channels, and the way back through all of it.
// Not a kernel: the stages of assembly/plan/ call it for an image and four channels at a time. Invariant: writes the given image only.
//
//   sums      v128 at source + y * rowBytes + x * pixelBytes       four channels; a strip of an image or the image itself
//   out       f32 [batch, outHeight, outWidth, channels]           may be smaller than the layer's output: only what is used
//   winners   u8  as `out`: number of the window's pixel that the gradient goes to, 255 for none; 0: not kept
//   mask      i8  [batch, maskImageBytes], -1 kept, 0 dropped; 0: no dropout
import { activate, activationSlope, LINEAR, RELU, RELU6 } from '../simd/activation';
import { loadColumns, storeColumns } from '../simd/columns';

@unmanaged
export class Finish {
  out: u32;
  dOut: u32;
  winners: u32;
  mask: u32;
  maskImageBytes: u32;
  maskRowBytes: u32;
  channels: i32;
  outHeight: i32;
  outWidth: i32;
  poolHeight: i32;
  poolWidth: i32;
  poolStrideHeight: i32;
  poolStrideWidth: i32;
  /** See simd/activation.ts. */
  activation: i32;
  alpha: f32;
  /** Of the kept elements: 1 / (1 - rate). */
  keepScale: f32;
  /** f32 [channels] or 0. */
  bias: u32;
  /** f32 [channels], factors before the bias, or 0. */
  scale: u32;
}

/** Whether sums are stored as they are. */
export function isPlain(f: Finish): bool {
  return f.activation == LINEAR && f.mask == 0 && f.bias == 0 && f.scale == 0 && f.poolHeight * f.poolWidth == 1
    && f.poolStrideHeight * f.poolStrideWidth == 1;
}

/** No window pixel gets the gradient. */
const DEAD: i32 = 255;

@inline
function bytesOf(lanes: v128): v128 {
  const halves = i16x8.narrow_i32x4_u(lanes, lanes);
  return i8x16.narrow_i16x8_u(halves, halves);
}

@inline
function lanesOfBytes(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
}

@inline
function maskLanes(at: usize): v128 {
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
}

@inline
function loadWhole(whole: bool, at: usize, lanes: i32): v128 {
  return whole ? v128.load(at) : loadColumns(at, lanes);
}

@inline
function storeWhole(whole: bool, at: usize, value: v128, lanes: i32): void {
  if (whole) v128.store(at, value);
  else storeColumns(at, value, value, lanes);
}

@inline
function storeBytes(whole: bool, at: usize, value: v128, lanes: i32): void {
  const bytes = bytesOf(value);
  if (whole) {
    v128.store32_lane(at, bytes, 0);
  } else {
    store<u8>(at, <u8>i8x16.extract_lane_u(bytes, 0));
    if (lanes > 1) store<u8>(at, <u8>i8x16.extract_lane_u(bytes, 1), 1);
    if (lanes > 2) store<u8>(at, <u8>i8x16.extract_lane_u(bytes, 2), 2);
  }
}

/**
 * One image, four channels, forward.
 *
 * @param channel First of the four; fewer exist if it is the last group of an odd number
 */
export function finishFour(
  f: Finish, image: i32, channel: i32, source: usize, rowBytes: usize, pixelBytes: usize,
): void {
  const lanes = f.channels - channel;
  if (lanes >= 4) finishLanes(true, f, image, channel, source, rowBytes, pixelBytes, 4);
  else finishLanes(false, f, image, channel, source, rowBytes, pixelBytes, lanes);
}

/** Four sums, scaled where there is a factor: the bias waits until the window is reduced. */
@inline
function sumsAt(at: usize, isScaled: bool, scale: v128, bias: v128): v128 {
  const sums = v128.load(at);
  return isScaled ? f32x4.add(f32x4.mul(sums, scale), bias) : sums;
}

@inline
function finishLanes(
  whole: bool, f: Finish, image: i32, channel: i32, source: usize, rowBytes: usize, pixelBytes: usize, lanes: i32,
): void {
  const zero = f32x4.splat(0);
  const isScaled = f.scale != 0;
  const bias = f.bias != 0 ? loadWhole(whole, <usize>f.bias + ((<usize>channel) << 2), lanes) : zero;
  const scale = isScaled ? loadWhole(whole, <usize>f.scale + ((<usize>channel) << 2), lanes) : zero;
  const hasMask = f.mask != 0;
  const hasWinners = f.winners != 0;
  const activation = f.activation;
  const alpha = f32x4.splat(f.alpha);
  const keepScale = f32x4.splat(f.keepScale);
  const pitch = <usize>f.channels;
  const isPair = f.poolHeight == 2 && f.poolWidth == 2;
  const isSingle = f.poolHeight == 1 && f.poolWidth == 1;
  const stepX = <usize>f.poolStrideWidth * pixelBytes;
  const stepY = <usize>f.poolStrideHeight * rowBytes;
  let at = (<usize>(image * f.outHeight * f.outWidth)) * pitch + <usize>channel;
  let maskRow = <usize>f.mask + <usize>image * f.maskImageBytes + <usize>channel;
  for (let y = 0; y < f.outHeight; y++, source += stepY, maskRow += f.maskRowBytes) {
    let from = source;
    let mask = maskRow;
    for (let x = 0; x < f.outWidth; x++, from += stepX, at += pitch, mask += pitch) {
      let best = sumsAt(from, isScaled, scale, bias);
      let winner = zero;
      if (isPair) {
        const right = sumsAt(from + pixelBytes, isScaled, scale, bias);
        let isGreater = f32x4.gt(right, best);
        best = v128.bitselect(right, best, isGreater);
        winner = v128.and(isGreater, i32x4.splat(1));
        const below = sumsAt(from + rowBytes, isScaled, scale, bias);
        isGreater = f32x4.gt(below, best);
        best = v128.bitselect(below, best, isGreater);
        winner = v128.bitselect(i32x4.splat(2), winner, isGreater);
        const last = sumsAt(from + rowBytes + pixelBytes, isScaled, scale, bias);
        isGreater = f32x4.gt(last, best);
        best = v128.bitselect(last, best, isGreater);
        winner = v128.bitselect(i32x4.splat(3), winner, isGreater);
      } else if (!isSingle) {
        let tap = 0;
        for (let r = 0; r < f.poolHeight; r++) {
          let pixel = from + <usize>r * rowBytes;
          for (let k = 0; k < f.poolWidth; k++, tap++, pixel += pixelBytes) {
            const value = sumsAt(pixel, isScaled, scale, bias);
            const isGreater = f32x4.gt(value, best);
            best = v128.bitselect(value, best, isGreater);
            winner = v128.bitselect(i32x4.splat(tap), winner, isGreater);
          }
        }
      }
      let value = isScaled ? best : f32x4.add(best, bias);
      let alive = i32x4.splat(-1);
      if (activation == RELU) {
        alive = f32x4.gt(value, zero);
        // Not a mask of the positive: what is not a number must reach the loss.
        value = f32x4.pmax(value, zero);
      } else if (activation != LINEAR) {
        if (activation == RELU6) alive = v128.and(f32x4.gt(value, zero), f32x4.lt(value, f32x4.splat(6)));
        value = activate(activation, value, alpha);
      }
      if (hasMask) {
        const kept = whole ? maskLanes(mask) : maskTail(mask, lanes);
        value = v128.and(f32x4.mul(value, keepScale), kept);
        alive = v128.and(alive, kept);
      }
      storeWhole(whole, <usize>f.out + (at << 2), value, lanes);
      if (hasWinners) {
        storeBytes(whole, <usize>f.winners + at, v128.bitselect(winner, i32x4.splat(DEAD), alive), lanes);
      }
    }
  }
}

function maskTail(at: usize, lanes: i32): v128 {
  let mask = i32x4.splat(0);
  mask = i32x4.replace_lane(mask, 0, <i32>load<i8>(at));
  if (lanes > 1) mask = i32x4.replace_lane(mask, 1, <i32>load<i8>(at, 1));
  if (lanes > 2) mask = i32x4.replace_lane(mask, 2, <i32>load<i8>(at, 2));
  return mask;
}

function bytesTail(at: usize, lanes: i32): v128 {
  let bytes = i32x4.splat(0);
  bytes = i32x4.replace_lane(bytes, 0, <i32>load<u8>(at));
  if (lanes > 1) bytes = i32x4.replace_lane(bytes, 1, <i32>load<u8>(at, 1));
  if (lanes > 2) bytes = i32x4.replace_lane(bytes, 2, <i32>load<u8>(at, 2));
  return bytes;
}

/**
 * One image, four channels, backward: gradients of the sums, before bias and factors. Pixels that no window reads are left as they
 * are: the caller has zeroed the strip. Windows that overlap add up.
 *
 * @param target Strip of the gradients
 * @returns Sum of the four channels' gradients over the image, for the bias
 */
export function unfinishFour(
  f: Finish, image: i32, channel: i32, target: usize, rowBytes: usize, pixelBytes: usize,
): v128 {
  const lanes = f.channels - channel;
  return lanes >= 4
    ? unfinishLanes(true, f, image, channel, target, rowBytes, pixelBytes, 4)
    : unfinishLanes(false, f, image, channel, target, rowBytes, pixelBytes, lanes);
}

@inline
function unfinishLanes(
  whole: bool, f: Finish, image: i32, channel: i32, target: usize, rowBytes: usize, pixelBytes: usize, lanes: i32,
): v128 {
  const zero = f32x4.splat(0);
  const hasWinners = f.winners != 0;
  const hasDropout = f.keepScale != 1;
  const activation = f.activation;
  const alpha = f32x4.splat(f.alpha);
  const keepScale = f32x4.splat(f.keepScale);
  const unscale = f32x4.splat(1 / f.keepScale);
  const pitch = <usize>f.channels;
  const isPair = f.poolHeight == 2 && f.poolWidth == 2 && f.poolStrideHeight == 2 && f.poolStrideWidth == 2;
  const isSingle = f.poolHeight == 1 && f.poolWidth == 1;
  const stepX = <usize>f.poolStrideWidth * pixelBytes;
  const stepY = <usize>f.poolStrideHeight * rowBytes;
  let sum = zero;
  let at = (<usize>(image * f.outHeight * f.outWidth)) * pitch + <usize>channel;
  for (let y = 0; y < f.outHeight; y++, target += stepY) {
    let to = target;
    for (let x = 0; x < f.outWidth; x++, to += stepX, at += pitch) {
      let gradient = loadWhole(whole, <usize>f.dOut + (at << 2), lanes);
      let winner = zero;
      if (hasWinners) {
        winner = whole ? lanesOfBytes(<usize>f.winners + at) : bytesTail(<usize>f.winners + at, lanes);
        gradient = v128.and(gradient, i32x4.ne(winner, i32x4.splat(DEAD)));
      } else if (activation == RELU) {
        gradient = v128.and(gradient, f32x4.gt(loadWhole(whole, <usize>f.out + (at << 2), lanes), zero));
      }
      if (hasDropout) gradient = f32x4.mul(gradient, keepScale);
      if (activation > RELU6) {
        let output = loadWhole(whole, <usize>f.out + (at << 2), lanes);
        if (hasDropout) output = f32x4.mul(output, unscale);
        gradient = f32x4.mul(gradient, activationSlope(activation, output, alpha));
      }
      sum = f32x4.add(sum, gradient);
      if (isPair) {
        storeWhole(whole, to, v128.and(gradient, i32x4.eq(winner, zero)), lanes);
        storeWhole(whole, to + pixelBytes, v128.and(gradient, i32x4.eq(winner, i32x4.splat(1))), lanes);
        storeWhole(whole, to + rowBytes, v128.and(gradient, i32x4.eq(winner, i32x4.splat(2))), lanes);
        storeWhole(whole, to + rowBytes + pixelBytes, v128.and(gradient, i32x4.eq(winner, i32x4.splat(3))), lanes);
      } else if (isSingle) {
        storeWhole(whole, to, gradient, lanes);
      } else {
        let tap = 0;
        for (let r = 0; r < f.poolHeight; r++) {
          let pixel = to + <usize>r * rowBytes;
          for (let k = 0; k < f.poolWidth; k++, tap++, pixel += pixelBytes) {
            const share = v128.and(gradient, i32x4.eq(winner, i32x4.splat(tap)));
            storeWhole(whole, pixel, f32x4.add(loadWhole(whole, pixel, lanes), share), lanes);
          }
        }
      }
    }
  }
  return sum;
}
