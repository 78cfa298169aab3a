// Gradient of depthwise convolution for its input. tfjs calls it with channels last only.
import type * as tf from '../tfjs.ts';
import { type Conv2DAttributes, inputShapeOf } from './conv-2d-geometry.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { depthwiseInfo, depthwiseWords } from './depthwise-conv-2d-geometry.ts';
import type { Kernel, KernelCall } from './register.ts';

interface Inputs {
  /** `[batch, outHeight, outWidth, channels * multiplier]` */
  readonly dy: tf.TensorInfo;
  readonly filter: tf.TensorInfo;
}

interface Attributes extends Omit<Conv2DAttributes, 'dataFormat'> {
  readonly inputShape: number[];
}

export const depthwiseConv2dNativeBackpropInputKernel: Kernel = {
  kernelName: 'DepthwiseConv2dNativeBackpropInput',
  kernelFunc({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>) {
    const { dy, filter } = inputs;
    if (dy.dtype !== 'float32' || filter.dtype !== 'float32') {
      return runOnCpu('DepthwiseConv2dNativeBackpropInput', { inputs, attrs, backend });
    }
    const info = depthwiseInfo(attrs.inputShape, filter.shape, attrs);
    const dx = backend.output(inputShapeOf(info), 'float32');
    const words = depthwiseWords(info, {
      filter: backend.offset(filter),
      y: backend.offset(dy),
      out: backend.offset(dx),
    });
    const isEmpty = info.inChannels === 0 || info.inWidth === 0;
    backend.pool.run('depthwiseConv2dBackpropInput', isEmpty ? 0 : info.batchSize * info.inHeight, words);
    return dx;
  },
};
