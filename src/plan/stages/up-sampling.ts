// Images made larger by whole factors. See assembly/plan/up-sampling.ts. Invariant: input and output have all their pixels.
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { ofImages } from './image-calls.ts';

/** Lays out an up-sampling by `size` rows and columns a pixel. */
export function layoutUpSampling(
  group: Group,
  head: { readonly size: readonly [number, number]; readonly interpolation: 'nearest' | 'bilinear' },
): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const [x, y] = [context.buffersOf(input), context.buffersOf(group.output)];
    const sizes = [...input.shape, ...head.size, head.interpolation === 'bilinear' ? 1 : 0];
    const forward = ofImages('planUpSampling', context.args([x.value, y.value, ...sizes, 0]));
    return (_, gradients) => {
      if (!context.needsGradient(input)) return { ...emptyStage, forward };
      const { at, adds } = gradients.target(input, true);
      const args = context.args([at, y.gradient, ...sizes, adds ? 1 : 0]);
      return { ...emptyStage, forward, backward: ofImages('planUpSamplingGradient', args) };
    };
  };
}
