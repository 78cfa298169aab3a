// Stages of a plan for a convolution of one input channel under 2x2 max pooling: the first layer of a network of grey images. A
// window's four sums stay in registers from the first tap to the pooled, activated, dropped output; backward, only the window's
// winner has a gradient, so a tap needs one product per pooled pixel instead of four.
//
//   x         f32 [batch, inHeight, inWidth]
//   weights   f32 [filterHeight * filterWidth][outChannels]      outChannels in multiples of eight
//   out       as `Finish` says; relu; winners kept where there is a place for them
//   partials  f32 [partitions][filterHeight * filterWidth][outChannels]      and f32 [partitions][outChannels] for the bias
//
//   unit = image; a call covers images of one partition.
import { Finish } from './finish';

@unmanaged
class PlanSingleChannel {
  x: u32;
  weights: u32;
  finish: u32;
  partials: u32;
  biasPartials: u32;
  inHeight: i32;
  inWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  partitionImages: i32;
}

@inline
function madd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

@inline
function finishWindow(
  a: v128, b: v128, c: v128, d: v128, bias: v128, kept: v128, keepScale: v128, out: usize, winners: usize,
): void {
  let best = a;
  let isGreater = f32x4.gt(b, best);
  best = f32x4.pmax(best, b);
  let winner = v128.and(isGreater, i32x4.splat(1));
  isGreater = f32x4.gt(c, best);
  best = f32x4.pmax(best, c);
  winner = v128.bitselect(i32x4.splat(2), winner, isGreater);
  isGreater = f32x4.gt(d, best);
  best = f32x4.pmax(best, d);
  winner = v128.bitselect(i32x4.splat(3), winner, isGreater);
  best = f32x4.add(best, bias);
  const zero = f32x4.splat(0);
  const alive = v128.and(f32x4.gt(best, zero), kept);
  // NaN stays NaN, as pmax keeps it: a diverging loss must show.
  v128.store(out, v128.and(f32x4.mul(f32x4.pmax(best, zero), keepScale), kept));
  winner = v128.bitselect(winner, i32x4.splat(255), alive);
  const halves = i16x8.narrow_i32x4_u(winner, winner);
  v128.store32_lane(winners, i8x16.narrow_i16x8_u(halves, halves), 0);
}

/** The same of a network that only infers: no mask, no winners. */
@inline
function inferWindow(a: v128, b: v128, c: v128, d: v128, bias: v128, out: usize): void {
  const best = f32x4.pmax(f32x4.pmax(f32x4.pmax(a, b), c), d);
  v128.store(out, f32x4.pmax(f32x4.add(best, bias), f32x4.splat(0)));
}

@inline
function maskLanes(at: usize): v128 {
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
}

export function planSingleChannel(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanSingleChannel>(args);
  const f = changetype<Finish>(<usize>a.finish);
  const rowBytes = (<usize>a.inWidth) << 2;
  const pitch = <usize>f.channels;
  const weightRow = pitch << 2;
  const tapRowBytes = (<usize>a.filterWidth) << 2;
  const nextTapRow = rowBytes - tapRowBytes;
  const keepScale = f32x4.splat(f.keepScale);
  const hasMask = f.mask != 0;
  const infers = f.winners == 0;
  for (let image = start; image < end; image++) {
    const x0 = <usize>a.x + <usize>(image * a.inHeight) * rowBytes;
    for (let y = 0; y < f.outHeight; y++) {
      const first = <usize>((image * f.outHeight + y) * f.outWidth) * pitch;
      const maskRow = <usize>f.mask + <usize>image * f.maskImageBytes + <usize>y * f.maskRowBytes;
      for (let channel: usize = 0; channel < pitch; channel += 8) {
        const weights = <usize>a.weights + (channel << 2);
        const bias = <usize>f.bias + (channel << 2);
        let at = first + channel;
        let mask = maskRow + channel;
        let corner = x0 + <usize>(y << 1) * rowBytes;
        for (let x = 0; x < f.outWidth; x++, corner += 8, at += pitch, mask += pitch) {
          let upper = corner;
          let lower = corner + rowBytes;
          let w = weights;
          let c00 = f32x4.splat(0);
          let c01 = c00;
          let c10 = c00;
          let c11 = c00;
          let c20 = c00;
          let c21 = c00;
          let c30 = c00;
          let c31 = c00;
          for (let tapRow = 0; tapRow < a.filterHeight; tapRow++) {
            const rowEnd = upper + tapRowBytes;
            for (; upper < rowEnd; upper += 4, lower += 4, w += weightRow) {
              const b0 = v128.load(w);
              const b1 = v128.load(w, 16);
              let s = v128.load32_splat(upper);
              c00 = madd(c00, s, b0);
              c01 = madd(c01, s, b1);
              s = v128.load32_splat(upper, 4);
              c10 = madd(c10, s, b0);
              c11 = madd(c11, s, b1);
              s = v128.load32_splat(lower);
              c20 = madd(c20, s, b0);
              c21 = madd(c21, s, b1);
              s = v128.load32_splat(lower, 4);
              c30 = madd(c30, s, b0);
              c31 = madd(c31, s, b1);
            }
            upper += nextTapRow;
            lower += nextTapRow;
          }
          const to = <usize>f.out + (at << 2);
          if (infers) {
            inferWindow(c00, c10, c20, c30, v128.load(bias), to);
            inferWindow(c01, c11, c21, c31, v128.load(bias, 16), to + 16);
            continue;
          }
          const winners = <usize>f.winners + at;
          let kept = i32x4.splat(-1);
          if (hasMask) kept = maskLanes(mask);
          finishWindow(c00, c10, c20, c30, v128.load(bias), kept, keepScale, to, winners);
          if (hasMask) kept = maskLanes(mask + 4);
          finishWindow(c01, c11, c21, c31, v128.load(bias, 16), kept, keepScale, to + 16, winners + 4);
        }
      }
    }
  }
}

/**
 * Filter and bias gradients of a partition. Scratch: the four inputs below each tap of each window, and per window the gradient of
 * four channels and the byte pattern that picks each channel's winner among those inputs.
 */
export function planSingleChannelGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanSingleChannel>(args);
  const f = changetype<Finish>(<usize>a.finish);
  const taps = a.filterHeight * a.filterWidth;
  const pixels = f.outHeight * f.outWidth;
  const partition = start / a.partitionImages;
  const pitch = <usize>f.channels;
  const weightRow = pitch << 2;
  const partials = <usize>a.partials + <usize>(partition * taps) * weightRow;
  const biasPartials = <usize>a.biasPartials + <usize>partition * weightRow;
  const picked = scratch + ((<usize>(pixels * taps)) << 4);
  const keepScale = f32x4.splat(f.keepScale);
  const inputBytes = (<usize>taps) << 4;
  memory.fill(partials, 0, <usize>taps * weightRow);
  memory.fill(biasPartials, 0, weightRow);
  for (let image = start; image < end; image++) {
    gatherWindows(a, f, image, scratch);
    const first = <usize>(image * pixels) * pitch;
    for (let channel: usize = 0; channel < pitch; channel += 4) {
      let at = first + channel;
      let sum = v128.load(biasPartials + (channel << 2));
      const pickedEnd = picked + ((<usize>pixels) << 5);
      for (let to = picked; to < pickedEnd; to += 32, at += pitch) {
        const winner = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(<usize>f.winners + at)));
        let gradient = f32x4.mul(v128.load(<usize>f.dOut + (at << 2)), keepScale);
        gradient = v128.and(gradient, i32x4.ne(winner, i32x4.splat(255)));
        sum = f32x4.add(sum, gradient);
        v128.store(to, gradient);
        // Bytes 4 w … 4 w + 3 of the window's four inputs.
        const pattern = i32x4.add(i32x4.mul(winner, i32x4.splat(0x04040404)), i32x4.splat(0x03020100));
        v128.store(to, pattern, 16);
      }
      v128.store(biasPartials + (channel << 2), sum);
      const partial = partials + (channel << 2);
      let tap = 0;
      for (; tap + 3 <= taps; tap += 3) {
        threeTaps(partial + <usize>tap * weightRow, weightRow, picked, pickedEnd, scratch + ((<usize>tap) << 4), inputBytes);
      }
      for (; tap < taps; tap++) {
        oneTap(partial + <usize>tap * weightRow, picked, pickedEnd, scratch + ((<usize>tap) << 4), inputBytes);
      }
    }
  }
}

/** The four inputs of each window below each tap: [window][tap][upper left, upper right, lower left, lower right]. */
function gatherWindows(a: PlanSingleChannel, f: Finish, image: i32, to: usize): void {
  const rowBytes = (<usize>a.inWidth) << 2;
  const x0 = <usize>a.x + <usize>(image * a.inHeight) * rowBytes;
  for (let y = 0; y < f.outHeight; y++) {
    let corner = x0 + <usize>(y << 1) * rowBytes;
    for (let x = 0; x < f.outWidth; x++, corner += 8) {
      let row = corner;
      for (let tapRow = 0; tapRow < a.filterHeight; tapRow++, row += rowBytes) {
        const rowEnd = row + ((<usize>a.filterWidth) << 2);
        for (let from = row; from < rowEnd; from += 4, to += 16) {
          v128.store(to, v128.load64_lane(from + rowBytes, v128.load64_zero(from), 1));
        }
      }
    }
  }
}

function threeTaps(
  partial: usize, weightRow: usize, picked: usize, pickedEnd: usize, inputs: usize, inputBytes: usize,
): void {
  let a0 = v128.load(partial);
  let a1 = v128.load(partial + weightRow);
  let a2 = v128.load(partial + 2 * weightRow);
  for (; picked < pickedEnd; picked += 32, inputs += inputBytes) {
    const gradient = v128.load(picked);
    const pattern = v128.load(picked, 16);
    a0 = madd(a0, gradient, i8x16.swizzle(v128.load(inputs), pattern));
    a1 = madd(a1, gradient, i8x16.swizzle(v128.load(inputs, 16), pattern));
    a2 = madd(a2, gradient, i8x16.swizzle(v128.load(inputs, 32), pattern));
  }
  v128.store(partial, a0);
  v128.store(partial + weightRow, a1);
  v128.store(partial + 2 * weightRow, a2);
}

function oneTap(partial: usize, picked: usize, pickedEnd: usize, inputs: usize, inputBytes: usize): void {
  let sum = v128.load(partial);
  for (; picked < pickedEnd; picked += 32, inputs += inputBytes) {
    sum = madd(sum, v128.load(picked), i8x16.swizzle(v128.load(inputs), v128.load(picked, 16)));
  }
  v128.store(partial, sum);
}
