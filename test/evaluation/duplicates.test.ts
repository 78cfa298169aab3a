// Duplicates: all that are planted are found, nothing else is, and the nearest of each image are those of a search in whole numbers.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { createPhilox } from '../../src/core/philox.ts';
import { equalImages, type ImagePool, nearestImages } from '../../src/evaluation/index.ts';

const test = suite('duplicates');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const SIZE = 784;

/** Images of random bytes, bright, so that products round; two sets. */
function randomPool(count: number, size = SIZE): ImagePool {
  const draws = createPhilox({ seed: 5, stream: 99 });
  const images = Uint8Array.from({ length: count * size }, () => 128 + draws.nextBelow(128));
  return { images, size, sets: Uint8Array.from({ length: count }, (_, i) => (i < 0.7 * count ? 0 : 1)) };
}

/** Copies an image over another, and changes so many of its bytes by a level. */
function plant({ images, size }: ImagePool, from: number, to: number, changed = 0): void {
  images.copyWithin(to * size, from * size, (from + 1) * size);
  for (let i = 0; i < changed; i++) images[to * size + i]! ^= 1;
}

function plainly({ images, size, sets }: ImagePool, image: number, set: number) {
  let [nearest, least] = [-1, Number.POSITIVE_INFINITY];
  for (let other = 0; other < sets.length; other++) {
    if (other === image || sets[other] !== set) continue;
    let sum = 0;
    for (let i = 0; i < size; i++) {
      const difference = images[image * size + i]! - images[other * size + i]!;
      sum += difference * difference;
    }
    if (sum < least) [nearest, least] = [other, sum];
  }
  return { nearest, least };
}

test('equalImages() finds all that is planted, and nothing in images that all differ', () => {
  const pool = randomPool(300);
  assert.equal(equalImages(pool), []);
  plant(pool, 3, 250);
  plant(pool, 3, 299);
  plant(pool, 100, 101);
  plant(pool, 7, 8, 1);
  assert.equal(equalImages(pool), [
    [3, 250, 299],
    [100, 101],
  ]);
});

test('nearestImages() equals the search in whole numbers, over sets and blocks', async () => {
  // More than a block of 2000.
  const pool = randomPool(2100, 96);
  plant(pool, 5, 2050, 3);
  plant(pool, 6, 1900);
  const before = tf.memory().numTensors;
  const found = await nearestImages(pool);
  assert.is(tf.memory().numTensors, before);
  assert.is(found.length, 2);
  for (let image = 0; image < 2100; image += 7) {
    found.forEach(({ nearest, squaredDistances }, set) => {
      const expected = plainly(pool, image, set);
      assert.is(squaredDistances[image], expected.least, `image ${image}, set ${set}`);
      assert.is(nearest[image], expected.nearest);
    });
  }
  assert.equal([found[1]!.nearest[5], found[1]!.squaredDistances[5]], [2050, 3]);
  assert.equal([found[1]!.nearest[6], found[1]!.squaredDistances[6]], [1900, 0]);
});

test('nearestImages() tells images apart that differ by a level in one of 784 bright pixels', async () => {
  const pool = randomPool(40);
  plant(pool, 0, 20, 2);
  plant(pool, 0, 21, 1);
  const [first] = await nearestImages({ ...pool, sets: new Uint8Array(40) });
  assert.equal([first!.nearest[0], first!.squaredDistances[0]], [21, 1]);
});

test('one image has no other', async () => {
  const [only] = await nearestImages({ images: Uint8Array.of(1, 2), size: 2, sets: Uint8Array.of(0) });
  assert.equal([only!.nearest[0], only!.squaredDistances[0]], [-1, Number.POSITIVE_INFINITY]);
});

test('images that are no whole number are refused', () => {
  assert.throws(
    () => equalImages({ images: new Uint8Array(5), size: 2, sets: new Uint8Array(2) }),
    (error: { code: string }) => error.code === 'evaluation/images',
  );
});

test.run();
