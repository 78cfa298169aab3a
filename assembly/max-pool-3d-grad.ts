// Gradient of max pooling of NDHWC volumes, vectors of 4 channels at a time: the last maximum of each window, as in the tfjs cpu backend,
// gets the gradient of its output. NaN is passed over; a window that holds nothing else gives its gradient to nobody.
// A unit is a block of channels of one volume; each element of dx sums its windows in rising order, so the bits do not depend on
// how units fall on threads. Not as there: places are right where the window's height is not its width.
//
//   x, dx f32 [batch, inDepth, inHeight, inWidth, channels]
//   dy    f32 [batch, outDepth, outHeight, outWidth, channels]
import { loadColumns } from './simd/columns';
import { VolumeArgs } from './volume';
import { endTap, firstTap } from './window';

export function maxPool3dGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<VolumeArgs>(args);
  const blocks = (a.channels + a.share - 1) / a.share;
  const pixelBytes = <usize>a.channels << 2;
  const volumeBytes = pixelBytes * <usize>(a.inDepth * a.inHeight * a.inWidth);
  const outBytes = pixelBytes * <usize>(a.outDepth * a.outHeight * a.outWidth);
  for (let unit = start; unit < end; unit++) {
    const volume = <usize>(unit / blocks);
    const channel = (unit % blocks) * a.share;
    const channels = min(a.share, a.channels - channel);
    const offset = volume * volumeBytes + (<usize>channel << 2);
    const dx = <usize>a.out + offset;
    for (let pixel: usize = 0; pixel < volumeBytes; pixel += pixelBytes) {
      memory.fill(dx + pixel, 0, <usize>channels << 2);
    }
    const dy = <usize>a.dy + volume * outBytes + (<usize>channel << 2);
    scatterVolume(a, <usize>a.x + offset, dy, dx, channels);
  }
}

function scatterVolume(a: VolumeArgs, x: usize, dy: usize, dx: usize, channels: i32): void {
  const pixelBytes = <usize>a.channels << 2;
  for (let plane = 0; plane < a.outDepth; plane++) {
    const front = plane * a.strideDepth - a.padFront;
    const firstPlane = firstTap(front, 1);
    const planes = endTap(front, 1, a.inDepth, a.filterDepth) - firstPlane;
    for (let row = 0; row < a.outHeight; row++) {
      const top = row * a.strideHeight - a.padTop;
      const firstRow = firstTap(top, 1);
      const rows = endTap(top, 1, a.inHeight, a.filterHeight) - firstRow;
      for (let column = 0; column < a.outWidth; column++, dy += pixelBytes) {
        const left = column * a.strideWidth - a.padLeft;
        const firstColumn = firstTap(left, 1);
        const columns = endTap(left, 1, a.inWidth, a.filterWidth) - firstColumn;
        if (planes <= 0 || rows <= 0 || columns <= 0) continue;
        const line = (front + firstPlane) * a.inHeight + top + firstRow;
        const corner = <usize>(line * a.inWidth + left + firstColumn) * pixelBytes;
        let c: usize = 0;
        let rest = channels;
        for (; rest >= 4; rest -= 4, c += 16) {
          scatterWindow(a, x + c, dy + c, dx + c, corner, planes, rows, columns, 4);
        }
        if (rest > 0) scatterWindow(a, x + c, dy + c, dx + c, corner, planes, rows, columns, rest);
      }
    }
  }
}

@inline
function scatterWindow(
  a: VolumeArgs, x: usize, dy: usize, dx: usize, corner: usize, planes: i32, rows: i32, columns: i32, channels: i32,
): void {
  const pixelBytes = <usize>a.channels << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const planeBytes = rowBytes * <usize>a.inHeight;
  let best = f32x4.splat(-Infinity);
  let winner = i32x4.splat(-1);
  for (let p = 0; p < planes; p++) {
    for (let r = 0; r < rows; r++) {
      let at = corner + <usize>p * planeBytes + <usize>r * rowBytes;
      for (let k = 0; k < columns; k++, at += pixelBytes) {
        const value = channels == 4 ? v128.load(x + at) : loadColumns(x + at, channels);
        const isNotBelow = f32x4.ge(value, best);
        best = v128.bitselect(value, best, isNotBelow);
        winner = v128.bitselect(i32x4.splat(<i32>at), winner, isNotBelow);
      }
    }
  }
  addTo(dx, i32x4.extract_lane(winner, 0), dy);
  if (channels > 1) addTo(dx + 4, i32x4.extract_lane(winner, 1), dy + 4);
  if (channels > 2) addTo(dx + 8, i32x4.extract_lane(winner, 2), dy + 8);
  if (channels > 3) addTo(dx + 12, i32x4.extract_lane(winner, 3), dy + 12);
}

@inline
function addTo(dx: usize, winner: i32, dy: usize): void {
  if (winner == -1) return;
  const at = dx + <usize>(<u32>winner);
  store<f32>(at, load<f32>(at) + load<f32>(dy));
}
