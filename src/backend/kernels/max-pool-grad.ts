// Binding of MaxPoolGrad: float32, NHWC. The stock kernel is wrong where no value of a window is above zero.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { type MaxPoolAttributes, type Pool2DInfo, poolInfo, windowWords } from './max-pool.ts';
import type { Kernel, KernelCall } from './register.ts';

/** Images below which a unit takes a part of the channels, so that a small batch too feeds every thread. */
const WHOLE_IMAGE_BATCH = 16;
/** One cache line. */
const BLOCK_CHANNELS = 16;

/**
 * Gradient of max pooling: goes to the first maximum of each window.
 *
 * @param backend The running backend
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, channels]`
 * @param x Input of the forward pass, `[batch, height, width, channels]`
 * @param info Shapes, strides and padding, from `tf.backend_util.computePool2DInfo`
 * @param isRectified x is the output of a relu: the gradient is taken on through that, to the bits of ReluGrad
 * @returns Gradient of the input, the caller's to dispose
 */
export function maxPoolGrad(
  backend: SelvedgeBackend,
  dy: TensorInfo,
  x: TensorInfo,
  info: Pool2DInfo,
  isRectified = false,
): TensorInfo {
  const channels = info.inChannels;
  const blockChannels = info.batchSize >= WHOLE_IMAGE_BATCH ? channels : Math.min(channels, BLOCK_CHANNELS);
  const units = channels === 0 ? 0 : info.batchSize * Math.ceil(channels / blockChannels);
  return backend.filled(info.inShape, (dx) => {
    const at = { x: backend.offset(x), dy: backend.offset(dy), dx: backend.offset(dx) };
    backend.pool.run('maxPoolGrad', units, maxPoolGradWords(info, at, { blockChannels, isRectified }));
  });
}

/** `PoolArgs` in assembly/window.ts. */
export const maxPoolGradWords = (
  info: Pool2DInfo,
  at: { readonly x: number; readonly dy: number; readonly dx: number },
  { blockChannels, isRectified }: { readonly blockChannels: number; readonly isRectified: boolean },
): number[] => [at.x, at.dy, at.dx, ...windowWords(info), blockChannels, isRectified ? 1 : 0];

export const maxPoolGradKernel: Kernel = {
  kernelName: 'MaxPoolGrad',
  kernelFunc: ({
    inputs,
    attrs,
    backend,
  }: KernelCall<{ dy: TensorInfo; input: TensorInfo; output: TensorInfo }, MaxPoolAttributes>) => {
    const { dy, input } = inputs;
    if (input.dtype !== 'float32' || dy.dtype !== 'float32') return runOnCpu('MaxPoolGrad', { inputs, attrs, backend });
    return maxPoolGrad(backend, dy, input, poolInfo(input.shape, attrs));
  },
};
