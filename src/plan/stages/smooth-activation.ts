// Activations whose slope follows from the input, where no normalisation applies them. See assembly/smooth-activation.ts.
// Invariant: input and output have all their pixels, see fuse.ts.

import { SLOPE_BYTES } from '../../backend/kernels/smooth-activation.ts';
import { emptyStage, floatsOf, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Activation } from '../graph.ts';
import { ofImages } from './image-calls.ts';

/** Lays out an activation by `smoothActivationCodes`. */
export function layoutSmoothActivation(group: Group, { code }: Activation): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const [x, y] = [context.buffersOf(input), context.buffersOf(group.output)];
    const floats = floatsOf(group.output);
    const sizes = [context.capacity * floats, floats, code];
    const forward = ofImages('smoothActivation', context.args([x.value, y.value, ...sizes]));
    return (_, gradients) => {
      if (!context.needsGradient(input)) return { ...emptyStage, forward };
      const { at, adds } = gradients.target(input, true);
      const words = [y.gradient, x.value, at, ...sizes, adds ? 1 : 0];
      const backward = ofImages('smoothActivationGrad', context.args(words));
      return { ...emptyStage, forward, backward, scratchBytes: SLOPE_BYTES };
    };
  };
}
