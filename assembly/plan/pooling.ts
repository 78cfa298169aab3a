// Average pooling of a plan, vectors of four channels at a time. Unit: image. The gradient is in avg-pool-grad.ts.
// A window's sum is divided by its pixels that lie inside the image.
//
//   x     f32 [batch, inHeight, inWidth, channels]         window of output (r, c): corner (r * strideHeight - padTop, …)
//   y     f32 [batch, outHeight, outWidth, channels]
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
