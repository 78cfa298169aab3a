// Conv2DBackpropInput: the gradient of a convolution's input. Also runs transposed convolutions.
// Reads the filter anew at each call: weights may be written in place.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import {
  type Conv2DAttributes,
  type Conv2DInfo,
  conv2dInfo,
  inputShapeOf,
  outputShapeOf,
  requireFloat32,
  withChannelsLast,
} from './conv-2d-geometry.ts';
import {
  alignToCacheLine,
  clamp,
  grainFor,
  PANEL_COLUMNS,
  packedSize,
  packPanels,
  pairTableBytes,
  sizeOf,
  zeros,
} from './gemm.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';
import { tileSizeOn, winogradConv2dBackpropInput } from './winograd.ts';

/** Rows of a tile group below which several images share one. */
const MIN_ROWS = 32;
/** Bytes of dY that one pass over a panel reads: about the first-level cache. */
const PASS_BYTES = 32_768;

/** The gradient of an input with channels last. */
export interface Conv2DBackpropInput {
  /** `[batch, outHeight, outWidth, outChannels]` */
  readonly dy: tf.TensorInfo;
  /** `[filterHeight, filterWidth, inChannels, outChannels]` */
  readonly filter: tf.TensorInfo;
  /** Sizes of the convolution; dilations are followed, its data format is not looked at. */
  readonly convInfo: Conv2DInfo;
}

/**
 * Gradient of a convolution's input.
 *
 * @returns `[batch, inHeight, inWidth, inChannels]`; the caller owns it
 */
export function conv2dBackpropInput(backend: SelvedgeBackend, options: Conv2DBackpropInput): tf.TensorInfo {
  const { dy, filter, convInfo: info } = options;
  const taps = info.filterHeight * info.filterWidth;
  const shape = inputShapeOf(info);
  if (sizeOf(shape) === 0 || sizeOf(dy.shape) === 0 || taps === 0) return zeros(backend, shape, 'float32');
  const m = tileSizeOn(backend, info);
  return m === 0
    ? directConv2dBackpropInput(backend, options)
    : winogradConv2dBackpropInput(backend, { info, m, dy, filter });
}

/** The same for any filter, stride and dilation, tap by tap; nothing may be empty. */
export function directConv2dBackpropInput(backend: SelvedgeBackend, options: Conv2DBackpropInput): tf.TensorInfo {
  const { dy, filter, convInfo: info } = options;
  const { inChannels, outChannels, batchSize } = info;
  const taps = info.filterHeight * info.filterWidth;
  const output = backend.output(inputShapeOf(info), 'float32');
  const { matrixBytes } = packedSize(outChannels, inChannels);
  backend.withMemory(64 + taps * matrixBytes, (block) => {
    const panels = alignToCacheLine(block);
    packPanels(backend, {
      source: backend.offset(filter),
      panels,
      matrices: taps,
      depth: outChannels,
      columns: inChannels,
      rowStep: 4,
      columnStep: outChannels * 4,
      matrixStep: inChannels * outChannels * 4,
    });
    const flops = 2 * taps * inChannels * sizeOf(dy.shape);
    const plan = planImages(info, flops / batchSize);
    backend.pool.run(
      'conv2dBackpropInput',
      plan.units,
      backpropInputWords(info, plan, { dy: backend.offset(dy), panels, dx: backend.offset(output) }),
      { scratchBytes: backpropInputScratchBytes(info, plan.imagesPerUnit), ...grainFor(flops, plan.units) },
    );
  });
  return output;
}

/** Pairs of pixels that one pass over the panels multiplies. */
function pairsOfPass({ outHeight, outWidth, outChannels }: Conv2DInfo, imagesPerUnit: number): number {
  const passRows = clamp(Math.floor(PASS_BYTES / (outChannels * 4)), 64, 512);
  return Math.max(outWidth, Math.min(passRows, imagesPerUnit * outHeight * outWidth));
}

export const backpropInputScratchBytes = (info: Conv2DInfo, imagesPerUnit: number): number =>
  64 + pairTableBytes(pairsOfPass(info, imagesPerUnit));

/** `Conv2DBackpropInputArgs` in assembly/conv-2d-backprop-input.ts. */
export function backpropInputWords(
  info: Conv2DInfo,
  { imagesPerUnit, panelsPerUnit }: { readonly imagesPerUnit: number; readonly panelsPerUnit: number },
  at: { dy: number; panels: number; dx: number },
): number[] {
  return [
    at.dy,
    at.panels,
    at.dx,
    packedSize(info.outChannels, info.inChannels).panelBytes,
    Math.ceil(info.inChannels / PANEL_COLUMNS),
    panelsPerUnit,
    info.batchSize,
    imagesPerUnit,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
    pairsOfPass(info, imagesPerUnit),
  ];
}

/** Units: groups of images, and blocks of panels where images are few. */
function planImages(info: Conv2DInfo, imageFlops: number) {
  const { batchSize, outHeight, outWidth } = info;
  const forTiles = Math.ceil(MIN_ROWS / (outHeight * outWidth));
  const forWork = Math.min(Math.floor(250_000 / imageFlops), Math.floor(batchSize / 32));
  const imagesPerUnit = clamp(Math.max(forTiles, forWork), 1, batchSize);
  const groups = Math.ceil(batchSize / imagesPerUnit);
  const panelCount = Math.ceil(info.inChannels / PANEL_COLUMNS);
  const panelBlocks = clamp(Math.ceil(16 / groups), 1, panelCount);
  const panelsPerUnit = Math.ceil(panelCount / panelBlocks);
  return { imagesPerUnit, panelsPerUnit, units: groups * Math.ceil(panelCount / panelsPerUnit) };
}

/** A transposed convolution may ask for less output than its input gives: the cpu backend then reads the first rows and columns. */
function backpropCropped(
  backend: SelvedgeBackend,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  convInfo: Conv2DInfo,
): tf.TensorInfo {
  const size = outputShapeOf(convInfo);
  if (dy.shape.every((length, axis) => length === size[axis])) {
    return conv2dBackpropInput(backend, { dy, filter, convInfo });
  }
  const cropped = callKernel(backend, 'Slice', { x: dy }, { begin: [0, 0, 0, 0], size });
  return replaceBy(backend, cropped, (part) => conv2dBackpropInput(backend, { dy: part, filter, convInfo }));
}

type Call = KernelCall<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  Conv2DAttributes & { readonly inputShape: [number, number, number, number] }
>;

export const conv2DBackpropInputKernel = {
  kernelName: 'Conv2DBackpropInput',
  kernelFunc({ inputs: { dy, filter }, attrs, backend }: Call): tf.TensorInfo {
    requireFloat32('Conv2DBackpropInput', { dy, filter });
    const convInfo = conv2dInfo(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 });
    return withChannelsLast(backend, {
      info: convInfo,
      inputs: [dy],
      run: ([gradient]) => backpropCropped(backend, gradient!, filter, convInfo),
      transposeOutput: true,
    });
  },
};
