// What `selvedge bench kernels` measures: the kernels at the shapes of the study's networks, and at shapes that fit nothing.
// Not a check of results. Invariant: operations are those of the definition, two a multiply-add, whatever the kernel does, so that
// Winograd's algorithm may exceed the arithmetic roof; bytes are those of inputs and outputs, each once.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../src/backend/index.ts';
import { matMul } from '../src/backend/kernels/batch-mat-mul.ts';
import { conv2dForward } from '../src/backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../src/backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../src/backend/kernels/conv-2d-backprop-input.ts';
import { conv2dInfo } from '../src/backend/kernels/conv-2d-geometry.ts';
import { dropout } from '../src/backend/kernels/dropout.ts';
import { maxPool, poolInfo } from '../src/backend/kernels/max-pool.ts';
import { maxPoolGrad } from '../src/backend/kernels/max-pool-grad.ts';
import { winogradTileSize } from '../src/backend/kernels/winograd.ts';

/** One kernel at one shape. Its tensors live in the current scope of the engine. */
export interface KernelCase {
  readonly name: string;
  readonly shapes: 'seed' | 'odd';
  readonly algorithm: 'direct' | 'winograd' | 'elementwise';
  readonly flops: number;
  readonly bytes: number;
  run(): void;
}

/** Side and channels of the input, outputs, side and stride of the filter. */
interface Convolution {
  readonly side: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly filter: number;
  readonly stride: number;
  readonly pad: 'valid' | 'same';
}

const square = (side: number, inChannels: number, outChannels: number): Convolution => ({
  side,
  inChannels,
  outChannels,
  filter: 3,
  stride: 1,
  pad: 'valid',
});

/** The three convolutions of `baseline` and `dropout`. */
const SEED_CONVOLUTIONS: readonly Convolution[] = [square(28, 1, 32), square(13, 32, 64), square(5, 64, 128)];
/** Odd sides, channels that no vector divides, strides, a filter of 1x1 and one of 5x5. */
const ODD_CONVOLUTIONS: readonly Convolution[] = [
  square(17, 5, 7),
  square(19, 31, 33),
  { ...square(15, 24, 40), filter: 5, stride: 2, pad: 'same' },
  { ...square(21, 33, 65), filter: 1, pad: 'same' },
  { ...square(14, 16, 32), stride: 2, pad: 'same' },
];
/** Inputs and outputs of dense layers. */
const SEED_DENSE = [[1152, 128]] as const;
const ODD_DENSE = [
  [131, 127],
  [1000, 10],
] as const;

/**
 * Makes all cases, with their tensors.
 *
 * @param batch Images a call
 */
export function kernelCases(batch: number): KernelCase[] {
  return [
    ...SEED_CONVOLUTIONS.flatMap((shape) => convolutionCases(batch, shape, 'seed')),
    ...SEED_DENSE.flatMap((shape) => denseCases(batch, shape, 'seed')),
    ...poolingCases(batch, [26, 26, 32], 'seed'),
    ...dropoutCases([batch, 13, 13, 32], 'seed'),
    ...ODD_CONVOLUTIONS.flatMap((shape) => convolutionCases(batch, shape, 'odd')),
    ...ODD_DENSE.flatMap((shape) => denseCases(batch - 1, shape, 'odd')),
    ...poolingCases(batch, [23, 23, 19], 'odd'),
  ];
}

const FLOAT_BYTES = 4;
const product = (shape: readonly number[]): number => shape.reduce((all, extent) => all * extent, 1);
const bytesOf = (...tensors: readonly { readonly shape: readonly number[] }[]): number =>
  tensors.reduce((sum, { shape }) => sum + FLOAT_BYTES * product(shape), 0);

/** Runs a kernel and frees what it made. */
const running = (call: () => tf.TensorInfo): (() => void) => {
  return () => {
    currentBackend().disposeData(call().dataId);
  };
};

const noise = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.randomUniform([...shape] as [number], -1, 1, 'float32', seed);

function convolutionCases(batch: number, shape: Convolution, shapes: KernelCase['shapes']): KernelCase[] {
  const { side, inChannels, outChannels, filter: size, stride, pad } = shape;
  const backend = currentBackend();
  const x = noise([batch, side, side, inChannels], 1);
  const filter = noise([size, size, inChannels, outChannels], 2);
  const bias = noise([outChannels], 3);
  const convInfo = conv2dInfo(x.shape, filter.shape, { strides: stride, pad, dataFormat: 'NHWC' });
  const dy = noise(convInfo.outShape, 4);
  const strided = stride === 1 ? '' : `, stride ${stride}`;
  const name = `${side}x${side}x${inChannels} to ${convInfo.outHeight}x${convInfo.outWidth}x${outChannels}, ${size}x${size}${strided}`;
  const each = {
    shapes,
    algorithm: winogradTileSize(convInfo) === 0 ? 'direct' : 'winograd',
    flops: 2 * dy.size * size * size * inChannels,
    bytes: bytesOf(x, filter, dy),
  } as const;
  return [
    {
      ...each,
      name: `convolution ${name}`,
      run: running(() => conv2dForward(backend, { x, filter, bias, activation: 'relu', convInfo })),
    },
    {
      ...each,
      name: `filter gradient ${name}`,
      run: running(() => conv2dBackpropFilter(backend, { x, dy, convInfo })),
    },
    {
      ...each,
      name: `input gradient ${name}`,
      run: running(() => conv2dBackpropInput(backend, { dy, filter, convInfo })),
    },
  ];
}

function denseCases(
  batch: number,
  [inputs, outputs]: readonly [number, number],
  shapes: KernelCase['shapes'],
): KernelCase[] {
  const backend = currentBackend();
  const x = noise([batch, inputs], 1);
  const kernel = noise([inputs, outputs], 2);
  const dy = noise([batch, outputs], 3);
  const name = `dense ${inputs} to ${outputs}, ${batch} rows`;
  const flops = 2 * batch * inputs * outputs;
  const each = { shapes, algorithm: 'direct', flops, bytes: bytesOf(x, kernel, dy) } as const;
  return [
    { ...each, name, run: running(() => matMul(backend, { a: x, b: kernel, activation: 'relu' })) },
    {
      ...each,
      name: `weight gradient ${name}`,
      run: running(() => matMul(backend, { a: x, b: dy, transposeA: true })),
    },
    {
      ...each,
      name: `input gradient ${name}`,
      run: running(() => matMul(backend, { a: dy, b: kernel, transposeB: true })),
    },
  ];
}

/** Comparisons count as operations: three a window of four. */
function poolingCases(batch: number, image: readonly number[], shapes: KernelCase['shapes']): KernelCase[] {
  const backend = currentBackend();
  const x = noise([batch, ...image], 1);
  const info = poolInfo(x.shape, { filterSize: 2, strides: 2, pad: 'valid' });
  const dy = noise(info.outShape, 2);
  const each = { shapes, algorithm: 'elementwise', flops: 3 * dy.size } as const;
  const name = `max pooling ${image.join('x')}, 2x2`;
  return [
    { ...each, name, bytes: bytesOf(x, dy), run: running(() => maxPool(backend, x, info)) },
    {
      ...each,
      name: `gradient of ${name}`,
      bytes: bytesOf(x, x, dy),
      run: running(() => maxPoolGrad(backend, dy, x, info)),
    },
  ];
}

/** One multiplication an element; the generator is not counted. */
function dropoutCases(shape: readonly number[], shapes: KernelCase['shapes']): KernelCase[] {
  const backend = currentBackend();
  const x = noise(shape, 1);
  let step = 0;
  return [
    {
      name: `dropout ${shape.slice(1).join('x')}`,
      shapes,
      algorithm: 'elementwise',
      flops: x.size,
      bytes: bytesOf(x, x) + x.size,
      run: () => {
        const { y, mask } = dropout(backend, x, 0.25, { seed: 1, step: step++, layer: 0 });
        for (const { dataId } of [y, mask]) backend.disposeData(dataId);
      },
    },
  ];
}
