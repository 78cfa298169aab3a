// Shared by the depthwise kernels: shapes, and the argument words of `DepthwiseArgs` in assembly/window.ts.
// Not here: what is computed. The cpu backend takes channels last only; channels first are transposed by the forward kernel.

import { float32Bits } from '../float-bits.ts';
import * as tf from '../tfjs.ts';
import { type Conv2DAttributes, type Conv2DInfo, requireFit, slideWords } from './conv-2d-geometry.ts';

/** Images of a partial sum of the filter's gradient: at most this many partial sums. Part of the numerical definition. */
const MAX_CHUNKS = 16;

/**
 * Shapes of a depthwise convolution.
 *
 * @throws SelvedgeError `backend/shape` where the filter is larger than the padded input
 */
export function depthwiseInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Omit<Conv2DAttributes, 'dataFormat'> & { readonly dataFormat?: 'NHWC' | 'NCHW' },
): Conv2DInfo {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    true,
    tf.backend_util.convertConv2DDataFormat(attrs.dataFormat ?? 'NHWC'),
  );
  return requireFit(info, inputShape, filterShape);
}

export const imagesPerChunk = (info: Conv2DInfo): number => Math.max(1, Math.ceil(info.batchSize / MAX_CHUNKS));

/** Byte offsets of the tensors; those that a kernel does not use are 0. */
export interface DepthwiseOffsets {
  readonly x?: number;
  readonly filter?: number;
  readonly y: number;
  readonly out?: number;
  readonly bias?: number;
  readonly biasStep?: 0 | 1;
  /** Least and greatest output as float bits. */
  readonly clamp?: readonly [number, number];
}

const UNCLAMPED = [float32Bits(-Infinity), float32Bits(Infinity)] as const;

/** `DepthwiseArgs` in assembly/window.ts. */
export function depthwiseWords(
  info: Conv2DInfo,
  offsets: DepthwiseOffsets,
  chunkImages = imagesPerChunk(info),
): number[] {
  const { x = 0, filter = 0, y, out = 0, bias = 0, biasStep = 0, clamp = UNCLAMPED } = offsets;
  return [
    x,
    filter,
    y,
    out,
    bias,
    biasStep,
    ...clamp,
    info.batchSize,
    info.inChannels,
    info.outChannels / info.inChannels,
    ...slideWords(info),
    chunkImages,
  ];
}
