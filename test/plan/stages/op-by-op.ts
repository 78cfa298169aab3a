// What tests of one stage share: models trained by their plan at one and at three threads and op by op, two steps each, so that what a
// stage derives from updated weights is seen too, of batches smaller than the plan's largest.
// Not here: models. Invariant: the same on every run.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { startBackend } from '../../../src/backend/index.ts';
import { initializeWeights } from '../../../src/models/index.ts';
import { noiseStep, runOpByOp, runPlanned, type Step, type StepOutcome } from '../both-roads.ts';

/** A model and the batches that it is trained with. */
export interface Scenario {
  readonly name: string;
  readonly build: () => tf.LayersModel;
  readonly batches: readonly number[];
  /** Images of the plan's largest batch. */
  readonly capacity: number;
}

export const CLASSES = 10;
const SEED = 5;
/** Of the change of each weight, root mean square. */
const TOLERANCE = 1e-5;
/** Of weights below one, which rounds what is added to them. */
const ROUNDING = 5e-8;
/** A weight whose change is this much smaller than another's is compared with that. */
const SMALLEST = 0.01;
/** The first is small, so that the second step does not magnify its rounding. */
const LEARNING_RATES = [0.125, 1];

/** Sizes of batches: one image, parts of a partition, whole ones, and several with a rest. */
const batchSize = fc.constantFrom(1, 7, 8, 13, 20);
export const batches = fc
  .tuple(batchSize, batchSize, fc.nat(9))
  .map(([first, second, spare]) => ({ batches: [first, second], capacity: Math.max(first, second) + spare }));

/**
 * Trains scenarios by their plans at one and at three threads and op by op, and asserts the same bits and nearly the same changes.
 *
 * @throws Error where a model is not planned
 */
export async function assertPlansAgree(scenarios: readonly Scenario[]): Promise<void> {
  const planned: StepOutcome[][][] = [];
  for (const threads of [1, 3]) {
    const engine = await startBackend({ threads });
    try {
      planned.push(scenarios.map(trainByPlan));
      if (threads > 1) continue;
      for (const [i, scenario] of scenarios.entries()) assertSameSteps(scenario, planned[0]![i]!);
    } finally {
      await engine.stop();
    }
  }
  const [alone, together] = planned as [StepOutcome[][], StepOutcome[][]];
  scenarios.forEach(({ name }, i) => {
    assert.equal(bitsOf(together[i]!), bitsOf(alone[i]!), `${name}: at three threads`);
  });
}

const bitsOf = (steps: readonly StepOutcome[]): string[][] =>
  steps.map(({ changes }) => changes.map(({ buffer }) => Buffer.from(buffer).toString('hex')));

function trainByPlan(scenario: Scenario): StepOutcome[] {
  return onModel(scenario, (model, steps) => {
    const outcome = runPlanned(model, steps, { seed: SEED, capacity: scenario.capacity });
    if ('reason' in outcome) throw new Error(`${scenario.name} is not planned: ${outcome.reason}`);
    return outcome;
  });
}

function assertSameSteps(scenario: Scenario, planned: readonly StepOutcome[]): void {
  const { name } = scenario;
  const names: string[] = [];
  const expected = onModel(scenario, (model, steps) => {
    names.push(...model.weights.map((weight) => weight.name));
    return runOpByOp(model, steps, { seed: SEED });
  });
  expected.forEach(({ lossSum, changes }, step) => {
    const actual = planned[step]!;
    assert.ok(Math.abs(actual.lossSum - lossSum) <= TOLERANCE * lossSum, `${name}: loss of step ${step}`);
    const sizes = changes.map(rootMeanSquare);
    const largest = Math.max(...sizes);
    changes.forEach((change, i) => {
      const error = rootMeanSquare(change.map((value, k) => value - actual.changes[i]![k]!)) - ROUNDING;
      const relative = error / Math.max(sizes[i]!, SMALLEST * largest);
      assert.ok(relative < TOLERANCE, `${name}: ${names[i]} is off by ${relative.toExponential(1)} in step ${step}`);
    });
  });
}

function onModel<T>({ build, batches }: Scenario, run: (model: tf.LayersModel, steps: readonly Step[]) => T): T {
  const model = build();
  initializeWeights(model, SEED);
  const [height, width, channels] = model.inputs[0]!.shape.slice(1) as [number, number, number];
  const steps = batches.map((size, i) =>
    noiseStep([size, height, width, channels], { classes: CLASSES, seed: i + 1, learningRate: LEARNING_RATES[i]! }),
  );
  try {
    return run(model, steps);
  } finally {
    tf.dispose(steps.map(({ x, y }) => [x, y]));
    model.dispose();
  }
}

const rootMeanSquare = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** A dense layer that ends a network of images. */
export const classifier = (): tf.layers.Layer[] => [
  tf.layers.flatten(),
  tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
];

/** Applies layers to a value in order. */
export const apply = (input: tf.SymbolicTensor, ...layers: tf.layers.Layer[]): tf.SymbolicTensor =>
  layers.reduce((value, layer) => layer.apply(value) as tf.SymbolicTensor, input);
