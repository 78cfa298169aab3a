// createNetworkPredictor(): outputs and features of any model are those of tfjs on its cpu backend, by the plan and op by op; the same bits
// in any batch and on any number of threads; weights are followed, and nothing stays behind.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';
import { createNetworkPredictor } from '../../src/plan/index.ts';
import { EVERY_START, noise } from '../backend/kernels/oracle.ts';
import { randomNetwork } from './random-networks.ts';

const NETWORKS = 40;
const COUNT = 11;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Inputs of noise; whole numbers where a table is asked. */
function inputsOf(model: tf.LayersModel, classes: number, count: number, seed: number): Float32Array[] {
  return model.inputs.map((input, i) => {
    const values = noise(count * sizeOf(input.shape.slice(1) as number[]), seed + i);
    const isNumbered = model.layers.some((layer) => layer.getClassName() === 'Embedding' && layer.input === input);
    return isNumbered ? values.map((value) => Math.floor(((value + 1) / 2) * classes)) : values;
  });
}

const tensorsOf = (model: tf.LayersModel, inputs: readonly Float32Array[], count: number): tf.Tensor[] =>
  model.inputs.map(({ shape }, i) => tf.tensor(inputs[i]!, [count, ...(shape.slice(1) as number[])]));

/** By tfjs alone. */
async function predictOnCpu(
  model: tf.LayersModel,
  inputs: readonly Float32Array[],
  count: number,
): Promise<Float32Array[]> {
  await tf.setBackend('cpu');
  try {
    return tf.tidy(() =>
      [model.predict(tensorsOf(model, inputs, count), { batchSize: count })]
        .flat()
        .map((y) => y.dataSync<'float32'>().slice()),
    );
  } finally {
    await tf.setBackend('wasm');
  }
}

function assertNear(actual: readonly Float32Array[], expected: readonly Float32Array[], what: string): void {
  assert.is(actual.length, expected.length);
  expected.forEach((values, k) => {
    assert.is(actual[k]!.length, values.length, what);
    const scale = Math.max(1, ...values.map(Math.abs));
    values.forEach((value, i) => {
      assert.ok(
        Math.abs(actual[k]![i]! - value) < 3e-5 * scale,
        `${what}, output ${k}[${i}]: ${actual[k]![i]} for ${value}`,
      );
    });
  });
}

test('createNetworkPredictor() gives what tfjs gives for random networks of several inputs and outputs', async () => {
  const engine = await startBackend({ threads: 2 });
  for (let seed = 0; seed < NETWORKS; seed++) {
    const { model, classes } = randomNetwork(seed);
    const inputs = inputsOf(model, classes, COUNT, seed);
    const expected = await predictOnCpu(model, inputs, COUNT);
    // The weights come back from the cpu backend with the first call.
    tf.tidy(() => {
      model.predict(tensorsOf(model, inputs, COUNT));
    });
    const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
    const predictor = createNetworkPredictor(model, { batchSize: 1 + (seed % 13) });
    assert.is(predictor.unplanned, undefined, `network ${seed}`);
    const whole = predictor.predict(inputs);
    assertNear(whole, expected, `network ${seed}`);
    // The last example alone.
    const [last] = [inputs.map((values) => values.slice(-values.length / COUNT))];
    predictor.predict(last!).forEach((values, k) => {
      assert.equal(values, whole[k]!.slice(-values.length));
    });
    predictor.dispose();
    assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
    model.dispose();
  }
  await engine.stop();
});

test('createNetworkPredictor() gives the features of any layers, the softmax among them', async () => {
  const engine = await startBackend({ threads: 2 });
  const model = buildModel('resnet20', { inputShape: [12, 12, 1], classes: 10 });
  initializeWeights(model, 1);
  const layers = ['global_average_pooling', 'dense', ...model.layers.slice(3, 20).map(({ name }) => name)];
  const outputs = layers.map((name) => model.getLayer(name).output as tf.SymbolicTensor);
  const features = tf.model({ inputs: model.inputs, outputs });
  const inputs = [noise(5 * 144, 3)];
  const expected = await predictOnCpu(features, inputs, 5);
  const predictor = createNetworkPredictor(model, { layers });
  assert.is(predictor.unplanned, undefined);
  assert.equal(
    predictor.outputs.map(({ name }) => name),
    layers,
  );
  assertNear(predictor.predict(inputs[0]!), expected, 'resnet20');
  // Weights are followed.
  initializeWeights(model, 2);
  assertNear(predictor.predict(inputs), await predictOnCpu(features, inputs, 5), 'resnet20, other weights');
  predictor.dispose();
  model.dispose();
  await engine.stop();
});

test('createNetworkPredictor() gives the same bits on any number of threads', async () => {
  const found = new Set<string>();
  for (const options of EVERY_START) {
    const engine = await startBackend(options);
    const { model, classes } = randomNetwork(7);
    const predictor = createNetworkPredictor(model, { batchSize: 40 });
    found.add(JSON.stringify(predictor.predict(inputsOf(model, classes, 53, 1)).map((values) => [...values])));
    predictor.dispose();
    model.dispose();
    await engine.stop();
  }
  assert.is(found.size, 1);
});

test('createNetworkPredictor() runs what has no plan op by op, and says why', async () => {
  const engine = await startBackend({ threads: 1 });
  const layers = [tf.layers.cropping2D({ inputShape: [5, 5, 2], cropping: [[1, 1], [1, 0]], name: 'cropped' })]; // biome-ignore format: a row
  const model = tf.sequential({ layers });
  const predictor = createNetworkPredictor(model);
  assert.match(predictor.unplanned!, /layer "cropped" is a Cropping2D/);
  const inputs = [noise(3 * 50, 1)];
  assertNear(predictor.predict(inputs), await predictOnCpu(model, inputs, 3), 'cropped');
  predictor.dispose();
  model.dispose();
  await engine.stop();
});

test('createNetworkPredictor() refuses layers that are not there and values that are no whole examples', async () => {
  const engine = await startBackend({ threads: 1 });
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  const refusal = (code: string, message: RegExp) => (error: unknown) =>
    error instanceof SelvedgeError && error.code === code && message.test(error.message);
  assert.throws(
    () => createNetworkPredictor(model, { layers: ['nose'] }),
    refusal('predictor/layer', /layer "nose".*expected one of/),
  );
  assert.throws(() => createNetworkPredictor(model, { batchSize: 0 }), refusal('predictor/shape', /batch size/));
  const predictor = createNetworkPredictor(model);
  assert.throws(() => predictor.predict(new Float32Array(785)), refusal('predictor/shape', /784 values/));
  assert.throws(
    () => predictor.predict([new Float32Array(784), new Float32Array(1)]),
    refusal('predictor/shape', /1 inputs, got 2/),
  );
  assert.equal(
    predictor.predict(new Float32Array(0)).map(({ length }) => length),
    [0],
  );
  predictor.dispose();
  model.dispose();
  await engine.stop();
});

test.run();
