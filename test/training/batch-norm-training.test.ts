// Whole trainings of networks with batch norm: the same bits on any number of threads and after an interruption, and tfjs's own
// model.fit beside them.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BackendOptions, startBackend } from '../../src/backend/index.ts';
import { initializeWeights } from '../../src/models/index.ts';
import { type Checkpoint, type CheckpointStore, type FitState, fit } from '../../src/training/index.ts';
import { assertClose, type Outputs } from '../backend/kernels/oracle.ts';
import { placeSample, settingsOf, studyModel, weightsDigest } from './sample-run.ts';

/** Batch norm of images and of vectors, with and without gamma and beta, between activations of several kinds. */
function normalisedModel(): tf.LayersModel {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 5, kernelSize: 3, strides: 2, useBias: false }),
      layers.batchNormalization({ scale: false }),
      layers.leakyReLU({ alpha: 0.1 }),
      layers.conv2d({ filters: 8, kernelSize: 3, activation: 'elu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 19, activation: 'tanh' }),
      layers.batchNormalization({ center: false, momentum: 0.8 }),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  initializeWeights(model, 3);
  return model;
}

const STARTS: readonly BackendOptions[] = [{ threads: 1 }, { threads: 2 }, { threads: 3 }, { sharedMemory: false }];

test('fit() with batch norm gives the same weights, averages and losses, to the bit, on 1, 2 and 3 threads and on unshared memory', async () => {
  const outcomes: string[][] = [];
  for (const start of STARTS) {
    const engine = await startBackend(start);
    const { training, validation, resident } = await placeSample({ count: 70 });
    const found: string[] = [];
    for (const model of [normalisedModel(), studyModel('resnet20')]) {
      // A whole batch of 50 and a short one of 20.
      const { history } = await fit(model, {
        training,
        validation,
        settings: settingsOf({ epochs: 1, batchSize: 50 }),
      });
      found.push(weightsDigest(model), ...history.map(({ loss, validationLoss }) => `${loss} ${validationLoss}`));
      model.dispose();
    }
    resident.dispose();
    await engine.stop();
    outcomes.push(found);
  }
  for (const [i, found] of outcomes.entries()) assert.equal(found, outcomes[0], JSON.stringify(STARTS[i]));
});

/** Keeps the last checkpoint, as files would: a copy. */
function rememberCheckpoints(): CheckpointStore<FitState> {
  let kept: Checkpoint<FitState> | undefined;
  return {
    load: async () => kept && structuredClone(kept),
    save: async (checkpoint) => {
      kept = structuredClone(checkpoint);
    },
    clear: async () => {
      kept = undefined;
    },
  };
}

test('fit() with batch norm, interrupted after any update, goes on in another model to the same weights and averages', async () => {
  const engine = await startBackend({ threads: 2 });
  const { training, resident } = await placeSample({ count: 50 });
  const settings = settingsOf({ epochs: 2, batchSize: 20 });
  const whole = normalisedModel();
  const { updates } = await fit(whole, { training, settings });
  const expected = weightsDigest(whole);
  whole.dispose();
  assert.is(updates, 6);
  for (let stopAfter = 1; stopAfter < updates; stopAfter++) {
    const checkpoints = rememberCheckpoints();
    const abort = new AbortController();
    let done = 0;
    const first = normalisedModel();
    const { status } = await fit(first, {
      training,
      settings,
      checkpoints,
      signal: abort.signal,
      onProgress: () => {
        if (++done === stopAfter) abort.abort();
      },
    });
    assert.is(status, 'interrupted');
    first.dispose();
    const second = normalisedModel();
    await fit(second, { training, settings, checkpoints });
    assert.is(weightsDigest(second), expected, `after update ${stopAfter}`);
    second.dispose();
  }
  resident.dispose();
  await engine.stop();
});

/** Weights and averages after four updates by tfjs's own trainer. */
async function trainByTfjs(): Promise<Outputs> {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [9, 9, 2], filters: 6, kernelSize: 3, useBias: false }),
      layers.batchNormalization(),
      layers.activation({ activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  initializeWeights(model, 5);
  const optimizer = tf.train.sgd(0.1);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const images = tf.tidy(() =>
    tf
      .linspace(-2, 2, 32 * 9 * 9 * 2)
      .mul(37)
      .sin()
      .reshape([32, 9, 9, 2]),
  );
  const labels = tf.tidy(() => tf.oneHot(tf.tensor1d(Int32Array.from({ length: 32 }, (_, i) => i % 3)), 3));
  const { history } = await model.fit(images, labels, { epochs: 2, batchSize: 16, shuffle: false });
  assert.ok(Number(history.loss![1]) < Number(history.loss![0]));
  const outputs = model.getWeights().map((weight) => ({ shape: weight.shape, values: weight.dataSync() }));
  model.dispose();
  optimizer.dispose();
  tf.dispose([images, labels]);
  return outputs;
}

test('model.fit() of tfjs with batch norm ends with the weights and averages that it has on the cpu backend', async () => {
  await tf.setBackend('cpu');
  const expected = await trainByTfjs();
  const engine = await startBackend({ threads: 2 });
  const before = tf.memory().numTensors;
  const found = await trainByTfjs();
  assert.is(found.length, 7);
  assertClose(found, expected, 1e-4);
  assert.is(tf.memory().numTensors, before, 'leak');
  await engine.stop();
});

test.run();
