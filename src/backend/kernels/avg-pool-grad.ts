// Bindings of AvgPoolGrad and AvgPool3DGrad. The stock kernels divide by all pixels of a window, also by those in the padding, where
// the forward pass divides by what is inside: their gradients of 'same' and of numbers as padding are not those of the forward pass.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import { backend_util, type TensorInfo } from '../tfjs.ts';
import type { Correction, Pool3DAttributes } from './corrected-kernels.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { sizeOf } from './gemm.ts';
import { type MaxPoolAttributes, type Pool2DInfo, poolInfo, windowWords } from './max-pool.ts';
import type { Kernel, KernelCall } from './register.ts';

type GradInputs = { dy: TensorInfo; input: TensorInfo };

/**
 * Gradient of average pooling.
 *
 * @param backend The running backend
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, channels]`
 * @param info Shapes, strides and padding, from `tf.backend_util.computePool2DInfo`
 * @returns Gradient of the input, the caller's to dispose
 */
export function avgPoolGrad(backend: SelvedgeBackend, dy: TensorInfo, info: Pool2DInfo): TensorInfo {
  return backend.filled(info.inShape, (dx) => {
    const words = [0, backend.offset(dy), backend.offset(dx), ...windowWords(info), info.inChannels, 0];
    backend.pool.run('avgPoolGrad', info.inChannels === 0 ? 0 : info.batchSize, words);
  });
}

export const avgPoolGradKernel: Kernel = {
  kernelName: 'AvgPoolGrad',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<GradInputs, MaxPoolAttributes>) => {
    const { dy, input } = inputs;
    if (dy.dtype !== 'float32') return runOnCpu('AvgPoolGrad', { inputs, attrs, backend });
    const info = poolInfo(input.shape, attrs);
    // tfjs does not tell how the size of the output was rounded; the gradient has it.
    const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
    return avgPoolGrad(backend, dy, { ...info, outHeight, outWidth, outShape: dy.shape as typeof info.outShape });
  },
};

/** Stock, of a gradient that is larger by as much as stock divides too much. */
export const avgPool3DGradCorrection: Correction = (stock) => (call) => {
  const { inputs, attrs, backend } = call as unknown as KernelCall<GradInputs, Pool3DAttributes>;
  const { dy, input } = inputs;
  const info = backend_util.computePool3DInfo(
    input.shape as [number, number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const { front, top, left } = info.padInfo;
  const factors = [
    axisFactors(info.outDepth, info.strideDepth, info.filterDepth, front, info.inDepth),
    axisFactors(info.outHeight, info.strideHeight, info.filterHeight, top, info.inHeight),
    axisFactors(info.outWidth, info.strideWidth, info.filterWidth, left, info.inWidth),
  ] as const;
  if (factors.flat().every((factor) => factor === 1)) return stock(call);
  const scaled = backend.output(dy.shape, dy.dtype);
  const [to, from] = [floatsOf(backend, scaled), floatsOf(backend, dy)];
  let i = 0;
  for (let image = 0; image < info.batchSize; image++) {
    for (const depth of factors[0]) {
      for (const height of factors[1]) {
        for (const width of factors[2]) {
          for (let channel = 0; channel < info.inChannels; channel++, i++) to[i] = from[i]! * depth * height * width;
        }
      }
    }
  }
  try {
    return stock({ ...call, inputs: { ...call.inputs, dy: scaled } });
  } finally {
    backend.disposeData(scaled.dataId);
  }
};

function floatsOf(backend: SelvedgeBackend, { dataId, shape }: TensorInfo): Float32Array {
  const elements = sizeOf(shape);
  const { buffer, byteOffset } = backend.bytes(backend.offset({ dataId }), elements * 4);
  return new Float32Array(buffer, byteOffset, elements);
}

/** Pixels of a window over those of them that are inside, for each window along an axis; 0 for a window with none inside. */
const axisFactors = (outputs: number, stride: number, filter: number, padding: number, size: number): number[] =>
  Array.from({ length: outputs }, (_, output) => {
    const first = output * stride - padding;
    const inside = Math.min(size, first + filter) - Math.max(0, first);
    return inside > 0 ? filter / inside : 0;
  });
