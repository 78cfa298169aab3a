// 3x3 convolutions of stride 1 by Winograd's algorithm: see assembly/plan/winograd.ts and assembly/plan/weights.ts.

import type { Conv2DInfo } from '../../backend/kernels/conv-2d-geometry.ts';
import { packedSize } from '../../backend/kernels/gemm.ts';
import { winogradTileSize } from '../../backend/kernels/winograd.ts';
import {
  PARTITION_IMAGES,
  type PlanContext,
  partitionsOf,
  type Range,
  type StageLayout,
  type UpdateJob,
} from '../context.ts';
import { type Group, paddingBefore } from '../fuse.ts';
import type { Call, Job } from '../program.ts';
import type { Convolution } from '../read-model.ts';
import { layoutBias } from './bias.ts';
import { layoutFinish } from './finish.ts';
import { transposedProducts } from './transposed-product.ts';

/** Bytes of scratch for transforms: as in assembly/simd/winograd-tiles.ts. */
const LINES_BYTES = 1088;
/** A word of dead outputs a tile: see assembly/simd/winograd-zeros.ts. */
const DEAD_BYTES = 8;
/** Input channels of an update job. */
const BLOCK_CHANNELS = 8;

type ConvolutionHead = Convolution & { readonly kind: 'convolution' };

/** Outputs along the side of a tile, or 0 where the direct kernels are taken. */
export function planTileSize(head: ConvolutionHead, group: Group): number {
  const [outHeight, outWidth] = group.sumsUsed;
  return winogradTileSize({
    inChannels: group.inputs[0]!.shape[2],
    outChannels: group.sumsShape[2],
    outHeight,
    outWidth,
    filterHeight: head.size[0],
    filterWidth: head.size[1],
    strideHeight: head.strides[0],
    strideWidth: head.strides[1],
    dilationHeight: head.dilations[0],
    dilationWidth: head.dilations[1],
  } as Conv2DInfo);
}

/** No multiple of 256 bytes, so that rows do not fall on the same few sets of the cache. */
const rowPitch = (channels: number): number => channels * 4 + (channels % 64 === 0 ? 64 : 0);

/** An odd number of cache lines, so that positions fall on different sets. */
const oddLines = (bytes: number): number => (Math.ceil(bytes / 64) | 1) * 64;

/** Sizes that follow from the shapes. */
function sizesOf(group: Group, tile: number, capacity: number) {
  const [outHeight, outWidth] = group.sumsUsed;
  const inChannels = group.inputs[0]!.shape[2];
  const outChannels = group.sumsShape[2];
  const positions = (tile + 2) * (tile + 2);
  const tilesY = Math.ceil(outHeight / tile);
  const tilesX = Math.ceil(outWidth / tile);
  const rowsPerPartition = Math.ceil((PARTITION_IMAGES * tilesY * tilesX) / 4) * 4;
  const rows = partitionsOf(capacity) * rowsPerPartition;
  const rowBytesV = rowPitch(inChannels);
  const rowBytesM = rowPitch(outChannels);
  const forward = packedSize(inChannels, outChannels);
  const backward = packedSize(outChannels, inChannels);
  return {
    inChannels,
    outChannels,
    positions,
    tilesY,
    tilesX,
    rows,
    rowsPerPartition,
    rowBytesV,
    rowBytesM,
    positionBytesV: oddLines(rows * rowBytesV),
    positionBytesM: oddLines(rows * rowBytesM),
    panelBytesU: forward.panelBytes,
    panelBytesUt: backward.panelBytes,
    positionBytesU: oddLines(forward.matrixBytes),
    positionBytesUt: oddLines(backward.matrixBytes),
  };
}

type Sizes = ReturnType<typeof sizesOf>;

/** Lays out a convolution that `planTileSize` accepts. */
export function layoutWinograd(group: Group, head: ConvolutionHead, tile: number): StageLayout {
  return (context) => {
    const s = sizesOf(group, tile, context.capacity);
    const input = group.inputs[0]!;
    const { memory } = context;
    const v = memory.reserve(s.positions * s.positionBytesV);
    const m = memory.reserve(s.positions * s.positionBytesM);
    const needsGradient = context.needsGradient(input);
    const dv = needsGradient ? memory.reserve(s.positions * s.positionBytesV) : 0;
    const dead = memory.reserve(s.rows * DEAD_BYTES);
    const u = memory.reserve(s.positions * s.positionBytesU);
    const ut = memory.reserve(s.positions * s.positionBytesUt);
    const finish = layoutFinish(context, group, { bias: head.bias });
    const bias = layoutBias(context, head.bias);
    const biasPartials = bias.partials || memory.floats(partitionsOf(context.capacity) * s.outChannels);
    const weights = layoutWeights(context, head, { s, tile, v, m, u, ut });
    return (batch, gradients) => {
      const target = needsGradient ? gradients.target(input, true) : undefined;
      const args = context.args([
        context.buffersOf(input).value,
        target?.at ?? 0,
        target?.adds ? 0 : 1,
        v,
        m,
        dv,
        dead,
        u,
        ut,
        finish.args,
        biasPartials,
        tile,
        ...input.used,
        s.inChannels,
        ...group.sumsUsed,
        s.outChannels,
        ...paddingBefore(head, input.shape),
        s.tilesY,
        s.tilesX,
        PARTITION_IMAGES,
        s.rowsPerPartition,
        s.rowBytesV,
        s.rowBytesM,
        s.positionBytesV,
        s.positionBytesM,
        s.panelBytesU,
        s.panelBytesUt,
        s.positionBytesU,
        s.positionBytesUt,
      ]);
      const calls = (kernels: readonly string[], { first, last }: Range): Call[] =>
        kernels.map((kernel) => ({ kernel, args, start: first, end: last }));
      const backward = ['planWinogradGradient'];
      if (needsGradient) backward.push('planWinogradGradientProduct', 'planWinogradInputGradient');
      // V of one image stays in the second-level cache until it is written; exported models, which only infer, do without.
      const transformed = (range: Range): Call[] =>
        context.isTraining
          ? imagesOf(range).flatMap((image) => calls(['planWinogradFetch', 'planWinogradInput'], image))
          : calls(['planWinogradInput'], range);
      const forward = ['planWinogradProduct', 'planWinogradFinish'];
      const { products, updates, derivations } = weights(batch);
      return {
        forward: [
          {
            kind: 'partitions',
            calls: (range) => [...finish.draw(range), ...transformed(range), ...calls(forward, range)],
          },
        ],
        backward: [{ kind: 'partitions', calls: (range) => [...calls(backward, range)] }],
        updates: [products, [...updates, ...bias.update(batch)]],
        derivations,
        scratchBytes: scratchBytesOf(s, tile),
      };
    };
  };
}

const imagesOf = ({ first, last }: Range): Range[] =>
  Array.from({ length: last - first }, (_, i) => ({ first: first + i, last: first + i + 1 }));

function scratchBytesOf(s: Sizes, tile: number): number {
  const room = s.positions * Math.max(s.inChannels, s.outChannels) * 4;
  const strip = s.tilesY * s.tilesX * tile * tile * 16;
  return LINES_BYTES + Math.max(room, strip, 9 * 128) + 64;
}

function layoutWeights(
  context: PlanContext,
  head: ConvolutionHead,
  at: { s: Sizes; tile: number; v: number; m: number; u: number; ut: number },
): (batch: number) => { products: UpdateJob[]; updates: UpdateJob[]; derivations: Job[] } {
  const { s, tile } = at;
  const weight = context.weight(head.kernel);
  const isTrained = weight.gradient !== undefined;
  const positionBytesDu = oddLines(s.inChannels * s.outChannels * 4);
  const du = isTrained ? context.memory.reserve(s.positions * positionBytesDu) : 0;
  const blocks = Array.from({ length: Math.ceil(s.inChannels / BLOCK_CHANNELS) }, (_, block) => block);
  return (batch) => {
    const lastImages = batch - (partitionsOf(batch) - 1) * PARTITION_IMAGES;
    const rows = (partitionsOf(batch) - 1) * s.rowsPerPartition + lastImages * s.tilesY * s.tilesX;
    const words = [0, weight.gradient ?? 0, at.u, at.ut, tile, s.inChannels, s.outChannels];
    const panels = [s.panelBytesU, s.panelBytesUt, s.positionBytesU, s.positionBytesUt];
    const args = context.args([...words, ...panels, du, positionBytesDu], { 0: head.kernel });
    const call = (kernel: string, unit: number): Call => ({ kernel, args, start: unit, end: unit + 1 });
    const derivations = blocks.map((block) => [call('planWinogradTransform', block)]);
    if (!isTrained) return { products: [], updates: [], derivations };
    const products = transposedProducts(context, {
      a: { at: at.v, pitch: s.rowBytesV, matrix: s.positionBytesV, columns: s.inChannels },
      b: { at: at.m, pitch: s.rowBytesM, matrix: s.positionBytesM, columns: s.outChannels },
      c: { at: du, matrix: positionBytesDu },
      depth: rows,
      rowsPerUnit: s.inChannels,
    });
    const updates = blocks.map((block): UpdateJob => {
      const first = block * BLOCK_CHANNELS;
      const last = Math.min(first + BLOCK_CHANNELS, s.inChannels);
      const taps = Array.from({ length: 9 }, (_, tap) => tap * s.inChannels);
      const update = taps.flatMap((row) => weight.update((row + first) * s.outChannels, (row + last) * s.outChannels));
      return {
        gradient: [call('planWinogradWeightGradient', block)],
        update: [...update, ...derivations[block]!],
        cost: BLOCK_CHANNELS * s.outChannels * s.positions,
      };
    });
    const calls = Array.from({ length: s.positions }, (_, position) => [products(position)]);
    return {
      products: calls.map((job) => ({ gradient: job, update: [], cost: rows * s.inChannels * s.outChannels })),
      updates,
      derivations,
    };
  };
}
