// Where the passes of a training meet: the loss of the logits, and its gradient. Not a stage of the model.
import { type LossOptions, lossCall } from '../../backend/kernels/weighted-cross-entropy.ts';
import { emptyStage, type PlanContext, type Stage } from '../context.ts';
import type { Value } from '../fuse.ts';

export interface LossPlaces {
  readonly logits: Value;
  /** Byte offset of f32 `[capacity, classes]`. */
  readonly labels: number;
  /** Where the losses of the examples go, f32 `[capacity]`, and their hits, i32 `[capacity]`. */
  readonly losses: number;
  readonly hits: number;
  /** Byte offset of a teacher's probabilities, f32 `[capacity, classes]`, where there is a distillation. */
  readonly teacher: number;
}

/** Lays out the loss; what is returned makes a stage for a batch of a size. */
export function layoutLoss(
  context: PlanContext,
  { logits, labels, losses, hits, teacher }: LossPlaces,
  loss: LossOptions,
): (batch: number) => Stage {
  const { memory } = context;
  const classes = logits.shape[2];
  const rowOf = (values: readonly number[] | undefined): number =>
    values ? memory.words([...new Int32Array(Float32Array.from(values).buffer)]) : 0;
  const [classWeights, adjustment] = [rowOf(loss.classWeights), rowOf(loss.adjustment)];
  return (batch) => {
    const { value, gradient } = context.buffersOf(logits);
    const places = { logits: value, labels, losses, gradient, hits, classWeights, adjustment, teacher };
    const { kernel, words } = lossCall(places, { classes, examples: batch }, loss);
    const args = context.args(words);
    return {
      ...emptyStage,
      forward: [{ kind: 'partitions', calls: ({ first: start, last: end }) => [{ kernel, args, start, end }] }],
    };
  };
}
