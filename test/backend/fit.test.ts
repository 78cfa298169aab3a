// A user's plain tfjs code on our backend: model.fit, unchanged, against the cpu backend.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import { noiseTensor } from './kernels/oracle.ts';

const CLASSES = 4;
const IMAGES = 48;

function buildModel(): tf.Sequential {
  const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [12, 12, 1],
        filters: 6,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: seeded(1),
      }),
      tf.layers.batchNormalization(),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthwiseInitializer: seeded(2) }),
      tf.layers.prelu({ alphaInitializer: 'ones', sharedAxes: [1, 2] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 16, activation: 'relu', kernelInitializer: seeded(3) }),
      tf.layers.dense({ units: CLASSES, activation: 'softmax', kernelInitializer: seeded(4) }),
    ],
  });
}

interface Training {
  readonly losses: number[];
  readonly weights: number[][];
  readonly predictions: number[];
}

/** Trains from the given weights (default: the model's own) on the current backend. */
async function train(initial?: number[][]): Promise<Training & { readonly initial: number[][] }> {
  const model = buildModel();
  if (initial) {
    const tensors = model.getWeights().map((weight, i) => tf.tensor(initial[i]!, weight.shape));
    model.setWeights(tensors);
    tf.dispose(tensors);
  }
  const valuesOf = () => model.getWeights().map((weight) => [...weight.dataSync()]);
  const start = valuesOf();
  const optimizer = tf.train.adam(0.01);
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const x = noiseTensor<tf.Rank.R4>([IMAGES, 12, 12, 1], 9);
  const labels = tf.tensor1d(
    Array.from({ length: IMAGES }, (_, i) => i % CLASSES),
    'int32',
  );
  const y = tf.oneHot(labels, CLASSES);
  const { history } = await model.fit(x, y, { epochs: 3, batchSize: 16, shuffle: false, verbose: 0 });
  const scores = model.predict(x) as tf.Tensor;
  const result = {
    initial: start,
    losses: history.loss as number[],
    weights: valuesOf(),
    predictions: [...scores.dataSync()],
  };
  tf.dispose([x, labels, y, scores]);
  model.dispose();
  optimizer.dispose();
  return result;
}

const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

test('model.fit() of a CNN gives the losses, weights and predictions of the cpu backend, on any number of threads', async () => {
  await tf.setBackend('cpu');
  const expected = await train();
  let first: Training | undefined;
  for (const options of [{ threads: 2 }, { threads: 1 }, { sharedMemory: false }]) {
    const engine = await startBackend(options);
    const before = tf.memory().numTensors;
    const got = await train(expected.initial);
    assert.is(tf.memory().numTensors, before, 'leak');
    await engine.stop();
    assert.ok(furthest(got.losses, expected.losses) < 1e-3, `losses ${got.losses} and ${expected.losses}`);
    assert.ok(furthest(got.predictions, expected.predictions) < 0.01, 'predictions');
    first ??= got;
    assert.equal(got.losses, first.losses);
    assert.equal(got.weights, first.weights);
  }
  assert.ok(expected.losses.at(-1)! < expected.losses[0]!, 'it learns');
});

test.run();
