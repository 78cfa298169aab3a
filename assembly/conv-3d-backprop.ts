// Gradients of convolution of NDHWC volumes, any strides and padding, without dilation: tfjs has no gradient of that.
// Sums run over taps and channels, or pixels, in an order that follows from the shape: the same bits on any number of threads.
//
//   x, dx  f32 [batch, inDepth, inHeight, inWidth, channels]
//   filter f32 [filterDepth, filterHeight, filterWidth, channels, outChannels]
//   dy     f32 [batch, outDepth, outHeight, outWidth, outChannels]
//
//   packed f32 [taps, outChannels, pitch]     the filter with `channels` last, zeros up to the pitch: a multiple of 4
import { loadColumns, storeColumns, zeroFloats } from './simd/columns';
import { VolumeArgs, endOutput, firstOutput, outputOf } from './volume';

@unmanaged
class PackArgs {
  filter: u32;
  packed: u32;
  channels: i32;
  outChannels: i32;
}

@inline
function pitchOf(channels: i32): i32 {
  return (channels + 3) & ~3;
}

/** Unit: a tap. */
export function conv3dPackFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PackArgs>(args);
  const pitch = pitchOf(a.channels);
  for (let tap = start; tap < end; tap++) {
    let from = <usize>a.filter + (<usize>(tap * a.channels * a.outChannels) << 2);
    let to = <usize>a.packed + (<usize>(tap * a.outChannels * pitch) << 2);
    for (let k = 0; k < a.outChannels; k++, from += 4) {
      for (let c = 0; c < pitch; c++, to += 4) {
        store<f32>(to, c < a.channels ? load<f32>(from + (<usize>(c * a.outChannels) << 2)) : 0);
      }
    }
  }
}

/** Unit: a line of dx, summed in scratch: f32 [inWidth, pitch]. */
export function conv3dBackpropInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<VolumeArgs>(args);
  const pitchBytes = <usize>pitchOf(a.channels) << 2;
  const lineBytes = pitchBytes * <usize>a.inWidth;
  for (let unit = start; unit < end; unit++) {
    zeroFloats(scratch, lineBytes);
    sumLine(a, unit, scratch, pitchBytes);
    const pixelBytes = <usize>a.channels << 2;
    let dx = <usize>a.out + <usize>(unit * a.inWidth) * pixelBytes;
    for (let sums = scratch; sums < scratch + lineBytes; sums += pitchBytes, dx += pixelBytes) {
      let c: usize = 0;
      for (; c + 16 <= pixelBytes; c += 16) v128.store(dx + c, v128.load(sums + c));
      for (; c < pixelBytes; c += 4) store<f32>(dx + c, load<f32>(sums + c));
    }
  }
}

/** Adds every output that reads a line, by each tap that reads it. */
function sumLine(a: VolumeArgs, unit: i32, sums: usize, pitchBytes: usize): void {
  const row = unit % a.inHeight;
  const plane = (unit / a.inHeight) % a.inDepth;
  const volume = unit / (a.inHeight * a.inDepth);
  const outBytes = <usize>a.outChannels << 2;
  const tapBytes = pitchBytes * <usize>a.outChannels;
  for (let depth = 0; depth < a.filterDepth; depth++) {
    const outPlane = outputOf(plane + a.padFront - depth, a.strideDepth, a.outDepth);
    if (outPlane < 0) continue;
    for (let height = 0; height < a.filterHeight; height++) {
      const outRow = outputOf(row + a.padTop - height, a.strideHeight, a.outHeight);
      if (outRow < 0) continue;
      const line = (volume * a.outDepth + outPlane) * a.outHeight + outRow;
      const dy = <usize>a.dy + <usize>(line * a.outWidth) * outBytes;
      for (let width = 0; width < a.filterWidth; width++) {
        const offset = width - a.padLeft;
        const first = firstOutput(offset, a.strideWidth);
        const count = endOutput(offset, a.strideWidth, a.inWidth, a.outWidth) - first;
        if (count <= 0) continue;
        const tap = (depth * a.filterHeight + height) * a.filterWidth + width;
        const to = sums + <usize>(first * a.strideWidth + offset) * pitchBytes;
        const step = pitchBytes * <usize>a.strideWidth;
        const weights = <usize>a.x + <usize>tap * tapBytes;
        addOutputs(to, step, dy + <usize>first * outBytes, outBytes, count, weights, pitchBytes);
      }
    }
  }
}

/** sums[i] += dy[i] * weights, four pixels and four channels at a time. */
function addOutputs(
  sums: usize, step: usize, dy: usize, outBytes: usize, count: i32, weights: usize, pitchBytes: usize,
): void {
  for (; count >= 4; count -= 4, sums += 4 * step, dy += 4 * outBytes) {
    for (let c: usize = 0; c < pitchBytes; c += 16) {
      let first = v128.load(sums + c);
      let second = v128.load(sums + c + step);
      let third = v128.load(sums + c + 2 * step);
      let fourth = v128.load(sums + c + 3 * step);
      let weight = weights + c;
      for (let k = dy; k < dy + outBytes; k += 4, weight += pitchBytes) {
        const w = v128.load(weight);
        first = f32x4.add(first, f32x4.mul(v128.load32_splat(k), w));
        second = f32x4.add(second, f32x4.mul(v128.load32_splat(k + outBytes), w));
        third = f32x4.add(third, f32x4.mul(v128.load32_splat(k + 2 * outBytes), w));
        fourth = f32x4.add(fourth, f32x4.mul(v128.load32_splat(k + 3 * outBytes), w));
      }
      v128.store(sums + c, first);
      v128.store(sums + c + step, second);
      v128.store(sums + c + 2 * step, third);
      v128.store(sums + c + 3 * step, fourth);
    }
  }
  for (; count > 0; count--, sums += step, dy += outBytes) {
    for (let c: usize = 0; c < pitchBytes; c += 16) {
      let sum = v128.load(sums + c);
      let weight = weights + c;
      for (let k = dy; k < dy + outBytes; k += 4, weight += pitchBytes) {
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(k), v128.load(weight)));
      }
      v128.store(sums + c, sum);
    }
  }
}

/** Unit: a tap of a chunk of `share` volumes. Partials f32 [chunks, taps, channels, outChannels], which sumPartials adds. */
export function conv3dBackpropFilter(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<VolumeArgs>(args);
  const taps = a.filterDepth * a.filterHeight * a.filterWidth;
  const tapBytes = <usize>(a.channels * a.outChannels) << 2;
  for (let unit = start; unit < end; unit++) {
    const sums = <usize>a.out + <usize>unit * tapBytes;
    zeroFloats(sums, tapBytes);
    const chunk = unit / taps;
    const last = min((chunk + 1) * a.share, a.batch);
    for (let volume = chunk * a.share; volume < last; volume++) sumVolume(a, volume, unit % taps, sums);
  }
}

/** Adds the products of every line of outputs with the pixels that a tap reads. */
function sumVolume(a: VolumeArgs, volume: i32, tap: i32, sums: usize): void {
  const depth = tap / (a.filterHeight * a.filterWidth) - a.padFront;
  const height = ((tap / a.filterWidth) % a.filterHeight) - a.padTop;
  const width = (tap % a.filterWidth) - a.padLeft;
  const pixelBytes = <usize>a.channels << 2;
  const outBytes = <usize>a.outChannels << 2;
  const first = firstOutput(width, a.strideWidth);
  const count = endOutput(width, a.strideWidth, a.inWidth, a.outWidth) - first;
  if (count <= 0) return;
  const endPlane = endOutput(depth, a.strideDepth, a.inDepth, a.outDepth);
  const endRow = endOutput(height, a.strideHeight, a.inHeight, a.outHeight);
  for (let plane = firstOutput(depth, a.strideDepth); plane < endPlane; plane++) {
    for (let row = firstOutput(height, a.strideHeight); row < endRow; row++) {
      const inPlane = volume * a.inDepth + plane * a.strideDepth + depth;
      const inLine = inPlane * a.inHeight + row * a.strideHeight + height;
      const outLine = (volume * a.outDepth + plane) * a.outHeight + row;
      const x = <usize>a.x + <usize>(inLine * a.inWidth + first * a.strideWidth + width) * pixelBytes;
      const dy = <usize>a.dy + <usize>(outLine * a.outWidth + first) * outBytes;
      addProducts(sums, x, pixelBytes, pixelBytes * <usize>a.strideWidth, dy, outBytes, count);
    }
  }
}

/** sums[c][k] += the sum over pixels of x[c] * dy[k], four by four at a time. */
function addProducts(
  sums: usize, x: usize, pixelBytes: usize, xStep: usize, dy: usize, outBytes: usize, count: i32,
): void {
  for (let k: usize = 0; k < outBytes; k += 16) {
    const columns = <i32>min<usize>(4, (outBytes - k) >> 2);
    let c: usize = 0;
    for (; c + 16 <= pixelBytes; c += 16) {
      let first = f32x4.splat(0);
      let second = first;
      let third = first;
      let fourth = first;
      let pixel = x + c;
      let gradient = dy + k;
      for (let i = 0; i < count; i++, pixel += xStep, gradient += outBytes) {
        const g = columns == 4 ? v128.load(gradient) : loadColumns(gradient, columns);
        first = f32x4.add(first, f32x4.mul(v128.load32_splat(pixel), g));
        second = f32x4.add(second, f32x4.mul(v128.load32_splat(pixel, 4), g));
        third = f32x4.add(third, f32x4.mul(v128.load32_splat(pixel, 8), g));
        fourth = f32x4.add(fourth, f32x4.mul(v128.load32_splat(pixel, 12), g));
      }
      const to = sums + <usize>(c >> 2) * outBytes + k;
      addColumns(to, first, columns);
      addColumns(to + outBytes, second, columns);
      addColumns(to + 2 * outBytes, third, columns);
      addColumns(to + 3 * outBytes, fourth, columns);
    }
    for (; c < pixelBytes; c += 4) {
      let sum = f32x4.splat(0);
      let pixel = x + c;
      let gradient = dy + k;
      for (let i = 0; i < count; i++, pixel += xStep, gradient += outBytes) {
        const g = columns == 4 ? v128.load(gradient) : loadColumns(gradient, columns);
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(pixel), g));
      }
      addColumns(sums + <usize>(c >> 2) * outBytes + k, sum, columns);
    }
  }
}

@inline
function addColumns(at: usize, floats: v128, columns: i32): void {
  const sum = f32x4.add(loadColumns(at, columns), floats);
  storeColumns(at, sum, sum, columns);
}
