// selvedge measure duplicates: images that both sets, or one of them, hold twice; and the nearest pairs, whatever their distance.
import type { Dataset } from '../../data/dataset.ts';
import { equalImages, type ImagePool, type Neighbours, nearestImages } from '../../evaluation/duplicates.ts';
import { type Interval, wilsonInterval95 } from '../../evaluation/statistics.ts';
import { type Anchor, isStudied, type Measured, type Subject } from './subject.ts';

/** Root of the mean squared difference of levels, up to which two images are nearly the same. */
const NEAR_LEVELS = 8;
const SHOWN_PAIRS = 12;

const anchors: readonly Anchor[] = [
  {
    figure: 'equal pairs reported in 2017, replaced upstream since: within training, within test, across',
    value: '43, 1, 10',
    source: 'zalandoresearch/fashion-mnist issues 44 and 45',
  },
];

interface Pair {
  /** Number of the image in its own set. */
  readonly first: number;
  readonly second: number;
  readonly firstLabel: string;
  readonly secondLabel: string;
  /** Root of the mean squared difference of levels, 0 to 255. */
  readonly levels: number;
}

/** Measures the data as they are: no model has a part in it. */
export async function measureDuplicates({ data, context }: Subject): Promise<Measured> {
  const { train, test } = data;
  const pool = poolOf(train, test);
  const groups = equalImages(pool);
  let shown = 0;
  const [inTraining, inTest] = await nearestImages(pool, (done) => {
    if (Math.floor(10 * done) === shown) return;
    shown = Math.floor(10 * done);
    context.writeError(`Compared ${10 * shown}% of the pairs\n`);
  });
  const kinds = {
    training: pairsOf({ train, test, neighbours: inTraining!, from: 0, to: train.count }),
    test: pairsOf({ train, test, neighbours: inTest!, from: train.count, to: pool.sets.length }),
    across: pairsOf({ train, test, neighbours: inTraining!, from: train.count, to: pool.sets.length }),
  };
  const placeOf = (image: number) =>
    image < train.count ? { set: 'training', image } : { set: 'test', image: image - train.count };
  const hits = test.labels.reduce(
    (sum, label, i) => sum + (label === train.labels[inTraining!.nearest[train.count + i]!] ? 1 : 0),
    0,
  );
  const result = {
    images: { training: train.count, test: test.count },
    equalGroups: groups.map((group) => group.map(placeOf)),
    nearLevels: NEAR_LEVELS,
    pairs: Object.fromEntries(Object.entries(kinds).map(([kind, pairs]) => [kind, summaryOf(pairs)])),
    // What the search gives for nothing: the class of the nearest training image.
    nearestNeighbour: { accuracy: hits / test.count, accuracyInterval95: wilsonInterval95(hits, test.count) },
    anchors: isStudied(data) ? anchors : [],
  };
  return { result, text: describe(result.equalGroups.length, kinds, result.nearestNeighbour) };
}

function poolOf(train: Dataset, test: Dataset): ImagePool {
  const images = new Uint8Array(train.images.length + test.images.length);
  images.set(train.images);
  images.set(test.images, train.images.length);
  const sets = new Uint8Array(train.count + test.count).fill(1, train.count);
  return { images, size: train.height * train.width * train.channels, sets };
}

interface PairsOf {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly neighbours: Neighbours;
  /** Images whose neighbours are meant, by number in the pool. */
  readonly from: number;
  readonly to: number;
}

/** Every image with its nearest, the nearest pair first; a pair of two that are each other's nearest is there once. */
function pairsOf({ train, test, neighbours, from, to }: PairsOf): Pair[] {
  const { nearest, squaredDistances } = neighbours;
  const size = train.height * train.width * train.channels;
  const pairs: Pair[] = [];
  for (let image = from; image < to; image++) {
    const other = nearest[image]!;
    if (other < 0 || (other < image && other >= from && nearest[other] === image)) continue;
    const [first, second] = [Math.min(image, other), Math.max(image, other)];
    pairs.push({
      first: first < train.count ? first : first - train.count,
      second: second < train.count ? second : second - train.count,
      firstLabel: labelOf(train, test, first),
      secondLabel: labelOf(train, test, second),
      levels: Math.sqrt(squaredDistances[image]! / size),
    });
  }
  return pairs.sort((a, b) => a.levels - b.levels || a.first - b.first || a.second - b.second);
}

const labelOf = (train: Dataset, test: Dataset, image: number): string =>
  train.classNames[image < train.count ? train.labels[image]! : test.labels[image - train.count]!]!;

/** Levels that so many of a hundred pairs are at most apart. */
const QUANTILES = [0, 0.01, 0.1, 0.5, 0.9, 1] as const;

function summaryOf(pairs: readonly Pair[]) {
  const near = pairs.filter(({ levels }) => levels <= NEAR_LEVELS);
  const quantile = (share: number): number => pairs[Math.round(share * (pairs.length - 1))]?.levels ?? 0;
  return {
    count: pairs.length,
    near: near.length,
    nearOfOtherClass: near.filter(({ firstLabel, secondLabel }) => firstLabel !== secondLabel).length,
    levels: QUANTILES.map((share) => ({ share, levels: quantile(share) })),
    nearest: pairs.slice(0, SHOWN_PAIRS),
  };
}

function describe(
  equal: number,
  kinds: Readonly<Record<'training' | 'test' | 'across', readonly Pair[]>>,
  nearest: { readonly accuracy: number; readonly accuracyInterval95: Interval },
): string {
  const lines = Object.entries(kinds).map(([kind, pairs]) => {
    const near = pairs.filter(({ levels }) => levels <= NEAR_LEVELS).length;
    const [closest] = pairs;
    const example =
      closest && `; nearest: ${closest.first} and ${closest.second}, ${closest.levels.toFixed(2)} levels apart`;
    return `${kind}: ${near} pairs within ${NEAR_LEVELS} levels${example ?? ''}`;
  });
  return [
    `${equal} groups of equal images`,
    ...lines,
    `The nearest training image has the right class for ${(100 * nearest.accuracy).toFixed(2)}% of the test images`,
  ].join('\n');
}
