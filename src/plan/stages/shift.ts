// Sums of images and vectors that have a number for each channel: with products, what a conditioning vector does to features (FiLM, Perez
// et al. 2018). See assembly/plan/shift.ts. Invariant: both images have all their pixels, see fuse.ts.
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { ofImages } from './image-calls.ts';

/**
 * Lays out the sum of two inputs.
 *
 * @param position Of the vector
 */
export function layoutShift(group: Group, position: number): StageLayout {
  return (context) => {
    const [image, vector] = [group.inputs[1 - position]!, group.inputs[position]!];
    const channels = image.shape[2];
    const pixels = image.used[0] * image.used[1];
    const y = context.buffersOf(group.output);
    const places = [context.buffersOf(image).value, context.buffersOf(vector).value, y.value];
    const forward = ofImages('planShift', context.args([...places, pixels, channels]));
    return (_, gradients) => {
      const targets = [image, vector].map((value) =>
        context.needsGradient(value) ? gradients.target(value, true) : { at: 0, adds: false },
      );
      if (targets.every(({ at }) => at === 0)) return { ...emptyStage, forward };
      const adds = targets.map((target) => (target.adds ? 1 : 0));
      const args = context.args([y.gradient, ...targets.map(({ at }) => at), pixels, channels, ...adds]);
      return { ...emptyStage, forward, backward: ofImages('planShiftGradient', args) };
    };
  };
}
