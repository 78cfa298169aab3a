// Bincount: the stock kernel counts an image by its rows instead of as a whole.

import type * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { sizeOf } from './gemm.ts';
import type { Kernel, KernelCall } from './register.ts';

type Call = KernelCall<{ x: tf.TensorInfo; weights: tf.TensorInfo }, { size: number }>;

export const bincountKernel: Kernel = {
  kernelName: 'Bincount',
  kernelFunc({ inputs, attrs, backend }: Call) {
    const { x, weights } = inputs;
    const length = sizeOf(x.shape);
    const isFloat = weights.dtype === 'float32';
    const hasWeights = sizeOf(weights.shape) > 0;
    const isOurs = x.dtype === 'int32' && (isFloat || weights.dtype === 'int32');
    if (!isOurs || length === 0 || attrs.size === 0 || (hasWeights && sizeOf(weights.shape) !== length)) {
      return runOnCpu('Bincount', { inputs, attrs, backend });
    }
    const y = backend.output([attrs.size], weights.dtype);
    const fromX = backend.offset(x);
    const fromWeights = hasWeights ? backend.offset(weights) : 0;
    const to = backend.offset(y);
    backend.bytes(to, attrs.size * 4).fill(0);
    const isNegative = backend.withMemory(8, (signs) => {
      backend.pool.run('bincount', 1, [fromX, fromWeights, to, signs, length, attrs.size, isFloat ? 1 : 0]);
      return (backend.bytes(signs, 4)[3]! & 0x80) !== 0;
    });
    if (!isNegative) return y;
    backend.disposeData(y.dataId);
    throw new Error('Input x must be non-negative!');
  },
};
