// The losses of outputs and their gradients. Not stages of the model. See assembly/output-loss.ts.
import { type OutputLoss, outputLossWords } from '../../backend/kernels/output-loss.ts';
import { emptyStage, type PlanContext, type Stage } from '../context.ts';
import type { Value } from '../fuse.ts';
import type { Ending } from '../read-model.ts';
import { ofImages } from './image-calls.ts';

/** What an output is, and what its loss reads and writes: byte offsets. */
export interface OutputPlaces {
  readonly output: Value;
  /** f32 `[capacity, …]` of the output's shape. */
  readonly targets: number;
  /** f32 `[capacity, rows]`. */
  readonly weights: number;
  /** f32 `[capacity]` each. */
  readonly losses: number;
  readonly hits: number;
}

/** The activation that a loss undoes. */
export function endingOfLoss({ name }: OutputLoss): Ending | undefined {
  if (name === 'softmaxCrossEntropy') return 'softmax';
  return name === 'sigmoidCrossEntropy' ? 'sigmoid' : undefined;
}

/** Lays out the loss of one output; what is returned makes a stage for a batch of a size. */
export function layoutOutputLoss(
  context: PlanContext,
  places: OutputPlaces,
  loss: OutputLoss,
): (batch: number) => Stage {
  const { output, targets, weights, losses, hits } = places;
  const [height, width, channels] = output.shape;
  return (examples) => {
    const { value: outputs, gradient } = context.buffersOf(output);
    const offsets = { outputs, targets, weights, losses, gradient, hits };
    const words = outputLossWords(offsets, { examples, rows: height * width, channels }, loss);
    return { ...emptyStage, forward: ofImages('outputLoss', context.args(words)) };
  };
}
