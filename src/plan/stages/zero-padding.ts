// Zeros around images: a copy into the middle, and back. Invariant: nobody writes the border, which is zero from the beginning.
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { copyWords } from './copy-runs.ts';

/** Lays out a border of zeros, `top` rows above and `left` columns before the image. */
export function layoutZeroPadding(group: Group, { top, left }: { top: number; left: number }): StageLayout {
  return (context) => {
    const { output } = group;
    const input = group.inputs[0]!;
    const buffers = context.buffersOf(output);
    const rows = Math.max(0, Math.min(input.used[0], output.used[0] - top));
    const pixels = Math.max(0, Math.min(input.used[1], output.used[1] - left));
    const size = [rows, pixels, input.shape[2]] as const;
    const isCropped = rows < input.used[0] || pixels < input.used[1];
    const forward = context.args(
      copyWords(
        { at: context.buffersOf(input).value, value: input },
        { at: buffers.value, value: output, top, left },
        size,
      ),
    );
    return (_, gradients) => {
      const target = context.needsGradient(input) ? gradients.target(input) : undefined;
      const from = { at: buffers.gradient, value: output, top, left };
      const backward = target ? context.args(copyWords(from, { at: target.at, value: input }, size, isCropped)) : 0;
      return {
        ...emptyStage,
        forward: [
          {
            kind: 'partitions',
            calls: ({ first: start, last: end }) => [{ kernel: 'planCopyRuns', args: forward, start, end }],
          },
        ],
        backward: target
          ? [
              {
                kind: 'partitions',
                calls: (range) => [
                  { kernel: 'planCopyRuns', args: backward, start: range.first, end: range.last },
                  ...target.after(range),
                ],
              },
            ]
          : [],
      };
    };
  };
}
