// DepthwiseConv2dNative: the tfjs kernel and the function beneath it, which adds a bias and clamps in the same pass.
// Reads the filter anew at each call: weights may be written in place.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { type ClampActivation, clampBits } from './activation.ts';
import { type Conv2DAttributes, type Conv2DInfo, outputShapeOf, withChannelsLast } from './conv-2d-geometry.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { depthwiseInfo, depthwiseWords } from './depthwise-conv-2d-geometry.ts';
import type { Kernel, KernelCall } from './register.ts';

/** A depthwise convolution with channels last. */
export interface DepthwiseForward {
  /** `[batch, inHeight, inWidth, channels]` */
  readonly x: tf.TensorInfo;
  /** `[filterHeight, filterWidth, channels, multiplier]` */
  readonly filter: tf.TensorInfo;
  /** `[channels * multiplier]`, or one number. */
  readonly bias?: tf.TensorInfo | undefined;
  /** Default: linear. */
  readonly activation?: ClampActivation;
  /** Sizes; the data format is not looked at. */
  readonly convInfo: Conv2DInfo;
}

/**
 * Convolves each channel with filters of its own, adds a bias and clamps.
 *
 * @returns `[batch, outHeight, outWidth, channels * multiplier]`; the caller owns it
 */
export function depthwiseForward(backend: SelvedgeBackend, options: DepthwiseForward): tf.TensorInfo {
  const { x, filter, bias, activation = 'linear', convInfo: info } = options;
  const output = backend.output(outputShapeOf(info), 'float32');
  const words = depthwiseWords(info, {
    x: backend.offset(x),
    filter: backend.offset(filter),
    y: backend.offset(output),
    bias: bias ? backend.offset(bias) : 0,
    biasStep: bias && bias.shape.at(-1) === info.outChannels ? 1 : 0,
    clamp: clampBits(activation),
  });
  const isEmpty = info.outChannels === 0 || info.outWidth === 0;
  backend.pool.run('depthwiseConv2d', isEmpty ? 0 : info.batchSize * info.outHeight, words);
  return output;
}

type Call = KernelCall<{ x: tf.TensorInfo; filter: tf.TensorInfo }, Conv2DAttributes>;

export const depthwiseConv2dNativeKernel: Kernel = {
  kernelName: 'DepthwiseConv2dNative',
  kernelFunc({ inputs, attrs, backend }: Call) {
    const { x, filter } = inputs;
    if (x.dtype !== 'float32' || filter.dtype !== 'float32') {
      return runOnCpu('DepthwiseConv2dNative', { inputs, attrs, backend });
    }
    const convInfo = depthwiseInfo(x.shape, filter.shape, attrs);
    return withChannelsLast(backend, {
      info: convInfo,
      inputs: [x],
      run: ([input]) => depthwiseForward(backend, { x: input!, filter, convInfo }),
      transposeOutput: true,
    });
  },
};
