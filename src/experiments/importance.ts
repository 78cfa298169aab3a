// How much of the spread of the results each parameter explains: functional analysis of variance over a random forest.
// Not here: interactions, which are what the shares leave over. Invariant: the same trials give the same shares.
// Source: F. Hutter, H. Hoos and K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014; the mean of a
// tree over all other parameters is exact, since a tree is constant on boxes.
import { createPhilox, type Philox, randomStreams } from '../core/philox.ts';
import type { Trial } from './journal.ts';
import { placeOf } from './parameter.ts';

/** Shares of variance. */
export interface Importance {
  /** By parameter, the greatest first: what it explains by itself, averaged over all others. */
  readonly shares: readonly { readonly name: string; readonly share: number }[];
  /** Step of the values that were explained. */
  readonly step: number;
  /** Trials that came to that step. */
  readonly trials: number;
}

const TREES = 64;
/** Trials below which there is nothing to say. */
const FEWEST = 8;

/**
 * Importance of the parameters of a study. Explained are the values at the latest step that at least half of the trials came to, so that those
 * that a pruner ended count, too. Where a trial lacks a parameter, the middle of its range stands for it.
 *
 * @returns undefined for fewer than eight trials with a value, or where all values are equal
 */
export function importanceOf(trials: readonly Trial[]): Importance | undefined {
  const step = commonStep(trials);
  const reached = trials.filter(({ intermediateValues }) => Number.isFinite(intermediateValues.get(step)));
  const values = reached.map(({ intermediateValues }) => intermediateValues.get(step)!);
  const names = [...new Set(reached.flatMap(({ parameters }) => Object.keys(parameters)))];
  if (reached.length < FEWEST || names.length === 0 || new Set(values).size === 1) return undefined;
  const points = reached.map(({ parameters, distributions }) =>
    names.map((name) => (Object.hasOwn(parameters, name) ? placeOf(distributions[name]!, parameters[name]!) : 0.5)),
  );
  const shares = explainVariance(points, values);
  return {
    shares: names.map((name, i) => ({ name, share: shares[i]! })).sort((a, b) => b.share - a.share),
    step,
    trials: reached.length,
  };
}

/** The latest step that at least half of those with any value came to. */
function commonStep(trials: readonly Trial[]): number {
  const withValues = trials.filter(({ intermediateValues }) => intermediateValues.size > 0);
  const steps = [...new Set(withValues.flatMap(({ intermediateValues }) => [...intermediateValues.keys()]))];
  const reached = (step: number): number =>
    withValues.filter(({ intermediateValues }) => intermediateValues.has(step)).length;
  return Math.max(0, ...steps.filter((step) => 2 * reached(step) >= withValues.length));
}

/**
 * Shares of the variance that each coordinate explains by itself.
 *
 * @param points Coordinates from 0 to 1
 * @param values One a point
 */
export function explainVariance(points: readonly (readonly number[])[], values: readonly number[]): number[] {
  const width = points[0]!.length;
  const sums = new Array<number>(width).fill(0);
  let trees = 0;
  for (let tree = 0; tree < TREES; tree++) {
    const draws = createPhilox({ seed: tree, stream: randomStreams.tuning, substream: [0, 1] });
    const sample = points.map(() => draws.nextBelow(points.length));
    const leaves: Leaf[] = [];
    const whole = { low: new Array<number>(width).fill(0), high: new Array<number>(width).fill(1) };
    grow({ points, values, draws, leaves }, sample, whole);
    const { mean, variance } = momentsOf(leaves);
    if (variance <= 0) continue;
    trees++;
    for (let i = 0; i < width; i++) sums[i]! += marginalVariance(leaves, i, mean) / variance;
  }
  return sums.map((sum) => (trees === 0 ? 0 : sum / trees));
}

interface Box {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

interface Leaf extends Box {
  readonly value: number;
  readonly volume: number;
}

interface Forest {
  readonly points: readonly (readonly number[])[];
  readonly values: readonly number[];
  readonly draws: Philox;
  readonly leaves: Leaf[];
}

/** Splits a box where the sum of squares falls most, until its values are equal. */
function grow(forest: Forest, sample: readonly number[], box: Box): void {
  const { points, values, draws, leaves } = forest;
  const split = bestSplit(sample, points, values, draws);
  if (!split) {
    const value = sample.reduce((sum, i) => sum + values[i]!, 0) / sample.length;
    const volume = box.low.reduce((product, low, i) => product * (box.high[i]! - low), 1);
    leaves.push({ ...box, value, volume });
    return;
  }
  const { coordinate, at } = split;
  const replaced = (bounds: readonly number[]): number[] => bounds.map((bound, i) => (i === coordinate ? at : bound));
  const isBelow = (i: number): boolean => points[i]![coordinate]! < at;
  grow(forest, sample.filter(isBelow), { low: box.low, high: replaced(box.high) });
  grow(
    forest,
    sample.filter((i) => !isBelow(i)),
    { low: replaced(box.low), high: box.high },
  );
}

function bestSplit(
  sample: readonly number[],
  points: readonly (readonly number[])[],
  values: readonly number[],
  draws: Philox,
): { readonly coordinate: number; readonly at: number } | undefined {
  if (new Set(sample.map((i) => values[i])).size < 2) return undefined;
  const total = sample.reduce((sum, i) => sum + values[i]!, 0);
  let best: { coordinate: number; at: number; gain: number } | undefined;
  const width = points[0]!.length;
  // Coordinates that do equally well take turns at being the first.
  const first = draws.nextBelow(width);
  for (let turn = 0; turn < width; turn++) {
    const coordinate = (first + turn) % width;
    const sorted = [...sample].sort((a, b) => points[a]![coordinate]! - points[b]![coordinate]!);
    let sum = 0;
    for (let i = 1; i < sorted.length; i++) {
      sum += values[sorted[i - 1]!]!;
      const [left, right] = [points[sorted[i - 1]!]![coordinate]!, points[sorted[i]!]![coordinate]!];
      if (left === right) continue;
      const gain = (sum * sum) / i + (total - sum) ** 2 / (sorted.length - i);
      if (!best || gain > best.gain) best = { coordinate, at: (left + right) / 2, gain };
    }
  }
  return best;
}

function momentsOf(leaves: readonly Leaf[]): { readonly mean: number; readonly variance: number } {
  const mean = leaves.reduce((sum, { value, volume }) => sum + value * volume, 0);
  return { mean, variance: leaves.reduce((sum, { value, volume }) => sum + (value - mean) ** 2 * volume, 0) };
}

/** Variance of the mean of a tree over all coordinates but one. */
function marginalVariance(leaves: readonly Leaf[], coordinate: number, mean: number): number {
  const edges = [...new Set(leaves.flatMap(({ low, high }) => [low[coordinate]!, high[coordinate]!]))].sort(
    (a, b) => a - b,
  );
  let variance = 0;
  for (let i = 1; i < edges.length; i++) {
    const [from, to] = [edges[i - 1]!, edges[i]!];
    let value = 0;
    for (const leaf of leaves) {
      const [low, high] = [leaf.low[coordinate]!, leaf.high[coordinate]!];
      if (low <= from && high >= to) value += (leaf.value * leaf.volume) / (high - low);
    }
    variance += (to - from) * (value - mean) ** 2;
  }
  return variance;
}
