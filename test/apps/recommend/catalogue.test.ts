// From images to an index file and back, and searching it: the same bits alone and in company, and a clear error for every broken file.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Catalogue,
  decodeHalf,
  decodeIndex,
  encodeHalf,
  encodeIndex,
  makeCatalogue,
  openEmbedder,
  requireSameModel,
  searchCatalogue,
} from '../../../src/apps/recommend/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import * as tf from '../../../src/backend/tfjs.ts';
import { createPhilox } from '../../../src/core/philox.ts';
import { loadFashionMnistSample } from '../../../src/data/index.ts';
import { averageModels, buildModel, initializeWeights, loadShippedModel } from '../../../src/models/index.ts';
import { createPredictor } from '../../../src/plan/index.ts';
import { shop } from './shop.ts';

const test = suite('catalogue');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const rejects = async (run: Promise<unknown>, code: string): Promise<void> => {
  const error = await run.then(
    () => undefined,
    (thrown: { code: string }) => thrown,
  );
  assert.is(error?.code, code);
};

/** Directions at random. */
function directions(count: number, dimension: number, seed: number): Float32Array {
  const draws = createPhilox({ seed, stream: 99 });
  const rows = Float32Array.from({ length: count * dimension }, () => draws.nextNormal());
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * dimension, (row + 1) * dimension);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    own.forEach((value, i) => {
      own[i] = value / length;
    });
  }
  return rows;
}

test('openEmbedder() gives unit vectors, the predictor’s probabilities and the same bits alone and in company', async () => {
  const { model } = await loadShippedModel();
  const { test: sample } = await loadFashionMnistSample();
  const images = sample.images.subarray(0, 70 * 784);
  const before = tf.memory().numTensors;
  const embedder = await openEmbedder(model);
  const { vectors, probabilities } = embedder.embed(images);
  assert.is(tf.memory().numTensors, before);
  assert.equal([embedder.dimension, vectors.length], [138, 70 * 138]);
  for (let row = 0; row < 70; row++) {
    const own = vectors.subarray(row * 138, (row + 1) * 138);
    assert.ok(Math.abs(own.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5);
  }
  const predictor = createPredictor(model);
  const expected = predictor.predict(Float32Array.from(images, (level) => Math.fround(level / 255)));
  probabilities.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) < 1e-5);
  });
  predictor.dispose();
  assert.equal(embedder.embed(images.subarray(69 * 784)).vectors, vectors.slice(69 * 138));
  embedder.dispose();
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test('openEmbedder() joins the hidden layers of an ensemble’s members with equal shares', async () => {
  const members = [1, 2].map((seed) => {
    const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, seed);
    return model;
  });
  const ensemble = await averageModels(members);
  const { embed, dimension, dispose } = await openEmbedder(ensemble);
  assert.is(dimension, 266);
  const { vectors } = embed(Uint8Array.from({ length: 784 }, (_, i) => (i * 31) % 256));
  const squares = (from: number, to: number): number =>
    vectors.subarray(from, to).reduce((sum, value) => sum + value * value, 0);
  for (const [from, to, share] of [
    [0, 128, 0.25],
    [128, 256, 0.25],
    [256, 266, 0.5],
  ] as const) {
    assert.ok(Math.abs(squares(from, to) - share) < 1e-5);
  }
  dispose();
  for (const model of [...members, ensemble]) model.dispose();
});

test('openEmbedder() refuses what has no dense end, and images of another size', async () => {
  const flat = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 2, 1] })] });
  await rejects(openEmbedder(flat), 'embedding/no-features');
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 1);
  const { embed, dispose } = await openEmbedder(model);
  assert.throws(
    () => embed(new Uint8Array(100)),
    (error: { code: string }) => error.code === 'embedding/shape',
  );
  const [kernel] = model.layers.at(-1)!.getWeights();
  model.layers.at(-1)!.setWeights([tf.fill(kernel!.shape, Number.NaN), tf.zeros([10])]);
  assert.throws(
    () => embed(new Uint8Array(784).fill(9)),
    (error: { code: string }) => error.code === 'embedding/not-finite',
  );
  dispose();
  model.dispose();
});

test('searchCatalogue() finds what a plain loop finds, over several blocks and with ties in the order of the rows', async () => {
  const [count, dimension, many] = [9000, 24, 19];
  const halves = encodeHalf(directions(count, dimension, 1));
  // The last rows are those of the beginning again.
  halves.copyWithin((count - 50) * dimension, 0, 50 * dimension);
  const queries = directions(many, dimension, 2);
  queries.set(decodeHalf(halves.subarray(0, dimension)));
  const before = tf.memory().numTensors;
  const found = await searchCatalogue({ vectors: halves, dimension, count }, queries, { count: 7 });
  assert.is(tf.memory().numTensors, before);
  const rows = decodeHalf(halves);
  found.forEach((list, query) => {
    const cosines = Array.from({ length: count }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < dimension; i++) sum += rows[row * dimension + i]! * queries[query * dimension + i]!;
      return sum;
    });
    const kth = [...cosines].sort((a, b) => b - a)[6]!;
    list.forEach(({ row, similarity }, i) => {
      assert.ok(Math.abs(similarity - cosines[row]!) < 1e-5 && cosines[row]! > kth - 1e-5);
      if (i > 0) assert.ok(list[i - 1]!.similarity > similarity || list[i - 1]!.row < row);
    });
  });
  assert.equal(
    found[0]!.slice(0, 2).map(({ row }) => row),
    [0, count - 50],
  );
  for (const query of [0, 7, 18]) {
    const alone = queries.subarray(query * dimension, (query + 1) * dimension);
    assert.equal(await searchCatalogue({ vectors: halves, dimension, count }, alone, { count: 7 }), [found[query]!]);
  }
  const without = new Uint8Array(count);
  without[0] = 1;
  const [rest] = await searchCatalogue({ vectors: halves, dimension, count }, queries.subarray(0, dimension), {
    without,
  });
  assert.is(rest![0]!.row, count - 50);
});

test('searchCatalogue() refuses other dimensions, counts and numbers, and gives all of a small catalogue', async () => {
  const query = Float32Array.of(1, 0);
  assert.is((await searchCatalogue(shop, query, { count: 99 }))[0]!.length, shop.count);
  assert.equal(await searchCatalogue(shop, new Float32Array(0)), []);
  await rejects(searchCatalogue(shop, Float32Array.of(1, 0, 0)), 'search/shape');
  await rejects(searchCatalogue(shop, query, { count: 0 }), 'search/count');
  await rejects(searchCatalogue(shop, query, { without: new Uint8Array(2) }), 'search/shape');
  await rejects(searchCatalogue(shop, Float32Array.of(Number.NaN, 0)), 'search/not-finite');
});

test('decodeIndex() gives back the catalogue, from any offset', async () => {
  const pictures = { height: 2, width: 2, channels: 1, pixels: Uint8Array.from({ length: 32 }, (_, i) => i) };
  for (const catalogue of [shop, { ...shop, pictures, ids: shop.ids.map((id) => `${id} süß`) }] as Catalogue[]) {
    const bytes = await encodeIndex(catalogue);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    for (const own of [bytes, shifted.subarray(1)]) {
      const back = await decodeIndex(own);
      assert.equal({ ...back, pictures: undefined }, { ...catalogue, pictures: undefined });
      assert.equal(
        back.pictures && { ...back.pictures, pixels: Array.from(back.pictures.pixels) },
        catalogue.pictures && { ...pictures, pixels: Array.from(pictures.pixels) },
      );
    }
  }
});

test('decodeIndex() refuses foreign, cut, changed and later files, each by its code', async () => {
  const bytes = await encodeIndex(shop);
  const changed = (at: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  await rejects(decodeIndex(new Uint8Array(0)), 'index/foreign');
  await rejects(decodeIndex(new TextEncoder().encode('{"a": 1}')), 'index/foreign');
  await rejects(decodeIndex(changed(8, 2)), 'index/version');
  await rejects(decodeIndex(bytes.subarray(0, 20)), 'index/truncated');
  await rejects(decodeIndex(bytes.subarray(0, bytes.length - 1)), 'index/truncated');
  for (const at of [16, 30, 300, bytes.length - 40, bytes.length - 1]) {
    const code = at === 16 ? /^index\/(truncated|corrupt)$/ : /^index\/corrupt$/;
    const error = await decodeIndex(changed(at, bytes[at]! ^ 1)).then(
      () => undefined,
      (thrown: { code: string }) => thrown,
    );
    assert.match(error?.code ?? 'none', code);
  }
  const more = new Uint8Array(bytes.length + 1);
  more.set(bytes);
  await rejects(decodeIndex(more), 'index/corrupt');
});

test('requireSameModel() refuses an index of other weights', () => {
  requireSameModel(shop, { name: 'plane', digest: shop.model.digest });
  assert.throws(
    () => requireSameModel(shop, { name: 'plane', digest: 'cd'.repeat(32) }),
    (error: { code: string; message: string }) =>
      error.code === 'index/other-model' && /"plane" of digest abababababab, which made it/.test(error.message),
  );
});

test('makeCatalogue() refuses no items, a name twice, names of two lines and other shapes', async () => {
  const { model } = await loadShippedModel();
  const embedder = await openEmbedder(model);
  const classNames = Array.from({ length: 10 }, (_, label) => `class ${label}`);
  const make = (ids: string[], bytes = 784 * ids.length, names = classNames): Promise<Catalogue> =>
    makeCatalogue(embedder, { ids, images: new Uint8Array(bytes).fill(7), classNames: names });
  await rejects(make([]), 'catalogue/empty');
  await rejects(make(['a', 'a']), 'catalogue/duplicate-id');
  await rejects(make(['a\nb']), 'catalogue/bad-id');
  await rejects(make(['a'], 783), 'catalogue/shape');
  await rejects(make(['a'], 784, ['one']), 'catalogue/shape');
  assert.is((await make(['a'])).pictures!.pixels.length, 784);
  embedder.dispose();
  model.dispose();
});

test.run();
