// Composed scenes against their scalar reference, equal to the bit; what the kinds promise; independence of threads and batches; settings.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultScenes, openScenes, type SceneSettings, sceneKinds } from '../../../src/apps/detect/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import type { SelvedgeError } from '../../../src/core/errors.ts';
import { type Dataset, loadFashionMnistSample } from '../../../src/data/index.ts';
import { composeReference } from './scenes-reference.ts';

let engine: RunningBackend;
let items: Dataset;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  items = (await loadFashionMnistSample()).train;
});
test.after(() => engine.stop());

const odd: SceneSettings = {
  ...defaultScenes,
  height: 61,
  width: 83,
  fewest: 2,
  most: 5,
  degrees: 35,
  leastVisible: 0.4,
};

for (const kind of sceneKinds) {
  test(`compose() equals its scalar reference to the bit: ${kind}`, () => {
    const composer = openScenes(items, odd);
    const { images, items: found } = composer.compose({ first: 7, count: 4, kind, seed: 5 });
    const values = images.dataSync<'float32'>();
    const size = odd.height * odd.width;
    for (let i = 0; i < 4; i++) {
      const expected = composeReference(items, odd, { seed: 5, scene: 7 + i, kind });
      assert.equal(found[i], expected.items);
      assert.equal(values.slice(i * size, (i + 1) * size), expected.image);
    }
    images.dispose();
    composer.dispose();
  });
}

test('compose() takes kinds in turn, each scene as if it were alone, at any number of threads', async () => {
  const tensors = tf.memory().numTensors;
  const composer = openScenes(items, odd);
  const together = composer.compose({ first: 4, count: 8, kind: 'mixed', seed: 1 });
  const alone = composer.compose({ first: 10, count: 1, kind: sceneKinds[10 % 4]!, seed: 1 });
  const size = odd.height * odd.width;
  assert.equal(together.images.dataSync().slice(6 * size, 7 * size), alone.images.dataSync());
  assert.equal(together.items[6], alone.items[0]);
  const other = composer.compose({ first: 4, count: 8, kind: 'mixed', seed: 2 });
  assert.not.equal(other.items, together.items);
  tf.dispose([together.images, alone.images, other.images]);
  composer.dispose();
  assert.is(tf.memory().numTensors, tensors);
});

test('compose() keeps its promises: levels, boxes inside, what stays visible', () => {
  const composer = openScenes(items);
  for (const kind of sceneKinds) {
    const { images, items: found } = composer.compose({ first: 0, count: 60, kind, seed: 3 });
    const values = images.dataSync();
    assert.ok(values.every((value) => value >= 0 && value <= 1));
    for (const { box, label, visible } of found.flat()) {
      const [left, top, right, bottom] = box;
      assert.ok(left >= 0 && top >= 0 && left < right && top < bottom && right <= 128 && bottom <= 128);
      assert.ok(label >= 0 && label < 10);
      assert.ok(visible >= (kind === 'overlap' || kind === 'both' ? 0.5 : 1));
    }
    const covered = found.flat().filter(({ visible }) => visible < 1).length / found.flat().length;
    assert.ok(kind === 'overlap' || kind === 'both' ? covered > 0.25 : covered === 0);
    images.dispose();
  }
  composer.dispose();
});

test('openScenes() refuses no items, colour and settings that make no sense', () => {
  const codeOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return (error as SelvedgeError).code;
    }
    return '';
  };
  assert.is(
    codeOf(() => openScenes({ ...items, count: 0 })),
    'detect/items',
  );
  assert.is(
    codeOf(() => openScenes({ ...items, channels: 3 })),
    'detect/items',
  );
  for (const wrong of [
    { most: 17 },
    { fewest: 9 },
    { scale: [2, 1] as const },
    { degrees: Number.NaN },
    { height: 8 },
    { clutter: 0 },
  ]) {
    assert.is(
      codeOf(() => openScenes(items, { ...defaultScenes, ...wrong })),
      'detect/scenes',
    );
  }
  const composer = openScenes(items);
  assert.is(
    codeOf(() => composer.compose({ first: -1, count: 1, kind: 'plain', seed: 1 })),
    'random/bad-seed',
  );
  composer.dispose();
});

test.run();
