// Average pooling, of windows or of whole images, and the max pooling that a finish does not do: windows that reach over the border
// or have more pixels than a byte numbers.
import { windowWords } from '../../backend/kernels/max-pool.ts';
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { type WindowSettings, windowInfo } from './window-info.ts';
import { layoutWindowSums, SUMS_SCRATCH_BYTES } from './window-sums.ts';

export type PoolingKind = 'maxPooling' | 'averagePooling';

/** Lays out a pooling. */
export function layoutPooling(group: Group, kind: PoolingKind, window: WindowSettings): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const info = windowInfo(group, window, context.capacity);
    const sums = layoutWindowSums(context, group);
    const x = context.buffersOf(input).value;
    const isMax = kind === 'maxPooling';
    const forward = context.args([x, sums.value, 0, ...windowWords(info), info.inChannels]);
    // A unit of `maxPool` is a line of the output, of all others an image.
    const unitsPerImage = isMax ? info.outHeight : 1;
    return (_, gradients) => {
      const target = context.needsGradient(input) ? gradients.target(input) : undefined;
      const words = target && [x, sums.gradient, target.at, ...windowWords(info), info.inChannels, 0];
      const backward = words ? context.args(words) : 0;
      return {
        ...emptyStage,
        forward: sums.forward(({ first, last }) => [
          {
            kernel: isMax ? 'maxPool' : 'planAveragePool',
            args: forward,
            start: first * unitsPerImage,
            end: last * unitsPerImage,
          },
        ]),
        backward: target
          ? sums.backward((range) => [
              {
                kernel: isMax ? 'maxPoolGrad' : 'avgPoolGrad',
                args: backward,
                start: range.first,
                end: range.last,
              },
              ...target.after(range),
            ])
          : [],
        scratchBytes: SUMS_SCRATCH_BYTES,
      };
    };
  };
}

/** Lays out the average of whole images. */
export function layoutGlobalAverage(group: Group): StageLayout {
  const [height, width] = group.inputs[0]!.shape;
  return layoutPooling(group, 'averagePooling', { size: [height, width], strides: [1, 1], padding: 'valid' });
}
