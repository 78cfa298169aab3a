// Convolutions of any filter, stride, dilation and padding, tap by tap: the kernels of src/backend/kernels/conv-2d*.ts on the images
// of a partition. Winograd's algorithm and the first layer of one channel have stages of their own.
// Invariant: inputs, padded if need be, and gradients of the sums lie in memory for the whole batch until the filter is updated.
import { conv2dWords, isSingleChannel } from '../../backend/kernels/conv-2d.ts';
import { backpropInputScratchBytes, backpropInputWords } from '../../backend/kernels/conv-2d-backprop-input.ts';
import { type Conv2DInfo, padWords, type TapWalk, tapWalk } from '../../backend/kernels/conv-2d-geometry.ts';
import { PANEL_COLUMNS, pairTableBytes } from '../../backend/kernels/gemm.ts';
import { PARTITION_IMAGES, type PlanContext, type Range, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import type { Convolution } from '../read-model.ts';
import { type FilterPanels, layoutFilter } from './convolution-filter.ts';
import { windowInfo } from './window-info.ts';
import { layoutWindowSums, SUMS_SCRATCH_BYTES } from './window-sums.ts';

/** Output pixels that a pass over the panels takes: enough to fill tiles of four, few enough that their inputs stay in cache. */
const MIN_PASS_ROWS = 32;
const MAX_PASS_ROWS = 256;

/** Calls of one kernel for the images of a partition. */
interface PartitionCalls {
  calls(range: Range): readonly Call[];
  readonly scratchBytes: number;
}

/** Lays out a convolution. */
export function layoutConvolution(group: Group, head: Convolution): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const whole = windowInfo(group, head, context.capacity);
    const walk = tapWalk(whole);
    const x = context.buffersOf(input).value;
    const padded = walk.needsPadding ? context.memory.reserve(walk.paddedBytes) : x;
    const padArgs = walk.needsPadding ? context.args(padWords(whole, walk, x, padded)) : 0;
    const needsGradient = context.needsGradient(input);
    const sums = layoutWindowSums(context, group, head.bias);
    const filter = layoutFilter(context, head.kernel, {
      info: whole,
      walk,
      x: padded,
      dy: sums.gradient,
      needsGradient,
    });
    const pad = ({ first, last }: Range): Call[] =>
      walk.needsPadding
        ? [{ kernel: 'padImages', args: padArgs, start: first * walk.height, end: last * walk.height }]
        : [];
    return (batch, gradients) => {
      const info = { ...whole, batchSize: batch };
      const products = planProducts(context, info, walk, { x: padded, panels: filter.panels, out: sums.value });
      const target = needsGradient ? gradients.target(input) : undefined;
      const inputGradient =
        target && planInputGradient(context, info, walk, { filter, dy: sums.gradient, dx: target.at });
      const made = filter.compile(batch);
      return {
        forward: sums.forward((range) => [...pad(range), ...products.calls(range)]),
        backward: sums.backward((range) => [
          ...made.gradient(range),
          ...(inputGradient?.calls(range) ?? []),
          ...(target?.after(range) ?? []),
        ]),
        updates: [[...made.updates, ...sums.updates(batch)]],
        derivations: filter.derivations,
        scratchBytes: Math.max(
          SUMS_SCRATCH_BYTES,
          products.scratchBytes,
          inputGradient?.scratchBytes ?? 0,
          made.scratchBytes,
        ),
      };
    };
  };
}

/** Output pixels of a unit, so that units never span partitions: a part of a partition's, if it divides well, or an image. */
function rowsOfUnit(pixels: number): number {
  const rows = PARTITION_IMAGES * pixels;
  if (rows <= MAX_PASS_ROWS) return rows;
  for (let parts = Math.ceil(rows / MAX_PASS_ROWS); rows / parts >= MIN_PASS_ROWS; parts++) {
    if (rows % parts === 0) return rows / parts;
  }
  return pixels;
}

/** Products of the pixels of `x` with panels of a filter. */
export function planProducts(
  context: PlanContext,
  info: Conv2DInfo,
  walk: TapWalk,
  at: { x: number; panels: number; out: number },
): PartitionCalls {
  const kernel = isSingleChannel(info, walk) ? 'conv2dSingleChannel' : 'conv2d';
  const isPairs = kernel === 'conv2dSingleChannel';
  const imageRows = isPairs ? Math.ceil(info.outHeight / 2) : info.outHeight * info.outWidth;
  const rowsPerUnit = isPairs ? imageRows : rowsOfUnit(imageRows);
  const panelsPerUnit = Math.ceil(info.outChannels / PANEL_COLUMNS);
  const argsUpTo = (last: number): number =>
    context.args(conv2dWords(info, walk, { rows: last * imageRows, rowsPerUnit, panelsPerUnit }, at));
  const args = argsUpTo(info.batchSize);
  const unitAt = (image: number): number => Math.ceil((image * imageRows) / rowsPerUnit);
  return {
    calls: ({ first, last }) => {
      // A unit may have several images: where few of a partition are wanted, as in inference, the last one is cut short.
      const isCut = last < info.batchSize && (last * imageRows) % rowsPerUnit !== 0;
      return [{ kernel, args: isCut ? argsUpTo(last) : args, start: unitAt(first), end: unitAt(last) }];
    },
    scratchBytes: pairTableBytes(rowsPerUnit),
  };
}

/** The gradient of the input: tap by tap, or, where there is one tap only, a convolution of the gradient with the transposed filter. */
export function planInputGradient(
  context: PlanContext,
  info: Conv2DInfo,
  walk: TapWalk,
  { filter, dy, dx }: { filter: FilterPanels; dy: number; dx: number },
): PartitionCalls {
  if (isPointwise(info, walk)) {
    const back = { ...info, inChannels: info.outChannels, outChannels: info.inChannels };
    return planProducts(context, back, tapWalk(back), { x: dy, panels: filter.transposed, out: dx });
  }
  let imagesPerUnit = 1;
  while (imagesPerUnit < PARTITION_IMAGES && imagesPerUnit * info.outHeight * info.outWidth < MIN_PASS_ROWS) {
    imagesPerUnit *= 2;
  }
  const panelsPerUnit = Math.ceil(info.inChannels / PANEL_COLUMNS);
  const at = { dy, panels: filter.transposed, dx };
  const args = context.args(backpropInputWords(info, { imagesPerUnit, panelsPerUnit }, at));
  return {
    calls: ({ first, last }) => [
      {
        kernel: 'conv2dBackpropInput',
        args,
        start: first / imagesPerUnit,
        end: Math.ceil(last / imagesPerUnit),
      },
    ],
    scratchBytes: backpropInputScratchBytes(info, imagesPerUnit),
  };
}

/** Whether each output pixel reads the input pixel at its own place and nothing else. */
const isPointwise = (info: Conv2DInfo, walk: TapWalk): boolean =>
  info.filterHeight * info.filterWidth * info.strideHeight * info.strideWidth === 1 &&
  !walk.needsPadding &&
  info.inHeight === info.outHeight &&
  info.inWidth === info.outWidth;
