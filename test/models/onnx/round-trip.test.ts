// Models to ONNX and back: the same predictions, the same weights where the layers are the same, and nothing left behind; and from the files
// of PyTorch's own exporter, at several opsets, with an open batch and a fixed one, what PyTorch computes. Where no python has torch
// (`apt-get install python3-torch`), a line says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  averageModels,
  buildNetwork,
  initializeWeights,
  loadModel,
  type NetworkSettings,
  readOnnxModel,
  standardizeInput,
  weightsDigest,
} from '../../../src/models/index.ts';
import { createPredictor, exportOnnx } from '../../../src/plan/index.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { channelsLast, pythonWith } from '../../plan/onnx/peers.ts';
import { describe, kinds, randomModel } from '../../plan/random-models.ts';

const test = suite('readOnnxModel()');
const python = pythonWith('torch');
const script = fileURLToPath(new URL('./torch-peer.py', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-torch-'));
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(async () => {
  rmSync(folder, { recursive: true });
  await engine.stop();
});

const BATCH = 3;
const labelsOf = (model: tf.LayersModel): string[] =>
  Array.from({ length: model.outputs[0]!.shape[1]! }, (_, i) => `class ${i}`);

function predictionsOf(model: tf.LayersModel): Float32Array {
  const [, ...shape] = model.inputs[0]!.shape as number[];
  const images = noise(BATCH * shape.reduce((product, extent) => product * extent, 1), 9).map(Math.abs);
  return tf.tidy(() =>
    (model.predict(tf.tensor(images, [BATCH, ...shape])) as tf.Tensor).dataSync<'float32'>().slice(),
  );
}

/** There and back; the caller disposes what it gets. */
async function there(model: tf.LayersModel): Promise<tf.LayersModel> {
  const file = await exportOnnx(model, { name: model.name, labels: labelsOf(model) });
  const before = tf.memory().numTensors;
  const read = await readOnnxModel(file);
  assert.equal(read.notices, []);
  assert.equal(read.metadata.classNames, labelsOf(model));
  assert.is(tf.memory().numTensors - before, read.model.weights.length, 'leak');
  return read.model;
}

function assertAlike(got: tf.LayersModel, expected: tf.LayersModel, of: string): void {
  const [a, b] = [predictionsOf(got), predictionsOf(expected)];
  const difference = Math.max(...b.map((value, i) => Math.abs(value - a[i]!)));
  assert.ok(difference < 1e-5, `${of}: ${difference}`);
  assert.equal(got.outputs[0]!.shape, expected.outputs[0]!.shape);
}

const networks: NetworkSettings[] = [
  { family: 'baseline' },
  { family: 'dropout' },
  { family: 'resnet20' },
  { family: 'linear' },
  { family: 'plain', stem: 8, widths: [16, 20], depth: 2 },
  { family: 'residual', widths: [9, 20], depth: 2, squeeze: 4 },
  { family: 'preactivation', stem: 6, widths: [8, 20], depth: 2 },
  { family: 'depthwise', stem: 6, widths: [12, 21], depth: 2 },
  { family: 'densenet', growth: 5, blocks: 2, depth: 3 },
  { family: 'inception', stem: 6, widths: [16, 32], depth: 2 },
];
for (const network of networks) {
  test(`gives back ${JSON.stringify(network)}: its weights to the bit, and a plan`, async () => {
    const model = buildNetwork(network, { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, 3);
    const back = await there(model);
    const digests = await Promise.all([model, back].map(weightsDigest));
    assert.is(digests[1], digests[0]);
    assert.is(createPredictor(back).unplanned, undefined);
    assertAlike(back, model, network.family);
    model.dispose();
    back.dispose();
  });
}

test('gives back an ensemble, and a model that standardises its input, whose layer stays as it is', async () => {
  const members = [1, 2].map((seed) => {
    const model = buildNetwork({ family: 'linear' }, { inputShape: [9, 8, 3], classes: 4 });
    initializeWeights(model, seed);
    return model;
  });
  const ensemble = await averageModels(members, { weights: [0.3, 0.7] });
  const standardised = await standardizeInput(members[0]!, { mean: 0.29, deviation: 0.35 });
  const backs = [await there(ensemble), await there(standardised)];
  assertAlike(backs[0]!, ensemble, 'ensemble');
  assertAlike(backs[1]!, standardised, 'standardised');
  assert.is(await weightsDigest(backs[1]!), await weightsDigest(standardised));
  assert.is(backs[1]!.getLayer('standardize_input').trainable, false);
  for (const model of [...members, ensemble, standardised, ...backs]) model.dispose();
});

test('gives back random networks of all layers that a plan knows, twice as well as once', async () => {
  for (let seed = 100; seed < 160; seed++) {
    const random = randomModel(seed, new Set(kinds));
    const of = `seed ${seed}\n${describe(random)}`;
    const back = await there(random.model);
    assertAlike(back, random.model, of);
    const again = await there(back);
    assert.is(await weightsDigest(again), await weightsDigest(back), of);
    for (const model of [random.model, back, again]) model.dispose();
  }
});

const floats = (name: string): Float32Array =>
  new Float32Array(Uint8Array.from(readFileSync(path.join(folder, name))).buffer);

/** What PyTorch gave as probabilities, whatever it was. */
function probabilities(outputs: Float32Array, classes: number, name: string): Float32Array {
  if (name.startsWith('mobile')) return outputs;
  return tf.tidy(() =>
    tf
      .softmax(tf.tensor2d(outputs, [outputs.length / classes, classes]))
      .dataSync<'float32'>()
      .slice(),
  );
}

for (const opset of python ? [9, 11, 13, 16] : []) {
  test(`loadModel() computes what PyTorch does, opset ${opset}`, async () => {
    execFileSync(python!, [script, folder, `${opset}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const models = JSON.parse(readFileSync(path.join(folder, `models-${opset}.json`), 'utf8')) as Record<
      string,
      { shape: [number, number, number]; classes: number }
    >;
    assert.is(Object.keys(models).length, 12);
    for (const [name, { shape, classes }] of Object.entries(models)) {
      const { model, notices = [] } = await loadModel(path.join(folder, `${name}.onnx`));
      const [channels, height, width] = shape;
      const images = channelsLast(floats(`${name}-images.bin`), [2, height, width, channels]);
      const got = tf.tidy(() =>
        (model.predict(tf.tensor4d(images, [2, height, width, channels])) as tf.Tensor).dataSync().slice(),
      );
      const expected = probabilities(floats(`${name}-outputs.bin`), classes, name);
      const difference = Math.max(...expected.map((value, i) => Math.abs(value - got[i]!)));
      assert.ok(difference < 1e-5, `${name}: ${difference}`);
      assert.is(notices.length, name.startsWith('mobile') ? 0 : 1, name);
      assert.is(createPredictor(model).unplanned, undefined, name);
      model.dispose();
    }
  });
}

test.run();
