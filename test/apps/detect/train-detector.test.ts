// Training: the same bits at any number of threads and after an interruption; other settings are refused; loss falls; nothing is kept.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DetectorModel,
  type DetectorTraining,
  decodeDetector,
  detectorTrainingDefaults,
  encodeDetector,
  openDetector,
  openScenes,
  trainDetector,
} from '../../../src/apps/detect/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import type { SelvedgeError } from '../../../src/core/errors.ts';
import { type Dataset, loadFashionMnistSample, subsetOf } from '../../../src/data/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-detector-'));
let items: Dataset;
test.before(async () => {
  items = subsetOf(
    (await loadFashionMnistSample()).train,
    Int32Array.from({ length: 60 }, (_, i) => i),
    'few',
  );
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const training: DetectorTraining = {
  ...detectorTrainingDefaults,
  widths: { half: 4, quarter: 8, eighth: 12, blocks: 1 },
  scenes: { ...detectorTrainingDefaults.scenes, height: 64, width: 56, fewest: 1, most: 2 },
  steps: 12,
  batch: 4,
};

async function withThreads<T>(threads: number, run: (engine: RunningBackend) => Promise<T>): Promise<T> {
  const engine = await startBackend({ threads });
  try {
    return await run(engine);
  } finally {
    await engine.stop();
  }
}

const bitsOf = (model: DetectorModel): number[][] =>
  model.convolutions.flatMap(({ kernel, bias }) => [Array.from(kernel), Array.from(bias)]);

let whole: DetectorModel;

test('trainDetector() gives the same bits at any number of threads, and lets go of every tensor', async () => {
  const losses: number[] = [];
  whole = await withThreads(1, async () => {
    const tensors = tf.memory().numTensors;
    const onProgress = ({ scores, boxes }: { scores: number; boxes: number }) => losses.push(scores + boxes);
    const model = await trainDetector({ items, training, folder: path.join(folder, 'whole'), onProgress });
    assert.is(tf.memory().numTensors, tensors);
    return model!;
  });
  assert.is(losses.length, 12);
  assert.ok(losses.at(-1)! < losses[0]!, losses.join(' '));
  const two = await withThreads(2, () => trainDetector({ items, training, folder: path.join(folder, 'two') }));
  assert.equal(bitsOf(two!), bitsOf(whole));
});

test('trainDetector() goes on to the same bits, even where it was meant to be of another length before its rate falls', async () => {
  const place = path.join(folder, 'stopped');
  const stop = new AbortController();
  const onProgress = ({ step }: { step: number }) => step === 5 && stop.abort();
  const first = await withThreads(1, () =>
    trainDetector({ items, training: { ...training, steps: 20 }, folder: place, signal: stop.signal, onProgress }),
  );
  assert.is(first, undefined);
  const second = await withThreads(2, () => trainDetector({ items, training, folder: place }));
  assert.equal(bitsOf(second!), bitsOf(whole));
});

test('trainDetector() refuses another training, and settings that make no sense', async () => {
  await withThreads(1, async () => {
    const codeOf = async (changes: Partial<DetectorTraining>): Promise<string> => {
      try {
        await trainDetector({ items, training: { ...training, ...changes }, folder: path.join(folder, 'whole') });
      } catch (error) {
        return (error as SelvedgeError).code;
      }
      return '';
    };
    assert.is(await codeOf({ seed: 9 }), 'detect/other-training');
    assert.is(await codeOf({ steps: 30 }), 'detect/other-training');
    assert.is(await codeOf({ steps: 0 }), 'detect/training');
    assert.is(await codeOf({ learningRate: Number.NaN }), 'detect/training');
    assert.is(await codeOf({ batch: 2.5 }), 'detect/training');
  });
});

test('a detector comes back from its file within the rounding of int8, and damage is told', async () => {
  const bytes = await encodeDetector(whole);
  const back = await decodeDetector(bytes, 'file');
  assert.equal(back.description, whole.description);
  whole.convolutions.forEach(({ kernel, bias, outputs }, i) => {
    const { kernel: read, bias: readBias } = back.convolutions[i]!;
    assert.equal(readBias, bias);
    const largest = new Float64Array(outputs);
    kernel.forEach((value, k) => {
      largest[k % outputs] = Math.max(largest[k % outputs]!, Math.abs(value));
    });
    assert.ok(kernel.every((value, k) => Math.abs(value - read[k]!) <= (largest[k % outputs]! / 127) * 0.501));
  });
  const codeOf = async (damaged: Uint8Array): Promise<string> => {
    try {
      await decodeDetector(damaged, 'file');
    } catch (error) {
      return (error as SelvedgeError).code;
    }
    return '';
  };
  const flipped = bytes.slice();
  flipped[bytes.length - 3]! ^= 1;
  assert.is(await codeOf(flipped), 'detect/corrupt');
  assert.is(await codeOf(bytes.subarray(0, 500)), 'detect/corrupt');
  assert.is(await codeOf(new Uint8Array(0)), 'detect/foreign');
  assert.is(await codeOf(Uint8Array.from({ length: 99 }, (_, i) => i)), 'detect/foreign');
});

test('openDetector() finds the same at any number of threads, alone and in a batch, and refuses what does not fit', async () => {
  const at = (threads: number) =>
    withThreads(threads, async () => {
      const tensors = tf.memory().numTensors;
      const detector = openDetector(whole);
      const scenes = openScenes(items, training.scenes);
      const { images } = scenes.compose({ first: 0, count: 3, kind: 'plain', seed: 1 });
      const options = { threshold: 0.001, classes: 'each' } as const;
      const found = detector.detect(images, options);
      const alone = images.slice([1, 0, 0, 0], [1, -1, -1, -1]);
      assert.equal(detector.detect(alone, options)[0], found[1]);
      const odd = tf.zeros<tf.Rank.R4>([1, 60, 64, 1]);
      assert.throws(() => detector.detect(odd, options), /multiples of 8/);
      assert.throws(() => detector.detect(images, { ...options, threshold: 1 }), /below 1/);
      tf.dispose([images, alone, odd]);
      scenes.dispose();
      detector.dispose();
      assert.is(tf.memory().numTensors, tensors);
      return found;
    });
  const found = await at(1);
  assert.ok(found.flat().length > 0);
  for (const { box, score } of found.flat()) {
    assert.ok(score >= 0.001 && box[0] >= 0 && box[1] >= 0 && box[2] <= 56 && box[3] <= 64);
  }
  assert.equal(await at(2), found);
});

test.run();
