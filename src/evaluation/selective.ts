// What a model is worth that may abstain: risk over coverage, and thresholds of confidence that keep a promise.
// Pure. Not here: which score tells confidence. Invariant: samples of equal confidence are answered or left together, so that their order
// decides nothing.
import { SelvedgeError } from '../core/errors.ts';
import { type Interval, wilsonInterval95 } from './statistics.ts';

/** What is answered where only the surest samples are. */
export interface Coverage {
  /** Share of the samples that are answered, as near to what was asked as equal confidences allow, and not below. */
  readonly coverage: number;
  /** The least confidence that is answered. */
  readonly threshold: number;
  readonly answered: number;
  readonly accuracy: number;
  readonly accuracyInterval95: Interval;
}

/** Risk over coverage. */
export interface RiskCoverage {
  /** Area under the curve: mean risk over all coverages. */
  readonly area: number;
  /** The same of a model that knows which of its answers are wrong. */
  readonly leastArea: number;
  readonly points: readonly Coverage[];
}

const COVERAGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1];

/**
 * Measures risk over coverage.
 *
 * @param confidences A number a sample, larger for surer
 * @param isRight Whether the prediction is right
 * @param coverages Shares of the samples, above 0 and up to 1
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/nan`
 * @see https://arxiv.org/abs/1705.08500
 * @example
 * ```ts
 * import { riskCoverage } from 'selvedge';
 * const { points } = riskCoverage([0.9, 0.8, 0.7, 0.6], [true, true, false, true], [0.5, 1]);
 * console.assert(points[0]!.accuracy === 1 && points[1]!.accuracy === 0.75);
 * ```
 */
export function riskCoverage(
  confidences: ArrayLike<number>,
  isRight: ArrayLike<boolean>,
  coverages: readonly number[] = COVERAGES,
): RiskCoverage {
  const groups = groupsOf(confidences, isRight);
  const count = confidences.length;
  const wrong = groups.at(-1)!.answered - groups.at(-1)!.right;
  let area = 0;
  let before = { answered: 0, right: 0 };
  for (const group of groups) {
    // Inside a group wrong answers lie evenly.
    const step = (group.answered - group.right - (before.answered - before.right)) / (group.answered - before.answered);
    for (let k = before.answered + 1; k <= group.answered; k++) {
      area += (before.answered - before.right + step * (k - before.answered)) / k;
    }
    before = group;
  }
  let leastArea = 0;
  for (let k = count - wrong + 1; k <= count; k++) leastArea += (k - (count - wrong)) / k;
  return {
    area: area / count,
    leastArea: leastArea / count,
    points: coverages.map((share) => {
      if (!(share > 0 && share <= 1)) {
        throw new SelvedgeError(
          'evaluation/shape',
          `Cannot measure risk over coverage: expected coverages above 0 and up to 1, got ${share}`,
        );
      }
      const wanted = share * count - 1e-9;
      return coverageOf(groups.find(({ answered }) => answered >= wanted)!, count);
    }),
  };
}

/**
 * The least confidence at which answers are right as often as promised, to be chosen on samples that do not measure it.
 *
 * @param confidences A number a sample, larger for surer
 * @param isRight Whether the prediction is right
 * @param accuracy What is promised of the answers
 * @returns The threshold of most coverage, or infinity where no threshold keeps the promise
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/nan`
 * @example
 * ```ts
 * import { thresholdFor } from 'selvedge';
 * console.assert(thresholdFor([0.9, 0.8, 0.7], [true, true, false], 0.99) === 0.8);
 * ```
 */
export function thresholdFor(confidences: ArrayLike<number>, isRight: ArrayLike<boolean>, accuracy: number): number {
  const kept = groupsOf(confidences, isRight).filter(({ answered, right }) => right >= accuracy * answered);
  return kept.at(-1)?.threshold ?? Number.POSITIVE_INFINITY;
}

/**
 * What a threshold of confidence gives.
 *
 * @param confidences A number a sample, larger for surer
 * @param isRight Whether the prediction is right
 * @param threshold The least confidence that is answered
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/nan`
 * @example
 * ```ts
 * import { coverageAt } from 'selvedge';
 * console.assert(coverageAt([0.9, 0.8, 0.7], [true, true, false], 0.8).answered === 2);
 * ```
 */
export function coverageAt(confidences: ArrayLike<number>, isRight: ArrayLike<boolean>, threshold: number): Coverage {
  const answered = groupsOf(confidences, isRight).filter((group) => group.threshold >= threshold);
  return coverageOf({ ...(answered.at(-1) ?? { answered: 0, right: 0 }), threshold }, confidences.length);
}

/** All samples of at least a confidence. */
interface Group {
  readonly threshold: number;
  readonly answered: number;
  readonly right: number;
}

const coverageOf = ({ threshold, answered, right }: Group, count: number): Coverage => ({
  coverage: answered / count,
  threshold,
  answered,
  accuracy: answered === 0 ? 0 : right / answered,
  accuracyInterval95: answered === 0 ? { low: 0, high: 1 } : wilsonInterval95(right, answered),
});

/** One group a different confidence, the surest first; each holds those before it. */
function groupsOf(confidences: ArrayLike<number>, isRight: ArrayLike<boolean>): Group[] {
  const count = confidences.length;
  const refuse = (code: 'empty' | 'shape' | 'nan', expected: string): SelvedgeError =>
    new SelvedgeError(`evaluation/${code}`, `Cannot measure risk over coverage: expected ${expected}`);
  if (count === 0) throw refuse('empty', 'at least one sample, got 0');
  if (isRight.length !== count) throw refuse('shape', `${count} answers, got ${isRight.length}`);
  const order = Float64Array.from({ length: count }, (_, sample) => sample);
  for (let sample = 0; sample < count; sample++) {
    if (Number.isNaN(confidences[sample]!)) throw refuse('nan', `confidences that are numbers, got NaN at ${sample}`);
  }
  order.sort((a, b) => Number(confidences[b]! > confidences[a]!) - Number(confidences[b]! < confidences[a]!));
  const groups: Group[] = [];
  let right = 0;
  for (let i = 0; i < count; i++) {
    const threshold = confidences[order[i]!]!;
    if (isRight[order[i]!]) right++;
    if (i + 1 < count && confidences[order[i + 1]!] === threshold) continue;
    groups.push({ threshold, answered: i + 1, right });
  }
  return groups;
}
