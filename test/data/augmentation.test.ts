// The augmentation kernel against its scalar reference (equal to the bit), its independence of threads and batches, its settings.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { createPhilox, randomStreams } from '../../src/core/philox.ts';
import {
  type AugmentationSettings,
  augmentBatch,
  checkAugmentation,
  defaultAugmentation,
} from '../../src/data/augmentation.ts';
import { augmentReference } from './augmentation-reference.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const never: AugmentationSettings = {
  flip: { probability: 0 },
  shift: { probability: 0, pixels: 3 },
  rotate: { probability: 0, degrees: 30 },
  scale: { probability: 0, minimum: 0.5, maximum: 2 },
  noise: { probability: 0, standardDeviation: 0.1 },
  erase: { probability: 0, minimumArea: 0.05, maximumArea: 0.3, maximumAspect: 4, fill: 0.25 },
};

const cases: Readonly<Record<string, AugmentationSettings>> = {
  flip: { ...never, flip: { probability: 1 } },
  'alternating flip': { ...never, flip: { probability: 0.5, alternating: true } },
  shift: { ...never, shift: { probability: 1, pixels: 3 } },
  rotate: { ...never, rotate: { probability: 1, degrees: 180 } },
  scale: { ...never, scale: { probability: 1, minimum: 0.1, maximum: 10 } },
  noise: { ...never, noise: { probability: 1, standardDeviation: 0.1 } },
  erase: { ...never, erase: { ...never.erase, probability: 1 } },
  copy: { ...never, erase: { ...never.erase, probability: 1, fill: 'copy' } },
  default: defaultAugmentation,
};

function randomImages(count: number, seed: number): Float32Array {
  const draws = createPhilox({ seed, stream: 99 });
  return Float32Array.from({ length: count }, () => draws.nextUniform());
}

function augmented(
  images: Float32Array,
  shape: [number, number, number, number],
  exampleIds: Int32Array,
  settings: AugmentationSettings,
  epoch = 3,
): Float32Array {
  return tf.tidy(() =>
    augmentBatch(tf.tensor4d(images, shape), { seed: 7, epoch, exampleIds, settings }).dataSync<'float32'>().slice(),
  );
}

function hash(values: Float32Array): number {
  let state = 0;
  for (const word of new Uint32Array(values.buffer)) state = (Math.imul(state, 31) + word) | 0;
  return state;
}

for (const [name, settings] of Object.entries(cases)) {
  test(`augmentBatch() equals the scalar reference to the bit: ${name}`, () => {
    for (const [height, width, channels] of [
      [28, 28, 1],
      [5, 9, 3],
      [1, 1, 1],
      [7, 2, 2],
    ] as const) {
      const size = height * width * channels;
      const ids = Int32Array.of(0, 1, 59_999, 17, 4, 123_456_789, 31, 8);
      const images = randomImages(ids.length * size, size);
      const found = augmented(images, [ids.length, height, width, channels], ids, settings);
      ids.forEach((id, row) => {
        const image = images.slice(row * size, (row + 1) * size);
        const expected = augmentReference(image, { height, width, channels }, { seed: 7, epoch: 3, id }, settings);
        assert.equal(found.slice(row * size, (row + 1) * size), expected, `${[height, width, channels]}, id ${id}`);
      });
    }
  });
}

test('augmentBatch() leaves images as they are where nothing is to happen', () => {
  const images = randomImages(4 * 784, 5);
  assert.equal(augmented(images, [4, 28, 28, 1], Int32Array.of(1, 2, 3, 4), never), images);
});

test('augmentBatch() mirrors without rounding, and twice gives the image again', () => {
  const images = randomImages(2 * 784, 6);
  const ids = Int32Array.of(1, 2);
  const once = augmented(images, [2, 28, 28, 1], ids, cases.flip!);
  assert.is(once[0], images[27]);
  assert.equal(augmented(once, [2, 28, 28, 1], ids, cases.flip!), images);
});

test('augmentBatch() turns a ramp by the very angle drawn', () => {
  // Interpolation is exact on a ramp, so the turned ramp tells the angle; Math.sin and Math.cos are the judges here.
  const ramp = new Float32Array(11 * 11).map((_, i) => ((i % 11) + 2 * Math.floor(i / 11)) / 40);
  const settings = { ...never, rotate: { probability: 1, degrees: 180 } };
  for (let id = 0; id < 40; id++) {
    const draws = createPhilox({ seed: 7, stream: randomStreams.augmentation, substream: [3, id] });
    const uniforms = Array.from({ length: 6 }, () => draws.nextUniform());
    const angle = (2 * uniforms[5]! - 1) * Math.PI;
    const found = augmented(ramp, [1, 11, 11, 1], Int32Array.of(id), settings);
    for (const [x, y] of [
      [0, 0],
      [3, 0],
      [-2, 3],
    ] as const) {
      const fromX = Math.cos(angle) * x + Math.sin(angle) * y + 5;
      const fromY = Math.cos(angle) * y - Math.sin(angle) * x + 5;
      assert.ok(Math.abs(found[(y + 5) * 11 + x + 5]! - (fromX + 2 * fromY) / 40) < 1e-6, `id ${id}, angle ${angle}`);
    }
  }
});

test('augmentBatch() is a function of seed, epoch and example id, not of the place in the batch', () => {
  const image = randomImages(784, 8);
  const twice = Float32Array.of(...image, ...image);
  const pair = augmented(twice, [2, 28, 28, 1], Int32Array.of(11, 5), defaultAugmentation);
  const reversed = augmented(twice, [2, 28, 28, 1], Int32Array.of(5, 11), defaultAugmentation);
  assert.equal(pair.slice(0, 784), reversed.slice(784));
  assert.equal(pair.slice(784), reversed.slice(0, 784));
  const nextEpoch = augmented(twice, [2, 28, 28, 1], Int32Array.of(11, 5), defaultAugmentation, 4);
  assert.not.equal(nextEpoch, pair);
});

test('augmentBatch() with an alternating flip mirrors in each epoch what it did not in the one before', () => {
  const count = 400;
  const image = randomImages(4 * 3, 9);
  const images = Float32Array.from({ length: count * 12 }, (_, i) => image[i % 12]!);
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const mirroredIn = (epoch: number, probability: number): boolean[] => {
    const settings = { ...never, flip: { probability, alternating: true } };
    const found = augmented(images, [count, 3, 4, 1], ids, settings, epoch);
    return [...ids].map((row) => found[row * 12] !== image[0]);
  };
  const first = mirroredIn(0, 0.5);
  assert.ok(Math.abs(first.filter(Boolean).length - count / 2) < 40);
  for (const epoch of [1, 2, 3, 10, 11]) {
    assert.equal(
      mirroredIn(epoch, 0.5),
      first.map((isMirrored) => isMirrored !== (epoch % 2 === 1)),
    );
  }
  // The whole set by epoch.
  assert.ok(mirroredIn(2, 1).every(Boolean));
  assert.not.ok(mirroredIn(3, 1).some(Boolean));
});

test('augmentBatch() with a shift of probability 1 is a random crop of the image padded with zeros, each as often', () => {
  const [height, width, padding] = [5, 6, 2];
  const image = randomImages(height * width, 4);
  const padded = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= height || column >= width ? 0 : image[row * width + column]!;
  const crops = new Map<string, number>();
  for (let top = 0; top <= 2 * padding; top++) {
    for (let left = 0; left <= 2 * padding; left++) {
      const crop = image.map((_, i) => padded(Math.floor(i / width) + top - padding, (i % width) + left - padding));
      crops.set(crop.join(), 0);
    }
  }
  assert.is(crops.size, 25);
  const count = 5000;
  const images = Float32Array.from({ length: count * image.length }, (_, i) => image[i % image.length]!);
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const settings = { ...never, shift: { probability: 1, pixels: padding } };
  const found = augmented(images, [count, height, width, 1], ids, settings);
  for (let row = 0; row < count; row++) {
    const crop = found.subarray(row * image.length, (row + 1) * image.length).join();
    assert.ok(crops.has(crop));
    crops.set(crop, crops.get(crop)! + 1);
  }
  for (const times of crops.values()) assert.ok(Math.abs(times - 200) < 70, `${times} of 200`);
});

test('augmentBatch() makes each change as often as asked', () => {
  const count = 2000;
  const images = new Float32Array(count * 4).map((_, i) => [0.1, 0.4, 0.6, 0.9][i % 4]!);
  const ids = Int32Array.from({ length: count }, (_, i) => i);
  const settings = { ...never, flip: { probability: 0.3 } };
  const found = augmented(images, [count, 2, 2, 1], ids, settings);
  let mirrored = 0;
  for (let row = 0; row < count; row++) if (found[row * 4]! > 0.2) mirrored++;
  assert.ok(Math.abs(mirrored - 600) < 70, `${mirrored} of ${count}`);
});

test('augmentBatch() adds noise of the deviation asked for', () => {
  const images = new Float32Array(50 * 784).fill(0.5);
  const ids = Int32Array.from({ length: 50 }, (_, i) => i);
  const found = augmented(images, [50, 28, 28, 1], ids, cases.noise!);
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  const variance = found.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / found.length;
  assert.ok(Math.abs(mean - 0.5) < 0.002);
  assert.ok(Math.abs(Math.sqrt(variance) - 0.1) < 0.002);
});

test('augmentBatch() gives the same bits at 1, 2 and 3 threads and on unshared memory', async () => {
  const images = randomImages(33 * 784, 9);
  const ids = Int32Array.from({ length: 33 }, (_, i) => i * 7);
  const run = (): number => hash(augmented(images, [33, 28, 28, 1], ids, defaultAugmentation));
  const expected = run();
  for (const options of [{ threads: 1 }, { threads: 3 }, { sharedMemory: false }, { threads: 2 }]) {
    await engine.stop();
    engine = await startBackend(options);
    assert.is(run(), expected, JSON.stringify(options));
  }
});

test('augmentBatch() leaves no tensor behind but its result', () => {
  const x = tf.zeros<tf.Rank.R4>([2, 28, 28, 1]);
  const before = tf.memory().numTensors;
  const y = augmentBatch(x, { seed: 1, epoch: 0, exampleIds: Int32Array.of(0, 1) });
  assert.is(tf.memory().numTensors, before + 1);
  y.dispose();
  assert.is(tf.memory().numTensors, before);
  x.dispose();
});

test('augmentBatch() takes an empty batch and refuses ids that do not match', () => {
  assert.is(augmented(new Float32Array(0), [0, 28, 28, 1], new Int32Array(0), defaultAugmentation).length, 0);
  assert.throws(
    () => augmented(new Float32Array(784), [1, 28, 28, 1], Int32Array.of(1, 2), defaultAugmentation),
    (error: unknown) => error instanceof SelvedgeError && error.code === 'augmentation/bad-ids',
  );
});

test('checkAugmentation() names the setting that makes no sense', () => {
  const refused: [unknown, RegExp][] = [
    [{ ...never, flip: { probability: 2 } }, /flip\.probability = 2/],
    [{ ...never, flip: { probability: Number.NaN } }, /flip\.probability/],
    [{ ...never, shift: { probability: 1, pixels: 1.5 } }, /shift\.pixels = 1\.5/],
    [{ ...never, rotate: { probability: 1, degrees: 181 } }, /rotate\.degrees = 181/],
    [{ ...never, scale: { probability: 1, minimum: 0, maximum: 1 } }, /scale\.minimum = 0/],
    [{ ...never, scale: { probability: 1, minimum: 2, maximum: 1 } }, /minimum <= maximum/],
    [{ ...never, erase: { ...never.erase, minimumArea: 0.5 } }, /minimumArea <= maximumArea/],
    [{ ...never, erase: { ...never.erase, fill: 'paste' } }, /erase\.fill = "paste"/],
    [{ ...never, blur: {} }, /blur/],
    [{}, /flip/],
    [null, /null/],
  ];
  for (const [settings, message] of refused) {
    try {
      checkAugmentation(settings);
      assert.unreachable(String(message));
    } catch (error) {
      assert.instance(error, SelvedgeError);
      assert.is((error as SelvedgeError).code, 'augmentation/bad-settings');
      assert.match((error as SelvedgeError).message, message);
    }
  }
  assert.equal(checkAugmentation(defaultAugmentation), defaultAugmentation);
});

test.run();
