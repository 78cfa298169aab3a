// The filter of a convolution: packed copies for both passes, its gradient and its update. Not a stage of its own.
// Where a filter is small against its images its gradient is summed partition by partition in the backward pass; else, after it, each
// job makes rows of the gradient over the whole batch. Invariant: a job owns the rows that it updates, and their packed copies.
import { backpropFilterWords, filterTiles } from '../../backend/kernels/conv-2d-backprop-filter.ts';
import type { Conv2DInfo, TapWalk } from '../../backend/kernels/conv-2d-geometry.ts';
import { clamp, PANEL_COLUMNS, packedSize, packWords } from '../../backend/kernels/gemm.ts';
import type * as tf from '../../backend/tfjs.ts';
import {
  PARTITION_IMAGES,
  type PlanContext,
  partitionsOf,
  type Range,
  type UpdateJob,
  type Weight,
} from '../context.ts';
import type { Call, Job } from '../program.ts';
import { layoutPartialSums } from './partial-sums.ts';

/** Multiply-adds that are worth a job. */
const JOB_PRODUCTS = 2_000_000;
const MAX_JOBS = 16;
/** Floats whose update and packing are worth a job. */
const JOB_FLOATS = 8192;
/** Rows of a filter for each pixel of the output up to which sums of partitions cost less than reading gradients again. */
const PARTIAL_ROWS_PER_PIXEL = 4;

/** Byte offsets of the packed filter; see assembly/gemm.ts. */
export interface FilterPanels {
  /** [panel of outChannels][1 + taps * inChannels][8] */
  readonly panels: number;
  /** [tap][panel of inChannels][1 + outChannels][8], or 0 */
  readonly transposed: number;
}

export interface PlannedFilter extends FilterPanels {
  readonly derivations: readonly Job[];
  compile(batch: number): {
    /** Calls of the backward pass. */
    gradient(range: Range): readonly Call[];
    readonly updates: readonly UpdateJob[];
    readonly scratchBytes: number;
  };
}

/** What the gradient is made of. */
interface Inputs {
  /** Sizes; batches are no larger. */
  readonly info: Conv2DInfo;
  readonly walk: TapWalk;
  /** Input that `walk` walks. */
  readonly x: number;
  /** Gradient of the sums. */
  readonly dy: number;
}

/** Lays out a filter `[filterHeight, filterWidth, inChannels, outChannels]`: rows of `outChannels` floats. */
export function layoutFilter(
  context: PlanContext,
  kernel: tf.LayerVariable,
  inputs: Inputs & { readonly needsGradient: boolean },
): PlannedFilter {
  const { info, needsGradient } = inputs;
  const { inChannels, outChannels } = info;
  const taps = info.filterHeight * info.filterWidth;
  const rows = taps * inChannels;
  const weight = context.weight(kernel);
  const forward = packedSize(rows, outChannels);
  const panels = context.memory.reserve(forward.matrixBytes);
  const transposed = needsGradient ? context.memory.reserve(taps * packedSize(outChannels, inChannels).matrixBytes) : 0;
  const pack = context.args([0, panels, outChannels, forward.panelBytes], { 0: kernel });
  const matrices = { rowStep: 4, columnStep: outChannels * 4, matrixStep: inChannels * outChannels * 4 };
  const transpose = needsGradient
    ? context.args(packWords({ source: 0, panels: transposed, depth: outChannels, columns: inChannels, ...matrices }), {
        0: kernel,
      })
    : 0;
  const panelAt = (row: number): number =>
    Math.floor(row / inChannels) * Math.ceil(inChannels / PANEL_COLUMNS) +
    Math.ceil((row % inChannels) / PANEL_COLUMNS);
  const derive = (first: number, last: number): Call[] => [
    { kernel: 'planPackRows', args: pack, start: first, end: last },
    ...(needsGradient ? [{ kernel: 'packPanels', args: transpose, start: panelAt(first), end: panelAt(last) }] : []),
  ];
  // Jobs begin where a vector of four floats does, and where a panel of the transposed filter does.
  const isBoundary = (row: number): boolean =>
    (row * outChannels) % 4 === 0 && (!needsGradient || (row % inChannels) % PANEL_COLUMNS === 0);
  const update = (first: number, last: number): Call[] => [
    ...weight.update(first * outChannels, last * outChannels),
    ...derive(first, last),
  ];
  const rules: JobRules = { rows, isBoundary, update };
  const isSmall = rows <= PARTIAL_ROWS_PER_PIXEL * info.outHeight * info.outWidth;
  const derivations = cut(rows, Math.ceil(JOB_FLOATS / outChannels), isBoundary).parts.map(([first, last]) =>
    derive(first, last),
  );
  const compile =
    weight.gradient === undefined
      ? () => ({ gradient: () => [], updates: [], scratchBytes: 0 })
      : isSmall
        ? layoutByPartitions(context, weight, inputs, rules)
        : layoutByRows(context, weight, inputs, rules);
  return { panels, transposed, derivations, compile };
}

interface JobRules {
  /** Of the filter. */
  readonly rows: number;
  readonly isBoundary: (row: number) => boolean;
  readonly update: (first: number, last: number) => Call[];
}

/** Sums of partitions in the backward pass; jobs add them. */
function layoutByPartitions(
  context: PlanContext,
  weight: Weight,
  { info, walk, x, dy }: Inputs,
  { rows, isBoundary, update }: JobRules,
): PlannedFilter['compile'] {
  const { outChannels } = info;
  const partials = layoutPartialSums(context, weight);
  const imageBytes = info.outHeight * info.outWidth * outChannels * 4;
  const oneUnit = { chunks: 1, tilesPerUnit: filterTiles(walk) };
  const wordsOf = ({ first, last }: Range) =>
    backpropFilterWords({ ...info, batchSize: last - first }, walk, oneUnit, {
      x: x + first * walk.imageBytes,
      dy: dy + first * imageBytes,
      partials: partials.of(first / PARTITION_IMAGES),
      partialBytes: 0,
    });
  return (batch) => {
    const add = partials.add(batch);
    const { parts } = cut(rows, Math.ceil(JOB_FLOATS / outChannels), isBoundary);
    const updates = parts.map(([first, last]) => ({
      gradient: add(first * outChannels, last * outChannels),
      update: update(first, last),
      cost: (last - first) * outChannels * partitionsOf(batch),
    }));
    return {
      gradient: (range) => [
        { kernel: 'conv2dBackpropFilter', args: context.args(wordsOf(range).words), start: 0, end: 1 },
      ],
      updates,
      scratchBytes: wordsOf({ first: 0, last: PARTITION_IMAGES }).scratchBytes,
    };
  };
}

/** Jobs make rows of the gradient from the whole batch. */
function layoutByRows(
  context: PlanContext,
  weight: Weight,
  { info, walk, x, dy }: Inputs,
  { rows, isBoundary, update }: JobRules,
): PlannedFilter['compile'] {
  const tiles = filterTiles(walk);
  const tilesPerRun = Math.ceil(walk.run / 4);
  const rowAt = (tile: number): number =>
    tile >= tiles ? rows : Math.floor(tile / tilesPerRun) * walk.run + (tile % tilesPerRun) * 4;
  const at = { x, dy, partials: weight.gradient!, partialBytes: 0 };
  return (batch) => {
    const products = batch * info.outHeight * info.outWidth * weight.size;
    const jobs = clamp(Math.floor(products / JOB_PRODUCTS), 1, MAX_JOBS);
    const { size, parts } = cut(tiles, Math.ceil(tiles / jobs), isBoundary, rowAt);
    const made = backpropFilterWords({ ...info, batchSize: batch }, walk, { chunks: 1, tilesPerUnit: size }, at);
    const args = context.args(made.words);
    const updates = parts.map(([first, last], i) => ({
      gradient: [{ kernel: 'conv2dBackpropFilter', args, start: i, end: i + 1 }],
      update: update(first, last),
      cost: products / parts.length,
    }));
    return { gradient: () => [], updates, scratchBytes: made.scratchBytes };
  };
}

/**
 * Cuts units into equal parts, but for the last, that begin at a boundary.
 *
 * @param wanted Units of a part
 * @returns Units of a part, and rows [first, last) of each
 */
function cut(
  units: number,
  wanted: number,
  isBoundary: (row: number) => boolean,
  rowAt = (unit: number): number => unit,
): { size: number; parts: [number, number][] } {
  const isPossible = (size: number): boolean => {
    for (let unit = size; unit < units; unit += size) if (!isBoundary(rowAt(unit))) return false;
    return true;
  };
  let size = Math.min(wanted, units);
  while (!isPossible(size)) size++;
  const parts = Array.from({ length: Math.ceil(units / size) }, (_, i): [number, number] => [
    rowAt(i * size),
    rowAt(Math.min((i + 1) * size, units)),
  ]);
  return { size, parts };
}
