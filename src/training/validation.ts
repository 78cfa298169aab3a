// Mean loss and accuracy of a model on examples, in inference mode: by an inference plan where there is one, else op by op.
// Not here: probabilities, see plan/predictor.ts. Invariant: weights are those of the moment, also where they are written in place.
import * as tf from '../backend/tfjs.ts';
import type { Batch, Examples } from '../data/batches.ts';
import { batchShapeOf, takeBatch } from '../data/take-batch.ts';
import { type BatchLoss, compileInference } from '../plan/index.ts';
import type { Forward } from './forward.ts';
import { crossEntropy } from './operations.ts';

export interface Validation {
  measure(): { readonly loss: number; readonly accuracy: number };
  dispose(): void;
}

/** Examples at a time: a plan takes them through lanes, an operation makes its whole output. */
const PLANNED_BATCH = 1000;
const BATCH = 250;

/**
 * Prepares the validation of a model.
 *
 * @param options.forward Runs the model op by op
 * @param options.opByOp Do so also where a plan could
 * @returns What measures, which the caller disposes
 */
export function createValidation(
  model: tf.LayersModel,
  examples: Examples,
  { forward, opByOp }: { forward: Forward; opByOp: boolean },
): Validation {
  const { source } = examples;
  const plan = opByOp || !source ? undefined : compileInference(model, { batchSize: PLANNED_BATCH });
  if (!plan || !source || 'reason' in plan) {
    const shape = batchShapeOf(model);
    return {
      measure: () => mean(examples, BATCH, (positions) => lossOpByOp(forward, takeBatch(examples, positions, shape))),
      dispose() {},
    };
  }
  return {
    measure: () => mean(examples, PLANNED_BATCH, (positions) => plan.measure(source, positions)),
    dispose: () => plan.dispose(),
  };
}

function mean({ count }: Examples, batchSize: number, lossOf: (positions: Int32Array) => BatchLoss) {
  let lossSum = 0;
  let hits = 0;
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const batch = lossOf(Int32Array.from({ length: size }, (_, i) => start + i));
    lossSum += batch.lossSum;
    hits += batch.hits;
  }
  return { loss: lossSum / count, accuracy: hits / count };
}

function lossOpByOp(forward: Forward, { x, y }: Batch): BatchLoss {
  let found: BatchLoss | undefined;
  tf.tidy(() => {
    crossEntropy(forward(x, { training: false, seed: 0, step: 0 }), y, (loss) => {
      found = loss;
    });
  });
  tf.dispose([x, y]);
  return found!;
}
