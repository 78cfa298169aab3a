// The gradient of a bias, from sums that partitions left, and its update. Not a stage of its own.
import type * as tf from '../../backend/tfjs.ts';
import { type PlanContext, partitionsOf, type UpdateJob } from '../context.ts';

export interface BiasGradient {
  /** f32 [partitions][channels rounded up to four], or 0 where there is no bias to train. */
  readonly partials: number;
  /** Floats from one partition to the next. */
  readonly pitch: number;
  update(batch: number): UpdateJob[];
}

/** Lays out the gradient of a bias. */
export function layoutBias(context: PlanContext, bias: tf.LayerVariable | undefined): BiasGradient {
  const weight = bias && context.weight(bias);
  if (!weight || weight.gradient === undefined) return { partials: 0, pitch: 0, update: () => [] };
  const { gradient } = weight;
  const pitch = Math.ceil(weight.size / 4) * 4;
  const partials = context.memory.floats(partitionsOf(context.capacity) * pitch);
  return {
    partials,
    pitch,
    update: (batch) => {
      const args = context.args([partials, gradient, pitch, partitionsOf(batch), pitch]);
      const sum = [{ kernel: 'sumPartials', args, start: 0, end: 1 }];
      return [{ gradient: sum, update: weight.update(0, weight.size), cost: partitionsOf(batch) * pitch }];
    },
  };
}
