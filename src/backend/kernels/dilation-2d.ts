// Bindings of Dilation2D and its two gradients: float32, NHWC. The stock kernels look for maxima from the least positive number on, and
// so never find a negative one. Other types run the cpu backend's code (register.ts).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import { backend_util, type TensorInfo } from '../tfjs.ts';
import { type Conv2DInfo, requireFit, slideWords } from './conv-2d-geometry.ts';
import { sizeOf, zeros } from './gemm.ts';
import type { Kernel, KernelCall } from './register.ts';

/** Channels of a unit of the gradients: one cache line. */
const BLOCK_CHANNELS = 16;
/** Partial sums of the filter's gradient, at most. Part of the numerical definition. */
const MAX_CHUNKS = 16;
/** Elements that one unit of the sum over chunks adds. */
const SUM_LENGTH = 256;
/** Of a thread: where the taps of a window lie. */
const SCRATCH_BYTES = 32;

interface Inputs {
  readonly x: TensorInfo;
  readonly filter: TensorInfo;
}

type GradientInputs = Inputs & { readonly dy: TensorInfo };

interface Attributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dilations: [number, number] | number;
}

function dilationInfo({ x, filter }: Inputs, { strides, pad, dilations }: Attributes): Conv2DInfo {
  const info = backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    strides,
    pad,
    'NHWC',
    dilations,
  );
  return requireFit(info, x.shape, filter.shape);
}

const imagesPerChunk = (info: Conv2DInfo): number => Math.max(1, Math.ceil(info.batchSize / MAX_CHUNKS));

/** `DilationArgs` in assembly/dilation-2d.ts. */
const dilationWords = (
  info: Conv2DInfo,
  at: { readonly x: number; readonly filter: number; readonly y: number; readonly out?: number },
): number[] => [
  at.x,
  at.filter,
  at.y,
  at.out ?? 0,
  info.batchSize,
  info.inChannels,
  ...slideWords(info),
  BLOCK_CHANNELS,
  imagesPerChunk(info),
];

const offsetsOf = (backend: SelvedgeBackend, { x, filter }: Inputs) => ({
  x: backend.offset(x),
  filter: backend.offset(filter),
});

const OWN_SCRATCH = { scratchBytes: SCRATCH_BYTES };

const dilation2DKernel: Kernel = {
  kernelName: 'Dilation2D',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>) => {
    const info = dilationInfo(inputs, attrs);
    return backend.filled(info.outShape, (output) => {
      const words = dilationWords(info, { ...offsetsOf(backend, inputs), y: backend.offset(output) });
      const units = info.outWidth * info.inChannels === 0 ? 0 : info.batchSize * info.outHeight;
      backend.pool.run('dilation2d', units, words, OWN_SCRATCH);
    });
  },
};

const dilation2DBackpropInputKernel: Kernel = {
  kernelName: 'Dilation2DBackpropInput',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<GradientInputs, Attributes>) => {
    const info = dilationInfo(inputs, attrs);
    return backend.filled(info.inShape, (dx) => {
      const at = { ...offsetsOf(backend, inputs), y: backend.offset(inputs.dy), out: backend.offset(dx) };
      const units = info.batchSize * Math.ceil(info.inChannels / BLOCK_CHANNELS);
      backend.pool.run('dilation2dBackpropInput', units, dilationWords(info, at), OWN_SCRATCH);
    });
  },
};

const dilation2DBackpropFilterKernel: Kernel = {
  kernelName: 'Dilation2DBackpropFilter',
  kernelFunc: ({ inputs, attrs, backend }: KernelCall<GradientInputs, Attributes>) => {
    const info = dilationInfo(inputs, attrs);
    const { shape } = inputs.filter;
    const length = sizeOf(shape);
    const chunks = Math.ceil(info.batchSize / imagesPerChunk(info));
    if (chunks * length === 0) return zeros(backend, shape, 'float32');
    return backend.filled(shape, (output) => {
      backend.withMemory(chunks * length * 4, (partials) => {
        const at = { ...offsetsOf(backend, inputs), y: backend.offset(inputs.dy), out: partials };
        const units = chunks * Math.ceil(info.inChannels / BLOCK_CHANNELS);
        backend.pool.run('dilation2dBackpropFilter', units, dilationWords(info, at), OWN_SCRATCH);
        const words = [partials, backend.offset(output), length, chunks, SUM_LENGTH];
        backend.pool.run('sumPartials', Math.ceil(length / SUM_LENGTH), words);
      });
    });
  },
};

export const dilation2DKernels: readonly Kernel[] = [
  dilation2DKernel,
  dilation2DBackpropInputKernel,
  dilation2DBackpropFilterKernel,
];
