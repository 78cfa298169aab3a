// Styles inside a class: clusters of embeddings, and whether they are there or made up. Pure. Not here: embeddings, names of styles.
// Invariant: the same rows and seed give the same clusters on every engine.
import { SelvedgeError } from '../../core/errors.ts';
import { naturalLogarithm } from '../../core/exponential.ts';
import { createPhilox, drawPermutation, type Philox, randomStreams } from '../../core/philox.ts';

/** Clusters of rows. */
export interface Clusters {
  readonly count: number;
  /** Of each row. */
  readonly labels: Int32Array;
  /** `[count, width]`. */
  readonly centres: Float64Array;
  /** How alike clusters of halves of the rows are: mean normalised mutual information, 1 if they are the same. */
  readonly stability: number;
}

export interface ClusterOptions {
  readonly seed: number;
  /** How many; default: the most, of 2 to 6, that are nearly as stable as the most stable number. */
  readonly count?: number | undefined;
}

const COUNTS = [2, 3, 4, 5, 6];
/** A difference of stability that is none. */
const NEARLY = 0.02;
const ROUNDS = 40;
const HALVES = 4;
/** Beginnings of which the best is taken. */
const STARTS = 4;

/**
 * Clusters rows by k-means with seeding by distance.
 *
 * @param rows `[rows, width]`
 * @throws SelvedgeError `trends/styles` for fewer than 10 rows a cluster, or more clusters than different rows
 * @see https://dl.acm.org/doi/10.5555/1283383.1283494
 * @example
 * ```ts
 * import { clusterRows } from 'selvedge/apps';
 * const rows = Float32Array.from({ length: 80 }, (_, i) => (i % 2) * 10 + (i % 5) / 10);
 * const { labels, stability } = clusterRows(rows, 1, { seed: 1, count: 2 });
 * console.assert(labels[0] === labels[2] && labels[0] !== labels[1] && stability === 1);
 * ```
 */
export function clusterRows(rows: Float32Array, width: number, { seed, count }: ClusterOptions): Clusters {
  const many = rows.length / width;
  const counts = count === undefined ? COUNTS.filter((each) => many >= 10 * each) : [count];
  if (counts.length === 0 || !Number.isInteger(many) || many < 10 * counts[0]!) {
    throw new SelvedgeError('trends/styles', `Cannot tell styles: expected 10 pictures a style or more, got ${many}`);
  }
  const found = counts.map((each): Clusters => {
    const draws = createPhilox({ seed, stream: randomStreams.catalogue, substream: [5, each] });
    const centres = bestMeans(rows, width, each, draws);
    const stability = stabilityOf(rows, width, each, draws);
    return { count: each, centres, labels: assign(rows, width, centres).labels, stability };
  });
  const most = found.reduce((best, { stability }) => Math.max(best, stability), 0);
  return found.filter(({ stability }) => stability >= most - NEARLY).at(-1)!;
}

/**
 * Normalised mutual information of two clusterings: by the mean of their entropies; 1 where they are the same, 0 where they are independent.
 *
 * @example
 * ```ts
 * import { mutualInformation } from 'selvedge/apps';
 * console.assert(mutualInformation([0, 0, 1, 1], [5, 5, 3, 3]) === 1);
 * ```
 */
export function mutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const both = new Map<string, number>();
  const [first, second] = [new Map<number, number>(), new Map<number, number>()];
  const raise = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);
  for (let i = 0; i < a.length; i++) {
    raise(first, a[i]!);
    raise(second, b[i]!);
    raise(both, `${a[i]} ${b[i]}`);
  }
  const entropy = (counts: Iterable<number>): number => {
    let sum = 0;
    for (const count of counts) sum -= (count / a.length) * naturalLogarithm(count / a.length);
    return sum;
  };
  const [ha, hb] = [entropy(first.values()), entropy(second.values())];
  if (ha + hb === 0) return 1;
  const shared = (2 * (ha + hb - entropy(both.values()))) / (ha + hb);
  return shared > 1 - 1e-12 ? 1 : Math.max(0, shared);
}

function squaredDistance(
  rows: Float32Array,
  row: number,
  centres: Float64Array,
  centre: number,
  width: number,
): number {
  let sum = 0;
  for (let i = 0; i < width; i++) {
    const difference = rows[row * width + i]! - centres[centre * width + i]!;
    sum += difference * difference;
  }
  return sum;
}

function assign(rows: Float32Array, width: number, centres: Float64Array) {
  const labels = new Int32Array(rows.length / width);
  const distances = new Float64Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    let least = Number.POSITIVE_INFINITY;
    for (let centre = 0; centre < centres.length / width; centre++) {
      const distance = squaredDistance(rows, row, centres, centre, width);
      if (distance < least) [least, labels[row]] = [distance, centre];
    }
    distances[row] = least;
  }
  return { labels, distances };
}

function bestMeans(rows: Float32Array, width: number, count: number, draws: Philox): Float64Array {
  let best: { centres: Float64Array; cost: number } | undefined;
  for (let start = 0; start < STARTS; start++) {
    let centres = seeded(rows, width, count, draws);
    let cost = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const { labels, distances } = assign(rows, width, centres);
      const now = distances.reduce((sum, distance) => sum + distance, 0);
      if (now >= cost - 1e-9 * cost) break;
      cost = now;
      centres = meansOf(rows, width, labels, centres);
    }
    if (!best || cost < best.cost) best = { centres, cost };
  }
  return best!.centres;
}

function seeded(rows: Float32Array, width: number, count: number, draws: Philox): Float64Array {
  const many = rows.length / width;
  const chosen: number[] = [draws.nextBelow(many)];
  const nearest = new Float64Array(many).fill(Number.POSITIVE_INFINITY);
  while (chosen.length < count) {
    const last = Float64Array.from(rows.subarray(chosen.at(-1)! * width, (chosen.at(-1)! + 1) * width));
    let sum = 0;
    for (let row = 0; row < many; row++) {
      nearest[row] = Math.min(nearest[row]!, squaredDistance(rows, row, last, 0, width));
      sum += nearest[row]!;
    }
    if (!(sum > 0))
      throw new SelvedgeError('trends/styles', `Cannot tell ${count} styles: expected as many different pictures`);
    let left = draws.nextUniform() * sum;
    let row = 0;
    while (row < many - 1 && left >= nearest[row]!) {
      left -= nearest[row]!;
      row++;
    }
    chosen.push(row);
  }
  return Float64Array.from(chosen.flatMap((row) => [...rows.subarray(row * width, (row + 1) * width)]));
}

function meansOf(rows: Float32Array, width: number, labels: Int32Array, before: Float64Array): Float64Array {
  const centres = new Float64Array(before.length);
  const counts = new Float64Array(before.length / width);
  labels.forEach((label, row) => {
    counts[label]!++;
    for (let i = 0; i < width; i++) centres[label * width + i]! += rows[row * width + i]!;
  });
  // A cluster that has lost its last row stays where it was.
  return centres.map((sum, i) => {
    const many = counts[Math.floor(i / width)]!;
    return many === 0 ? before[i]! : sum / many;
  });
}

/** All rows by the centres of one half, and by those of the other. */
function stabilityOf(rows: Float32Array, width: number, count: number, draws: Philox): number {
  const many = rows.length / width;
  let sum = 0;
  for (let i = 0; i < HALVES; i++) {
    const order = drawPermutation(draws, many);
    const [a, b] = [order.subarray(0, many >> 1), order.subarray(many >> 1)].map((half) => {
      const own = new Float32Array(half.length * width);
      half.forEach((row, at) => {
        own.set(rows.subarray(row * width, (row + 1) * width), at * width);
      });
      return assign(rows, width, bestMeans(own, width, count, draws)).labels;
    });
    sum += mutualInformation(a!, b!);
  }
  return sum / HALVES;
}
