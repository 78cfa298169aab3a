// Counts events of classes by period, corrects them for a classifier's errors, with intervals by the bootstrap. Not here: reading tables.
// Invariant: memory is that of the periods; the same events in any order give the same timeline.
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, type Philox, randomStreams } from '../../core/philox.ts';
import { nameOfPeriod, type PeriodName, periodOf } from './period.ts';
import { correctCounts, fromConfusion, type Quantifier } from './quantify.ts';

/** Counts of classes by period. */
export interface Timeline {
  readonly period: PeriodName;
  readonly classNames: readonly string[];
  /** In their order, without gaps. */
  readonly periods: readonly { readonly begin: string; readonly counts: readonly number[] }[];
  readonly events: number;
}

/** Periods that a timeline may have: a time of a wrong unit makes far more. */
const MOST_PERIODS = 100_000;

/** Takes events. */
export class TimelineCounter {
  readonly #period: PeriodName;
  readonly #classNames: string[];
  readonly #isOpen: boolean;
  readonly #labels: Map<string, number>;
  readonly #counts = new Map<number, number[]>();
  #events = 0;

  /** @param classNames Known classes; default: those that occur, in the order of their names */
  constructor(period: PeriodName, classNames?: readonly string[]) {
    this.#period = period;
    this.#isOpen = classNames === undefined;
    this.#classNames = [...(classNames ?? [])];
    this.#labels = new Map(this.#classNames.map((name, label) => [name, label]));
  }

  /**
   * @param timeMs Since 1970
   * @throws SelvedgeError `trends/class` for one that is not known, `trends/time` where times span too many periods
   */
  add(timeMs: number, className: string, where: string): void {
    let label = this.#labels.get(className);
    if (label === undefined) {
      if (!this.#isOpen || this.#classNames.length === 1000) {
        const known = this.#isOpen ? 'at most 1000 classes' : `one of ${this.#classNames.join(', ')}`;
        throw new SelvedgeError('trends/class', `Cannot count ${where}: expected ${known}, got "${className}"`);
      }
      label = this.#classNames.push(className) - 1;
      this.#labels.set(className, label);
    }
    const number = periodOf(timeMs, this.#period);
    let counts = this.#counts.get(number);
    if (!counts) {
      counts = [];
      this.#counts.set(number, counts);
    }
    counts[label] = (counts[label] ?? 0) + 1;
    this.#events++;
  }

  /** @throws SelvedgeError `trends/empty`, `trends/time` */
  finish(): Timeline {
    if (this.#events === 0) throw new SelvedgeError('trends/empty', 'Cannot tell trends: expected events, got none');
    const numbers = [...this.#counts.keys()];
    const first = numbers.reduce((least, number) => Math.min(least, number));
    const last = numbers.reduce((most, number) => Math.max(most, number));
    if (last - first >= MOST_PERIODS) {
      const span = `${nameOfPeriod(first, this.#period)} to ${nameOfPeriod(last, this.#period)}`;
      throw new SelvedgeError(
        'trends/time',
        `Cannot tell trends by the ${this.#period} from ${span}: choose a longer period`,
      );
    }
    const order = this.#classNames.map((_, label) => label);
    if (this.#isOpen) order.sort((a, b) => (this.#classNames[a]! < this.#classNames[b]! ? -1 : 1));
    return {
      period: this.#period,
      classNames: order.map((label) => this.#classNames[label]!),
      periods: Array.from({ length: last - first + 1 }, (_, i) => ({
        begin: nameOfPeriod(first + i, this.#period),
        counts: order.map((label) => this.#counts.get(first + i)?.[label] ?? 0),
      })),
      events: this.#events,
    };
  }
}

/** Share of a class in a period, and where it lies with 95% confidence. */
export interface Share {
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

export interface ShareOptions {
  /** Counts `[classes, classes]`, true by predicted, on images that the classifier was not trained on; absent: nothing is corrected. */
  readonly confusion?: readonly (readonly number[])[] | undefined;
  readonly seed?: number;
  /** Resamples of the bootstrap; default 200. */
  readonly resamples?: number;
}

/**
 * Shares of classes in each period, corrected for the errors of the classifier. The bootstrap draws the events of a period anew, and the
 * images that the errors were measured on.
 *
 * @returns A share a class for each period; undefined for a period without events
 * @throws SelvedgeError `trends/quantifier`
 * @example
 * ```ts
 * import { sharesOf } from 'selvedge/apps';
 * const timeline = { period: 'day', classNames: ['a', 'b'], events: 10, periods: [{ begin: '2025-01-01', counts: [4, 6] }] } as const;
 * const [[a]] = sharesOf(timeline, { confusion: [[80, 20], [0, 100]] });
 * console.assert(Math.abs(a.share - 0.5) < 1e-6 && a.low < a.share && a.share < a.high);
 * ```
 */
export function sharesOf(
  { periods, classNames }: Timeline,
  { confusion, seed = 1, resamples = 200 }: ShareOptions = {},
): (Share[] | undefined)[] {
  const classes = classNames.length;
  const quantifier = confusion && fromConfusion(confusion.flat(), classes);
  const others = Array.from({ length: quantifier ? resamples : 0 }, (_, i) =>
    redrawn(confusion!, createPhilox({ seed, stream: randomStreams.catalogue, substream: [2, i] })),
  );
  return periods.map(({ counts }, at) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    const own = sharesBy(quantifier, counts, total);
    const draws = createPhilox({ seed, stream: randomStreams.catalogue, substream: [3, at] });
    const samples = Array.from({ length: resamples }, (_, i) =>
      sharesBy(others[i], multinomial(counts, total, draws), total),
    );
    return classNames.map((_, label) => {
      const sorted = Float64Array.from(samples, (shares) => shares[label]!).sort();
      const at = (share: number): number =>
        sorted[Math.min(resamples - 1, Math.max(0, Math.round(share * resamples - 0.5)))]!;
      const share = own[label]!;
      return { share, low: Math.min(share, at(0.025)), high: Math.max(share, at(0.975)) };
    });
  });
}

const sharesBy = (quantifier: Quantifier | undefined, counts: ArrayLike<number>, total: number): Float64Array =>
  quantifier ? correctCounts(quantifier, counts, 300) : Float64Array.from(counts, (count) => count / total);

/** What a draw of as many events from the same shares gives. */
function multinomial(counts: ArrayLike<number>, total: number, draws: Philox): Float64Array {
  const found = new Float64Array(counts.length);
  let [left, share] = [total, total];
  for (let label = 0; label < counts.length && left > 0; label++) {
    const chance = share <= 0 ? 0 : Math.min(1, counts[label]! / share);
    const many = binomial(left, chance, draws);
    found[label] = many;
    left -= many;
    share -= counts[label]!;
  }
  return found;
}

/** Below, draws one by one; above, the normal approximation, which is within a thousandth of the spread. */
const NORMAL_FROM = 200;

function binomial(count: number, chance: number, draws: Philox): number {
  if (chance <= 0) return 0;
  if (chance >= 1) return count;
  if (count < NORMAL_FROM || count * Math.min(chance, 1 - chance) < 20) {
    // Few events of the rarer side: gaps between them would do as well, but counts are small where this is asked.
    if (count < 20_000) {
      let hits = 0;
      for (let i = 0; i < count; i++) if (draws.nextUniform() < chance) hits++;
      return hits;
    }
  }
  const drawn = Math.round(count * chance + Math.sqrt(count * chance * (1 - chance)) * draws.nextNormal());
  return Math.min(count, Math.max(0, drawn));
}

/** The confusion matrix of other images of the same classes. */
function redrawn(confusion: readonly (readonly number[])[], draws: Philox): Quantifier {
  const rows = confusion.map((row) => [
    ...multinomial(
      row,
      row.reduce((sum, count) => sum + count, 0),
      draws,
    ),
  ]);
  return fromConfusion(rows.flat(), confusion.length);
}
