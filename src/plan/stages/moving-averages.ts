// Batch normalisation where a model only infers: a scale and a shift by channel, from the moving averages.
// See assembly/plan/inference.ts. What can be folded into weights does not come here: see inference-graph.ts.

import { float32Bits } from '../../backend/index.ts';
import type * as tf from '../../backend/tfjs.ts';
import { emptyStage, type PlanContext, type Stage } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import type { BatchNormalization } from '../read-model.ts';
import { layoutSums } from './sums.ts';

/** Lays out scale and shift of the first input of a group; what the others hold is added. */
export function layoutMovingAverages(context: PlanContext, group: Group, head: BatchNormalization): () => Stage {
  const channels = group.inputs[0]!.shape[2];
  const scale = context.memory.floats(channels);
  const shift = context.memory.floats(channels);
  const derivation = movingAverages(context, head, { channels, scale, shift });
  const { forward } = layoutSums(context, group, { scale, shift })({
    target: () => ({ at: 0, adds: false, after: () => [] }),
  });
  return () => ({ ...emptyStage, forward: [{ kind: 'partitions', calls: forward }], derivations: [[derivation]] });
}

/**
 * The call that makes scale and shift of a batch normalisation.
 *
 * @param options.scale Byte offset of f32 `[channels]`, like `shift`
 * @param options.bias Added to what is normalised
 */
export function movingAverages(
  context: Pick<PlanContext, 'args'>,
  { movingMean, movingVariance, gamma, beta, epsilon }: BatchNormalization,
  options: { channels: number; scale: number; shift: number; bias?: tf.LayerVariable | undefined },
): Call {
  const { channels, scale, shift, bias } = options;
  const args = context.args([0, 0, 0, 0, 0, scale, shift, float32Bits(epsilon)], {
    0: movingMean,
    1: movingVariance,
    ...(gamma && { 2: gamma }),
    ...(beta && { 3: beta }),
    ...(bias && { 4: bias }),
  });
  return { kernel: 'planMovingAverages', args, start: 0, end: channels };
}
