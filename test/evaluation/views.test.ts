// Views of images: which pixels each sees, and that probabilities are averaged by weight.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { predictViews, viewsNames } from '../../src/evaluation/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

const SHAPE = [3, 4, 2] as const;
const SIZE = 24;

/** All views that a prediction is asked for. */
function seenBy(views: (typeof viewsNames)[number], images: Float32Array): Float32Array[] {
  const seen: Float32Array[] = [];
  predictViews(images, SHAPE, views, (each) => {
    seen.push(each.slice());
    return new Float32Array(images.length / SIZE);
  });
  return seen;
}

test('a pixel of a view is that of the image where it came from, mirrored or not, and 0 from outside', () => {
  const images = noise(2 * SIZE, 3);
  const [height, width, channels] = SHAPE;
  const pixel = (image: number, y: number, x: number, channel: number): number =>
    y < 0 || y >= height || x < 0 || x >= width ? 0 : images[((image * height + y) * width + x) * channels + channel]!;
  const moves = [0, 1, -1].flatMap((move) => [
    { move, isMirrored: false },
    { move, isMirrored: true },
  ]);
  const seen = seenBy('shifted', images);
  assert.is(seen.length, moves.length);
  moves.forEach(({ move, isMirrored }, view) => {
    for (let i = 0; i < 2 * SIZE; i++) {
      const channel = i % channels;
      const x = Math.floor(i / channels) % width;
      const y = Math.floor(i / channels / width) % height;
      const image = Math.floor(i / SIZE);
      const from = x - move < 0 || x - move >= width ? -1 : isMirrored ? width - 1 - (x - move) : x - move;
      assert.is(seen[view]![i], pixel(image, y - move, from, channel), `view ${view}, element ${i}`);
    }
  });
});

test('probabilities are averaged, and add to one', () => {
  fc.assert(
    fc.property(fc.constantFrom(...viewsNames), fc.nat(999), (views, seed) => {
      const images = noise(3 * SIZE, seed);
      let call = 0;
      const found = predictViews(images, SHAPE, views, () => {
        const share = ++call / 10;
        return Float32Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? share : 1 - share));
      });
      assert.is(found.length, 6);
      for (let i = 0; i < 6; i += 2) assert.ok(Math.abs(found[i]! + found[i + 1]! - 1) < 1e-6);
    }),
  );
});

test('images that are alike mirrored and moved are predicted as they are', () => {
  const predict = (images: Float32Array): Float32Array =>
    Float32Array.from({ length: images.length / SIZE }, (_, i) => images[i * SIZE]!);
  const black = new Float32Array(2 * SIZE);
  for (const views of viewsNames) assert.equal([...predictViews(black, SHAPE, views, predict)], [0, 0]);
  const images = noise(2 * SIZE, 8);
  assert.equal(predictViews(images, SHAPE, 'single', predict), predict(images));
});

test('views that nobody knows are refused', () => {
  assert.throws(
    () => predictViews(new Float32Array(SIZE), SHAPE, 'toString' as 'single', (images) => images),
    (error: { code: string }) => error.code === 'evaluation/views',
  );
});

test.run();
