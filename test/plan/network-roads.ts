// What tests of plans of any model share: the same steps of gradient descent by a compiled plan and op by op, with losses of outputs.
// Not here: what is expected of them. Invariant: whoever calls disposes of models and batches; all else is gone afterwards.
import * as tf from '@tensorflow/tfjs';
import { currentBackend, float32Bits } from '../../src/backend/index.ts';
import type { OutputLoss } from '../../src/backend/kernels/output-loss.ts';
import { type BatchLoss, compileTraining, endingOfLoss, type Unsupported } from '../../src/plan/index.ts';
import { clip } from '../../src/training/clip.ts';
import { createNetworkForward } from '../../src/training/forward.ts';
import { lossOfOutput } from '../../src/training/operations.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import type { StepOutcome } from './both-roads.ts';

/** One update by plain gradient descent. */
export interface NetworkStep {
  readonly inputs: readonly tf.Tensor[];
  readonly targets: readonly tf.Tensor[];
  /** `[size, …]` of each row of an output's channels. */
  readonly weights?: readonly (tf.Tensor | undefined)[];
  readonly learningRate: number;
}

export interface NetworkOptions {
  readonly losses: readonly OutputLoss[];
  readonly seed?: number;
  readonly clipNorm?: number;
}

const SGD = { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false } as const;

const variablesOf = (model: tf.LayersModel): tf.Variable[] =>
  model.trainableWeights.map((weight) => weight.read() as tf.Variable);

const weightsOf = (model: tf.LayersModel): Float32Array[] =>
  model.weights.map((weight) => weight.read().dataSync<'float32'>().slice());

function record(
  model: tf.LayersModel,
  steps: readonly NetworkStep[],
  run: (step: NetworkStep, update: number) => BatchLoss,
): StepOutcome[] {
  let before = weightsOf(model);
  return steps.map((step, update) => {
    const { lossSum, hits } = run(step, update);
    const after = weightsOf(model);
    const changes = after.map((values, i) => values.map((value, k) => value - before[i]![k]!));
    before = after;
    return { lossSum, hits, changes };
  });
}

/** The steps by tfjs's tape, an operation at a time. */
export function runNetworkOpByOp(
  model: tf.LayersModel,
  steps: readonly NetworkStep[],
  { losses, seed = 1, clipNorm }: NetworkOptions,
): StepOutcome[] {
  const forward = createNetworkForward(model, losses.map(endingOfLoss));
  const variables = variablesOf(model);
  return record(model, steps, ({ inputs, targets, weights, learningRate }, step) => {
    const found: BatchLoss[] = [];
    const optimizer = createOptimizer(variables, { ...SGD, learningRate });
    tf.tidy(() => {
      const compute = (): tf.Scalar => {
        const outputs = forward(inputs, { training: true, seed, step });
        return outputs
          .map((output, i) => lossOfOutput(output, targets[i]!, losses[i]!, (loss) => found.push(loss), weights?.[i]))
          .reduce((sum: tf.Scalar, loss) => tf.add(sum, loss));
      };
      optimizer.apply(clip(tf.variableGrads(compute, variables).grads, clipNorm));
    });
    optimizer.dispose();
    return {
      lossSum: found.reduce((sum, loss) => sum + loss.lossSum, 0),
      hits: found.reduce((sum, loss) => sum + loss.hits, 0) / found.length,
    };
  });
}

/** The steps by a plan for batches of up to `capacity` examples, or why there is none. */
export function runNetworkPlanned(
  model: tf.LayersModel,
  steps: readonly NetworkStep[],
  { losses, seed = 1, clipNorm, capacity }: NetworkOptions & { readonly capacity: number },
): StepOutcome[] | Unsupported {
  const backend = currentBackend();
  const optimizer = createOptimizer(variablesOf(model), SGD);
  const { updates } = optimizer;
  const plan = compileTraining(model, { batchSize: capacity, seed, losses, clipNorm, updates });
  if ('reason' in plan) return plan;
  const placesOf = (tensors: readonly (tf.Tensor | undefined)[]) =>
    tensors.map((tensor) => (tensor ? backend.offset(tensor) : undefined));
  try {
    return record(model, steps, ({ inputs, targets, weights = [], learningRate }, update) =>
      plan.step(
        {
          inputs: placesOf(inputs) as number[],
          targets: placesOf(targets) as number[],
          weights: placesOf(weights),
          size: inputs[0]!.shape[0]!,
        },
        update,
        updates.map(() => [float32Bits(learningRate)]),
      ),
    );
  } finally {
    plan.dispose();
    optimizer.dispose();
  }
}
