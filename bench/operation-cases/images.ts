// Cases of operations on images and their gradients: `selvedge bench operations`.
import * as tf from '@tensorflow/tfjs';
import { type CaseSizes, floats, type OperationCase, operation, runKernel } from './case.ts';

type Unary = (x: tf.Tensor4D) => tf.Tensor | tf.Tensor[];

const STRIDES = { strides: 1, pad: 'same', dataFormat: 'NHWC', dimRoundingMode: undefined } as const;
const POOL = { filterSize: 2, strides: 2, pad: 'valid', dimRoundingMode: undefined } as const;

export function imageCases(sizes: CaseSizes): OperationCase[] {
  return [
    ...convolutionCases(sizes),
    ...volumeCases(sizes),
    ...poolCases(sizes),
    ...geometryCases(sizes),
    ...boxCases(sizes),
  ];
}

const on = (make: () => tf.Tensor4D, compute: Unary) => () => {
  const x = make();
  return () => compute(x);
};

function convolutionCases({ image, channels }: CaseSizes): OperationCase[] {
  const side = image / 2;
  const shape = [4, side, side, channels];
  const filterShape = [3, 3, channels, channels];
  const depthShape = [3, 3, channels, 1];
  const x = () => floats<tf.Rank.R4>(shape);
  const two = (other: number[], compute: (x: tf.Tensor4D, y: tf.Tensor4D) => tf.Tensor | tf.Tensor[]) => () => {
    const [a, b] = [x(), floats<tf.Rank.R4>(other)];
    return () => compute(a, b);
  };
  const dilations = [1, 1];
  const morphology = (kernel: string) => () => {
    const [images, filter, dy] = [x(), floats([3, 3, channels]), floats(shape)];
    return () => runKernel(kernel, { x: images, filter, dy }, { strides: [1, 1], pad: 'same', dilations });
  };
  return [
    operation(
      'Conv2D',
      two(filterShape, (a, w) => tf.conv2d(a, w, 1, 'same')),
    ),
    operation(
      'FusedConv2D',
      two(filterShape, (a, w) => tf.fused.conv2d({ x: a, filter: w, strides: 1, pad: 'same', activation: 'relu' })),
    ),
    operation(
      'Conv2DBackpropInput',
      two(filterShape, (dy, filter) =>
        runKernel('Conv2DBackpropInput', { dy, filter }, { ...STRIDES, inputShape: shape }),
      ),
    ),
    operation(
      'Conv2DBackpropFilter',
      two(shape, (a, dy) => runKernel('Conv2DBackpropFilter', { x: a, dy }, { ...STRIDES, filterShape })),
    ),
    operation(
      'DepthwiseConv2dNative',
      two(depthShape, (a, w) => tf.depthwiseConv2d(a, w, 1, 'same')),
    ),
    operation(
      'FusedDepthwiseConv2D',
      two(depthShape, (a, w) =>
        tf.fused.depthwiseConv2d({ x: a, filter: w, strides: 1, pad: 'same', activation: 'relu' }),
      ),
    ),
    operation(
      'DepthwiseConv2dNativeBackpropInput',
      two(depthShape, (dy, filter) =>
        runKernel('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...STRIDES, dilations, inputShape: shape }),
      ),
    ),
    operation(
      'DepthwiseConv2dNativeBackpropFilter',
      two(shape, (a, dy) =>
        runKernel(
          'DepthwiseConv2dNativeBackpropFilter',
          { x: a, dy },
          { ...STRIDES, dilations, filterShape: depthShape },
        ),
      ),
    ),
    operation('Dilation2D', () => {
      const [images, filter] = [x(), floats<tf.Rank.R3>([3, 3, channels])];
      return () => tf.dilation2d(images, filter, 1, 'same');
    }),
    operation('Dilation2DBackpropInput', morphology('Dilation2DBackpropInput')),
    operation('Dilation2DBackpropFilter', morphology('Dilation2DBackpropFilter')),
    operation('FusedBatchNorm', () => {
      const [images, moments] = [x(), floats<tf.Rank.R1>([channels], 0.5, 1)];
      return () => tf.batchNorm(images, moments, moments, moments, moments);
    }),
    operation(
      'LRN',
      on(x, (a) => tf.localResponseNormalization(a)),
    ),
    operation(
      'LRNGrad',
      two(shape, (a, dy) => runKernel('LRNGrad', { x: a, y: a, dy }, { depthRadius: 5, bias: 1, alpha: 1, beta: 0.5 })),
    ),
  ];
}

function volumeCases({ image }: CaseSizes): OperationCase[] {
  const side = image / 8;
  const shape = [2, side, side, side, 4];
  const half = [2, side / 2, side / 2, side / 2, 4];
  const filterShape = [3, 3, 3, 4, 4];
  const two = (other: number[], compute: (x: tf.Tensor5D, y: tf.Tensor5D) => tf.Tensor | tf.Tensor[]) => () => {
    const [a, b] = [floats<tf.Rank.R5>(shape), floats<tf.Rank.R5>(other)];
    return () => compute(a, b);
  };
  const strides = { strides: 1, pad: 'same' };
  return [
    operation(
      'Conv3D',
      two(filterShape, (x, w) => tf.conv3d(x, w, 1, 'same')),
    ),
    operation(
      'Conv3DBackpropFilterV2',
      two(shape, (x, dy) => runKernel('Conv3DBackpropFilterV2', { x, dy }, { ...strides, filterShape })),
    ),
    operation(
      'Conv3DBackpropInputV2',
      two(filterShape, (dy, filter) =>
        runKernel('Conv3DBackpropInputV2', { dy, filter }, { ...strides, inputShape: shape }),
      ),
    ),
    operation(
      'AvgPool3D',
      two([1], (x) => tf.avgPool3d(x, 2, 2, 'valid')),
    ),
    operation(
      'AvgPool3DGrad',
      two(half, (input, dy) => runKernel('AvgPool3DGrad', { dy, input }, POOL)),
    ),
    operation(
      'MaxPool3D',
      two([1], (x) => tf.maxPool3d(x, 2, 2, 'valid')),
    ),
    operation(
      'MaxPool3DGrad',
      two(half, (input, dy) => runKernel('MaxPool3DGrad', { dy, input, output: dy }, POOL)),
    ),
  ];
}

function poolCases({ image, channels }: CaseSizes): OperationCase[] {
  const x = () => floats<tf.Rank.R4>([4, image, image, channels]);
  const gradient = (kernel: string) => () => {
    const [input, dy] = [x(), floats<tf.Rank.R4>([4, image / 2, image / 2, channels])];
    const output = tf.maxPool(input, 2, 2, 'valid');
    return () => runKernel(kernel, { dy, input, output }, POOL);
  };
  return [
    operation(
      'AvgPool',
      on(x, (a) => tf.avgPool(a, 2, 2, 'valid')),
    ),
    operation('AvgPoolGrad', gradient('AvgPoolGrad')),
    operation(
      'MaxPool',
      on(x, (a) => tf.maxPool(a, 2, 2, 'valid')),
    ),
    operation('MaxPoolGrad', gradient('MaxPoolGrad')),
    operation(
      'MaxPoolWithArgmax',
      on(x, (a) => Object.values(tf.maxPoolWithArgmax(a, 2, 2, 'valid'))),
    ),
  ];
}

function geometryCases({ image }: CaseSizes): OperationCase[] {
  const side = image - 3;
  const x = () => floats<tf.Rank.R4>([4, image, image, 3]);
  const gradient = (kernel: string) => () => {
    const [images, dy] = [x(), floats([4, side, side, 3])];
    return () => runKernel(kernel, { images, dy }, { alignCorners: false });
  };
  return [
    operation(
      'ResizeBilinear',
      on(x, (a) => tf.image.resizeBilinear(a, [side, side])),
    ),
    operation('ResizeBilinearGrad', gradient('ResizeBilinearGrad')),
    operation(
      'ResizeNearestNeighbor',
      on(x, (a) => tf.image.resizeNearestNeighbor(a, [side, side])),
    ),
    operation('ResizeNearestNeighborGrad', gradient('ResizeNearestNeighborGrad')),
    operation(
      'FlipLeftRight',
      on(x, (a) => tf.image.flipLeftRight(a)),
    ),
    operation(
      'RotateWithOffset',
      on(x, (a) => tf.image.rotateWithOffset(a, 0.3)),
    ),
    operation('Transform', () => {
      const [images, transforms] = [x(), tf.tensor2d([[1, 0.1, -3, 0.1, 1, 2, 0, 0]])];
      return () => tf.image.transform(images, transforms, 'bilinear');
    }),
    operation('CropAndResize', () => {
      const [images, boxes] = [x(), tf.tensor2d([[0.1, 0.1, 0.9, 0.8]])];
      const indices = tf.tensor1d([1], 'int32');
      return () => tf.image.cropAndResize(images, boxes, indices, [side, side]);
    }),
  ];
}

function boxCases({ side }: CaseSizes): OperationCase[] {
  const boxes = () => {
    const corner = floats<tf.Rank.R2>([side, 2], 0, 1);
    return tf.concat2d([corner, tf.add(corner, 0.02)], 1);
  };
  const attrs = { maxOutputSize: 50, iouThreshold: 0.5, scoreThreshold: 0 };
  const suppress = (kernel: string, more: object) => () => {
    const inputs = { boxes: boxes(), scores: floats([side], 0, 1) };
    return () => runKernel(kernel, inputs, { ...attrs, ...more });
  };
  return [
    operation('NonMaxSuppressionV3', suppress('NonMaxSuppressionV3', {})),
    operation('NonMaxSuppressionV4', suppress('NonMaxSuppressionV4', { padToMaxOutputSize: false })),
    operation('NonMaxSuppressionV5', suppress('NonMaxSuppressionV5', { softNmsSigma: 0 })),
  ];
}
