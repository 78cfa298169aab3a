// 3x3 convolutions with stride 1 by Winograd's minimal filtering, forward and both gradients: 2.2 to 5 times fewer multiplications.
// Not here: other convolutions, and what `winogradTileSize` refuses; they take the direct kernels.
// Invariant: whether, by which tiles and in which parts follows from the shape alone, never from threads or time: it decides the bits.
//
// Relative rms error against float64, for sums over 64 to 256 channels: 2e-7 to 5e-7 (m = 2), 5e-7 to 2e-6 (m = 3, 4) and
// 1e-6 to 5e-6 (m = 5, 6), where the direct kernels have 2e-7 to 4e-7. An infinity or NaN in the input makes NaN of the tiles
// that read it, not only of the outputs whose taps do.

import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import type { RunOptions } from '../thread-pool.ts';
import { type ClampActivation, clampBits } from './activation.ts';
import { type Conv2DInfo, inputShapeOf, outputShapeOf } from './conv-2d-geometry.ts';
import { alignToCacheLine, clamp, evenShare, grainFor, packedSize, packPanels, sizeOf } from './gemm.ts';

/** Channels below which the transforms cost more than the products save. */
const MIN_CHANNELS = 16;
/** Multiplications of the direct algorithm for one of Winograd's, below which the transforms eat the gain. */
const MIN_SAVING = 1.5;
/**
 * Outputs of a map up to which tiles of 5 and 6 are taken. They round three times as much as tiles of 4; large maps come in deep networks,
 * where that adds up: gradients of the 20 layers of resnet20 were off by 2.3e-5 with them and are by less than 1e-5 without.
 */
const MAX_LARGE_TILE_OUTPUTS = 121;
/** V and M of a unit: they and U share a second-level cache, and threads end together. */
const UNIT_BYTES = 256 << 10;
/** Units that keep several threads evenly busy. */
const WANTED_UNITS = 8;
/** V and dM of a part of the batch, for the filter gradient; and the tiles of a part, which two strips of the first-level cache hold. */
const PART_BYTES = 16 << 20;
const MAX_PART_TILES = 512;
/** Bytes of scratch for transforms: as in assembly/simd/winograd-tiles.ts. */
const LINES_BYTES = 1088;
const VECTORS_PER_UNIT = 512;
/** A word of dead outputs a tile: see assembly/simd/winograd-zeros.ts. */
const DEAD_BYTES = 8;

/**
 * Outputs along the side of a Winograd tile for a convolution, or 0 where the direct kernels are taken.
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * const info = tf.backend_util.computeConv2DInfo([128, 13, 13, 32], [3, 3, 32, 64], 1, 1, 'valid');
 * console.assert(winogradTileSize(info) === 6); // Four tiles of 6x6 for the 11x11 outputs.
 * ```
 */
export function winogradTileSize(info: Conv2DInfo): 0 | 2 | 3 | 4 | 5 | 6 {
  const { inChannels, outChannels, outHeight, outWidth } = info;
  const fits =
    info.filterHeight === 3 &&
    info.filterWidth === 3 &&
    info.strideHeight === 1 &&
    info.strideWidth === 1 &&
    info.dilationHeight === 1 &&
    info.dilationWidth === 1 &&
    inChannels % 4 === 0 &&
    outChannels % 4 === 0 &&
    Math.min(inChannels, outChannels) >= MIN_CHANNELS;
  if (!fits) return 0;
  const cost = (m: number): number => Math.ceil(outHeight / m) * Math.ceil(outWidth / m) * (m + 2) * (m + 2);
  const tiles = outHeight * outWidth > MAX_LARGE_TILE_OUTPUTS ? ([3, 4] as const) : ([3, 4, 5, 6] as const);
  const cheapest = (tiles as readonly (3 | 4 | 5 | 6)[]).reduce<2 | 3 | 4 | 5 | 6>(
    (best, m) => (cost(m) < cost(best) ? m : best),
    2,
  );
  return cost(cheapest) * MIN_SAVING <= 9 * outHeight * outWidth ? cheapest : 0;
}

/** The same on a backend, which may have been started for exact convolutions. */
export const tileSizeOn = (backend: SelvedgeBackend, info: Conv2DInfo): ReturnType<typeof winogradTileSize> =>
  backend.exactConvolution ? 0 : winogradTileSize(info);

/** Tiles of a convolution, and strides of V and M in the scratch of a unit: [tile][position][channels]. */
function planTiles(info: Conv2DInfo, m: number) {
  const tilesY = Math.ceil(info.outHeight / m);
  const tilesX = Math.ceil(info.outWidth / m);
  const total = info.batchSize * tilesY * tilesX;
  const positions = (m + 2) * (m + 2);
  // All positions of a tile lie side by side: transforms walk over few pages, and products read whole rows anyway.
  const positionBytesV = info.inChannels * 4;
  const positionBytesM = info.outChannels * 4;
  const rowBytesV = oddLines(positions * positionBytesV);
  const rowBytesM = oddLines(positions * positionBytesM);
  const fitting = Math.floor(UNIT_BYTES / (rowBytesV + rowBytesM));
  const wanted = clamp(Math.ceil(total / WANTED_UNITS), 4, Math.max(4, fitting));
  const tilesPerUnit = Math.ceil(evenShare(total, wanted) / 4) * 4;
  const roomBytes = positions * Math.max(info.inChannels, info.outChannels) * 4;
  const tileScratchBytes = LINES_BYTES + roomBytes + 64;
  const scratchBytes = tileScratchBytes + tilesPerUnit * (rowBytesV + rowBytesM + DEAD_BYTES);
  const flops = 2 * positions * total * info.inChannels * info.outChannels;
  return {
    tilesY,
    tilesX,
    total,
    positions,
    rowBytesV,
    rowBytesM,
    tilesPerUnit,
    positionBytesV,
    positionBytesM,
    tileScratchBytes,
    scratchBytes,
    flops,
  };
}

type TilePlan = ReturnType<typeof planTiles>;

/** An odd number of cache lines, so that tiles, or positions, fall on different sets. */
const oddLines = (bytes: number): number => (Math.ceil(bytes / 64) | 1) * 64;

/** Argument words of the three kernels: see `WinogradArgs` in assembly/winograd-conv-2d.ts. */
function argumentsOf(
  info: Conv2DInfo,
  m: number,
  plan: TilePlan,
  words: {
    x: number;
    y: number;
    u: number;
    panelBytes?: number;
    positionBytesU: number;
    bias?: readonly [byteOffset: number, step: number];
    bounds?: readonly [low: number, high: number];
    imagesPerUnit?: number;
    part?: readonly [firstTile: number, tiles: number, v: number, dm: number, accumulate: number];
  },
): number[] {
  return [
    words.x,
    words.y,
    words.u,
    m,
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.padInfo.top,
    info.padInfo.left,
    plan.tilesY,
    plan.tilesX,
    plan.tilesPerUnit,
    plan.rowBytesV,
    plan.rowBytesM,
    plan.positionBytesV,
    plan.positionBytesM,
    words.panelBytes ?? 0,
    words.positionBytesU,
    ...(words.bias ?? [0, 0]),
    ...(words.bounds ?? [0, 0]),
    words.imagesPerUnit ?? 0,
    ...(words.part ?? [0, 0, 0, 0, 0]),
  ];
}

/** Transforms weights, or their gradient back, in groups of four. */
function transformWeights(
  backend: SelvedgeBackend,
  kernel: 'winogradFilter' | 'winogradFilterGradient',
  options: { source: number; target: number; sourceBytes: number; targetBytes: number; floats: number; m: number },
): void {
  const { source, target, sourceBytes, targetBytes, floats, m } = options;
  const vectors = floats / 4;
  const units = Math.ceil(vectors / VECTORS_PER_UNIT);
  const run: RunOptions = { scratchBytes: LINES_BYTES, ...grainFor(floats * 100, units) };
  backend.pool.run(kernel, units, [source, target, sourceBytes, targetBytes, vectors, VECTORS_PER_UNIT, m], run);
}

/** U: byte offset, and bytes of a panel and between positions. */
interface TransformedFilter {
  readonly u: number;
  readonly panelBytes: number;
  readonly positionBytesU: number;
}

/** Runs `use` with the transformed filter: panels of outChannels, or of inChannels of the transposed filter. */
function withTransformedFilter(
  backend: SelvedgeBackend,
  options: { info: Conv2DInfo; m: number; filter: TensorReference; isTransposed: boolean },
  use: (u: TransformedFilter) => void,
): void {
  const { info, m, filter, isTransposed } = options;
  const { inChannels, outChannels } = info;
  const [depth, columns] = isTransposed ? [outChannels, inChannels] : [inChannels, outChannels];
  const { panelBytes, matrixBytes } = packedSize(depth, columns);
  const packedBytes = alignToCacheLine(9 * matrixBytes);
  backend.withMemory(64 + packedBytes + (m + 2) * (m + 2) * matrixBytes, (block) => {
    const packed = alignToCacheLine(block);
    const u = packed + packedBytes;
    packPanels(backend, {
      source: backend.offset(filter),
      panels: packed,
      matrices: 9,
      depth,
      columns,
      rowStep: isTransposed ? 4 : outChannels * 4,
      columnStep: isTransposed ? outChannels * 4 : 4,
      matrixStep: inChannels * outChannels * 4,
    });
    const floats = matrixBytes / 4;
    transformWeights(backend, 'winogradFilter', {
      source: packed,
      target: u,
      sourceBytes: matrixBytes,
      targetBytes: matrixBytes,
      floats,
      m,
    });
    use({ u, panelBytes, positionBytesU: matrixBytes });
  });
}

/**
 * Convolves, adds a bias and clamps.
 *
 * @param options.m What `winogradTileSize` gives
 * @returns `[batch, outHeight, outWidth, outChannels]`; the caller owns it
 */
export function winogradConv2d(
  backend: SelvedgeBackend,
  options: {
    info: Conv2DInfo;
    m: number;
    x: TensorReference;
    filter: TensorReference;
    bias?: tf.TensorInfo | undefined;
    activation?: ClampActivation | undefined;
  },
): tf.TensorInfo {
  const { info, m, x, filter, bias } = options;
  const plan = planTiles(info, m);
  const units = Math.ceil(plan.total / plan.tilesPerUnit);
  const fill = (output: tf.TensorInfo, u: TransformedFilter): void => {
    const words = argumentsOf(info, m, plan, {
      x: backend.offset(x),
      y: backend.offset(output),
      ...u,
      bias: bias ? [backend.offset(bias), sizeOf(bias.shape) > 1 ? 4 : 0] : [0, 0],
      bounds: clampBits(options.activation ?? 'linear'),
    });
    const run: RunOptions = { scratchBytes: plan.scratchBytes, ...grainFor(plan.flops, units) };
    backend.pool.run('winogradConv2d', units, words, run);
  };
  const transform = { info, m, filter, isTransposed: false };
  return backend.filled(outputShapeOf(info), (output) =>
    withTransformedFilter(backend, transform, (u) => fill(output, u)),
  );
}

/**
 * Gradient of the input.
 *
 * @param options.m What `winogradTileSize` gives
 * @returns `[batch, inHeight, inWidth, inChannels]`; the caller owns it
 */
export function winogradConv2dBackpropInput(
  backend: SelvedgeBackend,
  options: { info: Conv2DInfo; m: number; dy: TensorReference; filter: TensorReference },
): tf.TensorInfo {
  const { info, m, dy, filter } = options;
  const output = backend.output(inputShapeOf(info), 'float32');
  const plan = planTiles(info, m);
  const perImage = plan.tilesY * plan.tilesX;
  const imagesPerUnit = clamp(Math.floor(plan.tilesPerUnit / perImage), 1, info.batchSize);
  const units = Math.ceil(info.batchSize / imagesPerUnit);
  withTransformedFilter(backend, { info, m, filter, isTransposed: true }, (u) => {
    const words = argumentsOf(info, m, plan, {
      x: backend.offset(output),
      y: backend.offset(dy),
      ...u,
      imagesPerUnit,
    });
    const run: RunOptions = { scratchBytes: plan.scratchBytes, ...grainFor(plan.flops, units) };
    backend.pool.run('winogradConv2dBackpropInput', units, words, run);
  });
  return output;
}

/**
 * Gradient of the filter.
 *
 * @param options.m What `winogradTileSize` gives
 * @returns `[3, 3, inChannels, outChannels]`; the caller owns it
 */
export function winogradConv2dBackpropFilter(
  backend: SelvedgeBackend,
  options: { info: Conv2DInfo; m: number; x: TensorReference; dy: TensorReference },
): tf.TensorInfo {
  const { info, m, x, dy } = options;
  const { inChannels, outChannels } = info;
  const output = backend.output([3, 3, inChannels, outChannels], 'float32');
  const plan = planTiles(info, m);
  const { positions, total } = plan;
  const columns = Math.ceil(outChannels / 8) * 8;
  const fitting = Math.floor(PART_BYTES / (positions * (inChannels + columns) * 4));
  const tilesPerPart = evenShare(total, clamp(fitting, 64, MAX_PART_TILES));
  const positionBytesV = oddLines(tilesPerPart * inChannels * 4);
  const positionBytesM = oddLines(tilesPerPart * columns * 4);
  const matrixFloats = inChannels * outChannels;
  const positionBytesU = oddLines(matrixFloats * 4);
  const partBytes = positions * (positionBytesV + positionBytesM);
  backend.withMemory(64 + positions * positionBytesU + partBytes, (block) => {
    const u = alignToCacheLine(block);
    const v = u + positions * positionBytesU;
    const dm = v + positions * positionBytesV;
    for (let firstTile = 0; firstTile < total; firstTile += tilesPerPart) {
      const tiles = Math.min(tilesPerPart, total - firstTile);
      const units = Math.ceil(tiles / 8);
      const part = { ...plan, tilesPerUnit: 8, positionBytesV, positionBytesM };
      const words = argumentsOf(info, m, part, {
        x: backend.offset(x),
        y: backend.offset(dy),
        u,
        positionBytesU,
        part: [firstTile, tiles, v, dm, firstTile === 0 ? 0 : 1],
      });
      const share = grainFor((plan.flops * tiles) / total, units);
      backend.pool.run('winogradTiles', units, words, { scratchBytes: plan.tileScratchBytes, ...share });
      backend.pool.run('winogradConv2dBackpropFilter', positions, words, {
        scratchBytes: 64,
        ...grainFor((plan.flops * tiles) / total, positions),
      });
    }
    transformWeights(backend, 'winogradFilterGradient', {
      source: u,
      target: backend.offset(output),
      sourceBytes: positionBytesU,
      targetBytes: matrixFloats * 4,
      floats: matrixFloats,
      m,
    });
  });
  return output;
}
