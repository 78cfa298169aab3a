// What tests of plans share: the same steps of gradient descent by a compiled plan and op by op, on two copies of a model.
// Not here: what is expected of them. Invariant: whoever calls disposes of the models; all else is gone afterwards.
import * as tf from '@tensorflow/tfjs';
import { currentBackend, float32Bits } from '../../src/backend/index.ts';
import type { LossOptions } from '../../src/backend/kernels/weighted-cross-entropy.ts';
import { type BatchLoss, compileTraining, type Unsupported } from '../../src/plan/index.ts';
import { clip } from '../../src/training/clip.ts';
import { createForward } from '../../src/training/forward.ts';
import { crossEntropy } from '../../src/training/operations.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import { noise } from '../backend/kernels/oracle.ts';

/** One update by plain gradient descent. */
export interface Step {
  /** [size, height, width, channels] */
  readonly x: tf.Tensor4D;
  /** One-hot [size, classes] */
  readonly y: tf.Tensor2D;
  /** A power of two is exact; a large one keeps the gradient where the weight would round it away. */
  readonly learningRate: number;
}

export interface RoadOptions extends Omit<LossOptions, 'distillation'> {
  readonly seed?: number;
  readonly clipNorm?: number;
}

/** What a step did. */
export interface StepOutcome extends BatchLoss {
  /** What was added to each weight of `model.weights`, in their order: averages of batch norm too. */
  readonly changes: readonly Float32Array[];
}

const SGD = { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false } as const;

const variablesOf = (model: tf.LayersModel): tf.Variable[] =>
  model.trainableWeights.map((weight) => weight.read() as tf.Variable);

/** Values of all weights. */
export const weightsOf = (model: tf.LayersModel): Float32Array[] =>
  model.weights.map((weight) => weight.read().dataSync<'float32'>().slice());

/** Runs steps and records what each did to the weights. */
function record(model: tf.LayersModel, steps: readonly Step[], run: (step: Step, update: number) => BatchLoss) {
  let before = weightsOf(model);
  return steps.map((step, update): StepOutcome => {
    const { lossSum, hits } = run(step, update);
    const after = weightsOf(model);
    const changes = after.map((values, i) => values.map((value, k) => value - before[i]![k]!));
    before = after;
    return { lossSum, hits, changes };
  });
}

/** The steps by tfjs's tape, an operation at a time. */
export function runOpByOp(model: tf.LayersModel, steps: readonly Step[], options: RoadOptions = {}): StepOutcome[] {
  const { seed = 1, clipNorm, ...loss } = options;
  const forward = createForward(model);
  const variables = variablesOf(model);
  return record(model, steps, ({ x, y, learningRate }, step) => {
    let found: BatchLoss | undefined;
    const optimizer = createOptimizer(variables, { ...SGD, learningRate });
    tf.tidy(() => {
      const compute = (): tf.Scalar =>
        crossEntropy(
          forward(x, { training: true, seed, step }),
          y,
          (result) => {
            found = result;
          },
          loss,
        );
      optimizer.apply(clip(tf.variableGrads(compute, variables).grads, clipNorm));
    });
    optimizer.dispose();
    return found!;
  });
}

/** The steps by a plan for batches of up to `capacity` images, or why there is none. */
export function runPlanned(
  model: tf.LayersModel,
  steps: readonly Step[],
  { seed = 1, capacity, clipNorm, ...loss }: RoadOptions & { readonly capacity: number },
): StepOutcome[] | Unsupported {
  const backend = currentBackend();
  const optimizer = createOptimizer(variablesOf(model), SGD);
  const { updates } = optimizer;
  const plan = compileTraining(model, { batchSize: capacity, seed, loss, clipNorm, updates });
  if ('reason' in plan) return plan;
  try {
    return record(model, steps, ({ x, y, learningRate }, update) =>
      plan.step(
        { x: backend.offset(x), y: backend.offset(y), size: x.shape[0] },
        update,
        updates.map(() => [float32Bits(learningRate)]),
      ),
    );
  } finally {
    plan.dispose();
    optimizer.dispose();
  }
}

/** Images of noise with labels, the same for the same seed. */
export function noiseStep(
  shape: readonly [size: number, height: number, width: number, channels: number],
  options: { readonly classes: number; readonly seed: number; readonly learningRate: number },
): Step {
  const { classes, seed, learningRate } = options;
  const [size] = shape;
  const labels = noise(size, seed + 1).map((value) => Math.floor(((value + 1) / 2) * classes));
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), classes).cast('float32') as tf.Tensor2D);
  return { x: tf.tensor4d(noise(tf.util.sizeFromShape([...shape]), seed), [...shape]), y, learningRate };
}
