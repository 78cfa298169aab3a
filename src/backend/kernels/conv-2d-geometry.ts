// Shared by the three convolution kernels: the padded input, how taps lie in it, and tensors with channels first.
// Invariant: kernels in assembly/ see channels last and no padding.

import { SelvedgeError } from '../../core/errors.ts';
import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

export type Conv2DInfo = tf.backend_util.Conv2DInfo;

/** Attributes that the three tfjs kernels share. */
export interface Conv2DAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * Sizes of a convolution.
 *
 * @throws Error as tfjs throws it, for paddings and rounding that do not fit; SelvedgeError `backend/shape` where the filter is
 *   larger than the padded input
 */
export function conv2dInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Conv2DAttributes,
): Conv2DInfo {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(attrs.dataFormat),
  );
  return requireFit(info, inputShape, filterShape);
}

/**
 * Refuses a window that is so much larger than its input that tfjs finds a negative output size; one of zero is an empty output.
 *
 * @param filterShape What the message says of the window
 * @throws SelvedgeError `backend/shape`
 */
export function requireFit<Info extends Pick<Conv2DInfo, 'outHeight' | 'outWidth'>>(
  info: Info,
  inputShape: readonly number[],
  filterShape: readonly number[],
): Info {
  if (info.outHeight >= 0 && info.outWidth >= 0) return info;
  throw new SelvedgeError(
    'backend/shape',
    `Cannot slide a filter [${filterShape}] over [${inputShape}]: the filter is larger than the padded input`,
  );
}

/** Refuses what the kernels would misread as float32. */
export function requireFloat32(kernel: string, tensors: Readonly<Record<string, tf.TensorInfo>>): void {
  for (const [name, { dtype }] of Object.entries(tensors)) {
    if (dtype !== 'float32') {
      throw new SelvedgeError('backend/dtype', `Cannot run ${kernel}: "${name}" is ${dtype}, expected float32`);
    }
  }
}

export const inputShapeOf = (info: Conv2DInfo): [number, number, number, number] => [
  info.batchSize,
  info.inHeight,
  info.inWidth,
  info.inChannels,
];

export const outputShapeOf = (info: Conv2DInfo): [number, number, number, number] => [
  info.batchSize,
  info.outHeight,
  info.outWidth,
  info.outChannels,
];

/** How the kernels walk over a padded input; counts in floats, steps in bytes. */
export interface TapWalk {
  /** Height and width that the taps reach. */
  readonly height: number;
  readonly width: number;
  readonly needsPadding: boolean;
  /** Bytes of the padded copy of the batch. */
  readonly paddedBytes: number;
  readonly imageBytes: number;
  readonly lineBytes: number;
  readonly strideRowBytes: number;
  readonly strideColumnBytes: number;
  /** Runs of neighbouring taps: a filter row, or single taps where columns are dilated. */
  readonly runsY: number;
  readonly runsX: number;
  readonly run: number;
  readonly runYBytes: number;
  readonly runXBytes: number;
}

/** Lays out a convolution's input: in place where no tap leaves it, else as the padded copy that `padInput` writes. */
export function tapWalk(info: Conv2DInfo): TapWalk {
  const { inHeight, inWidth, inChannels, padInfo } = info;
  const reachHeight = (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight;
  const reachWidth = (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth;
  const needsPadding = padInfo.top !== 0 || padInfo.left !== 0 || reachHeight > inHeight || reachWidth > inWidth;
  const height = needsPadding ? reachHeight : inHeight;
  const width = needsPadding ? reachWidth : inWidth;
  const lineBytes = width * inChannels * 4;
  const rowWise = info.dilationWidth === 1;
  return {
    height,
    width,
    needsPadding,
    paddedBytes: needsPadding ? info.batchSize * height * lineBytes : 0,
    imageBytes: height * lineBytes,
    lineBytes,
    strideRowBytes: info.strideHeight * lineBytes,
    strideColumnBytes: info.strideWidth * inChannels * 4,
    runsY: info.filterHeight,
    runsX: rowWise ? 1 : info.filterWidth,
    run: rowWise ? info.filterWidth * inChannels : inChannels,
    runYBytes: info.dilationHeight * lineBytes,
    runXBytes: info.dilationWidth * inChannels * 4,
  };
}

/**
 * Makes the input that a walk walks.
 *
 * @param padded Byte offset of room for `walk.paddedBytes`
 * @returns Byte offset of the input, padded if need be
 */
export function padInput(
  backend: SelvedgeBackend,
  options: { x: TensorReference; info: Conv2DInfo; walk: TapWalk; padded: number },
): number {
  const { x, info, walk, padded } = options;
  if (!walk.needsPadding) return backend.offset(x);
  backend.pool.run('padImages', info.batchSize * walk.height, padWords(info, walk, backend.offset(x), padded));
  return padded;
}

/** `PadArgs` in assembly/conv-2d.ts; its unit is a line of the padded images, `walk.height` of each. */
export const padWords = (info: Conv2DInfo, walk: TapWalk, x: number, padded: number): number[] => [
  x,
  padded,
  info.inHeight,
  info.inWidth,
  info.inChannels * 4,
  walk.height,
  walk.width,
  info.padInfo.top,
  info.padInfo.left,
];

/**
 * Runs a computation that wants channels last.
 *
 * @param options.inputs Tensors in the data format
 * @param options.run Gets them with channels last
 * @param options.transposeOutput Whether the result has channels to be put first again
 */
export function withChannelsLast(
  backend: SelvedgeBackend,
  options: {
    info: Conv2DInfo;
    inputs: readonly tf.TensorInfo[];
    run: (inputs: tf.TensorInfo[]) => tf.TensorInfo;
    transposeOutput: boolean;
  },
): tf.TensorInfo {
  const { info, inputs, run, transposeOutput } = options;
  if (info.dataFormat === 'channelsLast') return run([...inputs]);
  const transposed = inputs.map((x) => callKernel(backend, 'Transpose', { x }, { perm: [0, 2, 3, 1] }));
  let output: tf.TensorInfo;
  try {
    output = run(transposed);
  } finally {
    for (const { dataId } of transposed) backend.disposeData(dataId);
  }
  if (!transposeOutput) return output;
  return replaceBy(backend, output, (x) => callKernel(backend, 'Transpose', { x }, { perm: [0, 3, 1, 2] }));
}

type Slide = Pick<
  Conv2DInfo,
  | 'inHeight'
  | 'inWidth'
  | 'outHeight'
  | 'outWidth'
  | 'strideHeight'
  | 'strideWidth'
  | 'dilationHeight'
  | 'dilationWidth'
  | 'filterHeight'
  | 'filterWidth'
> & { readonly padInfo: Pick<Conv2DInfo['padInfo'], 'top' | 'left'> };

/** How a window slides: the words from `inHeight` to `padLeft` that the structures of arguments in assembly/ have in common. */
export function slideWords(info: Slide): number[] {
  return [
    info.inHeight,
    info.inWidth,
    info.outHeight,
    info.outWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.filterHeight,
    info.filterWidth,
    info.padInfo.top,
    info.padInfo.left,
  ];
}
