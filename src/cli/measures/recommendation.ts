// selvedge measure recommendation: lists of ten for made shoppers whose taste is known, in a catalogue of the test images. The shoppers are
// not real people, and the result says so. Not here: shoppers and lists (src/apps/recommend).
import {
  evaluateRecommendation,
  makeCatalogue,
  openEmbedder,
  type RecommendationFigures,
  simulateShoppers,
} from '../../apps/recommend/index.ts';
import { platform } from '../../platform/index.ts';
import type { Measured, Subject } from './subject.ts';

/** Another than those that the settings were chosen on. */
const SEED = 1;
const SHOPPERS = 300;
const variants = {
  'without time': { halfLifeDays: Number.POSITIVE_INFINITY },
  'without diversity': { diversity: 0 },
} as const;

export async function measureRecommendation(subject: Subject): Promise<Measured> {
  const { data, context } = subject;
  const { model } = await subject.model();
  const { test } = data;
  const ids = Array.from({ length: test.count }, (_, i) => `test-${i}`);
  const embedder = await openEmbedder(model);
  const items = { ids, images: test.images, classNames: test.classNames, keepsPictures: false };
  const catalogue = await makeCatalogue(embedder, items, { onProgress: () => platform.giveWay() });
  embedder.dispose();
  const shop = { images: test.images, labels: test.labels, ids, classes: test.classNames.length };
  const shoppers = simulateShoppers(shop, { shoppers: SHOPPERS, seed: SEED });
  let shown = 0;
  const figures = await evaluateRecommendation(catalogue, test.labels, shoppers, {
    seed: SEED,
    variants,
    onProgress(done, total) {
      const tenth = Math.floor((10 * done) / total);
      if (tenth > shown) context.writeError(`Lists for ${done} of ${total} shoppers\n`);
      shown = tenth;
    },
  });
  const result = {
    shoppersAre: 'made: seeded, with tastes of true classes, lightness and size that no model has seen',
    seed: SEED,
    ...figures,
    anchors: [],
  };
  return { result, text: describe(figures) };
}

function describe({ shoppers, items, suiting, lists }: RecommendationFigures): string {
  const width = Math.max(...Object.keys(lists).map(({ length }) => length));
  return [
    `${shoppers} made shoppers, ${items} items, of which the ${Math.round(items * suiting)} they like best suit them`,
    `${'List of ten'.padEnd(width)}  HitRate@10  nDCG@10  share of classes`,
    ...Object.entries(lists).map(
      ([name, { hitRate, ndcg, classes }]) =>
        `${name.padEnd(width)}  ${hitRate.toFixed(3).padStart(10)}  ${ndcg.toFixed(4).padStart(7)}  ${classes.toFixed(3).padStart(16)}`,
    ),
  ].join('\n');
}
