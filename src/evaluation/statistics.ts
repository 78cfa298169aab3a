// How much of a difference is chance: the interval of an accuracy and the test of two models on the same samples.
// Pure. Not for training: it uses transcendental functions, whose last bit may differ between engines.

/** Two-sided 95% point of the normal distribution. */
const Z_95 = 1.959963984540054;

/** A range of plausible values. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's score interval of a proportion at 95%.
 *
 * @param hits Successes
 * @param count Trials, at least 1
 * @returns Both ends, in [0, 1]
 * @see https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
 * @example
 * ```ts
 * import { wilsonInterval95 } from 'selvedge';
 * const { low, high } = wilsonInterval95(9258, 10000);
 * console.assert(low > 0.92 && high < 0.931);
 * ```
 */
export function wilsonInterval95(hits: number, count: number): Interval {
  const share = hits / count;
  const scale = 1 + (Z_95 * Z_95) / count;
  const centre = (share + (Z_95 * Z_95) / (2 * count)) / scale;
  const half = (Z_95 * Math.sqrt((share * (1 - share)) / count + (Z_95 * Z_95) / (4 * count * count))) / scale;
  // At the ends the bound is 0 or 1 exactly; rounding would leave it a little beside.
  return { low: hits === 0 ? 0 : centre - half, high: hits === count ? 1 : centre + half };
}

/** A proportion with its 95% interval. */
export interface Proportion extends Interval {
  readonly share: number;
}

/**
 * The interval of the difference of two proportions at 95%, from an interval of each (Newcombe's hybrid score interval). It takes the samples
 * for separate ones: of two classifiers on the same samples, which mostly have the same ones right, it is wider than need be.
 *
 * @param first With Wilson's interval, as the second
 * @param second What is subtracted
 * @see R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10
 * @example
 * ```ts
 * import { differenceInterval95, wilsonInterval95 } from 'selvedge';
 * const of = (hits: number, count: number) => ({ share: hits / count, ...wilsonInterval95(hits, count) });
 * const { low, high } = differenceInterval95(of(56, 70), of(48, 80));
 * console.assert(low.toFixed(4) === '0.0524' && high.toFixed(4) === '0.3339');
 * ```
 */
export function differenceInterval95(first: Proportion, second: Proportion): Interval {
  const difference = first.share - second.share;
  const below = Math.sqrt((first.share - first.low) ** 2 + (second.high - second.share) ** 2);
  const above = Math.sqrt((first.high - first.share) ** 2 + (second.share - second.low) ** 2);
  return { low: difference - below, high: difference + above };
}

/** McNemar's test of two classifiers on the same samples. */
export interface McNemar {
  /** Samples that only the first model has right. */
  readonly onlyFirst: number;
  /** Samples that only the second model has right. */
  readonly onlySecond: number;
  /** Statistic with continuity correction, one degree of freedom. */
  readonly chiSquared: number;
  /** Exact two-sided probability of a split at least this uneven between models that are equally good. */
  readonly pValue: number;
}

/**
 * McNemar's test, with the exact binomial probability at every sample size.
 *
 * @param onlyFirst Samples that only the first model has right
 * @param onlySecond Samples that only the second model has right
 * @see https://en.wikipedia.org/wiki/McNemar%27s_test
 * @example
 * ```ts
 * import { mcNemar } from 'selvedge';
 * console.assert(mcNemar(5, 5).pValue === 1);
 * ```
 */
export function mcNemar(onlyFirst: number, onlySecond: number): McNemar {
  const trials = onlyFirst + onlySecond;
  const excess = Math.max(0, Math.abs(onlyFirst - onlySecond) - 1);
  return {
    onlyFirst,
    onlySecond,
    chiSquared: trials === 0 ? 0 : (excess * excess) / trials,
    pValue: binomialTwoSided(Math.min(onlyFirst, onlySecond), trials),
  };
}

/** 2 P(X <= few) for X ~ Binomial(trials, 1/2), at most 1. In logarithms, since 2 ** -trials underflows at 1,075. */
function binomialTwoSided(few: number, trials: number): number {
  if (2 * few >= trials) return 1;
  let logTerm = -trials * Math.LN2;
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= few; k++) {
    logTerm += Math.log((trials - k + 1) / k);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, 2 * sum);
}
