// Averages of weights: the recursion in double precision, statistics of batch norm made anew, and the weights back to the bit.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { averageWeights } from '../../src/backend/kernels/average-weights.ts';
import { type FitOptions, type FitState, fit, openCheckpoints, type Progress } from '../../src/training/index.ts';
import { createWeightAverage } from '../../src/training/weight-average.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { placeSample, type SampleExamples, settingsOf, smallModel, weightsDigest } from './sample-run.ts';

const f = Math.fround;
const DECAY = 0.8;

let engine: RunningBackend;
let examples: SampleExamples;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  examples = await placeSample({ count: 90 });
});
test.after(async () => {
  examples.resident.dispose();
  await engine.stop();
});

const averaged = (changes: Partial<FitOptions> = {}): FitOptions => ({
  training: examples.training,
  validation: examples.validation,
  settings: settingsOf({ averaging: { decay: DECAY } }),
  ...changes,
});

const trainableOf = (model: tf.LayersModel): Float32Array[] =>
  model.trainableWeights.map((weight) => weight.read().dataSync<'float32'>().slice());

/** What the averages are after updates that left these weights. */
function averagesOf(start: readonly Float32Array[], updates: readonly Float32Array[][]): number[][] {
  let averages = start.map((values) => [...values]);
  updates.forEach((weights, update) => {
    const decay = Math.min(DECAY, (1 + update) / (10 + update));
    averages = averages.map((values, i) => values.map((value, k) => decay * value + (1 - decay) * weights[i]![k]!));
  });
  return averages;
}

test('averageWeights() equals the scalar step to the bit for every tail and for sizes around a unit', () => {
  for (const size of [1, 2, 3, 4, 5, 7, 4095, 4096, 4097, 9001]) {
    const [weights, start] = [noise(size, 1), noise(size, 2)];
    tf.tidy(() => {
      const [w, average] = [tf.tensor1d(weights), tf.tensor1d(start)];
      averageWeights(currentBackend(), { weights: w, average, elements: size, share: 0.3 });
      const expected = start.map((value, i) => value + f(f(0.3) * f(weights[i]! - value)));
      assert.equal(average.dataSync(), expected, `${size}`);
    });
  }
});

test('fit() with averaging ends with the averages of the weights after each update, by a plan and op by op', async () => {
  for (const opByOp of [false, true]) {
    const before = tf.memory().numTensors;
    const model = smallModel();
    const start = trainableOf(model);
    const updates: Float32Array[][] = [];
    await fit(model, averaged({ opByOp, onProgress: () => updates.push(trainableOf(model)) }));
    const expected = averagesOf(start, updates);
    trainableOf(model).forEach((values, i) => {
      values.forEach((value, k) => {
        assert.ok(Math.abs(value - expected[i]![k]!) < 1e-6, `weight ${i}, ${k}`);
      });
    });
    model.dispose();
    assert.is(tf.memory().numTensors, before);
  }
});

test('fit() with averaging trains on as without: the weights between updates are the same to the bit', async () => {
  const coursesOf = async (options: FitOptions): Promise<string[]> => {
    const model = smallModel();
    const digests: string[] = [];
    await fit(model, { ...options, onProgress: () => digests.push(weightsDigest(model)) });
    model.dispose();
    return digests;
  };
  assert.equal(await coursesOf(averaged()), await coursesOf(averaged({ settings: settingsOf() })));
});

test('apply() gives batch norm the mean of the statistics of the observed batches, and revert() the bits before', () => {
  const model = smallModel();
  const average = createWeightAverage(model, { decay: DECAY });
  const norm = model.layers[1]!;
  const before = weightsDigest(model);
  const batches = [0, 1, 2].map((batch) => tf.tensor4d(noise(5 * 784, batch), [5, 28, 28, 1]));
  average.apply((batch) => tf.tidy(() => void model.apply(batches[batch]!, { training: true })), batches.length);
  const expected = tf.tidy(() => {
    const moments = batches.map((x) => tf.moments(model.layers[0]!.apply(x) as tf.Tensor, [0, 1, 2]));
    const meanOf = (key: 'mean' | 'variance'): tf.Tensor => tf.stack(moments.map((moment) => moment[key])).mean(0);
    return [meanOf('mean'), meanOf('variance')].map((tensor) => [...tensor.dataSync()]);
  });
  const found = norm
    .getWeights()
    .slice(2)
    .map((tensor) => [...tensor.dataSync()]);
  found.flat().forEach((value, i) => {
    assert.ok(Math.abs(value - expected.flat()[i]!) < 1e-5, `${value}`);
  });
  average.revert();
  assert.is(weightsDigest(model), before);
  average.dispose();
  tf.dispose(batches);
  model.dispose();
});

test('fit() with averaging goes on from an interruption to the same weights, and restores a finished run to them', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-average-'));
  const store = openCheckpoints<FitState>(folder);
  const whole = smallModel();
  const { history } = await fit(whole, averaged());
  const model = smallModel();
  const stop = new AbortController();
  const onProgress = ({ epoch, step }: Progress): void => {
    if (epoch === 2 && step === 2) stop.abort();
  };
  await fit(model, averaged({ checkpoints: store, signal: stop.signal, onProgress }));
  assert.is.not(weightsDigest(model), weightsDigest(whole));
  const resumed = await fit(model, averaged({ checkpoints: store }));
  assert.is(weightsDigest(model), weightsDigest(whole));
  assert.is(resumed.history[1]!.validationLoss, history[1]!.validationLoss);
  const other = smallModel(2);
  await fit(other, averaged({ checkpoints: store }));
  assert.is(weightsDigest(other), weightsDigest(whole));
  for (const each of [whole, model, other]) each.dispose();
  rmSync(folder, { recursive: true });
});

test('fit() with averaging validates the averages: the last validation loss is that of the model it ends with', async () => {
  const model = smallModel();
  const { history } = await fit(model, averaged());
  const loss = tf.tidy(() => {
    const { x, y } = examples.validation.batch(Int32Array.from({ length: 50 }, (_, i) => i));
    return tf.neg((model.predict(x) as tf.Tensor).log().mul(y).sum(-1).mean()).dataSync()[0]!;
  });
  assert.ok(Math.abs(history[1]!.validationLoss! - loss) < 1e-5);
  model.dispose();
});

test.run();
