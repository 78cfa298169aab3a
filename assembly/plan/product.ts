// Gradients of a product of images with vectors that have a factor for each channel. Unit: image.
// Invariant: sums run over blocks of pixels in order, and over the blocks in order, so neither threads nor the batch show.
//
//   y = x * factors[image]
//
//   dy, x, dx             f32 [batch, pixels, channels]
//   factors, dFactors     f32 [batch, channels]           dx, dFactors: 0 where nobody asks
import { loadColumns, storeColumns } from '../simd/columns';

@unmanaged
class PlanProductGradient {
  dy: u32;
  x: u32;
  factors: u32;
  dx: u32;
  dFactors: u32;
  pixels: i32;
  channels: i32;
  /** Whether gradients are added to what is there. */
  addsToX: i32;
  addsToFactors: i32;
}

/** Pixels whose products are summed by themselves: a sum of 784 in one row rounds thirty times as much. */
const BLOCK_PIXELS = 28;

/** dx = dy factors, dFactors = the sum of dy x over the pixels */
export function planProductGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanProductGradient>(args);
  const pitch = (<usize>a.channels) << 2;
  const imageBytes = <usize>a.pixels * pitch;
  for (let image = start; image < end; image++) {
    const at = <usize>image * imageBytes;
    const vector = <usize>image * pitch;
    for (let channel = 0; channel < a.channels; channel += 4) {
      const column = (<usize>channel) << 2;
      const columns = min(4, a.channels - channel);
      const factors = loadColumns(<usize>a.factors + vector + column, columns);
      const dx = a.dx != 0 ? <usize>a.dx + at + column : 0;
      const dy = <usize>a.dy + at + column;
      const x = <usize>a.x + at + column;
      let sum: v128;
      if (columns == 4) sum = fourChannels(dy, x, dx, factors, a.pixels, pitch, a.addsToX != 0);
      else sum = fewChannels(dy, x, dx, factors, a.pixels, pitch, a.addsToX != 0, columns);
      if (a.dFactors == 0) continue;
      const to = <usize>a.dFactors + vector + column;
      if (a.addsToFactors != 0) sum = f32x4.add(loadColumns(to, columns), sum);
      storeColumns(to, sum, sum, columns);
    }
  }
}

function fourChannels(
  dy: usize, x: usize, dx: usize, factors: v128, pixels: i32, pitch: usize, adds: bool,
): v128 {
  let sum = f32x4.splat(0);
  for (let first = 0; first < pixels; first += BLOCK_PIXELS) {
    const last = min(first + BLOCK_PIXELS, pixels);
    let block = f32x4.splat(0);
    for (let pixel = first; pixel < last; pixel++, dy += pitch, x += pitch) {
      const slope = v128.load(dy);
      block = f32x4.add(block, f32x4.mul(slope, v128.load(x)));
      if (dx == 0) continue;
      const scaled = f32x4.mul(slope, factors);
      v128.store(dx, adds ? f32x4.add(v128.load(dx), scaled) : scaled);
      dx += pitch;
    }
    sum = f32x4.add(sum, block);
  }
  return sum;
}

/** The same of the last one to three channels. */
function fewChannels(
  dy: usize, x: usize, dx: usize, factors: v128, pixels: i32, pitch: usize, adds: bool, columns: i32,
): v128 {
  let sum = f32x4.splat(0);
  for (let first = 0; first < pixels; first += BLOCK_PIXELS) {
    const last = min(first + BLOCK_PIXELS, pixels);
    let block = f32x4.splat(0);
    for (let pixel = first; pixel < last; pixel++, dy += pitch, x += pitch) {
      const slope = loadColumns(dy, columns);
      block = f32x4.add(block, f32x4.mul(slope, loadColumns(x, columns)));
      if (dx == 0) continue;
      const scaled = f32x4.mul(slope, factors);
      const made = adds ? f32x4.add(loadColumns(dx, columns), scaled) : scaled;
      storeColumns(dx, made, made, columns);
      dx += pitch;
    }
    sum = f32x4.add(sum, block);
  }
  return sum;
}
