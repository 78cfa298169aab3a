// Out-of-fold probabilities: the same whether or not the trainings were stopped in between, and no image sees itself.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnistSample, subsetOf } from '../../src/data/index.ts';
import { predictOutOfFold } from '../../src/experiments/index.ts';
import { fitDefaults } from '../../src/training/index.ts';

const test = suite('predictOutOfFold()');
let engine: RunningBackend;
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-folds-'));
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const options = {
  network: { family: 'dropout' },
  settings: { ...fitDefaults, epochs: 2, batchSize: 32 },
  folds: 2,
} as const;
const { train } = await loadFashionMnistSample();
const set = subsetOf(
  train,
  Array.from({ length: 200 }, (_, i) => i),
  'few',
);

test('is the same after it was stopped and gone on with, and holds no tensor', async () => {
  const whole = await predictOutOfFold(set, options);
  assert.is(whole!.length, 2000);
  const before = tf.memory().numTensors;
  const stop = new AbortController();
  const stopped = await predictOutOfFold(set, {
    ...options,
    folder,
    signal: stop.signal,
    onEpoch: (fold, { epoch }) => {
      if (fold === 2 && epoch === 1) stop.abort();
    },
  });
  assert.is(stopped, undefined);
  const epochs: string[] = [];
  const onEpoch = (fold: number, { epoch }: { epoch: number }): void => {
    epochs.push(`${fold}.${epoch}`);
  };
  assert.equal(await predictOutOfFold(set, { ...options, folder, onEpoch }), whole);
  assert.equal(epochs, ['2.2']);
  assert.is(tf.memory().numTensors, before);
});

test('begins anew where the folder holds folds of other labels', async () => {
  const labels = set.labels.map((label) => (label + 1) % 10);
  const epochs: number[] = [];
  const onEpoch = (fold: number): void => {
    epochs.push(fold);
  };
  await predictOutOfFold({ ...set, labels }, { ...options, folder, onEpoch });
  assert.equal(epochs, [1, 1, 2, 2]);
});

test('refuses one fold, by code', async () => {
  const code = await predictOutOfFold(set, { ...options, folds: 1 }).catch((error) => error.code);
  assert.is(code, 'experiments/folds');
});

test.run();
