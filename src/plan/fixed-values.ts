// Which values of a network training leaves as they are: those that no trained weight comes before. Their gradients nobody asks for,
// and stages that make them have no backward pass. Not here: what is trained, see training/model-weights.ts.
import type * as tf from '../backend/tfjs.ts';
import type { Group, Value } from './fuse.ts';

/**
 * Lists the values that no weight which trains comes before.
 *
 * @param groups In order of computation
 * @param trained Variables that the optimiser moves
 * @returns Ids of values, those of the inputs among them
 */
export function fixedValues(
  groups: readonly Group[],
  inputs: readonly Value[],
  trained: ReadonlySet<tf.Tensor>,
): ReadonlySet<number> {
  const fixed = new Set(inputs.map(({ id }) => id));
  for (const { head, inputs: read, output } of groups) {
    const isTrained = weightsOf(head).some((weight) => trained.has(weight.read()));
    if (!isTrained && read.every(({ id }) => fixed.has(id))) fixed.add(output.id);
  }
  return fixed;
}

function weightsOf(head: Group['head']): readonly tf.LayerVariable[] {
  switch (head?.kind) {
    case 'convolution':
    case 'depthwise':
    case 'dense':
    case 'transposedConvolution':
      return head.bias ? [head.kernel, head.bias] : [head.kernel];
    case 'embedding':
      return [head.table];
    case 'batchNormalization':
    case 'groupNormalization':
    case 'layerNormalization':
      return [head.gamma, head.beta].filter((weight) => weight !== undefined);
    default:
      return [];
  }
}
