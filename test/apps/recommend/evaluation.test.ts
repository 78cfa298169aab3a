// Figures of retrieval against sums by hand, and made shoppers: a function of the seed, whose lists are better than chance.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  encodeHalf,
  evaluateRecommendation,
  makeCatalogue,
  measureRetrieval,
  openEmbedder,
  simulateShoppers,
} from '../../../src/apps/recommend/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { loadFashionMnistSample } from '../../../src/data/index.ts';
import { loadShippedModel } from '../../../src/models/index.ts';

const test = suite('evaluation of recommend');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

const rejects = async (run: Promise<unknown>, code: string): Promise<void> => {
  const error = await run.then(
    () => undefined,
    (thrown: { code: string }) => thrown,
  );
  assert.is(error?.code, code);
};

/** Directions in the plane, by their cosine with the first axis. */
const withCosines = (cosines: readonly number[]): Float32Array =>
  Float32Array.from(cosines.flatMap((cosine) => [cosine, Math.sqrt(1 - cosine * cosine)]));

test('measureRetrieval() is the sum by hand: negative cosines last, of equal ones the earlier first', async () => {
  const gallery = { vectors: encodeHalf(withCosines([-0.9, 0.5, 0.9, 0.5, 0, -0.5])), dimension: 2, count: 6 };
  const galleryLabels = [1, 0, 1, 1, 0, 0];
  // Ranking by the first axis: 2, 1, 3, 4, 5, 0, so labels 1 0 1 0 0 1.
  const found = await measureRetrieval(
    { gallery, galleryLabels, queries: Float32Array.of(1, 0, 1, 0), queryLabels: [1, 0] },
    2,
  );
  const [ones, zeros] = [(1 + 2 / 3 + 3 / 6) / 3, (1 / 2 + 2 / 4 + 3 / 5) / 3];
  assert.ok(Math.abs(found.meanAveragePrecision - (ones + zeros) / 2) < 1e-12);
  assert.ok(Math.abs(found.byClass[1]! - ones) < 1e-12);
  assert.is(found.precisionAt1, 0.5);
  assert.equal([found.queries, found.gallery], [2, 6]);
});

test('measureRetrieval() within a set passes over the query itself', async () => {
  const vectors = withCosines([1, 0.9, 0, -0.1]);
  const found = await measureRetrieval(
    {
      gallery: { vectors: encodeHalf(vectors), dimension: 2, count: 4 },
      galleryLabels: [0, 0, 1, 1],
      queries: vectors,
      queryLabels: [0, 0, 1, 1],
      isWithin: true,
    },
    2,
  );
  assert.equal([found.gallery, found.meanAveragePrecision, found.precisionAt1], [3, 1, 1]);
});

test('measureRetrieval() refuses other shapes and a class that the gallery lacks', async () => {
  const gallery = { vectors: encodeHalf(Float32Array.of(1, 0)), dimension: 2, count: 1 };
  const queries = Float32Array.of(1, 0);
  await rejects(measureRetrieval({ gallery, galleryLabels: [], queries, queryLabels: [0] }, 1), 'retrieval/shape');
  await rejects(
    measureRetrieval({ gallery, galleryLabels: [0], queries, queryLabels: [1] }, 2),
    'retrieval/no-relevant',
  );
});

test('made shoppers are a function of the seed, and suit themselves better than by chance', async () => {
  const { test: set } = await loadFashionMnistSample();
  const ids = Array.from({ length: set.count }, (_, i) => `item-${i}`);
  const made = { images: set.images, labels: set.labels, ids, classes: 10 };
  const shoppers = simulateShoppers(made, { shoppers: 24, seed: 3 });
  assert.equal(simulateShoppers(made, { shoppers: 2, seed: 3 }), shoppers.slice(0, 2));
  assert.not.equal(simulateShoppers(made, { shoppers: 2, seed: 4 }), shoppers.slice(0, 2));
  const kinds = new Set(shoppers.flatMap(({ events }) => events.map(({ kind }) => kind)));
  assert.equal([...kinds].sort(), ['like', 'purchase', 'return', 'view']);
  const { model } = await loadShippedModel();
  const embedder = await openEmbedder(model);
  const catalogue = await makeCatalogue(embedder, {
    ids,
    images: set.images,
    classNames: set.classNames,
  });
  embedder.dispose();
  model.dispose();
  const { lists, suiting } = await evaluateRecommendation(catalogue, set.labels, shoppers, { seed: 3 });
  assert.is(suiting, 0.01);
  assert.ok(lists.recommended!.ndcg > 2 * lists['same class']!.ndcg, JSON.stringify(lists));
  assert.ok(lists.recommended!.hitRate > lists.popular!.hitRate && lists.recommended!.hitRate > lists.chance!.hitRate);
});

test.run();
