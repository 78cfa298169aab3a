// What tests of network families share: a network by its plan, op by op, by stock tfjs on its cpu backend and as an exported file.
// Not here: parameters and shapes. Invariant: starts and stops its own engines; leaves no model behind.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import { createClassifier, dequantise, edgeKernelsDigest, quantise } from '../../src/edge/index.ts';
import { buildNetwork, initializeWeights, type NetworkSettings } from '../../src/models/index.ts';
import { createPredictor, exportModel } from '../../src/plan/index.ts';
import { createForward } from '../../src/training/forward.ts';
import { EVERY_START, noise } from '../backend/kernels/oracle.ts';
import { noiseStep, runOpByOp, runPlanned, type Step, type StepOutcome } from '../plan/both-roads.ts';
import { scatterAverages } from '../plan/inference-models.ts';

const INPUT = [12, 11, 3] as const;
const CLASSES = 5;
/** Of probabilities. */
const INFERENCE_TOLERANCE = 1e-5;
/**
 * Of the change of a weight, root mean square, beside that of all weights: batch norm divides by spreads, which magnifies rounding from
 * layer to layer.
 */
const TRAINING_TOLERANCE = 1e-4;
const SMALLEST = 0.01;
/** The second step sees what the first one's updates left. */
const LEARNING_RATES = [0.125, 1];
const BATCHES = [19, 8];

function seeded(network: NetworkSettings): tf.LayersModel {
  const model = buildNetwork(network, { inputShape: INPUT, classes: CLASSES });
  initializeWeights(model, 3);
  scatterAverages(model, 3);
  return model;
}

/** Bytes, as pictures have them. */
const bytesOf = (count: number): Uint8Array =>
  Uint8Array.from(noise(count * INPUT[0] * INPUT[1] * INPUT[2], 7), (value) => Math.floor(((value + 1) / 2) * 255.99));

const pixelsOf = (bytes: Uint8Array): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);

function withSteps<T>(run: (steps: readonly Step[]) => T): T {
  const steps = BATCHES.map((size, i) =>
    noiseStep([size, ...INPUT], { classes: CLASSES, seed: i + 1, learningRate: LEARNING_RATES[i]! }),
  );
  try {
    return run(steps);
  } finally {
    tf.dispose(steps.flatMap(({ x, y }) => [x, y]));
  }
}

/** Runs on a model of its own. */
function onModel<T>(network: NetworkSettings, run: (model: tf.LayersModel) => T): T {
  const model = seeded(network);
  try {
    return run(model);
  } finally {
    model.dispose();
  }
}

const trainByPlan = (network: NetworkSettings): StepOutcome[] =>
  onModel(network, (model) =>
    withSteps((steps) => {
      const outcome = runPlanned(model, steps, { capacity: Math.max(...BATCHES) });
      if ('reason' in outcome) throw new Error(`not planned: ${outcome.reason}`);
      return outcome;
    }),
  );

/**
 * Asserts that two updates of a network by its plan are the same to the bit on one to four threads and on unshared memory, and nearly
 * those op by op.
 */
export async function assertTrainsAlike(network: NetworkSettings): Promise<void> {
  let first: string | undefined;
  for (const options of EVERY_START) {
    const engine = await startBackend(options);
    try {
      const planned = trainByPlan(network);
      const bits = planned.map(({ changes }) => changes.map(({ buffer }) => Buffer.from(buffer).toString('hex')));
      first ??= JSON.stringify(bits);
      assert.ok(JSON.stringify(bits) === first, `other bits with ${JSON.stringify(options)}`);
      if (options === EVERY_START[0]) assertNearOpByOp(network, planned);
    } finally {
      await engine.stop();
    }
  }
}

const rootMeanSquare = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

function assertNearOpByOp(network: NetworkSettings, planned: readonly StepOutcome[]): void {
  onModel(network, (model) => {
    const expected = withSteps((steps) => runOpByOp(model, steps));
    expected.forEach(({ lossSum, hits, changes }, step) => {
      assert.ok(Math.abs(planned[step]!.lossSum / lossSum - 1) < INFERENCE_TOLERANCE, `loss of update ${step}`);
      assert.is(planned[step]!.hits, hits);
      const largest = Math.max(...changes.map(rootMeanSquare));
      changes.forEach((change, i) => {
        const error = rootMeanSquare(change.map((value, k) => value - planned[step]!.changes[i]![k]!));
        const relative = error / Math.max(rootMeanSquare(change), SMALLEST * largest);
        assert.ok(relative < TRAINING_TOLERANCE, `update ${step}, ${model.weights[i]!.name}: ${relative}`);
      });
    });
  });
}

/** Asserts that the plan, the operations one by one and stock tfjs on its cpu backend predict the same. */
export async function assertPredictsAlike(network: NetworkSettings): Promise<void> {
  const images = pixelsOf(bytesOf(5));
  const engine = await startBackend({ threads: 2 });
  const model = seeded(network);
  try {
    const predictor = createPredictor(model);
    assert.is(predictor.unplanned, undefined);
    const found = { plan: predictor.predict(images), 'op by op': predictOpByOp(model, images) };
    predictor.dispose();
    await tf.setBackend('cpu');
    const expected = tf.tidy(() =>
      (model.predict(tf.tensor(images, [5, ...INPUT])) as tf.Tensor).dataSync<'float32'>(),
    );
    await tf.setBackend('wasm');
    for (const [road, probabilities] of Object.entries(found)) {
      expected.forEach((value, i) => {
        assert.ok(
          Math.abs(value - probabilities[i]!) < INFERENCE_TOLERANCE,
          `${road}: ${probabilities[i]} for ${value}`,
        );
      });
    }
  } finally {
    model.dispose();
    await engine.stop();
  }
}

const predictOpByOp = (model: tf.LayersModel, images: Float32Array): Float32Array =>
  tf.tidy(() => {
    const x = tf.tensor(images, [5, ...INPUT]);
    return tf.softmax(createForward(model)(x, { training: false, seed: 0, step: 0 })).dataSync<'float32'>();
  });

/** Asserts that an exported network gives the bits of the plan of the weights that the file holds. */
export async function assertExports(network: NetworkSettings): Promise<void> {
  const kernels = await WebAssembly.compile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)));
  const engine = await startBackend({ threads: 2 });
  const model = seeded(network);
  try {
    const labels = Array.from({ length: CLASSES }, (_, label) => `class ${label}`);
    const file = await exportModel(model, { name: 'network', labels, kernels: edgeKernelsDigest(kernels) });
    const images = bytesOf(9);
    const actual = (await createClassifier({ model: file, kernels })).classify(images);
    roundFilters(model);
    const predictor = createPredictor(model);
    assert.equal(actual, predictor.predict(pixelsOf(images)));
    predictor.dispose();
  } finally {
    model.dispose();
    await engine.stop();
  }
}

/** Replaces filters by what their levels stand for. */
function roundFilters(model: tf.LayersModel): void {
  for (const weight of model.weights) {
    const extents = weight.shape as number[];
    if (extents.length < 2) continue;
    const isDepthwise = weight.originalName.includes('depthwise');
    const channels = isDepthwise ? extents[2]! * extents[3]! : extents.at(-1)!;
    const rounded = tf.tensor(dequantise(quantise(weight.read().dataSync<'float32'>().slice(), channels)), extents);
    weight.write(rounded);
    rounded.dispose();
  }
}
