// Gradient of depthwise convolution for the filter: for each tap and output channel, the sum of x * dy over the batch.
// A unit is a chunk of images and a block of output channels. Chunks follow from the batch alone and are added in order by
// sumPartials, and within a chunk each output row is summed on its own: the bits are the same for any number of threads.
//
//   x   f32 [batch, inHeight, inWidth, channels]
//   y   f32 [batch, outHeight, outWidth, channels * multiplier]      holds dy
//   out f32 [chunks, filterHeight, filterWidth, channels * multiplier]

import { DepthwiseArgs, endTap, firstTap } from './window';

/** Output channels of a unit: one cache line. */
const BLOCK: i32 = 16;

export function depthwiseConv2dBackpropFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DepthwiseArgs>(args);
  const channels = a.channels * a.multiplier;
  const blocks = (channels + BLOCK - 1) / BLOCK;
  const filterBytes = <usize>(a.filterHeight * a.filterWidth * channels) << 2;
  for (let unit = start; unit < end; unit++) {
    const chunk = unit / blocks;
    const first = (unit % blocks) * BLOCK;
    const last = min(first + BLOCK, channels);
    const partial = <usize>a.out + <usize>chunk * filterBytes;
    for (let tap = 0; tap < a.filterHeight * a.filterWidth; tap++) {
      memory.fill(partial + (<usize>(tap * channels + first) << 2), 0, <usize>(last - first) << 2);
    }
    const imageEnd = min((chunk + 1) * a.imagesPerChunk, a.batch);
    for (let image = chunk * a.imagesPerChunk; image < imageEnd; image++) {
      for (let row = 0; row < a.outHeight; row++) addRow(a, image, row, partial, first, last);
    }
  }
}

/** Adds the products of one output row to every tap that it reads. */
function addRow(a: DepthwiseArgs, image: i32, row: i32, partial: usize, first: i32, last: i32): void {
  const inPixel = <usize>a.channels << 2;
  const outPixel = inPixel * <usize>a.multiplier;
  const top = row * a.strideHeight - a.padTop;
  const tapEnd = endTap(top, a.dilationHeight, a.inHeight, a.filterHeight);
  const dyRow = <usize>a.y + <usize>((image * a.outHeight + row) * a.outWidth) * outPixel;
  for (let r = firstTap(top, a.dilationHeight); r < tapEnd; r++) {
    const xRow = <usize>a.x + <usize>((image * a.inHeight + top + r * a.dilationHeight) * a.inWidth) * inPixel;
    for (let k = 0; k < a.filterWidth; k++) {
      const offset = k * a.dilationWidth - a.padLeft;
      const start = offset >= 0 ? 0 : (a.strideWidth - 1 - offset) / a.strideWidth;
      const reach = a.inWidth - 1 - offset;
      const count = reach < 0 ? 0 : min(a.outWidth, reach / a.strideWidth + 1) - start;
      if (count <= 0) continue;
      const x = xRow + <usize>(start * a.strideWidth + offset) * inPixel;
      const dy = dyRow + <usize>start * outPixel;
      addTap(a, x, dy, partial + <usize>(r * a.filterWidth + k) * outPixel, count, first, last);
    }
  }
}

@inline
function addTap(a: DepthwiseArgs, x: usize, dy: usize, out: usize, count: i32, first: i32, last: i32): void {
  const inStep = (<usize>a.channels << 2) * <usize>a.strideWidth;
  const outStep = (<usize>a.channels << 2) * <usize>a.multiplier;
  let channel = first;
  if (a.multiplier == 1) {
    for (; channel + 4 <= last; channel += 4) {
      const c = <usize>channel << 2;
      v128.store(out + c, f32x4.add(v128.load(out + c), dotVectors(x + c, dy + c, inStep, outStep, count)));
    }
  }
  for (; channel < last; channel++) {
    const c = <usize>channel << 2;
    const from = x + (<usize>(channel / a.multiplier) << 2);
    let sum: f32 = 0;
    let outAt = dy + c;
    let inAt = from;
    for (let i = 0; i < count; i++) {
      sum += load<f32>(inAt) * load<f32>(outAt);
      inAt += inStep;
      outAt += outStep;
    }
    store<f32>(out + c, load<f32>(out + c) + sum);
  }
}

/** Two sums, of even and of odd columns, hide the latency of addition. */
@inline
function dotVectors(x: usize, dy: usize, inStep: usize, outStep: usize, count: i32): v128 {
  let even = f32x4.splat(0);
  let odd = even;
  let i = 0;
  for (; i + 2 <= count; i += 2) {
    even = f32x4.add(even, f32x4.mul(v128.load(x), v128.load(dy)));
    odd = f32x4.add(odd, f32x4.mul(v128.load(x + inStep), v128.load(dy + outStep)));
    x += 2 * inStep;
    dy += 2 * outStep;
  }
  if (i < count) even = f32x4.add(even, f32x4.mul(v128.load(x), v128.load(dy)));
  return f32x4.add(even, odd);
}
