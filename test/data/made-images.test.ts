// Made images: to the bit, whole levels, and spoilt ones as they should be. And npm's digits, where the package is installed.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../src/core/sha256.ts';
import { loadFashionMnistSample, type MadeImageKind, madeImageKinds, makeImages } from '../../src/data/index.ts';
import { findNpmDigits, loadNpmDigits } from '../../src/data/npm-digits.ts';

const SIZE = 784;
const { test: sample } = await loadFashionMnistSample();
const make = (kind: MadeImageKind, count = 10, seed = 1): Uint8Array =>
  makeImages({ kind, count, seed, width: 28, height: 28, real: sample.images });
const kinds = Object.keys(madeImageKinds) as MadeImageKind[];
const DIGEST = 'ac85917acdf533a7226014ec0a2601363657f5a6c9b08d4462d1df2da95514c9';

test('made images have the bits of every engine', async () => {
  const all = new Uint8Array(await new Blob(kinds.map((kind) => make(kind)) as BlobPart[]).arrayBuffer());
  assert.is(await sha256(all), DIGEST);
});

test('an image does not depend on how many there are, but on the seed', () => {
  for (const kind of kinds) assert.equal(make(kind, 3), make(kind, 10).subarray(0, 3 * SIZE));
  for (const kind of ['strokes', 'uniform-noise', 'smooth-noise', 'shuffled'] as const) {
    assert.not.equal(make(kind, 3), make(kind, 3, 2));
  }
});

test('strokes leave a dark ground, shuffled images keep their levels', () => {
  const strokes = make('strokes');
  const dark = strokes.filter((level) => level === 0).length / strokes.length;
  assert.ok(dark > 0.5 && dark < 0.95, String(dark));
  assert.equal(make('shuffled', 1).sort(), sample.images.slice(0, SIZE).sort());
  assert.equal(make('upside-down', 1), sample.images.slice(0, SIZE).reverse());
});

test('makeImages() refuses what it does not know, by code', () => {
  const has = (code: string) => (error: { code: string }) => error.code === code;
  assert.throws(() => make('cats' as MadeImageKind), has('made-images/kind'));
  assert.throws(() => make('negative', 1e6), has('made-images/real'));
});

test('loadNpmDigits() reads ten thousand digits, each of its class', async () => {
  const folder = await findNpmDigits('.');
  if (folder === undefined) {
    console.log('The package mnist is not installed: its digits are not read');
    return;
  }
  const { count, labels, images, classNames } = await loadNpmDigits(folder);
  assert.equal([count, labels[0], labels[9999], classNames.length], [10_000, 0, 9, 10]);
  assert.is(images.length, 10_000 * SIZE);
  assert.is(Math.max(...images.subarray(0, SIZE)), 255);
});

test.run();
