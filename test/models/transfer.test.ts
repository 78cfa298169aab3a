// Models that start from another: what is copied, what is made anew, what is frozen, what is refused; and standardisation as a layer.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  averageModels,
  buildNetwork,
  freezeLayers,
  initializeWeights,
  type NetworkSettings,
  standardizeInput,
  transferModel,
} from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

const inputShape = [28, 28, 1] as const;
const residual: NetworkSettings = { family: 'residual', widths: [8, 12], depth: 1 };

function build(network: NetworkSettings, classes = 10, seed = 1): tf.LayersModel {
  const model = buildNetwork(network, { inputShape, classes });
  initializeWeights(model, seed);
  return model;
}

const valuesOf = (layer: tf.layers.Layer): string =>
  layer.weights.map((weight) => weight.read().dataSync().join()).join(';');
const weighted = (model: tf.LayersModel): tf.layers.Layer[] => model.layers.filter(({ weights }) => weights.length > 0);

const disposeAll = (...models: tf.LayersModel[]): void => {
  for (const model of models) model.dispose();
};

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SelvedgeError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

for (const network of [{ family: 'dropout' }, residual] as const) {
  test(`transferModel() copies all weights of "${network.family}" for the same classes`, async () => {
    const source = build(network);
    for (const layer of weighted(source).slice(0, 2)) layer.trainable = false;
    const { model, newHead } = await transferModel(source, { inputShape, classes: 10, seed: 5 });
    assert.is(newHead, undefined);
    assert.equal(weighted(model).map(valuesOf), weighted(source).map(valuesOf));
    assert.ok(
      weighted(model).every(({ trainable }) => trainable),
      'a frozen layer of the source trains again',
    );
    disposeAll(source, model);
  });

  test(`transferModel() makes the head of "${network.family}" anew for other classes, by the seed`, async () => {
    const source = build(network);
    const options = { inputShape, classes: 3, seed: 5 };
    const { model, newHead } = await transferModel(source, options);
    assert.is(newHead?.layer, weighted(source).at(-1)!.name);
    assert.match(newHead!.reason, /10 classes, not 3/);
    assert.equal(model.outputs[0]!.shape, [null, 3]);
    assert.equal(weighted(model).slice(0, -1).map(valuesOf), weighted(source).slice(0, -1).map(valuesOf));
    const again = await transferModel(source, options);
    assert.is(valuesOf(weighted(again.model).at(-1)!), valuesOf(weighted(model).at(-1)!));
    const others = await transferModel(source, { ...options, classes: 10, otherClasses: true });
    assert.match(others.newHead!.reason, /other classes/);
    assert.is.not(valuesOf(weighted(others.model).at(-1)!), valuesOf(weighted(source).at(-1)!));
    disposeAll(source, model, again.model, others.model);
  });
}

test('transferModel() puts weights into a network that is given, and refuses another', async () => {
  const source = build({ family: 'dropout' }, 4);
  const target = build({ family: 'baseline' }, 10, 2);
  const { model } = await transferModel(source, { inputShape, classes: 10, seed: 5, target });
  assert.is(model, target);
  assert.equal(weighted(model).slice(0, -1).map(valuesOf), weighted(source).slice(0, -1).map(valuesOf));
  const other = build(residual);
  const codes = [
    await codeOf(transferModel(source, { inputShape, classes: 10, seed: 5, target: other })),
    await codeOf(transferModel(source, { inputShape: [32, 32, 3], classes: 10, seed: 5 })),
  ];
  assert.match(codes[0]!, /^models\/transfer-network: .*layers with weights/);
  assert.match(codes[1]!, /^models\/transfer-input: .*\[32, 32, 3\].*\[28, 28, 1\]/);
  const narrow = build({ family: 'plain', stem: 8, widths: [8], depth: 2 });
  const wide = build({ family: 'plain', stem: 8, widths: [16], depth: 2 });
  assert.match(
    await codeOf(transferModel(narrow, { inputShape, classes: 10, seed: 5, target: wide })),
    /^models\/transfer-network: .*weights \[3, 3, 8, 16\]/,
  );
  disposeAll(source, target, other, narrow, wide);
});

test('transferModel() refuses to make anew a head that is no dense layer', async () => {
  const source = tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [...inputShape] }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.softmax(),
    ],
  });
  assert.match(await codeOf(transferModel(source, { inputShape, classes: 3, seed: 1 })), /^models\/transfer-head/);
  source.dispose();
});

test('an average of models starts as it is, and has no one head to make anew or to leave', async () => {
  const members = [build({ family: 'baseline' }), build({ family: 'baseline' }, 10, 2)];
  const source = await averageModels(members);
  const options = { inputShape, classes: 10, seed: 1 };
  for (const other of [{ classes: 3 }, { otherClasses: true }]) {
    const code = await codeOf(transferModel(source, { ...options, ...other }));
    assert.match(code, /^models\/transfer-head: .*an average of 2 heads, expected one; start from one of its members/);
  }
  const { model } = await transferModel(source, options);
  assert.equal(weighted(model).map(valuesOf), weighted(source).map(valuesOf));
  const code = await codeOf(Promise.resolve().then(() => freezeLayers(model, 'all-but-last')));
  assert.match(code, /^models\/freeze: .*it has 2 last layers, member_1_\w+, member_2_\w+/);
  disposeAll(...members, source, model);
});

test('freezeLayers() freezes all but the last, or those that are named, and no others', () => {
  const model = build({ family: 'dropout' });
  assert.equal(freezeLayers(model, ['conv2d_1', 'dense_1']), ['conv2d_1', 'dense_1']);
  assert.is(model.trainableWeights.length, 6);
  assert.equal(freezeLayers(model, 'all-but-last'), ['conv2d_1', 'conv2d_2', 'conv2d_3', 'dense_1']);
  assert.is(model.trainableWeights.length, 2);
  model.dispose();
});

test('freezeLayers() refuses unknown layers, layers without weights, none and all', async () => {
  const model = build({ family: 'baseline' });
  const freeze = async (names: string[]): Promise<string[]> => freezeLayers(model, names);
  assert.match(await codeOf(freeze(['conv'])), /^models\/freeze: .*conv2d_1, conv2d_2.*got "conv"/);
  assert.match(await codeOf(freeze(['flatten'])), /^models\/freeze/);
  assert.match(await codeOf(freeze([])), /^models\/freeze: .*got none/);
  assert.match(await codeOf(freeze(weighted(model).map(({ name }) => name))), /^models\/freeze: .*got all/);
  assert.is(model.trainableWeights.length, 10);
  model.dispose();
});

test('standardizeInput() gives what the model gives of standardised images, by plan and op by op, and never trains', async () => {
  for (const network of [{ family: 'dropout' }, residual] as const) {
    const model = build(network);
    const standardising = await standardizeInput(model, { mean: 0.3, deviation: 0.25 });
    const images = Float32Array.from(noise(4 * 784, 1), (value) => Math.abs(value));
    const standardised = images.map((value) => (value - 0.3) / 0.25);
    const [plain, layered] = [createPredictor(model), createPredictor(standardising)];
    assert.is(layered.unplanned, undefined);
    const expected = plain.predict(standardised).slice();
    const stock = tf.tidy(() => (standardising.predict(tf.tensor(images, [4, ...inputShape])) as tf.Tensor).dataSync());
    layered.predict(images).forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${value} ${expected[i]}`);
      assert.ok(Math.abs(stock[i]! - expected[i]!) < 1e-5, `${stock[i]} ${expected[i]}`);
    });
    assert.is(standardising.trainableWeights.length, model.trainableWeights.length);
    const { model: next } = await transferModel(standardising, { inputShape, classes: 10, seed: 1 });
    assert.is(next.trainableWeights.length, model.trainableWeights.length);
    assert.match(await codeOf(standardizeInput(standardising, { mean: 0, deviation: 1 })), /^models\/standardize/);
    assert.match(await codeOf(standardizeInput(model, { mean: 0, deviation: 0 })), /^models\/standardize/);
    for (const one of [plain, layered, model, standardising, next]) one.dispose();
  }
});

test('transferModel() and standardizeInput() leave no tensors behind', async () => {
  const source = build({ family: 'dropout' });
  const before = tf.memory().numTensors;
  (await transferModel(source, { inputShape, classes: 3, seed: 1 })).model.dispose();
  (await standardizeInput(source, { mean: 0, deviation: 1 })).dispose();
  await codeOf(transferModel(source, { inputShape: [1, 1, 1], classes: 3, seed: 1 }));
  assert.is(tf.memory().numTensors, before);
  source.dispose();
});

test.run();
