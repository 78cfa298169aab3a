// Average pooling of a plan, vectors of four channels at a time. Unit: image. Max pooling has kernels of its own: max-pool.ts.
// As in tfjs, the forward pass divides by the pixels of a window that lie inside the image, the backward pass by all of them.
//
//   x, dx f32 [batch, inHeight, inWidth, channels]         window of output (r, c): corner (r * strideHeight - padTop, …)
//   y     f32 [batch, outHeight, outWidth, channels]       holds dy in the backward pass
import { loadColumns, storeColumns } from '../simd/columns';
import { PoolArgs, endTap, firstTap } from '../window';

export function planAveragePool(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const pixelBytes = (<usize>a.channels) << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  let y = <usize>a.y + <usize>(start * a.outHeight * a.outWidth) * pixelBytes;
  for (let image = start; image < end; image++) {
    const x = <usize>a.x + <usize>(image * a.inHeight) * rowBytes;
    for (let row = 0; row < a.outHeight; row++) {
      const top = row * a.strideHeight - a.padTop;
      const firstRow = firstTap(top, 1);
      const rows = endTap(top, 1, a.inHeight, a.filterHeight) - firstRow;
      const window = x + <usize>(top + firstRow) * rowBytes;
      for (let column = 0; column < a.outWidth; column++, y += pixelBytes) {
        const left = column * a.strideWidth - a.padLeft;
        const firstColumn = firstTap(left, 1);
        const columns = endTap(left, 1, a.inWidth, a.filterWidth) - firstColumn;
        averageWindow(window + <usize>(left + firstColumn) * pixelBytes, y, pixelBytes, rowBytes, rows, columns);
      }
    }
  }
}

function averageWindow(corner: usize, y: usize, pixelBytes: usize, rowBytes: usize, rows: i32, columns: i32): void {
  const count = f32x4.splat(<f32>(rows * columns));
  const vectorBytes = pixelBytes & ~15;
  const lanes = <i32>((pixelBytes - vectorBytes) >> 2);
  for (let c: usize = 0; c < pixelBytes; c += 16) {
    let sum = f32x4.splat(0);
    let row = corner + c;
    for (let r = 0; r < rows; r++, row += rowBytes) {
      let pixel = row;
      for (let k = 0; k < columns; k++, pixel += pixelBytes) {
        sum = f32x4.add(sum, c < vectorBytes ? v128.load(pixel) : loadColumns(pixel, lanes));
      }
    }
    const average = f32x4.div(sum, count);
    if (c < vectorBytes) v128.store(y + c, average);
    else storeColumns(y + c, average, average, lanes);
  }
}

export function planAveragePoolGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const pixelBytes = (<usize>a.channels) << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const imageBytes = rowBytes * <usize>a.inHeight;
  const share: f32 = 1 / <f32>(a.filterHeight * a.filterWidth);
  let dy = <usize>a.y + <usize>(start * a.outHeight * a.outWidth) * pixelBytes;
  for (let image = start; image < end; image++) {
    const dx = <usize>a.dx + <usize>image * imageBytes;
    memory.fill(dx, 0, imageBytes);
    for (let row = 0; row < a.outHeight; row++) {
      const top = row * a.strideHeight - a.padTop;
      const firstRow = firstTap(top, 1);
      const rows = endTap(top, 1, a.inHeight, a.filterHeight) - firstRow;
      const window = dx + <usize>(top + firstRow) * rowBytes;
      for (let column = 0; column < a.outWidth; column++, dy += pixelBytes) {
        const left = column * a.strideWidth - a.padLeft;
        const firstColumn = firstTap(left, 1);
        const columns = endTap(left, 1, a.inWidth, a.filterWidth) - firstColumn;
        spreadWindow(window + <usize>(left + firstColumn) * pixelBytes, dy, pixelBytes, rowBytes, rows, columns, share);
      }
    }
  }
}

function spreadWindow(
  corner: usize, dy: usize, pixelBytes: usize, rowBytes: usize, rows: i32, columns: i32, share: f32,
): void {
  const vectorBytes = pixelBytes & ~15;
  for (let c: usize = 0; c < vectorBytes; c += 16) {
    const gradient = f32x4.mul(v128.load(dy + c), f32x4.splat(share));
    let row = corner + c;
    for (let r = 0; r < rows; r++, row += rowBytes) {
      let pixel = row;
      for (let k = 0; k < columns; k++, pixel += pixelBytes) {
        v128.store(pixel, f32x4.add(v128.load(pixel), gradient));
      }
    }
  }
  for (let c = vectorBytes; c < pixelBytes; c += 4) {
    const gradient = load<f32>(dy + c) * share;
    let row = corner + c;
    for (let r = 0; r < rows; r++, row += rowBytes) {
      let pixel = row;
      for (let k = 0; k < columns; k++, pixel += pixelBytes) store<f32>(pixel, load<f32>(pixel) + gradient);
    }
  }
}
