// Gradient of depthwise convolution for its filter: partial sums over chunks of images, then their sum in order.
import type * as tf from '../tfjs.ts';
import type { Conv2DAttributes } from './conv-2d-geometry.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { depthwiseInfo, depthwiseWords, imagesPerChunk } from './depthwise-conv-2d-geometry.ts';
import type { Kernel, KernelCall } from './register.ts';

/** Output channels of a unit, as in assembly/depthwise-conv-2d-backprop-filter.ts. */
const BLOCK = 16;
/** Elements that one unit of the sum over chunks adds. */
const SUM_LENGTH = 256;

interface Inputs {
  readonly x: tf.TensorInfo;
  readonly dy: tf.TensorInfo;
}

interface Attributes extends Omit<Conv2DAttributes, 'dataFormat'> {
  readonly filterShape: number[];
}

export const depthwiseConv2dNativeBackpropFilterKernel: Kernel = {
  kernelName: 'DepthwiseConv2dNativeBackpropFilter',
  kernelFunc({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>) {
    const { x, dy } = inputs;
    if (x.dtype !== 'float32' || dy.dtype !== 'float32') {
      return runOnCpu('DepthwiseConv2dNativeBackpropFilter', { inputs, attrs, backend });
    }
    const info = depthwiseInfo(x.shape, attrs.filterShape, attrs);
    const output = backend.output(info.filterShape, 'float32');
    const length = info.filterHeight * info.filterWidth * info.outChannels;
    if (length === 0) return output;
    const chunks = Math.ceil(info.batchSize / imagesPerChunk(info));
    if (chunks === 0) {
      backend.bytes(backend.offset(output), length * 4).fill(0);
      return output;
    }
    backend.withMemory(chunks * length * 4, (partials) => {
      const offsets = { x: backend.offset(x), y: backend.offset(dy), out: partials };
      const units = chunks * Math.ceil(info.outChannels / BLOCK);
      backend.pool.run('depthwiseConv2dBackpropFilter', units, depthwiseWords(info, offsets));
      const words = [partials, backend.offset(output), length, chunks, SUM_LENGTH];
      backend.pool.run('sumPartials', Math.ceil(length / SUM_LENGTH), words);
    });
    return output;
  },
};
