// Gradients of the study's networks on real pictures against double precision: black ground, zero biases, flat regions and all.
// Where every decision (the side of relu, the winner of a pooling window) is clear, each gradient of each road is within 1e-5. A
// decision closer than rounding may fall otherwise in any arithmetic of single precision; batches with one are passed over.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildModel, initializeWeights, loadShippedModel, type ModelName } from '../../src/models/index.ts';
import { type Graph, graphOf } from '../../src/plan/graph.ts';
import { seededDropout } from '../../src/training/operations.ts';
import { placeSample, type SampleExamples } from '../training/sample-run.ts';
import { runOpByOp, runPlanned, type Step, weightsOf } from './both-roads.ts';
import { type ReferenceGradients, referenceGradients } from './float64-reference.ts';

const TOLERANCE = 1e-5;
/** So large that rounding a weight leaves all digits of its gradient. */
const EXACT_RATE = 2 ** 20;

let engine: RunningBackend;
let examples: SampleExamples;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  examples = await placeSample({ count: 1000 });
});
test.after(async () => {
  examples.resident.dispose();
  await engine.stop();
});

const batchAt = (first: number, size: number): { x: tf.Tensor4D; y: tf.Tensor2D } =>
  examples.training.batch(Int32Array.from({ length: size }, (_, i) => first + i));

function setWeights(model: tf.LayersModel, values: readonly Float32Array[]): void {
  tf.tidy(() => model.setWeights(values.map((value, i) => tf.tensor(value, model.weights[i]!.shape as number[]))));
}

const maskOf = (layer: number, rate: number, elements: number): Float32Array =>
  tf.tidy(() => seededDropout(tf.ones([elements]), rate, { seed: 1, step: 0, layer }).dataSync<'float32'>());

interface Search {
  readonly first: number;
  readonly size: number;
  /** Share of the rms of a layer's values within which a decision is left to rounding, which adds up over the layers. */
  readonly clear: number;
  /** Least loss of the batch; default: any. */
  readonly loss?: number;
}

/** The first batch from `first` on whose decisions are all clear. */
function clearBatch(
  model: tf.LayersModel,
  { first, size, clear, loss = 0 }: Search,
): { step: Step; expected: ReferenceGradients } {
  const graph = graphOf(model) as Graph;
  for (let at = first; at + size <= examples.training.count; at += size) {
    const { x, y } = batchAt(at, size);
    const expected = referenceGradients({ graph, images: x.dataSync(), labels: y.dataSync(), batch: size, maskOf });
    if (expected.margin > clear && expected.loss >= loss) return { step: { x, y, learningRate: EXACT_RATE }, expected };
    tf.dispose([x, y]);
  }
  throw new Error('no batch has clear decisions');
}

function assertGradients(model: tf.LayersModel, search: Search, what: string): void {
  const weights = weightsOf(model);
  const { step, expected } = clearBatch(model, search);
  for (const [road, run] of Object.entries({
    plan: () => runPlanned(model, [step], { capacity: search.size }),
    'op by op': () => runOpByOp(model, [step]),
  })) {
    setWeights(model, weights);
    const outcome = run();
    if ('reason' in outcome) throw new Error(outcome.reason);
    model.weights.forEach((weight, i) => {
      const gradient = expected.gradients.get(weight);
      if (!gradient) return;
      const found = outcome[0]!.changes[i]!.map((change) => -change / EXACT_RATE);
      const difference = distance(found, gradient);
      assert.ok(difference < TOLERANCE, `${what}, ${road}, ${weight.originalName}: ${difference}`);
    });
  }
  setWeights(model, weights);
  tf.dispose([step.x, step.y]);
}

/** Relative rms. */
function distance(found: Float32Array, expected: Float64Array): number {
  let [error, size] = [0, 0];
  expected.forEach((value, i) => {
    error += (found[i]! - value) ** 2;
    size += value * value;
  });
  return Math.sqrt(error / size);
}

/** Trains for some updates. */
function train(model: tf.LayersModel, updates: number): void {
  const steps = Array.from({ length: updates }, (_, i) => ({ ...batchAt((i * 16) % 800, 16), learningRate: 0.05 }));
  const outcome = runPlanned(model, steps, { capacity: 16 });
  if ('reason' in outcome) throw new Error(outcome.reason);
  for (const { x, y } of steps) tf.dispose([x, y]);
}

for (const [name, size, clear] of [
  ['baseline', 4, 3e-6],
  ['dropout', 4, 3e-6],
  ['resnet20', 1, 8e-6],
] as [ModelName, number, number][]) {
  test(`gradients of "${name}" on real pictures are within ${TOLERANCE} of float64 at the first, the tenth and the last of 60 updates`, () => {
    const model = buildModel(name, { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, 1);
    let done = 0;
    for (const update of [1, 10, 60]) {
      train(model, update - 1 - done);
      assertGradients(model, { first: 4 * update, size, clear }, `update ${update}`);
      train(model, 1);
      done = update;
    }
    model.dispose();
  });
}

test(`gradients of the shipped model, after the last of its 18,750 updates, are within ${TOLERANCE} of float64`, async () => {
  const { model } = await loadShippedModel();
  // Where all pictures are told apart for certain, a gradient is what is left of numbers that cancel: batches with a doubt.
  for (const first of [0, 200, 400])
    assertGradients(model, { first, size: 8, clear: 2e-6, loss: 0.5 }, `pictures from ${first}`);
  model.dispose();
});

test.run();
