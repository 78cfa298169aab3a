// Batches from a resident data set, and IDX files straight into tensors, against plain loops.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { augmentBatch, defaultAugmentation } from '../../src/data/augmentation.ts';
import { placeDataset } from '../../src/data/batches.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { encodeIdx } from '../../src/data/idx.ts';
import { decodeIdxToTensors } from '../../src/data/idx-tensors.ts';
import { resampleClasses } from '../../src/data/resample.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

function makeDataset(count: number, height: number, width: number, channels: number, classes: number): Dataset {
  const images = new Uint8Array(count * height * width * channels).map((_, i) => (i * 37 + (i >> 8)) & 255);
  const labels = new Uint8Array(count).map((_, i) => (i * 5 + 1) % classes);
  const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`);
  return { name: 'made', images, labels, count, height, width, channels, classNames };
}

/** float32 of byte / 255: the division in doubles and one rounding equals the division in float32. */
const scaled = (bytes: Uint8Array): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);

function oneHot(labels: ArrayLike<number>, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) rows[i * classes + labels[i]!] = 1;
  return rows;
}

const codeOf = (body: () => unknown): string | undefined => {
  try {
    body();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return (error as SelvedgeError).code;
  }
  return undefined;
};

test('batch() equals byte / 255 and one-hot labels for odd shapes and any indices', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 3 })),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat({ max: 19 }), { maxLength: 40 }),
      ([height, width, channels], classes, chosen) => {
        const dataset = makeDataset(20, height, width, channels, classes);
        const resident = placeDataset(dataset);
        const { x, y } = resident.batch(Int32Array.from(chosen));
        assert.equal(x.shape, [chosen.length, height, width, channels]);
        assert.equal(y.shape, [chosen.length, classes]);
        const size = height * width * channels;
        const bytes = chosen.flatMap((index) => [...dataset.images.subarray(index * size, (index + 1) * size)]);
        assert.equal(x.dataSync(), scaled(Uint8Array.from(bytes)));
        const labels = chosen.map((index) => dataset.labels[index]!);
        assert.equal(y.dataSync(), oneHot(labels, classes));
        tf.dispose([x, y]);
        resident.dispose();
      },
    ),
    { seed: 5, numRuns: 60 },
  );
});

test('decodeIdxToTensors() gives every byte over 255, correctly rounded, and one-hot labels', () => {
  const count = 77;
  const images = new Uint8Array(count * 9 * 13).map((_, i) => i & 255);
  const labels = new Uint8Array(count).map((_, i) => i % 10);
  const { x, y } = decodeIdxToTensors({
    images: { name: 'images', bytes: encodeIdx({ type: 'uint8', shape: [count, 9, 13], data: images }) },
    labels: { name: 'labels', bytes: encodeIdx({ type: 'uint8', shape: [count], data: labels }) },
    classes: 10,
  });
  assert.equal(x.shape, [count, 9, 13, 1]);
  assert.equal(x.dataSync(), scaled(images));
  assert.equal(y.shape, [count, 10]);
  assert.equal(y.dataSync(), oneHot(labels, 10));
  tf.dispose([x, y]);
});

test('decodeIdxToTensors() rejects what decodeDataset() rejects', () => {
  const decode = (imageBytes: Uint8Array, labelBytes: Uint8Array) => () =>
    decodeIdxToTensors({
      images: { name: 'images', bytes: imageBytes },
      labels: { name: 'labels', bytes: labelBytes },
      classes: 2,
    });
  const one = encodeIdx({ type: 'uint8', shape: [1, 1, 1], data: Uint8Array.of(9) });
  const bad = encodeIdx({ type: 'uint8', shape: [1], data: Uint8Array.of(2) });
  const two = encodeIdx({ type: 'uint8', shape: [2], data: Uint8Array.of(1, 1) });
  assert.is(codeOf(decode(one, bad)), 'dataset/bad-label');
  assert.is(codeOf(decode(one, two)), 'dataset/count-mismatch');
  assert.is(codeOf(decode(one.subarray(1), two)), 'idx/bad-magic');
});

test('examples() takes positions of its own indices and augments by example index', () => {
  const dataset = makeDataset(30, 28, 28, 1, 10);
  const resident = placeDataset(dataset);
  const indices = Int32Array.of(29, 3, 14, 7);
  const plain = resident.examples({ indices });
  const augmented = resident.examples({ indices, augmentation: { seed: 4, settings: defaultAugmentation } });
  assert.is(plain.count, 4);
  const positions = Int32Array.of(2, 0);
  const expected = resident.batch(Int32Array.of(14, 29));
  const found = plain.batch(positions, 1);
  const changed = augmented.batch(positions, 1);
  const unchanged = augmented.batch(positions);
  assert.equal(found.x.dataSync(), expected.x.dataSync());
  assert.equal(unchanged.x.dataSync(), expected.x.dataSync());
  const same = augmentBatch(expected.x, {
    seed: 4,
    epoch: 1,
    exampleIds: Int32Array.of(14, 29),
    settings: defaultAugmentation,
  });
  assert.equal(changed.x.dataSync(), same.dataSync());
  assert.equal(changed.y.dataSync(), expected.y.dataSync());
  assert.is(resident.examples().count, 30);
  for (const { x, y } of [expected, found, changed, unchanged]) tf.dispose([x, y]);
  same.dispose();
  resident.dispose();
});

test('examples() resamples its indices by class and seed, and changes copies of an example each in its own way', () => {
  const dataset = makeDataset(12, 28, 28, 1, 4);
  const resident = placeDataset(dataset);
  // One example of class 1, three of class 2.
  const indices = Int32Array.of(0, 5, 9, 1);
  const resampling = { counts: 'largest', seed: 2 } as const;
  const augmentation = { seed: 4, settings: defaultAugmentation };
  const examples = resident.examples({ indices, resampling, augmentation });
  const drawn = resampleClasses(indices, dataset.labels, resampling);
  const positions = Int32Array.from({ length: examples.count }, (_, i) => i);
  assert.equal([...examples.source!.indicesOf(positions)], [...drawn]);
  const copies = drawn.map((index, at) => drawn.subarray(0, at).filter((other) => other === index).length);
  const exampleIds = drawn.map((index, at) => index + 12 * copies[at]!);
  assert.equal([...examples.source!.augmentation!.idsOf(positions)], [...exampleIds]);
  const before = tf.memory().numTensors;
  const { x, y } = examples.batch(positions, 1);
  const plain = resident.batch(drawn);
  const expected = augmentBatch(plain.x, { ...augmentation, epoch: 1, exampleIds });
  assert.equal(x.dataSync(), expected.dataSync());
  assert.equal(y.dataSync(), plain.y.dataSync());
  tf.dispose([x, y, plain.x, plain.y, expected]);
  assert.is(tf.memory().numTensors, before);
  resident.dispose();
});

test('batches leave nothing behind once disposed', () => {
  const resident = placeDataset(makeDataset(300, 28, 28, 1, 10));
  const examples = resident.examples({ augmentation: { seed: 1, settings: defaultAugmentation } });
  const indices = Int32Array.from({ length: 128 }, (_, i) => i);
  const before = tf.memory().numTensors;
  for (let epoch = 0; epoch < 20; epoch++) {
    const { x, y } = examples.batch(indices, epoch);
    assert.is(tf.memory().numTensors, before + 2);
    x.dispose();
    y.dispose();
  }
  const sizeBefore = currentBackend().bytes(0, 1).buffer.byteLength;
  for (let round = 0; round < 200; round++) {
    placeDataset(resident.dataset).dispose();
    const batch = examples.batch(indices, round);
    tf.dispose([batch.x, batch.y]);
  }
  assert.is(tf.memory().numTensors, before);
  assert.is(currentBackend().bytes(0, 1).buffer.byteLength, sizeBefore, 'the memory does not grow');
  resident.dispose();
});

test('a resident data set refuses indices outside, bad labels and use after disposal', () => {
  const dataset = makeDataset(3, 2, 2, 1, 2);
  const resident = placeDataset(dataset);
  for (const index of [3, -1])
    assert.is(
      codeOf(() => resident.batch(Int32Array.of(0, index))),
      'dataset/bad-index',
    );
  assert.is(
    codeOf(() => resident.examples({ indices: Int32Array.of(5) })),
    'dataset/bad-index',
  );
  assert.is(
    codeOf(() => resident.examples().batch(Int32Array.of(3))),
    'dataset/bad-index',
  );
  const settings = { ...defaultAugmentation, flip: { probability: 2 } };
  assert.is(
    codeOf(() => resident.examples({ augmentation: { seed: 1, settings } })),
    'augmentation/bad-settings',
  );
  resident.dispose();
  resident.dispose();
  assert.is(
    codeOf(() => resident.batch(Int32Array.of(0))),
    'dataset/disposed',
  );
  assert.is(
    codeOf(() => placeDataset({ ...dataset, labels: Uint8Array.of(0, 1, 2) })),
    'dataset/bad-label',
  );
});

test.run();
