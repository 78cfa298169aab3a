// resnet20: the network of the paper to the parameter, its files in stock tfjs, and that it learns.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildModel, initializeWeights, loadModel, saveModel, summarizeModel } from '../../src/models/index.ts';
import { fit } from '../../src/training/index.ts';
import { evaluate } from '../backend/kernels/oracle.ts';
import { placeSample, settingsOf } from '../training/sample-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const build = (inputShape: [number, number, number] = [28, 28, 1]): tf.LayersModel => {
  const model = buildModel('resnet20', { inputShape, classes: 10 });
  initializeWeights(model, 1);
  return model;
};

/** Weights of a k x k convolution without bias and of the batch norm behind it: gamma, beta, moving mean and variance. */
const convolution = (k: number, from: number, to: number): number => k * k * from * to + 4 * to;

test('buildModel() builds "resnet20" with the 273,754 parameters of its parts, 272,186 of them trainable', () => {
  const stage = (from: number, to: number): number =>
    convolution(3, from, to) + 5 * convolution(3, to, to) + (from === to ? 0 : convolution(1, from, to));
  const total = convolution(3, 1, 16) + stage(16, 16) + stage(16, 32) + stage(32, 64) + 64 * 10 + 10;
  assert.is(total, 273_754);
  const model = build();
  assert.is(model.countParams(), total);
  // Moving averages: two for each of the 16 + 6 x 16 + 7 x 32 + 7 x 64 channels.
  const trainable = model.trainableWeights.reduce(
    (sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]),
    0,
  );
  assert.is(trainable, total - 2 * 784);
  assert.is(model.name, 'resnet20');
  model.dispose();
});

test('buildModel() gives "resnet20" 20 weighted layers on the longest path, strides of 2 twice, and shapes of 28, 14 and 7', () => {
  const model = build();
  const { layers } = summarizeModel(model);
  const shortcuts = layers.filter(({ name }) => name.endsWith('shortcut_conv'));
  const weighted = layers.filter(({ type }) => type === 'Conv2D' || type === 'Dense');
  assert.is(weighted.length - shortcuts.length, 20);
  assert.equal(
    shortcuts.map(({ config, outputShape }) => [config, outputShape]),
    [
      ['32 filters 1x1', [14, 14, 32]],
      ['64 filters 1x1', [7, 7, 64]],
    ],
  );
  const sums = layers.filter(({ type }) => type === 'Add');
  assert.equal(
    sums.map(({ outputShape }) => outputShape),
    [...Array(3).fill([28, 28, 16]), ...Array(3).fill([14, 14, 32]), ...Array(3).fill([7, 7, 64])],
  );
  assert.equal(layers.find(({ name }) => name === 'stage_1_block_1_add')!.inputs, [
    'stage_1_block_1_2_bn',
    'stem_relu',
  ]);
  for (const layer of model.layers.filter((each) => each.getClassName() === 'Conv2D')) {
    const { useBias, kernelInitializer, padding } = layer.getConfig();
    const { config } = kernelInitializer as { config: { scale: number; mode: string; distribution: string } };
    assert.equal(
      [useBias, padding, config.scale, config.mode, config.distribution],
      [false, 'same', 2, 'fanIn', 'normal'],
    );
  }
  model.dispose();
});

test('buildModel() builds "resnet20" for colour images of other sizes', () => {
  const model = build([33, 20, 3]);
  const shape = evaluate(() => model.predict(tf.zeros([2, 33, 20, 3])) as tf.Tensor)[0]!.shape;
  assert.equal(shape, [2, 10]);
  model.dispose();
});

test('a saved resnet20 loads here with the same bits, and in stock tfjs alone with the same predictions', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-resnet-'));
  const model = build();
  try {
    // Two updates, so that the moving averages are not those of the start.
    const { training, resident } = await placeSample({ count: 32 });
    await fit(model, { training, settings: settingsOf({ epochs: 1 }) });
    resident.dispose();
    await saveModel(model, folder);
    const { model: loaded } = await loadModel(folder);
    assert.is(loaded.weights.length, model.weights.length);
    loaded.getWeights().forEach((weight, i) => {
      assert.equal(weight.dataSync(), model.getWeights()[i]!.dataSync());
    });
    loaded.dispose();
    const script = fileURLToPath(new URL('./stock-tfjs-child.ts', import.meta.url));
    const child = spawnSync(process.execPath, ['--import', 'tsx', script, folder], { encoding: 'utf8' });
    assert.is(child.status, 0, child.stderr);
    const { predictions } = JSON.parse(child.stdout.slice(child.stdout.indexOf('{"predictions"'))) as {
      predictions: number[];
    };
    const images = tf.linspace(0, 1, 3 * 28 * 28).reshape([3, 28, 28, 1]);
    const ours = (model.predict(images) as tf.Tensor).dataSync();
    predictions.forEach((value, i) => {
      assert.ok(Math.abs(value - ours[i]!) < 1e-5, `prediction ${i}: ${value} and ${ours[i]}`);
    });
  } finally {
    model.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('fit() lowers the loss of resnet20 from epoch to epoch', async () => {
  const { training, resident } = await placeSample({ count: 128 });
  const model = build();
  const { history } = await fit(model, { training, settings: settingsOf({ epochs: 4, batchSize: 32 }) });
  const losses = history.map(({ loss }) => loss);
  for (let epoch = 1; epoch < 4; epoch++) assert.ok(losses[epoch]! < losses[epoch - 1]!, losses.join(', '));
  assert.ok(losses[3]! < losses[0]! / 2, losses.join(', '));
  model.dispose();
  resident.dispose();
});

test.run();
