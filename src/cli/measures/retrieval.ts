// selvedge measure retrieval: test images are searched for among training images, and among the other test images; what is found should be
// of their class. Not here: searching (src/apps/recommend).
import {
  type Catalogue,
  type Embedder,
  encodeHalf,
  measureRetrieval,
  openEmbedder,
  type Retrieval,
} from '../../apps/recommend/index.ts';
import type { Dataset } from '../../data/dataset.ts';
import { platform } from '../../platform/index.ts';
import type { Anchor, Measured, Subject } from './subject.ts';

const anchors: readonly Anchor[] = [
  {
    figure: 'mean average precision',
    value: 0.93,
    source: 'the figure that the task names; its protocol is not stored with it',
  },
];

const STEP = 512;

export async function measureRetrievalOf(subject: Subject): Promise<Measured> {
  const { data, context } = subject;
  const { model } = await subject.model();
  const { train, test } = data;
  const embedder = await openEmbedder(model);
  const classes = test.classNames.length;
  const queries = await vectorsOf(embedder, test);
  context.writeError(`Embedded ${test.count} test images\n`);
  const within = await measureRetrieval(
    {
      gallery: galleryOf(queries, embedder),
      galleryLabels: test.labels,
      queries,
      queryLabels: test.labels,
      isWithin: true,
    },
    classes,
  );
  const gallery = galleryOf(await vectorsOf(embedder, train), embedder);
  context.writeError(`Embedded ${train.count} training images\n`);
  const among = await measureRetrieval(
    { gallery, galleryLabels: train.labels, queries, queryLabels: test.labels },
    classes,
  );
  embedder.dispose();
  const { dimension } = embedder;
  const result = {
    protocol:
      'Cosine of vectors of 16-bit numbers; an item is right if its label is that of the query; average precision over the ranking of all ' +
      'items, then the mean over all test images',
    dimension,
    amongTraining: named(among, test),
    amongTest: named(within, test),
    anchors,
  };
  return {
    result,
    text: describe([
      ['training images', among],
      ['other test images', within],
    ]),
  };
}

async function vectorsOf({ embed, dimension }: Embedder, { images, count }: Dataset): Promise<Float32Array> {
  const vectors = new Float32Array(count * dimension);
  const size = images.length / count;
  for (let first = 0; first < count; first += STEP) {
    // So that Ctrl-C is heard between batches.
    await platform.giveWay();
    vectors.set(embed(images.subarray(first * size, (first + STEP) * size)).vectors, first * dimension);
  }
  return vectors;
}

const galleryOf = (
  vectors: Float32Array,
  { dimension }: Embedder,
): Pick<Catalogue, 'vectors' | 'dimension' | 'count'> => ({
  vectors: encodeHalf(vectors),
  dimension,
  count: vectors.length / dimension,
});

const named = (
  { byClass, halfWidth, meanAveragePrecision, ...figures }: Retrieval,
  { classNames }: Dataset,
): object => ({
  ...figures,
  meanAveragePrecision,
  interval95: { low: meanAveragePrecision - halfWidth, high: meanAveragePrecision + halfWidth },
  byClass: Object.fromEntries(classNames.map((name, label) => [name, byClass[label]!])),
});

function describe(found: readonly (readonly [string, Retrieval])[]): string {
  return found
    .map(
      ([name, { queries, gallery, meanAveragePrecision, halfWidth, precisionAt1, precisionAt10 }]) =>
        `${queries} test images among ${gallery} ${name}: mAP ${meanAveragePrecision.toFixed(4)} ±${halfWidth.toFixed(4)}, ` +
        `P@1 ${precisionAt1.toFixed(4)}, P@10 ${precisionAt10.toFixed(4)}`,
    )
    .join('\n');
}
