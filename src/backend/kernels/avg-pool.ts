// Binding of AvgPool: float32, NHWC. Other types run the cpu backend's code.
// The stock kernel finds an output size of its own: where tfjs's differs it writes outside its tensor, and later calls trap.
// Not here: the gradient, pooling of volumes (tfjs's AvgPool3D).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { ALONE_ELEMENTS } from './elementwise-binary.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import { isIdentityPool, type MaxPoolAttributes, type Pool2DInfo, poolInfo, windowWords } from './max-pool.ts';
import type { Kernel, KernelCall } from './register.ts';

/**
 * Average pooling of float32 images: each window divides by what is inside the image.
 *
 * @param backend The running backend
 * @param x `[batch, height, width, channels]`
 * @param info Shapes, strides and padding, from `tf.backend_util.computePool2DInfo`
 * @returns `[batch, outHeight, outWidth, channels]`, the caller's to dispose
 */
export function avgPool(backend: SelvedgeBackend, x: TensorInfo, info: Pool2DInfo): TensorInfo {
  const y = backend.output(info.outShape, 'float32');
  const words = [backend.offset(x), backend.offset(y), 0, ...windowWords(info), 0, 0];
  const units = sizeOf(info.outShape) > 0 ? info.batchSize * info.outHeight : 0;
  const taps = sizeOf(info.outShape) * info.filterHeight * info.filterWidth;
  backend.pool.run('avgPool', units, words, taps < ALONE_ELEMENTS ? { grain: units } : {});
  return y;
}

export const avgPoolKernel: Kernel = {
  kernelName: 'AvgPool',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<{ x: TensorInfo }, MaxPoolAttributes>) => {
    if (inputs.x.dtype !== 'float32') return runOnCpu('AvgPool', { inputs, attrs, backend });
    const info = poolInfo(inputs.x.shape, attrs);
    return isIdentityPool(info) ? shareData(inputs.x, backend) : avgPool(backend, inputs.x, info);
  },
};
