// FusedDepthwiseConv2D: convolution, bias and activation in one pass where the activation is a clamp and the bias has one
// value per channel; else the same kernels one after the other, as the cpu backend does it.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { applyActivation, type FusedActivation, isClamp } from './activation.ts';
import { type Conv2DAttributes, withChannelsLast } from './conv-2d-geometry.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { depthwiseInfo } from './depthwise-conv-2d-geometry.ts';
import { depthwiseForward } from './depthwise-conv-2d-native.ts';
import type { Kernel, KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

interface Inputs {
  readonly x: tf.TensorInfo;
  readonly filter: tf.TensorInfo;
  readonly bias?: tf.TensorInfo | null;
  readonly preluActivationWeights?: tf.TensorInfo | null;
}

interface Attributes extends Conv2DAttributes {
  readonly activation?: FusedActivation;
  readonly leakyreluAlpha?: number;
}

/** A bias that the kernel adds itself: one number, or one per output channel. */
function isChannelBias(bias: tf.TensorInfo, channels: number, dataFormat: string): boolean {
  const size = tf.util.sizeFromShape(bias.shape);
  return size === 1 || (dataFormat === 'channelsLast' && size === channels && bias.shape.at(-1) === channels);
}

function fusedDepthwise(backend: SelvedgeBackend, inputs: Inputs, attrs: Attributes): tf.TensorInfo {
  const { x, filter } = inputs;
  const bias = inputs.bias ?? undefined;
  const activation = attrs.activation ?? 'linear';
  const convInfo = depthwiseInfo(x.shape, filter.shape, attrs);
  const addsBias = bias !== undefined && isChannelBias(bias, convInfo.outChannels, convInfo.dataFormat);
  const clamps = isClamp(activation) && (bias === undefined || addsBias);
  let result = withChannelsLast(backend, {
    info: convInfo,
    inputs: [x],
    run: ([input]) =>
      depthwiseForward(backend, {
        x: input!,
        filter,
        convInfo,
        bias: addsBias ? bias : undefined,
        activation: clamps ? activation : 'linear',
      }),
    transposeOutput: true,
  });
  if (bias !== undefined && !addsBias) {
    result = replaceBy(backend, result, (sum) => callKernel(backend, 'Add', { a: sum, b: bias }));
  }
  if (clamps) return result;
  return replaceBy(backend, result, (sum) =>
    applyActivation(backend, sum, activation, {
      alpha: inputs.preluActivationWeights ?? undefined,
      leakyreluAlpha: attrs.leakyreluAlpha,
    }),
  );
}

export const fusedDepthwiseConv2DKernel: Kernel = {
  kernelName: 'FusedDepthwiseConv2D',
  kernelFunc({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>) {
    const isFloat = inputs.x.dtype === 'float32' && inputs.filter.dtype === 'float32';
    if (!isFloat || (inputs.bias && inputs.bias.dtype !== 'float32')) {
      return runOnCpu('FusedDepthwiseConv2D', { inputs, attrs, backend });
    }
    return fusedDepthwise(backend, inputs, attrs);
  },
};
