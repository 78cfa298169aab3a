// Stages of a plan for sums that nothing but a bias is added to, where they lie, and for the bias's gradient. Unit: image; a call for the
// gradient has the images of one partition. Not of what more happens to sums: see finish.ts, whose bits these are.
//
//   values, gradient   f32 [batch][pixels][channels]       bias   f32 [channels]
//   partials           f32 [partitions][pitch]             sums of the gradient over the images of a partition
import { loadColumns, storeColumns } from '../simd/columns';

@unmanaged
class PlanBias {
  values: u32;
  bias: u32;
  gradient: u32;
  partials: u32;
  pixels: i32;
  channels: i32;
  /** Floats. */
  pitch: i32;
  partitionImages: i32;
}

/** values += bias */
export function planBias(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanBias>(args);
  const bytes = (<usize>a.channels) << 2;
  const whole = bytes & ~15;
  const left = a.channels & 3;
  let at = <usize>a.values + <usize>(start * a.pixels) * bytes;
  const stop = <usize>a.values + <usize>(end * a.pixels) * bytes;
  for (; at < stop; at += bytes) {
    for (let k: usize = 0; k < whole; k += 16) {
      v128.store(at + k, f32x4.add(v128.load(at + k), v128.load(<usize>a.bias + k)));
    }
    if (left == 0) continue;
    const sum = f32x4.add(loadColumns(at + whole, left), loadColumns(<usize>a.bias + whole, left));
    storeColumns(at + whole, sum, sum, left);
  }
}

/** Sums over the pixels of each image, then over the images, each in order. */
export function planBiasGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanBias>(args);
  const pitch = (<usize>a.channels) << 2;
  const partials = <usize>a.partials + ((<usize>(start / a.partitionImages * a.pitch)) << 2);
  let image = <usize>a.gradient + <usize>(start * a.pixels) * pitch;
  for (let i = start; i < end; i++, image += <usize>a.pixels * pitch) {
    let channel = 0;
    let at: usize = 0;
    for (; channel + 16 <= a.channels; channel += 16, at += 64) {
      let sum0 = f32x4.splat(0);
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      let from = image + at;
      for (let pixel = 0; pixel < a.pixels; pixel++, from += pitch) {
        sum0 = f32x4.add(sum0, v128.load(from));
        sum1 = f32x4.add(sum1, v128.load(from, 16));
        sum2 = f32x4.add(sum2, v128.load(from, 32));
        sum3 = f32x4.add(sum3, v128.load(from, 48));
      }
      keep(partials + at, sum0, i == start);
      keep(partials + at + 16, sum1, i == start);
      keep(partials + at + 32, sum2, i == start);
      keep(partials + at + 48, sum3, i == start);
    }
    for (; channel < a.channels; channel += 4, at += 16) {
      const columns = min(4, a.channels - channel);
      let sum = f32x4.splat(0);
      let from = image + at;
      for (let pixel = 0; pixel < a.pixels; pixel++, from += pitch) sum = f32x4.add(sum, loadColumns(from, columns));
      keep(partials + at, sum, i == start);
    }
  }
}

/** Partials have room for whole vectors. */
@inline
function keep(at: usize, sum: v128, isFirst: bool): void {
  v128.store(at, isFirst ? sum : f32x4.add(v128.load(at), sum));
}
