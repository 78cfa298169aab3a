// FusedConv2D: convolution, bias and activation. What cannot be part of the convolution's own pass follows by its own kernel.
// Reads the filter anew at each call: weights may be written in place.
import type * as tf from '../tfjs.ts';
import { applyActivation, type FusedActivation, isClamp } from './activation.ts';
import { conv2dForward } from './conv-2d.ts';
import { type Conv2DAttributes, conv2dInfo, requireFloat32, withChannelsLast } from './conv-2d-geometry.ts';
import { isColumnBias } from './gemm.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

interface Inputs {
  readonly x: tf.TensorInfo;
  readonly filter: tf.TensorInfo;
  readonly bias?: tf.TensorInfo;
  readonly preluActivationWeights?: tf.TensorInfo;
}

interface Attributes extends Conv2DAttributes {
  readonly activation?: FusedActivation;
  readonly leakyreluAlpha?: number;
}

/** One number a channel, shaped so that it broadcasts over tensors with channels first. */
const channelsFirst = (tensor: tf.TensorInfo): tf.TensorInfo =>
  tensor.shape.length === 1 && tensor.shape[0] !== 1 ? { ...tensor, shape: [tensor.shape[0]!, 1, 1] } : tensor;

export const fusedConv2DKernel = {
  kernelName: 'FusedConv2D',
  kernelFunc({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>): tf.TensorInfo {
    const { x, filter, bias, preluActivationWeights } = inputs;
    requireFloat32('FusedConv2D', { x, filter });
    const convInfo = conv2dInfo(x.shape, filter.shape, attrs);
    const activation = attrs.activation ?? 'linear';
    const biasInPass = bias !== undefined && bias !== null && isColumnBias(bias, convInfo.outChannels);
    const biasAfter = bias !== undefined && bias !== null && !biasInPass;
    const activationInPass = isClamp(activation) && !biasAfter;
    const isFirst = convInfo.dataFormat === 'channelsFirst';
    let output = withChannelsLast(backend, {
      info: convInfo,
      inputs: [x],
      run: ([input]) =>
        conv2dForward(backend, {
          x: input!,
          filter,
          bias: biasInPass ? bias : undefined,
          activation: activationInPass ? activation : 'linear',
          convInfo,
        }),
      transposeOutput: true,
    });
    if (biasAfter) {
      output = replaceBy(backend, output, (a) =>
        callKernel(backend, 'Add', { a, b: isFirst ? channelsFirst(bias) : bias }),
      );
    }
    if (activationInPass) return output;
    const alpha = preluActivationWeights && isFirst ? channelsFirst(preluActivationWeights) : preluActivationWeights;
    return replaceBy(backend, output, (result) =>
      applyActivation(backend, result, activation, { alpha, leakyreluAlpha: attrs.leakyreluAlpha }),
    );
  },
};
