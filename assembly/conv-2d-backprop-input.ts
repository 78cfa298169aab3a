// Gradient of a convolution's input, NHWC: for each tap, dY times the transposed tap is added to dX, shifted by the tap.
//
//   dy   f32 [batch, outHeight, outWidth, outChannels]
//   w    f32 [tap][panel of inChannels][1 + outChannels][8]     each tap transposed; see gemm.ts
//   dx   f32 [batch, inHeight, inWidth, inChannels]             zeroed here
//
//   for each tap: pairs (output pixel in dy, input pixel in dx) whose tap lies inside the image; then products of all pairs.
//
//   unit = imagesPerUnit images x panelsPerUnit panels of dX: written by one thread, tap after tap.
import { zeroFloats } from './simd/columns';
import { HIGHEST, LOWEST, multiplyRows, padPairs } from './simd/multiply';

@unmanaged
class Conv2DBackpropInputArgs {
  dy: u32;
  panels: u32;
  dx: u32;
  panelBytes: u32;
  panelCount: i32;
  panelsPerUnit: i32;
  batch: i32;
  imagesPerUnit: i32;
  inHeight: i32;
  inWidth: i32;
  inChannels: i32;
  outHeight: i32;
  outWidth: i32;
  outChannels: i32;
  filterHeight: i32;
  filterWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  padTop: i32;
  padLeft: i32;
  /** Pairs that the table in scratch holds: at least outWidth. */
  capacity: i32;
}

/** Zeroes the unit's columns of its images. */
function zeroPart(a: Conv2DBackpropInputArgs, firstImage: i32, lastImage: i32, firstPanel: i32, lastPanel: i32): void {
  const pitch = (<usize>a.inChannels) << 2;
  const pixels = a.inHeight * a.inWidth;
  const from = <usize>a.dx + (<usize>(firstImage * pixels)) * pitch;
  const end = <usize>a.dx + (<usize>(lastImage * pixels)) * pitch;
  const first = (<usize>firstPanel) << 5;
  const bytes = min((<usize>lastPanel) << 5, pitch) - first;
  if (bytes == pitch) memory.fill(from, 0, end - from);
  else for (let at = from; at < end; at += pitch) zeroFloats(at + first, bytes);
}

function multiplyTap(
  a: Conv2DBackpropInputArgs, tap: i32, pairs: usize, end: usize, zeros: usize, firstPanel: i32, lastPanel: i32,
): void {
  if (end == pairs) return;
  const rows = <i32>((end - pairs) >> 3);
  padPairs(end);
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const b = <usize>a.panels + (<usize>(tap * a.panelCount + panel)) * a.panelBytes + 32;
    const columns = min(8, a.inChannels - (panel << 3));
    const columnBytes = (<usize>panel) << 5;
    multiplyRows(pairs, rows, b, 32, 1, 1, a.outChannels, 0, 0, zeros, columnBytes, columns, true, LOWEST, HIGHEST);
  }
}

/** First of `count` outputs whose tap, at `offset` from the input of output 0, is not before the image. */
@inline
function firstInside(offset: i32, stride: i32): i32 {
  return offset >= 0 ? 0 : (stride - 1 - offset) / stride;
}

/** One past the last of `count` outputs whose tap is not behind the image of `size`. */
@inline
function endInside(offset: i32, stride: i32, size: i32, count: i32): i32 {
  return size <= offset ? 0 : min(count, (size - 1 - offset) / stride + 1);
}

export function conv2dBackpropInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<Conv2DBackpropInputArgs>(args);
  const panelBlocks = (a.panelCount + a.panelsPerUnit - 1) / a.panelsPerUnit;
  const dyPitch = (<usize>a.outChannels) << 2;
  const dxPitch = (<usize>a.inChannels) << 2;
  const dxStep = dxPitch * <usize>a.strideWidth;
  const zeros = scratch;
  zeroFloats(zeros, 32);
  const pairs = scratch + 64;
  for (let unit = start; unit < end; unit++) {
    const block = unit / panelBlocks;
    const firstPanel = (unit - block * panelBlocks) * a.panelsPerUnit;
    const lastPanel = min(firstPanel + a.panelsPerUnit, a.panelCount);
    const firstImage = block * a.imagesPerUnit;
    const lastImage = min(firstImage + a.imagesPerUnit, a.batch);
    zeroPart(a, firstImage, lastImage, firstPanel, lastPanel);
    for (let tap = 0; tap < a.filterHeight * a.filterWidth; tap++) {
      const tapRow = tap / a.filterWidth;
      const offsetY = tapRow * a.dilationHeight - a.padTop;
      const offsetX = (tap - tapRow * a.filterWidth) * a.dilationWidth - a.padLeft;
      const firstY = firstInside(offsetY, a.strideHeight);
      const endY = endInside(offsetY, a.strideHeight, a.inHeight, a.outHeight);
      const firstX = firstInside(offsetX, a.strideWidth);
      const endX = endInside(offsetX, a.strideWidth, a.inWidth, a.outWidth);
      if (firstX >= endX) continue;
      const full = pairs + ((<usize>(a.capacity - (endX - firstX))) << 3);
      let at = pairs;
      for (let image = firstImage; image < lastImage; image++) {
        for (let y = firstY; y < endY; y++) {
          if (at > full) {
            multiplyTap(a, tap, pairs, at, zeros, firstPanel, lastPanel);
            at = pairs;
          }
          let from = <usize>a.dy + (<usize>((image * a.outHeight + y) * a.outWidth + firstX)) * dyPitch;
          const inputY = y * a.strideHeight + offsetY;
          const inputX = firstX * a.strideWidth + offsetX;
          let to = <usize>a.dx + (<usize>((image * a.inHeight + inputY) * a.inWidth + inputX)) * dxPitch;
          for (let x = firstX; x < endX; x++) {
            store<u32>(at, <u32>from);
            store<u32>(at, <u32>to, 4);
            at += 8;
            from += dyPitch;
            to += dxStep;
          }
        }
      }
      multiplyTap(a, tap, pairs, at, zeros, firstPanel, lastPanel);
    }
  }
}
