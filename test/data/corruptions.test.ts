// Corruptions: a function of image, number, kind, strength and seed to the bit; what each kind must do to simple pictures.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../src/core/sha256.ts';
import {
  CORRUPTION_STRENGTHS,
  type CorruptionName,
  corruptImages,
  corruptionNames,
  loadFashionMnistSample,
} from '../../src/data/index.ts';
import { loseByJpeg } from '../../src/data/jpeg-loss.ts';

const SIDE = 28;
const SIZE = SIDE * SIDE;
const { test: sample } = await loadFashionMnistSample();
const images = sample.images.subarray(0, 20 * SIZE);
const corrupt = (kind: CorruptionName, strength: number, of = images, firstImage = 0, seed = 1): Uint8Array =>
  corruptImages(of, { kind, strength, seed, width: SIDE, height: SIDE, firstImage });
const distance = (a: Uint8Array, b: Uint8Array): number =>
  Math.sqrt(a.reduce((sum, level, i) => sum + (level - b[i]!) ** 2, 0) / a.length);

/** Of all kinds at all strengths, of twenty images of the sample; the same on every engine. */
const DIGEST = '546e2a36ff7c890f5dccc72929247bdfd9f88bc08f781fed6a73f10a9b08ddf7';

test('there are fifteen corruptions, and their bits are those of every engine', async () => {
  assert.is(corruptionNames.length, 15);
  const parts = corruptionNames.flatMap((kind) =>
    Array.from({ length: CORRUPTION_STRENGTHS }, (_, i) => corrupt(kind, i + 1)),
  );
  assert.is(await sha256(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())), DIGEST);
});

for (const kind of corruptionNames) {
  test(`${kind} changes more with strength, and does not ask which images are beside`, () => {
    const steps = Array.from({ length: CORRUPTION_STRENGTHS }, (_, i) => distance(corrupt(kind, i + 1), images));
    steps.forEach((step, i) => {
      assert.ok(step > (steps[i - 1] ?? 0), `${steps.join(' ')}`);
    });
    const tail = corrupt(kind, 3, images.subarray(7 * SIZE), 7);
    assert.equal(corrupt(kind, 3).subarray(7 * SIZE), tail);
  });
}

test('what is drawn depends on the seed, what is not does not', () => {
  assert.not.equal(corrupt('gaussian-noise', 1), corrupt('gaussian-noise', 1, images, 0, 2));
  assert.equal(corrupt('jpeg', 1), corrupt('jpeg', 1, images, 0, 2));
});

test('shot noise keeps the mean and has its variance', () => {
  const flat = new Uint8Array(200 * SIZE).fill(102);
  const noisy = corrupt('shot-noise', 1, flat);
  const mean = noisy.reduce((sum, level) => sum + level, 0) / noisy.length;
  const variance = noisy.reduce((sum, level) => sum + (level - mean) ** 2, 0) / noisy.length;
  // 24 photons of 60: the variance is 24 of (255 / 60) squared.
  assert.ok(Math.abs(mean - 102) < 0.3, String(mean));
  assert.ok(Math.abs(variance / (24 * (255 / 60) ** 2) - 1) < 0.02, String(variance));
});

test('a shift moves whole pixels, by the strength in one direction', () => {
  const point = new Uint8Array(SIZE);
  point[14 * SIDE + 14] = 200;
  for (let strength = 1; strength <= 5; strength++) {
    const at = corrupt('shift', strength, point).indexOf(200);
    const [down, right] = [Math.floor(at / SIDE) - 14, (at % SIDE) - 14];
    assert.is(Math.max(Math.abs(down), Math.abs(right)), strength);
  }
});

test('loseByJpeg() keeps a flat picture, and loses little at high quality', () => {
  assert.equal(loseByJpeg(new Uint8Array(SIZE).fill(128), SIDE, 50), new Uint8Array(SIZE).fill(128));
  const picture = images.subarray(0, SIZE);
  assert.ok(distance(loseByJpeg(picture, SIDE, 100), picture) < 1);
  assert.ok(distance(loseByJpeg(picture, SIDE, 95), picture) < distance(loseByJpeg(picture, SIDE, 20), picture));
});

test('corruptImages() refuses what it does not know, by code', () => {
  const codeOf = (options: object, of = images): string => {
    try {
      corruptImages(of, { kind: 'turn', strength: 1, seed: 1, width: SIDE, height: SIDE, ...options } as never);
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  assert.is(codeOf({ kind: 'rain' }), 'corruption/kind');
  assert.is(codeOf({ strength: 6 }), 'corruption/strength');
  assert.is(codeOf({}, images.subarray(1)), 'corruption/images');
  assert.is(codeOf({ seed: -1 }), 'random/bad-seed');
  assert.throws(() => loseByJpeg(images.subarray(0, SIZE), SIDE, 0), /quality/);
});

test.run();
