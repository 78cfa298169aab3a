// The preprocessing kernels against scikit-image's values and against scalar references, their independence of threads, their errors.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  equalizeTiles,
  inputStatistics,
  orientedGradients,
  type PreprocessingName,
  preprocessDataset,
  preprocessedShape,
  preprocessImages,
} from '../../src/data/preprocessing.ts';
import {
  claheReference,
  equalizeReference,
  gradientsReference,
  type Plane,
  patternReference,
  standardizeReference,
} from './preprocessing-reference.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

interface Golden {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly image: readonly number[];
  readonly equalize: readonly number[];
  readonly lbp: readonly number[];
  readonly clahe: { readonly tile: number; readonly limit: number; readonly pixels: readonly number[] };
  readonly hog: { readonly cell: number; readonly block: number; readonly features: readonly number[] };
}

const { cases } = JSON.parse(readFileSync(new URL('golden-preprocessing.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Golden[];
};

const imagesOf = ({ height, width, image }: Golden) => ({
  images: Uint8Array.from(image),
  count: 1,
  height,
  width,
  channels: 1,
});

for (const golden of cases) {
  test(`preprocessImages() equalises "${golden.name}" as scikit-image does`, () => {
    assert.equal([...preprocessImages(imagesOf(golden), 'equalize').images], golden.equalize);
  });

  test(`preprocessImages() has the local binary patterns of "${golden.name}" that scikit-image has`, () => {
    assert.equal([...preprocessImages(imagesOf(golden), 'lbp').images], golden.lbp);
  });

  test(`equalizeTiles() equalises the tiles of "${golden.name}" as scikit-image does`, () => {
    const { tile, limit, pixels } = golden.clahe;
    assert.equal([...equalizeTiles(imagesOf(golden), { tile, limit })], pixels);
  });

  test(`orientedGradients() of "${golden.name}" are within 2e-6 of scikit-image's`, () => {
    const { cell, block, features } = golden.hog;
    const found = orientedGradients(imagesOf(golden), { cell, block });
    assert.is(found.length, features.length);
    const far = Math.max(...found.map((value, i) => Math.abs(value - features[i]!)));
    assert.ok(far <= 2e-6, `${far} away`);
  });
}

const plane: fc.Arbitrary<Plane> = fc
  .tuple(fc.integer({ min: 1, max: 21 }), fc.integer({ min: 1, max: 21 }), fc.constantFrom(0, 1, 255))
  .chain(([height, width, most]) =>
    fc.record({
      pixels: fc.uint8Array({ minLength: height * width, maxLength: height * width, max: most === 0 ? 3 : most }),
      height: fc.constant(height),
      width: fc.constant(width),
    }),
  );

const ofPlane = ({ pixels, height, width }: Plane) => ({ images: pixels, count: 1, height, width, channels: 1 });

const references: readonly [PreprocessingName, (plane: Plane) => Uint8Array][] = [
  ['equalize', equalizeReference],
  ['standardize-image', standardizeReference],
  ['lbp', patternReference],
];

for (const [name, reference] of references) {
  test(`preprocessImages() by "${name}" equals its scalar reference on images of any size`, () => {
    fc.assert(
      fc.property(plane, (one) => {
        assert.equal([...preprocessImages(ofPlane(one), name).images], [...reference(one)]);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
}

test('equalizeTiles() equals its scalar reference on images and tiles of any size', () => {
  const settings = fc.record({ tile: fc.integer({ min: 1, max: 24 }), limit: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(plane, settings, (one, values) => {
      assert.equal([...equalizeTiles(ofPlane(one), values)], [...claheReference(one, values)]);
    }),
    { numRuns: 200, seed: 2 },
  );
});

test('orientedGradients() equals its scalar reference on images, cells and blocks of any size', () => {
  const settings = fc.record({ cell: fc.integer({ min: 1, max: 7 }), block: fc.integer({ min: 1, max: 3 }) });
  fc.assert(
    fc.property(plane, settings, (one, values) => {
      fc.pre(Math.min(one.height, one.width) >= values.cell * values.block);
      assert.equal([...orientedGradients(ofPlane(one), values)], [...gradientsReference(one, values)]);
    }),
    { numRuns: 200, seed: 3 },
  );
});

test('preprocessImages() takes each channel and each image by itself', () => {
  const channels = 3;
  const planes = Array.from({ length: 2 * channels }, (_, k) =>
    Uint8Array.from({ length: 56 }, (_, i) => (i * i * (k + 3)) % 251),
  );
  const images = new Uint8Array(2 * 56 * channels);
  planes.forEach((pixels, k) => {
    pixels.forEach((pixel, i) => {
      images[(Math.floor(k / channels) * 56 + i) * channels + (k % channels)] = pixel;
    });
  });
  for (const [name, reference] of references) {
    if (name === 'standardize-image') continue;
    const made = preprocessImages({ images, count: 2, height: 7, width: 8, channels }, name).images;
    planes.forEach((pixels, k) => {
      const expected = reference({ pixels, height: 7, width: 8 });
      const found = made.filter(
        (_, at) => at % channels === k % channels && Math.floor(at / (56 * channels)) === Math.floor(k / channels),
      );
      assert.equal([...found], [...expected]);
    });
  }
});

test('orientedGradients() takes the channel of the longest gradient', () => {
  const flat = new Uint8Array(64).fill(9);
  const ramp = Uint8Array.from({ length: 64 }, (_, i) => 20 * (i % 8));
  const both = Uint8Array.from({ length: 128 }, (_, i) => (i % 2 === 0 ? flat : ramp)[i >> 1]!);
  const size = { count: 1, height: 8, width: 8 };
  const expected = orientedGradients({ images: ramp, channels: 1, ...size });
  assert.equal(orientedGradients({ images: both, channels: 2, ...size }), expected);
});

test('preprocessImages() is the same at any number of threads', async () => {
  const images = Uint8Array.from({ length: 300 * 784 }, (_, i) => (i * 2654435761) >>> 24);
  const from = { images, count: 300, height: 28, width: 28, channels: 1 };
  const names = ['equalize', 'clahe', 'standardize-image', 'lbp', 'hog'] as const;
  const byTwo = names.map((name) => preprocessImages(from, name).images);
  await engine.stop();
  engine = await startBackend({ threads: 1 });
  names.forEach((name, i) => {
    assert.equal(preprocessImages(from, name).images, byTwo[i]);
  });
});

test('preprocessDataset() keeps labels, and leaves what the model standardises', () => {
  const dataset = {
    name: 'two',
    images: Uint8Array.from({ length: 128 }, (_, i) => i),
    labels: Uint8Array.of(1, 0),
    count: 2,
    height: 8,
    width: 8,
    channels: 1,
    classNames: ['a', 'b'],
  };
  const gradients = preprocessDataset(dataset, 'hog');
  assert.is([gradients.height, gradients.width, gradients.channels, gradients.images.length].join(), '1,1,36,72');
  assert.equal(gradients.labels, dataset.labels);
  assert.is(preprocessDataset(dataset, 'standardize').images, dataset.images);
  assert.is(preprocessDataset({ ...dataset, count: 0, images: new Uint8Array() }, 'lbp').count, 0);
});

test('inputStatistics() are mean and standard deviation of the images that are trained on', () => {
  const dataset = {
    name: 'two',
    images: Uint8Array.of(0, 51, 255, 255),
    labels: Uint8Array.of(0, 0),
    count: 2,
    height: 1,
    width: 2,
    channels: 1,
    classNames: ['a'],
  };
  const { mean, deviation } = inputStatistics('standardize', dataset, [0])!;
  assert.ok(Math.abs(mean - 0.1) < 1e-12 && Math.abs(deviation - 0.1) < 1e-12);
  assert.is(inputStatistics('standardize', dataset, [1])!.deviation, 1);
  assert.is(inputStatistics('lbp', dataset, [0]), undefined);
  assert.throws(() => inputStatistics('standardize', dataset, []), hasCode('preprocessing/images'));
});

const hasCode = (code: string) => (error: unknown) => error instanceof SelvedgeError && error.code === code;

test('preprocessImages() refuses what is no preprocessing, no images, or too small', () => {
  const one = { images: new Uint8Array(49), count: 1, height: 7, width: 7, channels: 1 };
  assert.throws(() => preprocessImages(one, 'sharpen' as 'lbp'), hasCode('preprocessing/unknown'));
  assert.throws(() => preprocessImages(one, 'hog'), hasCode('preprocessing/size'));
  assert.throws(() => preprocessedShape('hog', [7, 7, 1]), /8x8/);
  assert.throws(() => preprocessImages({ ...one, width: 8 }, 'lbp'), hasCode('preprocessing/images'));
  assert.throws(() => preprocessImages({ ...one, count: 0 }, 'lbp'), hasCode('preprocessing/images'));
  for (const tile of [0, 1.5, Number.NaN, -3]) {
    assert.throws(() => equalizeTiles(one, { tile, limit: 1 }), hasCode('preprocessing/settings'));
  }
  assert.throws(() => orientedGradients(one, { cell: 8, block: 1 }), hasCode('preprocessing/images'));
});

test.run();
