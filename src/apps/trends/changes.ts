// When a series changes its level, and whether it has a season. Pure. Not here: what the series is of.
// Invariant: a change is told by what came up to the moment that it is told at; the same series gives the same answer on every engine.
import { SelvedgeError } from '../../core/errors.ts';
import { naturalLogarithm } from '../../core/exponential.ts';
import { createPhilox, drawPermutation, randomStreams } from '../../core/philox.ts';

/** A change of level. */
export interface Change {
  /** The first place of the new level, as well as that could be told. */
  readonly at: number;
  /** The place at which it was told. */
  readonly toldAt: number;
  /** Means before and after, up to where it was told. */
  readonly before: number;
  readonly after: number;
}

export interface ChangeOptions {
  /** Length of a season that is taken out first; default: none. */
  readonly season?: number | undefined;
  /** Whole numbers that rise, where values are missing between; default: 0, 1, 2, … A season is counted by them. */
  readonly places?: readonly number[] | undefined;
  /** How unlikely a change must be otherwise: larger tells fewer and later. Default: 18, about one false alarm in 1000 places. */
  readonly threshold?: number;
}

/** Places before the first that may be told as a change, beyond those that a season takes. */
const LEAST_BEFORE = 8;
/** Places of a segment that are looked at: older ones tell nothing that these do not. */
const LOOK_BACK = 300;

const THRESHOLD = 18;

/**
 * Tells changes of level as they come: the likelihood ratio of two means against one, of unknown equal variance, at every place that a
 * change could have been at.
 *
 * @param values In their order, finite
 * @returns Changes in their order
 * @throws SelvedgeError `trends/series`
 * @see https://doi.org/10.1214/aos/1176324466
 * @example
 * ```ts
 * import { findChanges } from 'selvedge/apps';
 * const values = Array.from({ length: 40 }, (_, i) => (i < 20 ? 1 : 3) + (i % 3) / 10);
 * console.assert(findChanges(values)[0]?.at === 20);
 * ```
 */
export function findChanges(values: ArrayLike<number>, options: ChangeOptions = {}): Change[] {
  checkSeries(values);
  const { season = 1, threshold = THRESHOLD, places = placesOf(values) } = options;
  const changes: Change[] = [];
  let start = 0;
  for (let now = 0; now < values.length; now++) {
    const from = Math.max(start, now + 1 - LOOK_BACK);
    const count = now + 1 - from;
    const free = count - 1 - season;
    if (count < LEAST_BEFORE + 2 || free < LEAST_BEFORE || count < 2 * season) continue;
    const seen = withoutSeason(
      Array.from({ length: count }, (_, i) => values[from + i]!),
      places.slice(from, now + 1),
      season,
    );
    const found = likeliestSplit(seen);
    if (found === undefined || free * naturalLogarithm(found.ratio) <= threshold) continue;
    const { at, before, after } = found;
    changes.push({ at: from + at, toldAt: now, before, after });
    start = from + at;
  }
  return changes;
}

const placesOf = (values: ArrayLike<number>): number[] => Array.from({ length: values.length }, (_, i) => i);

function checkSeries(values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new SelvedgeError(
      'trends/series',
      `Cannot look for changes: expected finite numbers, got ${values[i]} at ${i}`,
    );
  }
}

/** Takes out what each place of a season has more than the whole. */
function withoutSeason(values: number[], places: readonly number[], season: number): number[] {
  if (season < 2) return values;
  const mean = meanOf(values);
  const sums = new Float64Array(season);
  const counts = new Float64Array(season);
  values.forEach((value, i) => {
    const phase = places[i]! % season;
    sums[phase]! += value - mean;
    counts[phase]!++;
  });
  return values.map((value, i) => value - sums[places[i]! % season]! / counts[places[i]! % season]!);
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

interface Split {
  readonly at: number;
  readonly before: number;
  readonly after: number;
  /** Squares around one mean, by squares around two. */
  readonly ratio: number;
}

/** A level of less than this share of a series' own rounding is none. */
const LEAST_SQUARES = 1e-24;

function likeliestSplit(values: readonly number[]): Split | undefined {
  const count = values.length;
  const mean = meanOf(values);
  let all = 0;
  for (const value of values) all += (value - mean) * (value - mean);
  if (all <= LEAST_SQUARES * (1 + mean * mean) * count) return undefined;
  let sum = 0;
  let [best, gain] = [0, 0];
  for (let at = 1; at < count; at++) {
    sum += values[at - 1]! - mean;
    if (at < Math.min(LEAST_BEFORE, count - 1)) continue;
    const own = (sum * sum) / at + (sum * sum) / (count - at);
    if (own > gain) [best, gain] = [at, own];
  }
  if (best === 0) return undefined;
  const rest = Math.max(all - gain, LEAST_SQUARES * all, 1e-12 * all);
  return { at: best, before: meanOf(values.slice(0, best)), after: meanOf(values.slice(best)), ratio: all / rest };
}

/** A season that was found. */
export interface Season {
  readonly length: number;
  /** Share of the variance, after the trend, that it explains. */
  readonly explains: number;
  /** How likely as much would be found in the same values in another order, corrected for the number of lengths and of tests. */
  readonly p: number;
}

/** Orders that the values are compared with: more where there are many tests, for the least p is one of so many. */
const PERMUTATIONS = { least: 999, ofTest: 40, most: 99_999 };
const SIGNIFICANT = 0.05;

export interface SeasonOptions {
  /** Of the orders; default: 1. */
  readonly seed?: number;
  /** Series that are tested together, this one among them; default: 1. */
  readonly tests?: number;
  /** Whole numbers that rise, where values are missing between; default: 0, 1, 2, … */
  readonly places?: readonly number[];
}

/**
 * Finds the season of a series among some lengths, by a permutation test.
 *
 * @param lengths Such as 7 for days; those that do not fit three times into the series are passed over
 * @returns The likeliest, or undefined where none is significant at .05
 * @throws SelvedgeError `trends/series`
 * @example
 * ```ts
 * import { findSeason } from 'selvedge/apps';
 * const values = Array.from({ length: 70 }, (_, i) => (i % 7 === 5 ? 3 : 1) + (i % 4) / 10);
 * console.assert(findSeason(values, [5, 7])?.length === 7);
 * ```
 */
export function findSeason(
  values: ArrayLike<number>,
  lengths: readonly number[],
  { seed = 1, tests = 1, places = placesOf(values) }: SeasonOptions = {},
): Season | undefined {
  checkSeries(values);
  const fitting = lengths.filter((length) => length >= 2 && values.length >= 3 * length).sort((a, b) => a - b);
  const { least, ofTest, most } = PERMUTATIONS;
  const permutations = Math.min(most, Math.max(least, ofTest * tests * fitting.length - 1));
  const corrected = (asMuch: number): number => Math.min(1, (asMuch / (permutations + 1)) * fitting.length * tests);
  let best: Season | undefined;
  let mostPaid = 0;
  for (const length of fitting) {
    const phases = Int32Array.from(places, (place) => place % length);
    const rest = detrended(values, places, length);
    const explains = explainedBy(rest, phases, length);
    const draws = createPhilox({ seed, stream: randomStreams.catalogue, substream: [4, length] });
    let asMuch = 1;
    // No more than until it is known that chance does as well.
    for (let i = 0; i < permutations && corrected(asMuch) <= SIGNIFICANT; i++) {
      const order = drawPermutation(draws, rest.length);
      if (explainedBy(rest, phases, length, order) >= explains - 1e-12) asMuch++;
    }
    const p = corrected(asMuch);
    // A multiple of a season explains a little more of chance, too: each place of it is paid for.
    const paid = 1 - ((1 - explains) * (values.length - 1)) / (values.length - new Set(phases).size);
    if (p <= SIGNIFICANT && (best === undefined || paid > mostPaid + 0.02)) {
      best = { length, explains, p };
      mostPaid = paid;
    }
  }
  return best;
}

/** Less the mean of what lies in the season's length around each place. */
function detrended(values: ArrayLike<number>, places: readonly number[], length: number): Float64Array {
  const half = length >> 1;
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i]! + values[i]!;
  const [first, last] = [places[0]!, places.at(-1)!];
  let [from, to] = [0, 0];
  return Float64Array.from({ length: values.length }, (_, i) => {
    // At the ends a whole window from the end on: a short one would lean.
    const begin = Math.max(first, Math.min(places[i]! - half, last + 1 - length));
    while (places[from]! < begin) from++;
    while (to < values.length && places[to]! < begin + length) to++;
    return values[i]! - (sums[to]! - sums[from]!) / (to - from);
  });
}

/** @param phases Of the places, below length */
function explainedBy(values: Float64Array, phases: Int32Array, length: number, order?: Int32Array): number {
  const sums = new Float64Array(length);
  const counts = new Float64Array(length);
  let [all, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[order ? order[i]! : i]!;
    sums[phases[i]!]! += value;
    counts[phases[i]!]!++;
    all += value;
    squares += value * value;
  }
  const mean = all / values.length;
  const total = squares - values.length * mean * mean;
  if (total <= LEAST_SQUARES) return 0;
  let between = 0;
  for (let phase = 0; phase < length; phase++) {
    // A shop that is closed on Sundays has none of them.
    if (counts[phase] === 0) continue;
    const own = sums[phase]! / counts[phase]! - mean;
    between += counts[phase]! * own * own;
  }
  return between / total;
}
