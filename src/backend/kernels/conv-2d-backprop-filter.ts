// Conv2DBackpropFilter: the gradient of a convolution's filter, which stock tfjs-backend-wasm lacks.
// Invariant: how pixels are grouped into sums follows from the shape alone, so the bits do not depend on threads.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import {
  type Conv2DAttributes,
  type Conv2DInfo,
  conv2dInfo,
  padInput,
  requireFloat32,
  type TapWalk,
  tapWalk,
  withChannelsLast,
} from './conv-2d-geometry.ts';
import { alignToCacheLine, clamp, evenShare, grainFor, sizeOf, zeros } from './gemm.ts';
import type { Pool2DInfo } from './max-pool.ts';
import { maxPoolGradWords } from './max-pool-grad.ts';
import type { KernelCall } from './register.ts';
import { tileSizeOn, winogradConv2dBackpropFilter } from './winograd.ts';

/** Pixels of one sum: enough to make adding it to the others cheap, few enough that its inputs stay in cache. */
const MIN_BLOCK_PIXELS = 64;
const MAX_BLOCK_PIXELS = 128;
/** Outputs in a line below which a table of pixels is faster than a loop over lines. */
const SHORT_LINE = 8;
/** Tiles that read the same eight columns of dY, from which on laying them side by side pays. */
const GATHER_TILES = 16;
const MAX_CHUNKS = 16;
const MAX_PARTIAL_BYTES = 8 << 20;
const WANTED_UNITS = 16;
/** What a thread keeps of the gradient of an image: half a second-level cache. */
const MAX_IMAGE_BYTES = 512 << 10;
const FLOATS_PER_SUM_UNIT = 4096;

/** The gradient of a filter, channels last. */
export interface Conv2DBackpropFilter {
  /** `[batch, inHeight, inWidth, inChannels]` */
  readonly x: tf.TensorInfo;
  /** `[batch, outHeight, outWidth, outChannels]` */
  readonly dy: tf.TensorInfo;
  /** Sizes of the convolution; dilations are followed, its data format is not looked at. */
  readonly convInfo: Conv2DInfo;
}

/**
 * Gradient of a convolution's filter.
 *
 * @returns `[filterHeight, filterWidth, inChannels, outChannels]`; the caller owns it
 */
export function conv2dBackpropFilter(backend: SelvedgeBackend, options: Conv2DBackpropFilter): tf.TensorInfo {
  const { x, dy, convInfo: info } = options;
  const shape = filterShapeOf(info);
  if (sizeOf(shape) === 0 || sizeOf(dy.shape) === 0) return zeros(backend, shape, 'float32');
  const m = tileSizeOn(backend, info);
  return m === 0
    ? directConv2dBackpropFilter(backend, options)
    : winogradConv2dBackpropFilter(backend, { info, m, x, dy });
}

const filterShapeOf = (info: Conv2DInfo): number[] => [
  info.filterHeight,
  info.filterWidth,
  info.inChannels,
  info.outChannels,
];

/** The same for any filter, stride and dilation, tap by tap; nothing may be empty. */
export function directConv2dBackpropFilter(backend: SelvedgeBackend, options: Conv2DBackpropFilter): tf.TensorInfo {
  const { x, dy, convInfo: info } = options;
  const shape = filterShapeOf(info);
  const output = backend.output(shape, 'float32');
  const length = sizeOf(shape);
  const walk = tapWalk(info);
  const plan = planFilter(info, walk, (sizeOf(x.shape) + sizeOf(dy.shape)) * 4);
  const partialBytes = plan.chunks === 1 ? 0 : alignToCacheLine(plan.chunks * length * 4);
  backend.withMemory(64 + partialBytes + walk.paddedBytes, (block) => {
    const partials = plan.chunks === 1 ? backend.offset(output) : alignToCacheLine(block);
    const input = padInput(backend, { x, info, walk, padded: alignToCacheLine(block) + partialBytes });
    const { words, scratchBytes } = backpropFilterWords(info, walk, plan, {
      x: input,
      dy: backend.offset(dy),
      partials,
      partialBytes: length * 4,
    });
    backend.pool.run('conv2dBackpropFilter', plan.units, words, {
      scratchBytes,
      ...grainFor((2 * length * sizeOf(dy.shape)) / info.outChannels, plan.units),
    });
    if (plan.chunks > 1) sumPartials(backend, { partials, output, length, count: plan.chunks });
  });
  return output;
}

/** The gradient of a max pooling, and of the relu before it if there is one, as it is made of smaller tensors. */
export interface MaxPoolGradient {
  /** Gradient of what the pooling gave. */
  readonly dy: tf.TensorInfo;
  /** What was pooled. */
  readonly input: tf.TensorInfo;
  readonly info: Pool2DInfo;
  readonly isRectified: boolean;
}

/**
 * Gradient of the filter of a convolution whose outputs, rectified or not, were pooled: their own gradient lies in no tensor.
 *
 * @returns The bits of `conv2dBackpropFilter`; undefined where that must make it of a tensor: by Winograd's algorithm, of images that
 *   are small or outgrow the second-level cache, and where its chunks are few or divide images
 */
export function conv2dBackpropFilterOfMaxPool(
  backend: SelvedgeBackend,
  options: { x: tf.TensorInfo; pooling: MaxPoolGradient; convInfo: Conv2DInfo },
): tf.TensorInfo | undefined {
  const { x, pooling, convInfo: info } = options;
  const shape = filterShapeOf(info);
  const length = sizeOf(shape);
  const isEmpty = length === 0 || sizeOf(pooling.dy.shape) === 0;
  if (isEmpty || tileSizeOn(backend, info) !== 0 || blocksOf(info).imagesPerBlock !== 1) return undefined;
  const walk = tapWalk(info);
  const { chunks } = planFilter(info, walk, (sizeOf(x.shape) + sizeOf(pooling.input.shape)) * 4);
  const imageBytes = alignToCacheLine(info.outHeight * info.outWidth * info.outChannels * 4);
  if (chunks < MAX_CHUNKS || info.batchSize % chunks !== 0 || imageBytes > MAX_IMAGE_BYTES) return undefined;
  const partialBytes = alignToCacheLine(chunks * length * 4);
  const fill = (output: tf.TensorInfo, block: number): void => {
    const partials = alignToCacheLine(block);
    const input = padInput(backend, { x, info, walk, padded: partials + partialBytes });
    const cut = { chunks, tilesPerUnit: filterTiles(walk) };
    const sums = backpropFilterWords(info, walk, cut, { x: input, dy: 0, partials, partialBytes: length * 4 });
    const at = { x: backend.offset(pooling.input), dy: backend.offset(pooling.dy), dx: 0 };
    const { isRectified } = pooling;
    const words = maxPoolGradWords(pooling.info, at, { blockChannels: info.outChannels, isRectified });
    backend.pool.run('conv2dBackpropFilterOfMaxPool', chunks, [...sums.words, ...words], {
      scratchBytes: imageBytes + sums.scratchBytes,
      ...grainFor((2 * length * sizeOf(pooling.input.shape)) / info.outChannels, chunks),
    });
    sumPartials(backend, { partials, output, length, count: chunks });
  };
  return backend.filled(shape, (output) =>
    backend.withMemory(64 + partialBytes + walk.paddedBytes, (block) => fill(output, block)),
  );
}

/** `Conv2DBackpropFilterArgs` in assembly/conv-2d-backprop-filter.ts, and the scratch that its calls need. */
export function backpropFilterWords(
  info: Conv2DInfo,
  walk: TapWalk,
  { chunks, tilesPerUnit }: { readonly chunks: number; readonly tilesPerUnit: number },
  at: { x: number; dy: number; partials: number; partialBytes: number },
): { words: number[]; scratchBytes: number } {
  const { imagesPerBlock, linesPerBlock } = blocksOf(info);
  const blockPixels = imagesPerBlock * linesPerBlock * info.outWidth;
  const gathered = info.outChannels % 8 !== 0 || tilesPerUnit >= GATHER_TILES ? blockPixels : 0;
  const offsetTable = info.outWidth < SHORT_LINE ? Math.ceil(blockPixels / 16) * 16 : 0;
  const words = [
    at.x,
    at.dy,
    at.partials,
    at.partialBytes,
    chunks,
    tilesPerUnit,
    info.batchSize,
    imagesPerBlock,
    linesPerBlock,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    walk.imageBytes,
    walk.strideRowBytes,
    walk.strideColumnBytes,
    walk.runsY,
    walk.runsX,
    walk.run,
    walk.runYBytes,
    walk.runXBytes,
    offsetTable,
    gathered,
  ];
  return { words, scratchBytes: 64 + offsetTable * 4 + gathered * 32 };
}

/** Tiles that the rows of a filter's gradient fall into: up to four rows of a run each. */
export const filterTiles = ({ runsY, runsX, run }: TapWalk): number => runsY * runsX * Math.ceil(run / 4);

/** Adds `count` arrays of `length` floats in order. */
export function sumPartials(
  backend: SelvedgeBackend,
  options: { partials: number; output: tf.TensorInfo; length: number; count: number },
): void {
  const { partials, output, length, count } = options;
  const units = Math.ceil(length / FLOATS_PER_SUM_UNIT);
  backend.pool.run(
    'sumPartials',
    units,
    [partials, backend.offset(output), length, count, FLOATS_PER_SUM_UNIT],
    length * count < 65_536 ? { grain: units } : {},
  );
}

/** Pixels that are summed before they are added to the sums of others: part of the numerical definition. */
function blocksOf({ batchSize, outHeight, outWidth }: Conv2DInfo) {
  const pixels = outHeight * outWidth;
  return {
    imagesPerBlock: pixels >= MIN_BLOCK_PIXELS ? 1 : Math.min(batchSize, Math.floor(MIN_BLOCK_PIXELS / pixels)),
    linesPerBlock:
      pixels <= MAX_BLOCK_PIXELS
        ? outHeight
        : evenShare(outHeight, Math.max(1, Math.floor(MAX_BLOCK_PIXELS / outWidth))),
  };
}

/**
 * Cuts the sum over pixels into blocks and chunks, and the rows of the result into tiles.
 * Chunks read their pixels once and write a result each: they may be no more than the result is small against the input.
 */
function planFilter(info: Conv2DInfo, walk: TapWalk, inputBytes: number) {
  const { imagesPerBlock, linesPerBlock } = blocksOf(info);
  const blocks = Math.ceil(info.batchSize / imagesPerBlock) * Math.ceil(info.outHeight / linesPerBlock);
  const resultBytes = sizeOf(info.filterShape) * 4;
  const wantedChunks = Math.floor(Math.min(inputBytes, MAX_PARTIAL_BYTES) / resultBytes);
  const chunks = clamp(wantedChunks, 1, Math.min(MAX_CHUNKS, blocks));
  const tiles = filterTiles(walk);
  const tilesPerUnit = Math.ceil(tiles / Math.min(tiles, Math.ceil(WANTED_UNITS / chunks)));
  const units = chunks * Math.ceil(tiles / tilesPerUnit);
  return { chunks, tilesPerUnit, units };
}

type Call = KernelCall<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv2DAttributes & { readonly filterShape: [number, number, number, number] }
>;

export const conv2DBackpropFilterKernel = {
  kernelName: 'Conv2DBackpropFilter',
  kernelFunc({ inputs: { x, dy }, attrs, backend }: Call): tf.TensorInfo {
    requireFloat32('Conv2DBackpropFilter', { x, dy });
    const convInfo = conv2dInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 });
    return withChannelsLast(backend, {
      info: convInfo,
      inputs: [x, dy],
      run: ([input, gradient]) => conv2dBackpropFilter(backend, { x: input!, dy: gradient!, convInfo }),
      transposeOutput: false,
    });
  },
};
