// Bindings of Conv3DBackpropInputV2 and Conv3DBackpropFilterV2: float32, NDHWC. The stock kernels give zeros or other sums in most cases.
// Other types run the cpu backend's code (register.ts). Invariant: sums follow from shapes, not from threads.

import { backend_util, type TensorInfo } from '../tfjs.ts';
import { sizeOf, zeros } from './gemm.ts';
import type { Kernel, KernelCall } from './register.ts';
import { requireVolumes, type VolumeInfo, volumeWords } from './volume-geometry.ts';

/** Partial sums of the filter's gradient, at most. Part of the numerical definition. */
const MAX_CHUNKS = 8;
/** Elements that one unit of the sum over chunks adds. */
const SUM_LENGTH = 256;

type Shape5D = [number, number, number, number, number];

interface Attributes {
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same';
}

function volumeInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  dy: TensorInfo,
  { strides, pad }: Attributes,
): VolumeInfo {
  const info = backend_util.computeConv3DInfo(inputShape as Shape5D, filterShape as Shape5D, strides, 1, pad);
  return requireVolumes(info, dy, filterShape);
}

const tapsOf = (info: VolumeInfo): number => info.filterDepth * info.filterHeight * info.filterWidth;

const conv3DBackpropInputKernel: Kernel = {
  kernelName: 'Conv3DBackpropInputV2',
  kernelFunc: ({
    inputs: { dy, filter },
    attrs,
    backend,
  }: KernelCall<{ dy: TensorInfo; filter: TensorInfo }, Attributes & { inputShape: number[] }>) => {
    const info = volumeInfo(attrs.inputShape, filter.shape, dy, attrs);
    const pitch = Math.ceil(info.inChannels / 4) * 4;
    const taps = tapsOf(info);
    const units = info.inWidth * info.inChannels === 0 ? 0 : info.batchSize * info.inDepth * info.inHeight;
    return backend.filled(info.inShape, (dx) =>
      backend.withMemory(taps * info.outChannels * pitch * 4, (packed) => {
        const words = [backend.offset(filter), packed, info.inChannels, info.outChannels];
        backend.pool.run('conv3dPackFilter', taps, words, { grain: taps });
        const at = { x: packed, dy: backend.offset(dy), out: backend.offset(dx) };
        const scratchBytes = info.inWidth * pitch * 4;
        backend.pool.run('conv3dBackpropInput', units, volumeWords(info, at, 0), { scratchBytes });
      }),
    );
  },
};

const conv3DBackpropFilterKernel: Kernel = {
  kernelName: 'Conv3DBackpropFilterV2',
  kernelFunc: ({
    inputs: { x, dy },
    attrs,
    backend,
  }: KernelCall<{ x: TensorInfo; dy: TensorInfo }, Attributes & { filterShape: number[] }>) => {
    const info = volumeInfo(x.shape, attrs.filterShape, dy, attrs);
    const length = sizeOf(info.filterShape);
    const share = Math.max(1, Math.ceil(info.batchSize / MAX_CHUNKS));
    const chunks = Math.ceil(info.batchSize / share);
    if (chunks * length === 0) return zeros(backend, info.filterShape, 'float32');
    return backend.filled(info.filterShape, (output) => {
      backend.withMemory(chunks * length * 4, (partials) => {
        const at = { x: backend.offset(x), dy: backend.offset(dy), out: partials };
        backend.pool.run('conv3dBackpropFilter', chunks * tapsOf(info), volumeWords(info, at, share));
        const words = [partials, backend.offset(output), length, chunks, SUM_LENGTH];
        backend.pool.run('sumPartials', Math.ceil(length / SUM_LENGTH), words);
      });
    });
  },
};

export const conv3DBackpropKernels: readonly Kernel[] = [conv3DBackpropInputKernel, conv3DBackpropFilterKernel];
