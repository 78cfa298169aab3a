// Mixing of batches against its scalar reference (equal to the bit), the choices behind it, and what settings are refused.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { drawMix, type Mix, type MixingSettings, mixBatch } from '../../src/data/mixing.ts';
import { noise } from '../backend/kernels/oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const { fround } = Math;
const MIXUP: MixingSettings = { mixupAlpha: 0.4, cutMixAlpha: 0, probability: 1 };
const CUTMIX: MixingSettings = { mixupAlpha: 0, cutMixAlpha: 1, probability: 1 };

type Shape = [batch: number, height: number, width: number, channels: number];

/** Values `[rows, floats]` mixed in single precision, as the kernel rounds. */
const blend = (values: Float32Array, floats: number, { share, partners }: Mix): Float32Array =>
  values.map((value, i) => {
    const partner = values[partners[Math.floor(i / floats)]! * floats + (i % floats)]!;
    return fround(fround(fround(share) * value) + fround(fround(1 - fround(share)) * partner));
  });

function mixedByDefinition(images: Float32Array, [, height, width, channels]: Shape, mix: Mix): Float32Array {
  const floats = height * width * channels;
  if (mix.kind === 'mixup') return blend(images, floats, mix);
  const { top, left, bottom, right } = mix.box;
  return images.map((value, i) => {
    const row = Math.floor((i % floats) / (width * channels));
    const column = Math.floor((i % (width * channels)) / channels);
    const isInside = row >= top && row < bottom && column >= left && column < right;
    return isInside ? images[mix.partners[Math.floor(i / floats)]! * floats + (i % floats)]! : value;
  });
}

test('mixBatch() equals the definitions of mixup and CutMix to the bit for any shape, and leaves the batch as it was', () => {
  const side = fc.integer({ min: 1, max: 13 });
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 40 }), side, side, fc.integer({ min: 1, max: 3 })),
      fc.constantFrom(MIXUP, CUTMIX),
      fc.nat(1000),
      (shape, settings, update) => {
        const [size, height, width, channels] = shape;
        const mix = drawMix(settings, { seed: 5, update, size, height, width })!;
        const images = noise(size * height * width * channels, update + 1);
        const labels = noise(size * 7, update + 2).map(Math.abs);
        const before = tf.memory().numTensors;
        const found = tf.tidy(() => {
          const batch = { x: tf.tensor4d(images, shape), y: tf.tensor2d(labels, [size, 7]) };
          const { x, y } = mixBatch(batch, mix);
          assert.equal(batch.x.dataSync(), images);
          return { x: x.dataSync(), y: y.dataSync() };
        });
        assert.is(tf.memory().numTensors, before, 'leak');
        assert.equal(found.x, mixedByDefinition(images, shape, mix));
        assert.equal(found.y, blend(labels, 7, mix));
      },
    ),
    { seed: 8, numRuns: 150 },
  );
});

test('drawMix() pairs by a permutation, and its CutMix shares are the areas that stay', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 300 }), fc.boolean(), (update, size, isMixup) => {
      const mix = drawMix(isMixup ? MIXUP : CUTMIX, { seed: 3, update, size, height: 28, width: 20 })!;
      assert.equal(
        [...mix.partners].sort((a, b) => a - b),
        Array.from({ length: size }, (_, i) => i),
      );
      assert.ok(mix.share >= 0 && mix.share <= 1);
      if (isMixup) return;
      const { top, left, bottom, right } = mix.box;
      assert.ok(top >= 0 && left >= 0 && bottom <= 28 && right <= 20 && top <= bottom && left <= right);
      assert.is(mix.share, fround(1 - ((bottom - top) * (right - left)) / 560));
    }),
    { seed: 9, numRuns: 300 },
  );
});

test('drawMix() is a function of seed, update and size, mixes as often as asked, and tosses between two kinds', () => {
  const draw = (settings: MixingSettings, update: number, seed = 1) =>
    drawMix(settings, { seed, update, size: 16, height: 28, width: 28 });
  assert.equal(draw(MIXUP, 4), draw(MIXUP, 4));
  assert.not.equal(draw(MIXUP, 4), draw(MIXUP, 5));
  assert.not.equal(draw(MIXUP, 4), draw(MIXUP, 4, 2));
  const both = { mixupAlpha: 0.2, cutMixAlpha: 1, probability: 0.75 };
  const drawn = Array.from({ length: 2000 }, (_, update) => draw(both, update)?.kind);
  const count = (kind: string | undefined): number => drawn.filter((one) => one === kind).length;
  assert.ok(Math.abs(count(undefined) - 500) < 80, `${count(undefined)} left alone`);
  assert.ok(Math.abs(count('mixup') - 750) < 90, `${count('mixup')} mixed up`);
  assert.is(draw({ ...both, probability: 0 }, 1), undefined);
});

test('drawMix() refuses settings that make no sense', () => {
  const bad: MixingSettings[] = [
    { ...MIXUP, mixupAlpha: -1 },
    { ...MIXUP, mixupAlpha: Number.NaN },
    { ...MIXUP, mixupAlpha: Infinity },
    { ...MIXUP, cutMixAlpha: 1e-5 },
    { ...MIXUP, mixupAlpha: 0 },
    { ...MIXUP, probability: 1.5 },
    { ...MIXUP, probability: Number.NaN },
  ];
  for (const settings of bad) {
    assert.throws(
      () => drawMix(settings, { seed: 1, update: 0, size: 4, height: 2, width: 2 }),
      (error: Error) => error instanceof SelvedgeError && error.code === 'mixing/settings',
      JSON.stringify(settings),
    );
  }
});

test.run();
