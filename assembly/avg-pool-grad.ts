// Gradient of average pooling, vectors of four channels at a time. Unit: image. tfjs's own divides by all pixels of a window, also by
// those in the padding; here each window divides by its pixels inside the image, as the forward pass does.
//
//   dx    f32 [batch, inHeight, inWidth, channels]         window of output (r, c): corner (r * strideHeight - padTop, …)
//   y     f32 [batch, outHeight, outWidth, channels]: dy
import { PoolArgs, endTap, firstTap } from './window';

export function avgPoolGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PoolArgs>(args);
  const pixelBytes = (<usize>a.channels) << 2;
  const rowBytes = pixelBytes * <usize>a.inWidth;
  const imageBytes = rowBytes * <usize>a.inHeight;
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
        // A number as padding may put a window where no pixel is.
        if (rows <= 0 || columns <= 0) continue;
        spreadWindow(window + <usize>(left + firstColumn) * pixelBytes, dy, pixelBytes, rowBytes, rows, columns);
      }
    }
  }
}

function spreadWindow(
  corner: usize, dy: usize, pixelBytes: usize, rowBytes: usize, rows: i32, columns: i32,
): void {
  const share: f32 = 1 / <f32>(rows * columns);
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
