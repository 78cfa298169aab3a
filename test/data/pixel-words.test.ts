// Pixels as whole numbers: of any place in a buffer, and their parts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { blueOf, greenOf, opaqueWord, pixelWords, redOf } from '../../src/data/pixel-words.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { draw } from './drawn-pictures.ts';

test('pixelWords() reads red, green, blue and alpha, wherever the bytes lie', () => {
  const draws = createPhilox({ seed: 1, stream: 1 });
  for (let from = 0; from < 8; from++) {
    const data = new Uint8Array(8 + 4 * 50).map(() => Math.floor(draws.nextUniform() * 256)).subarray(from, from + 200);
    const words = pixelWords({ width: 10, height: 5, data });
    const read = [...words].flatMap((word) => [redOf(word), greenOf(word), blueOf(word), word >>> 24]);
    assert.equal(read, [...data]);
  }
});

test('opaqueWord() is the word of an opaque pixel', () => {
  const levels = [0, 1, 127, 128, 255];
  for (const red of levels) {
    for (const blue of levels) {
      const data = Uint8Array.of(red, 9, blue, 255);
      assert.is(pixelWords({ width: 1, height: 1, data })[0], opaqueWord(red, 9, blue));
    }
  }
});

test('prepareImage() sees the same in pixels that lie anywhere in a buffer', () => {
  const image = draw(90, 70, (x, y) => (x > 20 && x < 60 && y > 10 && y < 50 ? (x * 3) % 200 : 240));
  const expected = prepareImage(image, { name: 'aligned' });
  for (let from = 1; from < 4; from++) {
    const buffer = new Uint8Array(image.data.length + 4);
    buffer.set(image.data, from);
    const data = buffer.subarray(from, from + image.data.length);
    assert.equal(prepareImage({ ...image, data }, { name: 'moved' }), expected);
  }
});

test.run();
