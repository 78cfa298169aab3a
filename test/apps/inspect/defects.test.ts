import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defectNames, defectSizes, makeDefects } from '../../../src/apps/inspect/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import * as tf from '../../../src/backend/tfjs.ts';
import { createPhilox } from '../../../src/core/philox.ts';
import { referenceDefect } from './reference-defects.ts';

const test = suite('makeDefects()');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Random garments on black. */
function pictures(count: number, width: number, height: number): Uint8Array {
  const draws = createPhilox({ seed: 5, stream: 99, substream: [width, height] });
  return Uint8Array.from({ length: count * width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const isBorder = x < width / 6 || y < height / 8 || draws.nextBelow(40) === 0;
    return isBorder ? 0 : draws.nextBelow(256);
  });
}

test('makeDefects() draws every kind and size as the scalar reference does, bit for bit', () => {
  const tensors = tf.memory().numTensors;
  for (const [width, height] of [
    [28, 28],
    [9, 17],
    [61, 57],
  ] as const) {
    const images = pictures(6, width, height);
    const pixels = width * height;
    defectNames.forEach((kind, number) => {
      defectSizes.forEach((size, extent) => {
        const made = makeDefects(images, { kind, size, seed: 7, width, height, firstImage: 3 });
        for (let i = 0; i < 6; i++) {
          const input = images.slice(i * pixels, (i + 1) * pixels);
          const options = { kind: number, size: extent, id: 3 + i, seed: 7, width, height };
          const { image, mask } = referenceDefect(input, options);
          assert.equal(made.images.slice(i * pixels, (i + 1) * pixels), image, `${kind} ${size} ${width}x${height}`);
          assert.equal(made.masks.slice(i * pixels, (i + 1) * pixels), mask, `${kind} ${size} mask`);
        }
      });
    });
  }
  assert.is(tf.memory().numTensors, tensors);
});

test('makeDefects() leaves a picture without a garment as it is, and refuses what makes no sense', () => {
  const black = new Uint8Array(784);
  const options = { kind: 'hole', size: 'small', seed: 1, width: 28, height: 28 } as const;
  const { images, masks } = makeDefects(black, options);
  assert.equal([images, masks], [black, black]);
  assert.throws(
    () => makeDefects(black, { ...options, kind: 'dent' as never }),
    (error: { code: string }) => error.code === 'defects/kind',
  );
  assert.throws(
    () => makeDefects(black.subarray(1), options),
    (error: { code: string }) => error.code === 'defects/images',
  );
  assert.throws(
    () => makeDefects(black, { ...options, seed: 0.5 }),
    (error: { code: string }) => error.code === 'random/bad-seed',
  );
});

test.run();
