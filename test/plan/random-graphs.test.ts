// Two hundred random models of the layers that a plan knows, with odd shapes and batches shorter than there is room for: each step of
// the plan against the same step op by op.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { createPhilox } from '../../src/core/philox.ts';
import { layerClasses } from '../../src/plan/layer-attributes.ts';
import {
  noiseStep,
  type RoadOptions,
  runOpByOp,
  runPlanned,
  type Step,
  type StepOutcome,
  weightsOf,
} from './both-roads.ts';
import { describe, type Kind, kinds, type RandomModel, randomModel } from './random-models.ts';

const MODELS = 200;
/** In blocks, so that a failure says where, and none runs for long. */
const BLOCK = 25;
/** Of the gradient of a weight, root mean square: rounding, of sums in another order and of Winograd's transforms. */
const GRADIENT_TOLERANCE = 2e-5;
/** Of all gradients together: those that cancel, of a bias in front of a batch norm say, are nothing but rounding. */
const CANCELLED = 1e-6;
/** Of the weights, of which gradients are differences: half a unit in the last place. */
const ROUNDING = 6e-8;
const LOSS_TOLERANCE = 2e-6;
/** A batch norm divides by a spread that may be a hundred times smaller than the values, and so magnifies their rounding. */
const NORMALISED = 10;
/** The second step starts from weights that differ in the last bits. */
const SECOND_STEP = 10;
/**
 * Models that may differ at first: where rounding decides who wins a window or on which side of a relu's edge a sum lies, a gradient
 * goes another way. That hangs on the images (3 of 2,000 models), and other images are tried; a defect does not.
 */
const MOST_RETRIED = 4;

/** A small first step, and a second one of which the weights round nothing away. */
const LEARNING_RATES = [2 ** -4, 2 ** 10] as const;
/** Statistics of fewer images are all but singular. */
const LEAST_NORMALISED = 5;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

interface Problem extends RandomModel {
  readonly steps: readonly Step[];
  readonly options: RoadOptions & { readonly capacity: number };
}

/** A model, and two batches that are as large as the plan has room for or smaller, down to a single image. */
function problemOf(seed: number, trial: number): Problem {
  const made = randomModel(seed, new Set<Kind>(kinds));
  const draws = createPhilox({ seed, stream: 78 });
  const least = made.hasBatchNorm ? LEAST_NORMALISED : 1;
  const capacity = least + draws.nextBelow(20);
  const sizes = [capacity, capacity].map((most) => most - draws.nextBelow(most - least + 1));
  const labelSmoothing = draws.nextBelow(3) === 0 ? 0.1 : 0;
  const { inputShape, classes } = made;
  const focalGamma = draws.nextBelow(3) === 0 ? 1.5 : 0;
  const isWeighted = draws.nextBelow(3) === 0;
  const classWeights = Array.from({ length: classes }, () => 0.5 + draws.nextUniform());
  const loss = { labelSmoothing, focalGamma, ...(isWeighted ? { classWeights } : {}) };
  const clipping = draws.nextBelow(3) === 0 ? { clipNorm: 0.25 } : {};
  const steps = LEARNING_RATES.map((learningRate, i) =>
    noiseStep([sizes[i]!, ...inputShape], { classes, seed: 2 * (seed + trial * MODELS) + i, learningRate }),
  );
  return { ...made, steps, options: { seed, capacity, ...loss, ...clipping } };
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** What of a step is not as it is op by op. */
function differences(
  { model, steps, hasBatchNorm }: Problem,
  step: number,
  { actual, expected, weights }: { actual: StepOutcome; expected: StepOutcome; weights: readonly Float32Array[] },
): string[] {
  const factor = (step === 0 ? 1 : SECOND_STEP) * (hasBatchNorm ? NORMALISED : 1);
  const what = `update ${step}, ${steps[step]!.x.shape[0]} images`;
  const found: string[] = [];
  const lossError = Math.abs(actual.lossSum / expected.lossSum - 1);
  if (!(lossError <= LOSS_TOLERANCE * factor)) found.push(`${what}: loss ${actual.lossSum} for ${expected.lossSum}`);
  if (actual.hits !== expected.hits) found.push(`${what}: ${actual.hits} hits for ${expected.hits}`);
  const all = Math.sqrt(expected.changes.reduce((sum, change) => sum + norm(change) ** 2, 0));
  expected.changes.forEach((change, i) => {
    const error = norm(change.map((value, k) => value - actual.changes[i]![k]!));
    const allowed = factor * (GRADIENT_TOLERANCE * norm(change) + CANCELLED * all) + ROUNDING * norm(weights[i]!);
    if (!(error <= allowed)) found.push(`${what}: ${model.weights[i]!.name}: ${error} beside ${norm(change)}`);
  });
  return found;
}

/** How often what was compared. */
const counts = new Map<string, number>();

function count(model: tf.LayersModel): void {
  const isSequential = model.getClassName() === 'Sequential';
  const names = [isSequential ? 'sequential' : 'functional', ...model.layers.map((layer) => layer.getClassName())];
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
}

let retried = 0;

/** What differs in two trials of two. */
function compare(seed: number): string[] {
  const found = compareOnce(seed, 0);
  if (found.length === 0) return [];
  retried++;
  return compareOnce(seed, 1).length > 0 ? found : [];
}

/** Runs both roads on one model from the same weights. */
function compareOnce(seed: number, trial: number): string[] {
  const problem = problemOf(seed, trial);
  const { model, steps, options } = problem;
  const weights = weightsOf(model);
  const planned = runPlanned(model, steps, options);
  // A plan was made and taken, for every one of them.
  assert.not('reason' in planned, `model ${seed}: ${JSON.stringify(planned)}\n${describe(problem)}`);
  tf.tidy(() => model.setWeights(weights.map((values, i) => tf.tensor(values, model.weights[i]!.shape as number[]))));
  const expected = runOpByOp(model, steps, options);
  const found = expected.flatMap((outcome, step) =>
    differences(problem, step, { actual: (planned as StepOutcome[])[step]!, expected: outcome, weights }),
  );
  tf.dispose(steps.flatMap(({ x, y }) => [x, y]));
  if (trial === 0) count(model);
  const message = [`model ${seed}`, ...found, describe(problem)];
  model.dispose();
  return found.length > 0 ? message : [];
}

for (let first = 0; first < MODELS; first += BLOCK) {
  test(`step() equals the op-by-op road on random models ${first} to ${first + BLOCK - 1}`, () => {
    const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
    const found = Array.from({ length: BLOCK }, (_, i) => compare(first + i)).flat();
    assert.is(found.join('\n'), '');
    assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
  });
}

test('step() differs by a rounding that decides in a few random models at most', () => {
  assert.ok(retried <= MOST_RETRIED, `${retried} models differed with the first images`);
});

test('The random models have every kind of layer, in chains and in branches, in numbers', () => {
  // Not here: what draws without a seed, and what has the same kernel as another layer (see layer-attributes.test.ts).
  const others = [
    ...['AlphaDropout', 'GaussianDropout', 'GaussianNoise', 'GlobalMaxPooling2D', 'SpatialDropout1D'],
    // See random-networks.test.ts.
    ...['Conv2DTranspose', 'Embedding', 'GroupNormalization', 'LayerNormalization', 'Reshape', 'UpSampling2D'],
  ];
  const expected = ['sequential', 'functional', ...layerClasses.filter((name) => !others.includes(name))];
  for (const what of expected) assert.ok((counts.get(what) ?? 0) >= 15, `${what}: ${counts.get(what) ?? 0}`);
});

test.run();
