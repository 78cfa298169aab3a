// Stages of a plan for sums of images and vectors that have a number for each channel, and for the way back. Unit: image.
// Invariant: sums run over blocks of pixels in order, and over the blocks in order, so neither threads nor the batch show.
//
//   x, y, dy, dx        f32 [batch][pixels][channels]
//   vector, dVector     f32 [batch][channels]           dx, dVector: 0 where nobody asks
import { loadColumns, storeColumns } from '../simd/columns';

@unmanaged
class PlanShift {
  x: u32;
  vector: u32;
  y: u32;
  pixels: i32;
  channels: i32;
}

@unmanaged
class PlanShiftGradient {
  dy: u32;
  dx: u32;
  dVector: u32;
  pixels: i32;
  channels: i32;
  /** Whether gradients are added to what is there. */
  addsToX: i32;
  addsToVector: i32;
}

/** As in product.ts. */
const BLOCK_PIXELS = 28;

/** y = x + vector[image] */
export function planShift(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanShift>(args);
  const pitch = (<usize>a.channels) << 2;
  const whole = pitch & ~15;
  const left = a.channels & 3;
  let x = <usize>a.x + <usize>(start * a.pixels) * pitch;
  let y = <usize>a.y + <usize>(start * a.pixels) * pitch;
  for (let image = start; image < end; image++) {
    const vector = <usize>a.vector + <usize>image * pitch;
    for (let pixel = 0; pixel < a.pixels; pixel++, x += pitch, y += pitch) {
      for (let at: usize = 0; at < whole; at += 16) {
        v128.store(y + at, f32x4.add(v128.load(x + at), v128.load(vector + at)));
      }
      if (left == 0) continue;
      const sum = f32x4.add(loadColumns(x + whole, left), loadColumns(vector + whole, left));
      storeColumns(y + whole, sum, sum, left);
    }
  }
}

/** dx = dy, dVector = the sum of dy over the pixels */
export function planShiftGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanShiftGradient>(args);
  const pitch = (<usize>a.channels) << 2;
  for (let image = start; image < end; image++) {
    for (let channel = 0; channel < a.channels; channel += 4) {
      const column = (<usize>channel) << 2;
      const columns = min(4, a.channels - channel);
      let dy = <usize>a.dy + <usize>(image * a.pixels) * pitch + column;
      let dx = <usize>a.dx + <usize>(image * a.pixels) * pitch + column;
      let sum = f32x4.splat(0);
      for (let first = 0; first < a.pixels; first += BLOCK_PIXELS) {
        const last = min(first + BLOCK_PIXELS, a.pixels);
        let block = f32x4.splat(0);
        for (let pixel = first; pixel < last; pixel++, dy += pitch, dx += pitch) {
          let slope = columns == 4 ? v128.load(dy) : loadColumns(dy, columns);
          block = f32x4.add(block, slope);
          if (a.dx == 0) continue;
          if (a.addsToX != 0) slope = f32x4.add(columns == 4 ? v128.load(dx) : loadColumns(dx, columns), slope);
          storeColumns(dx, slope, slope, columns);
        }
        sum = f32x4.add(sum, block);
      }
      if (a.dVector == 0) continue;
      const to = <usize>a.dVector + <usize>image * pitch + column;
      if (a.addsToVector != 0) sum = f32x4.add(loadColumns(to, columns), sum);
      storeColumns(to, sum, sum, columns);
    }
  }
}
