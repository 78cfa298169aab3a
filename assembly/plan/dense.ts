// Stages of a plan for what ends in plain matrix products: dense layers, and convolutions after their own kernels have made the sums.
//
//   x     f32 [batch][depth]          panels   [panel][1 + depth][8]       sums  f32 [batch][pixels][channels]
//   unit of all stages = image
import { multiplyBlock } from '../simd/multiply';
import { multiplyRow } from '../simd/multiply-row';
import { Finish, finishFour, unfinishFour } from './finish';

@unmanaged
class PlanProduct {
  a: u32;
  panels: u32;
  out: u32;
  depth: i32;
  columns: i32;
  panelBytes: u32;
  aPitch: u32;
  outPitch: u32;
  /** Rows of an image. */
  rows: i32;
}

/** Rows times panels. */
export function planProduct(args: usize, start: i32, end: i32, scratch: usize): void {
  const p = changetype<PlanProduct>(args);
  const first = start * p.rows;
  const rows = (end - start) * p.rows;
  const from = <usize>p.a + <usize>first * p.aPitch;
  const to = <usize>p.out + <usize>first * p.outPitch;
  let panel = <usize>p.panels + 32;
  if (rows == 1) return multiplyRow(from, p.depth, panel, p.panelBytes, to, p.columns);
  for (let column = 0; column < p.columns; column += 8, panel += p.panelBytes) {
    multiplyBlock(from, p.aPitch, rows, p.depth, panel, to + ((<usize>column) << 2), p.outPitch, min(8, p.columns - column));
  }
}

@unmanaged
class PlanFinish {
  finish: u32;
  /** f32 [batch, height, width, channels]: sums, and in the backward pass their gradient. */
  sums: u32;
  height: i32;
  width: i32;
  /** Backward: f32 [partitions][channels rounded up to four], or 0; pixels that no pooling window reads must be cleared. */
  biasPartials: u32;
  partitionImages: i32;
  clears: i32;
}

export function planFinish(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanFinish>(args);
  const f = changetype<Finish>(<usize>a.finish);
  const pixel = (<usize>f.channels) << 2;
  const row = <usize>a.width * pixel;
  for (let image = start; image < end; image++) {
    const from = <usize>a.sums + <usize>(image * a.height) * row;
    for (let channel = 0; channel < f.channels; channel += 4) {
      finishFour(f, image, channel, from + ((<usize>channel) << 2), row, pixel);
    }
  }
}

/** Gradient of the sums, and of the bias. */
export function planUnfinish(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanFinish>(args);
  const f = changetype<Finish>(<usize>a.finish);
  const pixel = (<usize>f.channels) << 2;
  const row = <usize>a.width * pixel;
  const partials = <usize>a.biasPartials + <usize>(start / a.partitionImages) * ((pixel + 15) & ~15);
  for (let image = start; image < end; image++) {
    const to = <usize>a.sums + <usize>(image * a.height) * row;
    if (a.clears != 0) memory.fill(to, 0, <usize>a.height * row);
    for (let channel = 0; channel < f.channels; channel += 4) {
      const at = (<usize>channel) << 2;
      let sum = unfinishFour(f, image, channel, to + at, row, pixel);
      if (a.biasPartials == 0) continue;
      if (image != start) sum = f32x4.add(v128.load(partials + at), sum);
      v128.store(partials + at, sum);
    }
  }
}
