// Depthwise convolutions, any multiplier: the kernels of src/backend/kernels/depthwise-conv-2d*.ts on the images of a partition.
// Separable convolutions are one of these and a convolution of 1x1.
import { depthwiseWords } from '../../backend/kernels/depthwise-conv-2d-geometry.ts';
import { PARTITION_IMAGES, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Convolution } from '../read-model.ts';
import { layoutPartialSums } from './partial-sums.ts';
import { windowInfo } from './window-info.ts';
import { layoutWindowSums, SUMS_SCRATCH_BYTES } from './window-sums.ts';

/** Output channels of a unit of the filter's gradient: as in assembly/depthwise-conv-2d-backprop-filter.ts. */
const BLOCK_CHANNELS = 16;

/** Lays out a depthwise convolution. */
export function layoutDepthwise(group: Group, head: Convolution): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const whole = windowInfo(group, head, context.capacity);
    const sums = layoutWindowSums(context, group, head.bias);
    const filter = context.weight(head.kernel);
    const partials = filter.gradient === undefined ? undefined : layoutPartialSums(context, filter);
    const x = context.buffersOf(input).value;
    const readsFilter = { 1: head.kernel };
    const args = context.args(depthwiseWords(whole, { x, y: sums.value }), readsFilter);
    const blocks = Math.ceil(whole.outChannels / BLOCK_CHANNELS);
    return (batch, gradients) => {
      const target = context.needsGradient(input) ? gradients.target(input) : undefined;
      const inputArgs = target
        ? context.args(depthwiseWords(whole, { y: sums.gradient, out: target.at }), readsFilter)
        : 0;
      const filterArgs = ({ first, last }: { first: number; last: number }): number => {
        const info = { ...whole, batchSize: last - first };
        const pixels = whole.outHeight * whole.outWidth;
        return context.args(
          depthwiseWords(
            info,
            {
              x: x + first * whole.inHeight * whole.inWidth * whole.inChannels * 4,
              y: sums.gradient + first * pixels * whole.outChannels * 4,
              out: partials!.of(first / PARTITION_IMAGES),
            },
            PARTITION_IMAGES,
          ),
        );
      };
      const gradient = partials?.add(batch)(0, filter.size) ?? [];
      const update = filter.update(0, filter.size);
      const cost = filter.size * Math.ceil(batch / PARTITION_IMAGES);
      const filterUpdate = partials ? [{ gradient, update, cost }] : [];
      return {
        forward: sums.forward(({ first, last }) => [
          { kernel: 'depthwiseConv2d', args, start: first * whole.outHeight, end: last * whole.outHeight },
        ]),
        backward: sums.backward((range) => [
          ...(partials
            ? [{ kernel: 'depthwiseConv2dBackpropFilter', args: filterArgs(range), start: 0, end: blocks }]
            : []),
          ...(target
            ? [
                {
                  kernel: 'depthwiseConv2dBackpropInput',
                  args: inputArgs,
                  start: range.first * whole.inHeight,
                  end: range.last * whole.inHeight,
                },
                ...target.after(range),
              ]
            : []),
        ]),
        updates: [[...filterUpdate, ...sums.updates(batch)]],
        derivations: [],
        scratchBytes: SUMS_SCRATCH_BYTES,
      };
    };
  };
}
