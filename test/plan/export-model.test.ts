// Exported models: the bits of an inference plan of the same weights, for every model that has a plan; all others are refused.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { type Classifier, createClassifier, dequantise, edgeKernelsDigest, quantise } from '../../src/edge/index.ts';
import { buildModel, initializeWeights, modelNames, weightsDigest } from '../../src/models/index.ts';
import { createPredictor, exportModel } from '../../src/plan/index.ts';
import { recordNetwork } from '../../src/plan/recorded-network.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { inferenceModel, inferenceModels, scatterAverages } from './inference-models.ts';
import { describe, kinds, randomModel } from './random-models.ts';

const COUNT = 21;
const kernels = await WebAssembly.compile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)));

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const labelsOf = (model: tf.LayersModel): string[] =>
  Array.from({ length: model.outputs[0]!.shape[1]! }, (_, label) => `class ${label}`);

const exported = (model: tf.LayersModel): Promise<Uint8Array> =>
  exportModel(model, { name: model.name, labels: labelsOf(model), kernels: edgeKernelsDigest(kernels) });

const classifierOf = async (model: tf.LayersModel): Promise<Classifier> =>
  createClassifier({ model: await exported(model), kernels });

function imagesFor(model: tf.LayersModel, count: number, seed = 1): Uint8Array {
  const length = count * tf.util.sizeFromShape(model.inputs[0]!.shape.slice(1) as number[]);
  return Uint8Array.from(noise(length, seed), (value) => Math.floor(((value + 1) / 2) * 255.99));
}

/** Replaces the filters of a model by what their levels stand for. */
function roundFilters(model: tf.LayersModel): void {
  for (const weight of model.weights) {
    const extents = weight.shape as number[];
    if (extents.length < 2) continue;
    const isDepthwise = weight.originalName.includes('depthwise');
    const channels = isDepthwise ? extents[2]! * extents[3]! : extents.at(-1)!;
    const values = weight.read().dataSync<'float32'>().slice();
    const rounded = tf.tensor(dequantise(quantise(values, channels)), extents);
    weight.write(rounded);
    rounded.dispose();
  }
}

function predict(model: tf.LayersModel, images: Uint8Array): Float32Array {
  const predictor = createPredictor(model);
  const probabilities = predictor.predict(Float32Array.from(images, (byte) => byte / 255));
  predictor.dispose();
  return probabilities;
}

/** Asserts that a model answers the same when it is exported, and as a model of the weights that the file holds. */
async function assertSameBits(model: tf.LayersModel, what: string, seed = 1): Promise<void> {
  const images = imagesFor(model, COUNT, seed);
  const classifier = await classifierOf(model);
  const actual = classifier.classify(images);
  roundFilters(model);
  assert.equal(actual, predict(model, images), what);
  const imageBytes = images.length / COUNT;
  for (const size of [1, 5, 8, 9]) {
    const few = classifier.classify(images.subarray((COUNT - size) * imageBytes));
    assert.equal(few, actual.subarray((COUNT - size) * labelsOf(model).length), `${what}, ${size} images`);
  }
}

for (const name of modelNames) {
  test(`exportModel() gives ${name} the bits of its inference plan`, async () => {
    const model = buildModel(name, { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, 3);
    scatterAverages(model, 3);
    await assertSameBits(model, name);
    model.dispose();
  });
}

test('exportModel() gives models of every kind of layer the bits of their inference plans', async () => {
  for (const name of inferenceModels) {
    const model = inferenceModel(name);
    await assertSameBits(model, name);
    model.dispose();
  }
});

test('exportModel() gives 40 random graphs the bits of their inference plans', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomModel(seed, new Set(kinds));
    scatterAverages(random.model, seed);
    await assertSameBits(random.model, `seed ${seed}: ${describe(random)}`, seed);
    random.model.dispose();
  }
});

test('exportModel() makes the same bytes each time, leaves no tensor and changes no weight', async () => {
  const model = inferenceModel('residual');
  const digest = await weightsDigest(model);
  const before = tf.memory().numTensors;
  const first = await exported(model);
  assert.equal(await exported(model), first);
  assert.is(tf.memory().numTensors, before);
  assert.is(await weightsDigest(model), digest);
  const { model: told } = await createClassifier({ model: first, kernels });
  assert.equal(told, {
    name: model.name,
    labels: labelsOf(model),
    inputShape: model.inputs[0]!.shape.slice(1),
    settings: {},
    fingerprint: digest,
    formatVersion: 1,
    kernels: edgeKernelsDigest(kernels),
  });
  model.dispose();
});

test('recordNetwork() numbers kernels that build/edge.wasm has, and fills a memory as large as it says', () => {
  const names = new Set(WebAssembly.Module.exports(kernels).map(({ name }) => name));
  for (const name of inferenceModels) {
    const model = inferenceModel(name);
    const network = recordNetwork(model);
    if ('reason' in network) throw new Error(network.reason);
    assert.equal(
      network.kernels.filter((kernel) => !names.has(kernel)),
      [],
      name,
    );
    assert.is(network.programs.length, 8);
    for (const { byteOffset, values } of network.words) {
      assert.ok(byteOffset > 0 && byteOffset + values.byteLength <= network.memoryBytes, name);
    }
    model.dispose();
  }
});

const refusal = async (model: tf.LayersModel, labels = labelsOf(model)): Promise<{ code: string; message: string }> => {
  try {
    await exportModel(model, { name: 'odd', labels, kernels: edgeKernelsDigest(kernels) });
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('no error');
};

test('exportModel() refuses a model without a plan, and says why', async () => {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.upSampling2d({ inputShape: [4, 4, 1], name: 'twice_as_large' }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  const { code, message } = await refusal(model);
  assert.is(code, 'export/unsupported');
  assert.match(message, /^Cannot export model "odd": .*exported models have no upSampling$/);
  model.dispose();
});

test('exportModel() refuses other than a label a class, and weights that are no numbers', async () => {
  const model = inferenceModel('dense layers');
  assert.is((await refusal(model, ['one'])).code, 'export/labels');
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const weight = model.weights[1]!;
    const filled = tf.fill(weight.shape as number[], wrong);
    weight.write(filled);
    filled.dispose();
    const { code, message } = await refusal(model);
    assert.is(code, 'export/weights');
    assert.ok(message.includes(`${wrong}`) && message.includes(weight.originalName), message);
  }
  model.dispose();
});

test.run();
