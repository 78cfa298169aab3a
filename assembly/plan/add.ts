// Stages of a plan for sums of values, of which the first may be normalised on the way, and for the way back. Unit: image.
// Invariant: a call writes the given images only.
//
//   a, b, out     f32 [batch, height, width, channels]   each with a height and width of its own: the upper left is used
//   from, to      f32 the same
import { activate, LINEAR, RELU } from '../simd/activation';
import { copyFloats, loadColumns, storeColumns, zeroFloats } from '../simd/columns';

@unmanaged
class PlanSum {
  a: u32;
  b: u32;
  /** May be a or b. */
  out: u32;
  /** f32 [channels] each, or 0: a is scaled and shifted. */
  scale: u32;
  shift: u32;
  aHeight: i32;
  aWidth: i32;
  bHeight: i32;
  bWidth: i32;
  outHeight: i32;
  outWidth: i32;
  channels: i32;
  /** Of the activation. */
  code: i32;
  alpha: f32;
}

/** out = f(scale a + shift + b) */
export function planSum(args: usize, start: i32, end: i32, scratch: usize): void {
  const s = changetype<PlanSum>(args);
  if (s.code == LINEAR) sumImages(LINEAR, s, start, end);
  else if (s.code == RELU) sumImages(RELU, s, start, end);
  else sumImages(s.code, s, start, end);
}

@inline
function sumImages(code: i32, s: PlanSum, start: i32, end: i32): void {
  const pixel = (<usize>s.channels) << 2;
  // Rows of one width lie one behind the other: an image is one long row.
  const isWhole = s.aWidth == s.outWidth && s.bWidth == s.outWidth;
  const rows = isWhole ? 1 : s.outHeight;
  const pixels = isWhole ? s.outHeight * s.outWidth : s.outWidth;
  const alpha = f32x4.splat(s.alpha);
  for (let image = start; image < end; image++) {
    let a = <usize>s.a + <usize>(image * s.aHeight * s.aWidth) * pixel;
    let b = <usize>s.b + <usize>(image * s.bHeight * s.bWidth) * pixel;
    let out = <usize>s.out + <usize>(image * s.outHeight * s.outWidth) * pixel;
    for (let row = 0; row < rows; row++) {
      if (s.scale != 0) sumScaled(code, s, a, b, out, pixels, alpha);
      else sumPlain(code, a, b, out, pixels * s.channels, alpha);
      a += <usize>s.aWidth * pixel;
      b += <usize>s.bWidth * pixel;
      out += <usize>s.outWidth * pixel;
    }
  }
}

@inline
function sumPlain(code: i32, a: usize, b: usize, out: usize, floats: i32, alpha: v128): void {
  for (; floats >= 4; floats -= 4, a += 16, b += 16, out += 16) {
    v128.store(out, activate(code, f32x4.add(v128.load(a), v128.load(b)), alpha));
  }
  if (floats > 0) {
    const sum = activate(code, f32x4.add(loadColumns(a, floats), loadColumns(b, floats)), alpha);
    storeColumns(out, sum, sum, floats);
  }
}

/** Channels in blocks, so that their factors stay in registers. */
@inline
function sumScaled(code: i32, s: PlanSum, a: usize, b: usize, out: usize, pixels: i32, alpha: v128): void {
  const pitch = (<usize>s.channels) << 2;
  const whole = pitch & ~15;
  let at: usize = 0;
  for (; at + 64 <= pitch; at += 64) {
    sumSixteen(code, a + at, b + at, out + at, pixels, pitch, <usize>s.scale + at, <usize>s.shift + at, alpha);
  }
  for (; at < whole; at += 16) {
    sumFew(code, a + at, b + at, out + at, pixels, pitch, <usize>s.scale + at, <usize>s.shift + at, alpha, 4);
  }
  if (at < pitch) {
    const columns = s.channels & 3;
    sumFew(code, a + at, b + at, out + at, pixels, pitch, <usize>s.scale + at, <usize>s.shift + at, alpha, columns);
  }
}

@inline
function sumSixteen(
  code: i32, a: usize, b: usize, out: usize, pixels: i32, pitch: usize, scale: usize, shift: usize, alpha: v128,
): void {
  const scale0 = v128.load(scale);
  const scale1 = v128.load(scale, 16);
  const scale2 = v128.load(scale, 32);
  const scale3 = v128.load(scale, 48);
  const shift0 = v128.load(shift);
  const shift1 = v128.load(shift, 16);
  const shift2 = v128.load(shift, 32);
  const shift3 = v128.load(shift, 48);
  for (let i = 0; i < pixels; i++, a += pitch, b += pitch, out += pitch) {
    let sum = f32x4.add(f32x4.add(f32x4.mul(v128.load(a), scale0), shift0), v128.load(b));
    v128.store(out, activate(code, sum, alpha));
    sum = f32x4.add(f32x4.add(f32x4.mul(v128.load(a, 16), scale1), shift1), v128.load(b, 16));
    v128.store(out, activate(code, sum, alpha), 16);
    sum = f32x4.add(f32x4.add(f32x4.mul(v128.load(a, 32), scale2), shift2), v128.load(b, 32));
    v128.store(out, activate(code, sum, alpha), 32);
    sum = f32x4.add(f32x4.add(f32x4.mul(v128.load(a, 48), scale3), shift3), v128.load(b, 48));
    v128.store(out, activate(code, sum, alpha), 48);
  }
}

@inline
function sumFew(
  code: i32, a: usize, b: usize, out: usize, pixels: i32, pitch: usize, scale: usize, shift: usize, alpha: v128,
  columns: i32,
): void {
  const factors = loadColumns(scale, columns);
  const offsets = loadColumns(shift, columns);
  for (let i = 0; i < pixels; i++, a += pitch, b += pitch, out += pitch) {
    const scaled = f32x4.add(f32x4.mul(loadColumns(a, columns), factors), offsets);
    const sum = activate(code, f32x4.add(scaled, loadColumns(b, columns)), alpha);
    storeColumns(out, sum, sum, columns);
  }
}

@unmanaged
class PlanSpread {
  from: u32;
  to: u32;
  fromHeight: i32;
  fromWidth: i32;
  toHeight: i32;
  toWidth: i32;
  channels: i32;
  /** 0 to write: zeros where `from` has no pixels. */
  adds: i32;
}

/** Gradient of a sum to an input of it, whose image may be larger or smaller than what the sum is known for. */
export function planSpread(args: usize, start: i32, end: i32, scratch: usize): void {
  const s = changetype<PlanSpread>(args);
  const pixel = (<usize>s.channels) << 2;
  const fromPitch = <usize>s.fromWidth * pixel;
  const toPitch = <usize>s.toWidth * pixel;
  const rows = min(s.fromHeight, s.toHeight);
  const bytes = min(fromPitch, toPitch);
  for (let image = start; image < end; image++) {
    let from = <usize>s.from + <usize>(image * s.fromHeight) * fromPitch;
    let to = <usize>s.to + <usize>(image * s.toHeight) * toPitch;
    if (s.adds == 0 && (rows < s.toHeight || bytes < toPitch)) zeroFloats(to, <usize>s.toHeight * toPitch);
    for (let row = 0; row < rows; row++, from += fromPitch, to += toPitch) {
      if (s.adds == 0) copyFloats(to, from, bytes);
      else sumPlain(LINEAR, from, to, to, <i32>(bytes >> 2), f32x4.splat(0));
    }
  }
}
