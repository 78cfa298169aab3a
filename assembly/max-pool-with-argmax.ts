// Max pooling of NHWC images that also tells where each maximum is, vectors of 4 channels at a time. A unit is one output row of one image.
// As in the tfjs cpu backend, the first maximum is it, NaN is passed over, and where no value is above -Infinity the place is -1.
//
//   x     f32 [batch, inHeight, inWidth, channels]
//   y     f32 [batch, outHeight, outWidth, channels]
//   dx    i32 [batch, outHeight, outWidth, channels]     holds the places: elements from the beginning of the image, or of the batch
import { loadColumns, storeColumns } from './simd/columns';
import { PoolArgs, endTap, firstTap } from './window';

@unmanaged
class ArgmaxArgs extends PoolArgs {
  /** Elements that places move on by with each image. */
  imageStep: i32;
}

export function maxPoolWithArgmax(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ArgmaxArgs>(args);
  const pixelBytes = <usize>a.channels << 2;
  const imageBytes = pixelBytes * <usize>(a.inHeight * a.inWidth);
  let out = <usize>(start * a.outWidth) * pixelBytes;
  for (let unit = start; unit < end; unit++) {
    const image = unit / a.outHeight;
    const x = <usize>a.x + <usize>image * imageBytes;
    const top = (unit % a.outHeight) * a.strideHeight - a.padTop;
    const firstRow = firstTap(top, 1);
    const rows = endTap(top, 1, a.inHeight, a.filterHeight) - firstRow;
    for (let column = 0; column < a.outWidth; column++, out += pixelBytes) {
      const left = column * a.strideWidth - a.padLeft;
      const firstColumn = firstTap(left, 1);
      const columns = endTap(left, 1, a.inWidth, a.filterWidth) - firstColumn;
      const corner = ((top + firstRow) * a.inWidth + left + firstColumn) * a.channels;
      findMaxima(a, x, corner, image * a.imageStep, rows, columns, <usize>a.y + out, <usize>a.dx + out);
    }
  }
}

/** `corner` in elements from the image's beginning, of which places begin at `first`. */
@inline
function findMaxima(
  a: ArgmaxArgs, x: usize, corner: i32, first: i32, rows: i32, columns: i32, y: usize, places: usize,
): void {
  let left = a.channels;
  for (; left >= 4; left -= 4, corner += 4, y += 16, places += 16) {
    findMaximaOfFour(a, x, corner, first, rows, columns, y, places, 4);
  }
  if (left > 0) findMaximaOfFour(a, x, corner, first, rows, columns, y, places, left);
}

@inline
function findMaximaOfFour(
  a: ArgmaxArgs, x: usize, corner: i32, first: i32, rows: i32, columns: i32, y: usize, places: usize, channels: i32,
): void {
  const lanes = i32x4(0, 1, 2, 3);
  let best = f32x4.splat(-Infinity);
  let place = i32x4.splat(-1);
  for (let r = 0; r < rows; r++) {
    let at = corner + r * a.inWidth * a.channels;
    for (let k = 0; k < columns; k++, at += a.channels) {
      const pixel = x + (<usize>at << 2);
      const value = channels == 4 ? v128.load(pixel) : loadColumns(pixel, channels);
      place = v128.bitselect(i32x4.add(i32x4.splat(first + at), lanes), place, f32x4.gt(value, best));
      best = f32x4.pmax(best, value);
    }
  }
  if (channels == 4) {
    v128.store(y, best);
    v128.store(places, place);
  } else {
    storeColumns(y, best, best, channels);
    storeColumns(places, place, place, channels);
  }
}
