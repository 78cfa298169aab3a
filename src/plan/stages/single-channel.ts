// A convolution of one input channel under 2x2 max pooling and relu: see assembly/plan/single-channel.ts.

import { activationCodes } from '../../backend/kernels/output-activation.ts';
import { PARTITION_IMAGES, partitionsOf, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { layoutBias } from './bias.ts';
import { layoutFinish } from './finish.ts';

/** Whether the kernels take a group. */
export function isSingleChannelPooled({ head, inputs, sumsShape, finish }: Group): boolean {
  if (head?.kind !== 'convolution' || !head.bias) return false;
  const is = (pair: readonly [number, number], extent: number): boolean => pair[0] === extent && pair[1] === extent;
  return (
    inputs[0]!.shape[2] === 1 &&
    sumsShape[2] % 8 === 0 &&
    head.padding === 'valid' &&
    is(head.strides, 1) &&
    is(head.dilations, 1) &&
    finish.activation.code === activationCodes.relu &&
    is(finish.pooling.size, 2) &&
    is(finish.pooling.strides, 2)
  );
}

/** Lays out a group that `isSingleChannelPooled` accepts, the first of a network: nobody asks for its input's gradient. */
export function layoutSingleChannel(group: Group): StageLayout {
  return (context) => {
    const { head, inputs, output } = group;
    if (head?.kind !== 'convolution') throw new TypeError('not a convolution');
    const [filterHeight, filterWidth] = head.size;
    const taps = filterHeight * filterWidth;
    const channels = output.shape[2];
    const [height, width] = inputs[0]!.used;
    const finish = layoutFinish(context, group, { bias: head.bias });
    const bias = layoutBias(context, head.bias);
    const kernel = context.weight(head.kernel);
    const partials = context.memory.floats(partitionsOf(context.capacity) * taps * channels);
    const biasPartials = bias.partials || context.memory.floats(partitionsOf(context.capacity) * channels);
    const words = [context.buffersOf(inputs[0]!).value, 0, finish.args, partials, biasPartials];
    const args = context.args([...words, height, width, filterHeight, filterWidth, PARTITION_IMAGES], {
      1: head.kernel,
    });
    const pixels = output.used[0] * output.used[1];
    return (batch) => {
      const sum = context.args([partials, kernel.gradient ?? 0, taps * channels, partitionsOf(batch), taps * channels]);
      const isTrained = kernel.gradient !== undefined;
      const gradient = [{ kernel: 'sumPartials', args: sum, start: 0, end: 1 }];
      const update = kernel.update(0, kernel.size);
      const cost = partitionsOf(batch) * taps * channels;
      return {
        forward: [
          {
            kind: 'partitions',
            calls: ({ first, last }) => [
              ...finish.draw({ first, last }),
              { kernel: 'planSingleChannel', args, start: first, end: last },
            ],
          },
        ],
        backward:
          isTrained || bias.partials
            ? [
                {
                  kind: 'partitions',
                  calls: ({ first, last }) => [{ kernel: 'planSingleChannelGradient', args, start: first, end: last }],
                },
              ]
            : [],
        updates: [[...(isTrained ? [{ gradient, update, cost }] : []), ...bias.update(batch)]],
        derivations: [],
        scratchBytes: pixels * taps * 16 + pixels * 32,
      };
    };
  };
}
