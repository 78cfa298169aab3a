// The training of a generator: it learns, goes on to the same bits after an interruption, and refuses what does not fit.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type GeneratorExamples,
  type GeneratorShape,
  type GeneratorTrainingOptions,
  openGeneratorCheckpoints,
  trainGenerator,
} from '../../../src/apps/generate/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-generate-'));
const shape: GeneratorShape = { side: 8, classes: 2, width: 8, condition: 8, blocks: [1, 1, 1] };
/** Light above of class 0, light below of class 1. */
const examples: GeneratorExamples = {
  images: Uint8Array.from({ length: 12 * 64 }, (_, i) => {
    const isAbove = i % 64 < 32;
    return isAbove === (Math.floor(i / 64) % 2 === 0) ? 230 : 10;
  }),
  labels: Uint8Array.from({ length: 12 }, (_, i) => i % 2),
};
const settings = { updates: 8, batchSize: 4, warmUp: 2 };

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const train = (options: GeneratorTrainingOptions = {}, from = examples) =>
  trainGenerator(from, { shape, ...options, settings: { ...settings, ...options.settings } });

const codeOf = async (run: () => Promise<unknown>): Promise<string> => {
  try {
    await run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test('trainGenerator() learns to lower its loss, and leaves no tensor behind', async () => {
  const before = tf.memory().numTensors;
  const losses: number[] = [];
  const trained = await train({
    settings: { updates: 100, learningRate: 0.01 },
    onProgress: ({ loss }) => losses.push(loss),
  });
  assert.is(trained.updates, 100);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean(losses.slice(-10)) < 0.6 * mean(losses.slice(0, 10)), `${losses}`);
  assert.is(tf.memory().numTensors, before);
});

test('trainGenerator() goes on after an interruption to the same bits, at another number of threads too', async () => {
  const whole = await train();
  const checkpoints = openGeneratorCheckpoints(path.join(folder, 'interrupted'));
  const controller = new AbortController();
  const part = await train({
    checkpoints,
    signal: controller.signal,
    onProgress: ({ updates }) => updates === 5 && controller.abort(),
  });
  assert.equal([part.updates, part.isFinished], [5, false]);
  await engine.stop();
  engine = await startBackend({ threads: 1 });
  const rest = await train({ checkpoints });
  assert.equal([rest.updates, rest.isFinished], [8, true]);
  assert.equal(rest.weights, whole.weights);
  assert.equal((await train({ checkpoints })).weights, whole.weights);
});

test('trainGenerator() may be made longer before its learning rate falls, and not after', async () => {
  const checkpoints = openGeneratorCheckpoints(path.join(folder, 'longer'));
  const controller = new AbortController();
  await train({
    checkpoints,
    signal: controller.signal,
    onProgress: ({ updates }) => updates === 3 && controller.abort(),
  });
  const longer = await train({ checkpoints, settings: { updates: 10 } });
  assert.equal(longer.weights, (await train({ settings: { updates: 10 } })).weights);
  assert.is(await codeOf(() => train({ checkpoints, settings: { updates: 12 } })), 'generate/checkpoint');
});

test('trainGenerator() refuses a checkpoint of other settings or pictures', async () => {
  const checkpoints = openGeneratorCheckpoints(path.join(folder, 'other'));
  await train({ checkpoints });
  assert.is(await codeOf(() => train({ checkpoints, settings: { seed: 2 } })), 'generate/checkpoint');
  const others = { ...examples, images: examples.images.map((level) => 255 - level) };
  assert.is(await codeOf(() => train({ checkpoints }, others)), 'generate/checkpoint');
});

test('trainGenerator() refuses pictures, labels and settings that make no sense', async () => {
  const { images, labels } = examples;
  const before = tf.memory().numTensors;
  assert.is(await codeOf(() => train({}, { images: new Uint8Array(0), labels: [] })), 'generate/examples');
  assert.is(await codeOf(() => train({}, { images: images.subarray(1), labels })), 'generate/examples');
  assert.is(await codeOf(() => train({}, { images, labels: Array.from(labels, () => 2) })), 'generate/examples');
  for (const change of [{ batchSize: 0 }, { batchSize: 13 }, { updates: 1.5 }, { learningRate: Number.NaN }]) {
    assert.is(await codeOf(() => train({ settings: change })), 'generate/settings');
  }
  assert.is(await codeOf(() => train({ settings: { learningRate: 1e30, warmUp: 1 } })), 'generate/diverged');
  assert.is(tf.memory().numTensors, before);
});

test.run();
