// Products of images with vectors that have a factor for each channel: what squeeze and excitation ends in. An image has factors of its
// own, so it is the call that scales and shifts channels, for each image with its own place of the scale: exported models have it.
// The gradient: assembly/plan/product.ts. Invariant: both images have all their pixels, see fuse.ts.
import { activationCodes } from '../../backend/kernels/output-activation.ts';
import { emptyStage, type Range, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';

/**
 * Lays out the product of two inputs.
 *
 * @param factors Position of the vector
 */
export function layoutProduct(group: Group, factors: number): StageLayout {
  return (context) => {
    const { capacity, memory } = context;
    const [image, vector] = [group.inputs[1 - factors]!, group.inputs[factors]!];
    const channels = image.shape[2];
    const pixels = image.used[0] * image.used[1];
    const [x, scales, y] = [image, vector, group.output].map((value) => context.buffersOf(value)) as [
      Place,
      Place,
      Place,
    ];
    const shift = memory.floats(channels);
    const scaleImage = (index: number): number[] => {
      const scale = scales.value + index * channels * 4;
      return [x.value, y.value, scale, shift, capacity * pixels, channels, pixels, activationCodes.linear, 0];
    };
    const words = Array.from({ length: capacity }, (_, index) => scaleImage(index));
    const args = context.args(words.flat());
    const wordBytes = words[0]!.length * 4;
    const multiply = ({ first, last }: Range): Call[] =>
      Array.from({ length: last - first }, (_, i) => first + i).map((start) => ({
        kernel: 'batchNormApply',
        args: args + start * wordBytes,
        start,
        end: start + 1,
      }));
    return (_, gradients) => {
      const forward = [{ kind: 'partitions', calls: multiply }] as const;
      const targets = [image, vector].map((value) =>
        context.needsGradient(value) ? gradients.target(value, true) : { at: 0, adds: false },
      );
      if (targets.every(({ at }) => at === 0)) return { ...emptyStage, forward };
      const [ofImage, ofVector] = targets as [Target, Target];
      const places = [y.gradient, x.value, scales.value, ofImage.at, ofVector.at, pixels, channels];
      const gradient = context.args([...places, ofImage.adds ? 1 : 0, ofVector.adds ? 1 : 0]);
      const spread = ({ first: start, last: end }: Range): Call[] => [
        { kernel: 'planProductGradient', args: gradient, start, end },
      ];
      return { ...emptyStage, forward, backward: [{ kind: 'partitions', calls: spread }], scratchBytes: 64 };
    };
  };
}

interface Place {
  readonly value: number;
  readonly gradient: number;
}

interface Target {
  readonly at: number;
  readonly adds: boolean;
}
