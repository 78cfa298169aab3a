// Activation, max pooling and dropout of a value that several groups read, or that none of them could be fused with.
import { PARTITION_IMAGES, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { layoutFinish } from './finish.ts';

/** Lays out a group without a head. */
export function layoutFinishOnly(group: Group): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const finish = layoutFinish(context, group);
    const [height, width] = input.used;
    const forward = context.args([finish.args, context.buffersOf(input).value, height, width, 0, PARTITION_IMAGES, 0]);
    return (_, gradients) => {
      const target = context.needsGradient(input) ? gradients.target(input) : undefined;
      const backward = context.args([finish.args, target?.at ?? 0, height, width, 0, PARTITION_IMAGES, 1]);
      return {
        forward: [
          {
            kind: 'partitions',
            calls: ({ first: start, last: end }) => [
              ...finish.draw({ first: start, last: end }),
              { kernel: 'planFinish', args: forward, start, end },
            ],
          },
        ],
        backward: target
          ? [
              {
                kind: 'partitions',
                calls: ({ first: start, last: end }) => [
                  { kernel: 'planUnfinish', args: backward, start, end },
                  ...target.after({ first: start, last: end }),
                ],
              },
            ]
          : [],
        updates: [],
        derivations: [],
        scratchBytes: 64,
      };
    };
  };
}
