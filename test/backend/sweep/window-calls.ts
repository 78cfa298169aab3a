// Calls of kernels that sum or choose over windows: convolutions, poolings, products, normalisation.
import * as tf from '@tensorflow/tfjs';
import type { Draw, Make } from './draw.ts';
import { type Call, type Calls, gradientOf, gradientsOf, pair } from './kinds.ts';

interface Window {
  readonly x: Make<tf.Tensor4D>;
  readonly shape: readonly number[];
  readonly size: [number, number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: number | 'same' | 'valid';
  readonly round: 'floor' | 'round' | 'ceil' | undefined;
}

function window(draw: Draw, rounds = true): Window {
  const shape = [draw.int(1, 3), draw.extent(1), draw.extent(1), draw.pick([1, 2, 3, 5, 9])];
  const isNumber = draw.chance(0.3);
  const isDilated = draw.chance(0.25);
  return {
    shape,
    x: draw.tensor<tf.Rank.R4>(shape),
    size: pair(draw, 5),
    strides: isDilated ? [1, 1] : pair(draw, 3),
    dilations: isDilated ? pair(draw, 3) : [1, 1],
    pad: isNumber ? draw.int(0, 3) : draw.pick(['same', 'valid'] as const),
    round: isNumber && rounds ? draw.pick(['floor', 'round', 'ceil'] as const) : undefined,
  };
}

const pooling =
  (type: 'max' | 'avg'): Call =>
  (draw) => {
    const { x, size, strides, pad, round } = window(draw);
    const pool = type === 'max' ? tf.maxPool : tf.avgPool;
    return () => pool(x(), size, strides, pad, round);
  };

const poolingGradient =
  (type: 'max' | 'avg'): Call =>
  (draw) => {
    const { x, size, strides, pad } = window(draw, false);
    const pool = type === 'max' ? tf.maxPool : tf.avgPool;
    return () => gradientOf((value: tf.Tensor4D) => pool(value, size, strides, pad).square())(x());
  };

function cube(draw: Draw) {
  const shape = [draw.int(1, 2), draw.int(1, 5), draw.int(1, 5), draw.int(1, 4), draw.int(1, 3)];
  const three = (to: number): [number, number, number] => [draw.int(1, to), draw.int(1, to), draw.int(1, to)];
  const size = three(3);
  // Where a stride leaves out the last planes, tfjs's padding of boxes becomes negative, and moves them.
  const strides = three(2).map((stride, axis) => Math.min(stride, size[axis]!)) as [number, number, number];
  return { shape, size, strides, pad: draw.pick(['same', 'valid'] as const) };
}

const cubePooling =
  (type: 'max' | 'avg', isGradient: boolean): Call =>
  (draw) => {
    const { shape, size: drawn, strides: steps, pad } = cube(draw);
    // The cpu backend's gradient of a maximum is wrong where a window's height is not its width: kernels/volumes.test.ts has those.
    const isSquare = type === 'max' && isGradient;
    const size: typeof drawn = isSquare ? [drawn[0], drawn[1], drawn[1]] : drawn;
    const strides: typeof steps = isSquare ? [steps[0], steps[1], steps[1]] : steps;
    const x = draw.tensor<tf.Rank.R5>(shape);
    const pool = type === 'max' ? tf.maxPool3d : tf.avgPool3d;
    const run = (value: tf.Tensor5D): tf.Tensor5D => pool(value, size, strides, pad);
    return () => (isGradient ? gradientOf((value: tf.Tensor5D) => run(value).square())(x()) : run(x()));
  };

const cubeConvolution =
  (part: 'value' | 'input' | 'filter'): Call =>
  (draw) => {
    const { shape, size, strides, pad } = cube(draw);
    const x = draw.tensor<tf.Rank.R5>(shape);
    const filter = draw.tensor<tf.Rank.R5>([...size, shape[4]!, draw.int(1, 3)]);
    const run = (a: tf.Tensor5D, b: tf.Tensor5D): tf.Tensor5D => tf.conv3d(a, b, strides, pad);
    return () => {
      if (part === 'value') return run(x(), filter());
      const [dx, df] = gradientsOf((a: tf.Tensor5D, b: tf.Tensor5D) => run(a, b))([x(), filter()]);
      return part === 'input' ? dx! : df!;
    };
  };

type Convolve = (x: tf.Tensor4D, filter: tf.Tensor4D, window: Window) => tf.Tensor4D;
const conv: Convolve = (x, filter, { strides, pad, dilations, round }) =>
  tf.conv2d(x, filter, strides, pad, 'NHWC', dilations, round);
const depthwise: Convolve = (x, filter, { strides, pad, dilations, round }) =>
  tf.depthwiseConv2d(x, filter, strides, pad, 'NHWC', dilations, round);

const convolution =
  (operation: Convolve, part: 'value' | 'input' | 'filter'): Call =>
  (draw) => {
    const isGradient = part !== 'value';
    const drawn = window(draw, !isGradient);
    // tfjs has no gradient of dilated convolutions, and of depthwise ones with unequal strides.
    const strides: [number, number] = operation === depthwise ? [drawn.strides[0], drawn.strides[0]] : drawn.strides;
    const settings: Window = { ...drawn, strides, dilations: isGradient ? [1, 1] : drawn.dilations };
    const filter = draw.tensor<tf.Rank.R4>([...settings.size, settings.shape[3]!, draw.int(1, 5)]);
    return () => {
      if (!isGradient) return operation(settings.x(), filter(), settings);
      const [dx, df] = gradientsOf((a: tf.Tensor4D, b: tf.Tensor4D) => operation(a, b, settings).square())([
        settings.x(),
        filter(),
      ]);
      return part === 'input' ? dx! : df!;
    };
  };

const fusedConvolution =
  (operation: 'conv2d' | 'depthwiseConv2d'): Call =>
  (draw) => {
    const { x, shape, size, strides, pad, dilations } = window(draw, false);
    const square: [number, number] = [strides[0], strides[0]];
    const out = draw.int(1, 5);
    const filter = draw.tensor<tf.Rank.R4>([...size, shape[3]!, out]);
    const bias = draw.tensor([operation === 'conv2d' ? out : out * shape[3]!]);
    const activation = draw.pick(['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const);
    return () =>
      tf.fused[operation]({
        x: x(),
        filter: filter(),
        strides: square,
        pad,
        dilations,
        bias: bias(),
        activation,
      }) as tf.Tensor;
  };

const product =
  (isFused: boolean): Call =>
  (draw) => {
    const batch = draw.pick([[], [1], [3], [2, 2]]);
    const [m, k, n] = [draw.extent(), draw.extent(), draw.extent()];
    const [transposeA, transposeB] = [draw.chance(0.3), draw.chance(0.3)];
    // tfjs has no fused product of whole numbers.
    const type = isFused ? 'float32' : draw.type('float32', 'int32');
    const a = draw.tensor([...batch, ...(transposeA ? [k, m] : [m, k])], type);
    const b = draw.tensor(
      [...(draw.chance(0.3) ? batch.map(() => 1) : batch), ...(transposeB ? [n, k] : [k, n])],
      type,
    );
    const bias = draw.tensor([n]);
    const activation = draw.pick(['linear', 'relu', 'elu', 'sigmoid'] as const);
    return () =>
      isFused
        ? tf.fused.matMul({ a: a(), b: b(), transposeA, transposeB, bias: bias(), activation })
        : tf.matMul(a(), b(), transposeA, transposeB);
  };

export const windowCalls: Calls = {
  AvgPool: pooling('avg'),
  AvgPool3D: cubePooling('avg', false),
  BatchMatMul: product(false),
  Conv2D: convolution(conv, 'value'),
  Conv2DBackpropFilter: convolution(conv, 'filter'),
  Conv2DBackpropInput: convolution(conv, 'input'),
  Conv3D: cubeConvolution('value'),
  Conv3DBackpropFilterV2: cubeConvolution('filter'),
  Conv3DBackpropInputV2: cubeConvolution('input'),
  DepthwiseConv2dNative: convolution(depthwise, 'value'),
  DepthwiseConv2dNativeBackpropFilter: convolution(depthwise, 'filter'),
  DepthwiseConv2dNativeBackpropInput: convolution(depthwise, 'input'),
  Dilation2D: (draw) => {
    const { x, shape, size, strides, dilations } = window(draw, false);
    const filter = draw.tensor<tf.Rank.R3>([...size, shape[3]!]);
    const pad = draw.pick(['same', 'valid'] as const);
    return () => tf.dilation2d(x(), filter(), strides, pad, dilations);
  },
  Einsum: (draw) => {
    const [i, j, k, b] = [draw.extent(1), draw.extent(1), draw.extent(1), draw.extent(1)];
    const [equation, left, right] = draw.pick<[string, number[], number[]]>([
      ['ij,jk->ik', [i, j], [j, k]],
      ['bij,bjk->bik', [b, i, j], [b, j, k]],
      ['ij,kj->ik', [i, j], [k, j]],
    ]);
    const [a, c] = [draw.tensor(left), draw.tensor(right)];
    return () => tf.einsum(equation, a(), c());
  },
  FusedBatchNorm: (draw) => {
    const shape = draw.shape(draw.int(2, 4), 1);
    const [x, mean, offset, scale] = [shape, [shape.at(-1)!], [shape.at(-1)!], [shape.at(-1)!]].map((own) =>
      draw.tensor(own),
    );
    const variance = draw.tensor<tf.Rank.R1>([shape.at(-1)!], 'float32', [0.1, 2]);
    const isFull = draw.chance();
    return () =>
      tf.batchNorm(
        x!(),
        mean!() as tf.Tensor1D,
        variance(),
        ...(isFull ? [offset!() as tf.Tensor1D, scale!() as tf.Tensor1D] : []),
      );
  },
  FusedConv2D: fusedConvolution('conv2d'),
  FusedDepthwiseConv2D: fusedConvolution('depthwiseConv2d'),
  LRN: (draw) => {
    const x = draw.tensor<tf.Rank.R4>([draw.int(1, 2), draw.extent(1), draw.extent(1), draw.int(1, 9)]);
    const radius = draw.int(0, 4);
    return () => tf.localResponseNormalization(x(), radius, 1, 0.5, 0.7);
  },
  LRNGrad: (draw) => {
    const x = draw.tensor<tf.Rank.R4>([draw.int(1, 2), draw.extent(1), draw.extent(1), draw.int(1, 9)]);
    const radius = draw.int(0, 4);
    return () =>
      gradientOf((value: tf.Tensor4D) => tf.localResponseNormalization(value, radius, 1, 0.5, 0.7).square())(x());
  },
  MaxPool: pooling('max'),
  MaxPool3D: cubePooling('max', false),
  MaxPool3DGrad: cubePooling('max', true),
  MaxPoolGrad: poolingGradient('max'),
  MaxPoolWithArgmax: (draw) => {
    const { x, size, strides } = window(draw, false);
    const pad = draw.pick(['same', 'valid'] as const);
    return () => Object.values(tf.maxPoolWithArgmax(x(), size, strides, pad));
  },
  _FusedMatMul: product(true),
  Dilation2DBackpropFilter: (draw) => {
    const { x, shape, size } = window(draw, false);
    const filter = draw.tensor<tf.Rank.R3>([...size, shape[3]!]);
    return () => gradientOf((value: tf.Tensor3D) => tf.dilation2d(x(), value, 1, 'same'))(filter());
  },
  Dilation2DBackpropInput: (draw) => {
    const { x, shape, size } = window(draw, false);
    const filter = draw.tensor<tf.Rank.R3>([...size, shape[3]!]);
    return () => gradientOf((value: tf.Tensor4D) => tf.dilation2d(value, filter(), 1, 'same'))(x());
  },
};

/** Kernels that differ from the cpu backend's on purpose, with their own tests: average pooling's gradients, which tfjs has wrong. */
export const othersValues: Calls = {
  AvgPool3DGrad: cubePooling('avg', true),
  AvgPoolGrad: poolingGradient('avg'),
};
