import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { countLabels, decodeDataset, subsetOf } from '../../src/data/dataset.ts';
import { encodeIdx, type IdxArray } from '../../src/data/idx.ts';

const images = { type: 'uint8', shape: [3, 1, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6) } as const;
const labels = { type: 'uint8', shape: [3], data: Uint8Array.of(1, 0, 1) } as const;

const decode = (imageArray: IdxArray, labelArray: IdxArray) =>
  decodeDataset({
    name: 'tiny',
    images: { name: 'the-images', bytes: encodeIdx(imageArray) },
    labels: { name: 'the-labels', bytes: encodeIdx(labelArray) },
    classNames: ['a', 'b'],
  });

function rejects(body: () => unknown, code: string, message: RegExp): void {
  try {
    body();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, code);
    assert.match((error as SelvedgeError).message, message);
    return;
  }
  assert.unreachable(`expected ${code}`);
}

test('decodeDataset() joins images and labels', () => {
  const dataset = decode(images, labels);
  assert.equal([dataset.count, dataset.height, dataset.width, dataset.channels], [3, 1, 2, 1]);
  assert.equal([...dataset.images], [1, 2, 3, 4, 5, 6]);
  assert.equal(countLabels(dataset), [1, 2]);
});

test('decodeDataset() rejects another number of labels than images', () => {
  const two: IdxArray = { type: 'uint8', shape: [2], data: Uint8Array.of(0, 1) };
  rejects(() => decode(images, two), 'dataset/count-mismatch', /"the-labels": expected 3 labels.*"the-images", got 2/);
});

test('decodeDataset() rejects labels out of range with their index', () => {
  const bad: IdxArray = { type: 'uint8', shape: [3], data: Uint8Array.of(0, 1, 2) };
  rejects(
    () => decode(images, bad),
    'dataset/bad-label',
    /"the-labels": expected labels from 0 to 1, got 2 at index 2/,
  );
});

test('decodeDataset() rejects other types and dimensions', () => {
  const floats: IdxArray = { type: 'float32', shape: [3], data: Float32Array.of(0, 1, 0) };
  rejects(() => decode(images, floats), 'dataset/bad-type', /"the-labels": expected uint8 values, got float32/);
  rejects(() => decode(labels, labels), 'dataset/bad-shape', /"the-images".*\[count, height, width\], got \[3\]/);
});

test('subsetOf() copies the examples asked for, in order', () => {
  const subset = subsetOf(decode(images, labels), Int32Array.of(2, 0, 2), 'chosen');
  assert.equal([...subset.images], [5, 6, 1, 2, 5, 6]);
  assert.equal([...subset.labels], [1, 1, 1]);
  assert.is(subset.count, 3);
  assert.is(subset.name, 'chosen');
});

test('subsetOf() rejects an index outside the set', () => {
  for (const index of [3, -1, 0.5]) {
    rejects(() => subsetOf(decode(images, labels), [0, index], 'chosen'), 'dataset/bad-index', /from 0 to 2/);
  }
});

test.run();
