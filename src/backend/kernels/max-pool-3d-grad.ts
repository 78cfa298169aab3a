// Binding of MaxPool3DGrad: float32, NDHWC. The stock kernel looks for maxima from the least positive number on.
// Other types run the cpu backend's code (register.ts).

import { backend_util, type TensorInfo } from '../tfjs.ts';
import type { Pool3DAttributes } from './corrected-kernels.ts';
import type { Kernel, KernelCall } from './register.ts';
import { requireVolumes, volumeWords } from './volume-geometry.ts';

/** Channels of a unit: one cache line. */
const BLOCK_CHANNELS = 16;

export const maxPool3DGradKernel: Kernel = {
  kernelName: 'MaxPool3DGrad',
  kernelFunc: ({
    inputs: { dy, input },
    attrs,
    backend,
  }: KernelCall<{ dy: TensorInfo; input: TensorInfo }, Pool3DAttributes>) => {
    const { filterSize, strides, pad, dimRoundingMode } = attrs;
    const shape = input.shape as [number, number, number, number, number];
    const pooled = backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    const info = requireVolumes(pooled, dy, [filterSize].flat());
    return backend.filled(input.shape, (dx) => {
      const at = { x: backend.offset(input), dy: backend.offset(dy), out: backend.offset(dx) };
      const units = info.batchSize * Math.ceil(info.inChannels / BLOCK_CHANNELS);
      backend.pool.run('maxPool3dGrad', units, volumeWords(info, at, BLOCK_CHANNELS));
    });
  },
};
