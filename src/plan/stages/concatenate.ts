// Concatenation of channels: copies, and copies of the gradient's channels back.
import { emptyStage, type Range, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import { copyWords } from './copy-runs.ts';

/** Lays out a concatenation of any number of values of the same height and width, which may be used in part. */
export function layoutConcatenation(group: Group): StageLayout {
  return (context) => {
    const { inputs, output } = group;
    const buffers = context.buffersOf(output);
    let next = 0;
    const parts = inputs.map((input) => {
      const channel = next;
      next += input.shape[2];
      return { input, channel, size: [...output.used, input.shape[2]] as const };
    });
    const forward = parts.map(({ input, channel, size }) =>
      context.args(
        copyWords(
          { at: context.buffersOf(input).value, value: input },
          { at: buffers.value, value: output, channel },
          size,
        ),
      ),
    );
    return (_, gradients) => {
      const backward = parts.flatMap(({ input, channel, size }) => {
        if (!context.needsGradient(input)) return [];
        const target = gradients.target(input);
        const isCropped = input.used.some((extent, axis) => extent !== output.used[axis]);
        const from = { at: buffers.gradient, value: output, channel };
        return [{ args: context.args(copyWords(from, { at: target.at, value: input }, size, isCropped)), target }];
      });
      return {
        ...emptyStage,
        forward: [{ kind: 'partitions', calls: (range) => forward.map((args) => copy(args, range)) }],
        backward: [
          {
            kind: 'partitions',
            calls: (range) => backward.flatMap(({ args, target }) => [copy(args, range), ...target.after(range)]),
          },
        ],
      };
    };
  };
}

const copy = (args: number, { first: start, last: end }: Range): Call => ({ kernel: 'planCopyRuns', args, start, end });
