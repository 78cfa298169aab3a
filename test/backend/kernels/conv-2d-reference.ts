// Convolution and its gradients as their definitions say, one multiplication at a time, in double precision. Slow and plain:
// what the kernels are held against, and the only oracle for dilated gradients, which tfjs refuses.
import type { Conv2DInfo } from '../../../src/backend/kernels/conv-2d-geometry.ts';

/** Calls back for each multiplication: flat indices of an input, a filter and an output element, channels last. */
export function eachProduct(info: Conv2DInfo, visit: (x: number, w: number, y: number) => void): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info;
  for (let n = 0; n < batchSize; n++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        for (let tapRow = 0; tapRow < info.filterHeight; tapRow++) {
          for (let tapColumn = 0; tapColumn < info.filterWidth; tapColumn++) {
            const inRow = row * info.strideHeight + tapRow * info.dilationHeight - padInfo.top;
            const inColumn = column * info.strideWidth + tapColumn * info.dilationWidth - padInfo.left;
            if (inRow < 0 || inRow >= inHeight || inColumn < 0 || inColumn >= inWidth) continue;
            const x = ((n * inHeight + inRow) * inWidth + inColumn) * inChannels;
            const w = (tapRow * info.filterWidth + tapColumn) * inChannels;
            const y = ((n * outHeight + row) * outWidth + column) * outChannels;
            for (let c = 0; c < inChannels; c++) {
              for (let o = 0; o < outChannels; o++) visit(x + c, (w + c) * outChannels + o, y + o);
            }
          }
        }
      }
    }
  }
}

/** Output, input gradient and filter gradient. */
export function convolveByDefinition(
  info: Conv2DInfo,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  dy: ArrayLike<number>,
): { y: Float64Array; dx: Float64Array; dw: Float64Array } {
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  eachProduct(info, (xAt, wAt, yAt) => {
    y[yAt]! += x[xAt]! * w[wAt]!;
    dx[xAt]! += dy[yAt]! * w[wAt]!;
    dw[wAt]! += dy[yAt]! * x[xAt]!;
  });
  return { y, dx, dw };
}

/** Relative root mean square distance: the tolerance of the kernels is stated in it. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return norm === 0 ? Math.sqrt(error) : Math.sqrt(error / norm);
}
