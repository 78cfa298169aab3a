// Binding of MaxPool: float32, NHWC. Other types run the cpu backend's code.
// Not here: the gradient (max-pool-grad.ts), pooling of volumes (tfjs's MaxPool3D).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import { backend_util, type TensorInfo, util } from '../tfjs.ts';
import { requireFit, slideWords } from './conv-2d-geometry.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { shareData } from './identity.ts';
import type { Kernel, KernelCall } from './register.ts';

export type Pool2DInfo = backend_util.Conv2DInfo;

/** Attributes of the pooling kernels as tfjs passes them. */
export interface MaxPoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * Shapes of a pooling; tfjs takes no dilations here.
 *
 * @throws SelvedgeError `backend/shape` where the window is larger than the padded input
 */
export function poolInfo(shape: readonly number[], attributes: MaxPoolAttributes): Pool2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const info = backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return requireFit(info, shape, [info.filterHeight, info.filterWidth]);
}

/** True where pooling changes nothing, whatever the padding: tfjs then returns its input. */
export function isIdentityPool(info: Pool2DInfo): boolean {
  return info.filterWidth === 1 && info.filterHeight === 1 && util.arraysEqual(info.inShape, info.outShape);
}

/** Words 3 to 15 of `PoolArgs` in assembly/window.ts. */
export function windowWords(info: Pool2DInfo): number[] {
  return [info.inChannels, ...slideWords(info)];
}

/**
 * Max pooling of float32 images.
 *
 * @param backend The running backend
 * @param x `[batch, height, width, channels]`
 * @param info Shapes, strides and padding, from `tf.backend_util.computePool2DInfo`
 * @returns `[batch, outHeight, outWidth, channels]`, the caller's to dispose
 */
export function maxPool(backend: SelvedgeBackend, x: TensorInfo, info: Pool2DInfo): TensorInfo {
  const y = backend.output(info.outShape, 'float32');
  const words = [backend.offset(x), backend.offset(y), 0, ...windowWords(info), 0];
  if (info.outWidth * info.inChannels > 0) backend.pool.run('maxPool', info.batchSize * info.outHeight, words);
  return y;
}

export const maxPoolKernel: Kernel = {
  kernelName: 'MaxPool',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<{ x: TensorInfo }, MaxPoolAttributes>) => {
    if (inputs.x.dtype !== 'float32') return runOnCpu('MaxPool', { inputs, attrs, backend });
    const info = poolInfo(inputs.x.shape, attrs);
    return isIdentityPool(info) ? shareData(inputs.x, backend) : maxPool(backend, inputs.x, info);
  },
};
