// What a finish computes, by its definition in double precision: sums, bias, activation, max pooling, dropout, and the way back.
// Not here: how masks are drawn. Invariant: of equal sums of a window the first, row by row, wins.
import type { FinishSettings } from '../../../src/plan/fuse.ts';
import type { ImageShape } from '../../../src/plan/graph.ts';

/** Activation and slope by the codes of src/plan/graph.ts. */
export function activateByDefinition(code: number, alpha: number, x: number): { y: number; slope: number } {
  switch (code) {
    case 1:
      return x > 0 ? { y: x, slope: 1 } : { y: 0, slope: 0 };
    case 2:
      return { y: Math.min(6, Math.max(0, x)), slope: x > 0 && x < 6 ? 1 : 0 };
    case 3:
      return x > 0 ? { y: x, slope: 1 } : { y: alpha * x, slope: alpha };
    case 4:
      return x > 0 ? { y: x, slope: 1 } : { y: alpha * Math.expm1(x), slope: alpha * Math.exp(x) };
    case 5: {
      const y = 1 / (1 + Math.exp(-x));
      return { y, slope: y * (1 - y) };
    }
    case 6: {
      const y = Math.tanh(x);
      return { y, slope: 1 - y * y };
    }
    default:
      return { y: x, slope: 1 };
  }
}

export interface FinishProblem {
  readonly images: number;
  /** Of the sums; `outShape` is what the model says of the output, `outUsed` what is made of it. */
  readonly sumsShape: ImageShape;
  readonly outShape: ImageShape;
  readonly outUsed: readonly [number, number];
  readonly finish: FinishSettings;
  readonly bias?: ArrayLike<number> | undefined;
  /** [images, outShape], if there is dropout. */
  readonly isKept?: ((element: number) => boolean) | undefined;
}

/** Outputs of sums, and the gradient of the sums for a gradient of the outputs. */
export function finishByDefinition(problem: FinishProblem, sums: ArrayLike<number>, dOut: ArrayLike<number>) {
  const { images, sumsShape, outShape, outUsed, finish, bias, isKept = () => true } = problem;
  const [height, width, channels] = sumsShape;
  const [outHeight, outWidth] = outUsed;
  const { activation, pooling, dropout } = finish;
  const scale = dropout ? 1 / (1 - dropout.rate) : 1;
  const y = new Float64Array(images * outHeight * outWidth * channels);
  const dSums = new Float64Array(images * height * width * channels);
  const biasGradient = new Float64Array(channels);
  for (let image = 0, at = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        for (let channel = 0; channel < channels; channel++, at++) {
          let winner = -1;
          for (let r = 0; r < pooling.size[0]; r++) {
            for (let k = 0; k < pooling.size[1]; k++) {
              const [sy, sx] = [row * pooling.strides[0] + r, column * pooling.strides[1] + k];
              const from = ((image * height + sy) * width + sx) * channels + channel;
              if (winner < 0 || sums[from]! > sums[winner]!) winner = from;
            }
          }
          const sum = sums[winner]! + (bias?.[channel] ?? 0);
          const { y: activated, slope } = activateByDefinition(activation.code, activation.alpha, sum);
          const element = ((image * outShape[0] + row) * outShape[1] + column) * channels + channel;
          const factor = isKept(element) ? scale : 0;
          y[at] = activated * factor;
          const gradient = dOut[at]! * factor * slope;
          dSums[winner]! += gradient;
          biasGradient[channel]! += gradient;
        }
      }
    }
  }
  return { y, dSums, biasGradient };
}
