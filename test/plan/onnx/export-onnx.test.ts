// ONNX files of every family and of random networks: what the runtimes of ONNX compute of them is what tfjs does, to 1e-4, and its checker
// takes them; what cannot be written is refused by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { SelvedgeError } from '../../../src/core/errors.ts';
import {
  averageModels,
  buildNetwork,
  initializeWeights,
  loadShippedModel,
  type NetworkSettings,
  readShippedFile,
  shippedNames,
  standardizeInput,
} from '../../../src/models/index.ts';
import { decodeMessage } from '../../../src/models/onnx/index.ts';
import { exportOnnx, restoreModel } from '../../../src/plan/index.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { describe, kinds, randomModel } from '../random-models.ts';
import { channelsFirst, checkFiles, onnxRuntimes, pythonWith } from './peers.ts';

const test = suite('exportOnnx()');
const runtimes = await onnxRuntimes();
const python = pythonWith('onnx');
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-onnx-'));
const written: string[] = [];
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(async () => {
  rmSync(folder, { recursive: true });
  await engine.stop();
});

const BATCH = 3;
const GREY = { inputShape: [28, 28, 1], classes: 10 } as const;
const COLOUR = { inputShape: [32, 32, 3], classes: 7 } as const;
const labelsOf = (model: tf.LayersModel): string[] =>
  Array.from({ length: model.outputs[0]!.shape[1]! }, (_, i) => `class ${i}`);

/** Moving averages and vectors other than those of a network that nobody trained. */
function disturb(model: tf.LayersModel): void {
  tf.tidy(() => {
    model.weights.forEach((weight, i) => {
      if (weight.shape.length !== 1) return;
      const values = noise(weight.shape[0]!, i + 1);
      const isVariance = weight.originalName.includes('variance');
      weight.write(tf.tensor1d(values.map((value) => (isVariance ? 1 + Math.abs(value) : value / 4))));
    });
  });
}

/** Exports, keeps the file for the checker, and compares all runtimes with tfjs. */
async function assertRuns(name: string, model: tf.LayersModel): Promise<void> {
  const file = await exportOnnx(model, { name, labels: labelsOf(model) });
  const at = path.join(folder, `${written.length}.onnx`);
  writeFileSync(at, file);
  written.push(at);
  const [, height, width, channels] = model.inputs[0]!.shape as [number, number, number, number];
  const shape = [BATCH, height, width, channels] as const;
  const images = noise(BATCH * height * width * channels, 9).map((value) => Math.abs(value));
  const expected = tf.tidy(() => (model.predict(tf.tensor4d(images, [...shape])) as tf.Tensor).dataSync().slice());
  for (const [runtime, run] of runtimes) {
    const got = await run(file, channelsFirst(images, shape), [BATCH, channels, height, width]);
    const difference = Math.max(...expected.map((value, i) => Math.abs(value - got[i]!)));
    assert.ok(difference < 1e-4, `${name} on ${runtime}: ${difference}`);
    assert.is(got.length, expected.length);
  }
}

const networks: NetworkSettings[] = [
  { family: 'baseline' },
  { family: 'dropout' },
  { family: 'resnet20' },
  { family: 'linear' },
  { family: 'plain', stem: 8, widths: [16, 20], depth: 2 },
  { family: 'residual', widths: [9, 20], depth: 2 },
  { family: 'residual', widths: [9, 20], depth: 2, squeeze: 4 },
  { family: 'preactivation', stem: 6, widths: [8, 20], depth: 2 },
  { family: 'depthwise', stem: 6, widths: [12, 21], depth: 2 },
  { family: 'densenet', growth: 5, blocks: 2, depth: 3 },
  { family: 'inception', stem: 6, widths: [16, 32], depth: 2 },
];
for (const network of networks) {
  const name = JSON.stringify(network);
  test(`${name} runs as in tfjs`, async () => {
    for (const config of [GREY, COLOUR]) {
      const model = buildNetwork(network, { ...config, inputShape: [...config.inputShape] });
      initializeWeights(model, 3);
      disturb(model);
      await assertRuns(name, model);
      model.dispose();
    }
  });
}

test('an ensemble, and one that standardises its input, run as in tfjs', async () => {
  const members = [1, 2].map((seed) => {
    const model = buildNetwork({ family: 'linear' }, { ...GREY, inputShape: [...GREY.inputShape] });
    initializeWeights(model, seed);
    return model;
  });
  const ensemble = await averageModels(members, { weights: [0.3, 0.7] });
  await assertRuns('ensemble', ensemble);
  const standardised = await standardizeInput(members[0]!, { mean: 0.29, deviation: 0.35 });
  await assertRuns('standardised', standardised);
  for (const model of [...members, ensemble, standardised]) model.dispose();
});

test('models that ship run as in tfjs', async () => {
  const { model } = await loadShippedModel();
  await assertRuns('shipped', model);
  model.dispose();
  for (const name of shippedNames) {
    const restored = await restoreModel(await readShippedFile(name));
    await assertRuns(name, restored.model);
    restored.model.dispose();
  }
});

test('random networks of all layers that a plan knows run as in tfjs', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomModel(seed, new Set(kinds));
    await assertRuns(`seed ${seed}\n${describe(random)}`, random.model);
    random.model.dispose();
  }
});

test('layers of a user run as in tfjs: global maxima, a layer that is used twice, a vector of factors on the left', async () => {
  const { layers } = tf;
  const input = tf.input({ shape: [9, 7, 3] });
  const twice = layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' });
  const images = twice.apply(twice.apply(input)) as tf.SymbolicTensor;
  const maxima = layers.globalMaxPooling2d({}).apply(images) as tf.SymbolicTensor;
  const noisy = layers.gaussianNoise({ stddev: 0.1 }).apply(maxima) as tf.SymbolicTensor;
  const scaled = layers.multiply().apply([noisy, images]) as tf.SymbolicTensor;
  const active = layers.leakyReLU({ alpha: 0.2 }).apply(scaled) as tf.SymbolicTensor;
  const means = layers.globalAveragePooling2d({}).apply(active) as tf.SymbolicTensor;
  const vector = layers.multiply().apply([means, maxima]) as tf.SymbolicTensor;
  const output = layers.dense({ units: 4, activation: 'softmax' }).apply(vector) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  initializeWeights(model, 5);
  disturb(model);
  await assertRuns('layers of a user', model);
  model.dispose();
});

async function refusalOf(model: tf.LayersModel, labels = labelsOf(model)): Promise<string> {
  try {
    await exportOnnx(model, { name: 'mine', labels });
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return `${(error as SelvedgeError).code}: ${(error as SelvedgeError).message}`;
  }
  return 'no error';
}

test('the same model gives the same bytes, with its classes and settings in the metadata, and no tensor stays', async () => {
  const before = tf.memory().numTensors;
  const model = buildNetwork({ family: 'dropout' }, { ...GREY, inputShape: [...GREY.inputShape] });
  initializeWeights(model, 1);
  const options = { name: 'dropout', labels: labelsOf(model), settings: { epochs: 3 } };
  const [first, second] = [await exportOnnx(model, options), await exportOnnx(model, options)];
  assert.equal(first, second);
  const { irVersion, opsetImport, metadataProps, graph } = await decodeMessage('Model', first);
  assert.equal([irVersion, opsetImport], [8, [{ domain: '', version: 17 }]]);
  const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, JSON.parse(value!)]));
  assert.equal([metadata.classNames, metadata.settings], [options.labels, { epochs: 3 }]);
  assert.equal(
    graph!.node.map(({ opType }) => opType),
    [
      ...['Conv', 'Relu', 'MaxPool', 'Conv', 'Relu', 'MaxPool', 'Conv', 'Relu'],
      ...['Transpose', 'Flatten', 'Gemm', 'Relu', 'Gemm', 'Softmax'],
    ],
  );
  assert.equal(graph!.input[0]!.type!.tensorType!.shape!.dim, [
    { dimParam: 'batch' },
    ...[1, 28, 28].map((dimValue) => ({ dimValue })),
  ]);
  model.dispose();
  assert.is(tf.memory().numTensors, before);
});

test('what cannot be written is refused with the layer and the reason', async () => {
  const { layers } = tf;
  const dense = (): tf.layers.Layer => layers.dense({ units: 2, activation: 'softmax' });
  const cases: [tf.layers.Layer[], RegExp][] = [
    [[layers.flatten({ inputShape: [4, 4, 1] }), layers.dense({ units: 2, name: 'logits' })], /end in a softmax, got layer "logits"/],
    [[layers.upSampling2d({ inputShape: [4, 4, 1], name: 'up' }), layers.flatten(), dense()], /layer "up" has no ONNX node here: it is a UpSampling2D/],
    [
      [layers.conv2d({ inputShape: [null as unknown as number, 4, 1], name: 'c', filters: 1, kernelSize: 1 }), layers.globalAveragePooling2d({}), dense()],
      /layer "c" has an open shape/,
    ],
    [
      [layers.conv2d({ inputShape: [4, 4, 1], name: 'c', filters: 1, kernelSize: 1, activation: 'selu' }), layers.flatten(), dense()],
      /layer "c" has activation "selu"/,
    ],
  ]; // biome-ignore format: a table
  for (const [list, expected] of cases) {
    const model = tf.sequential({ layers: list });
    const refusal = await refusalOf(model);
    assert.match(refusal, /^export\/unsupported: Cannot export model "mine" as ONNX: /);
    assert.match(refusal, expected);
    model.dispose();
  }
  const model = buildNetwork({ family: 'linear' }, { ...GREY, inputShape: [...GREY.inputShape] });
  assert.match(await refusalOf(model, ['one']), /^export\/labels: .*expected 10 labels, got 1$/);
  tf.tidy(() => {
    model.weights[0]!.write(tf.fill(model.weights[0]!.shape as number[], Number.NaN));
  });
  assert.match(await refusalOf(model), /^export\/weights: .*expected finite numbers, got NaN/);
  model.dispose();
});

test('the checker of ONNX takes every file, with inferred shapes', () => {
  if (python === undefined) return;
  const told = checkFiles(python, written);
  assert.is(told.trim().split('\n').length, written.length);
  assert.ok(written.length > 60);
});

test.run();
