// Telling images of no class from those of some: how well a score separates them, and scores of logits and features.
// Pure. Not here: the network that gives features. Invariant: every score is larger for what looks like the training images.
import { SelvedgeError } from '../core/errors.ts';
import type { Interval } from './statistics.ts';

/** How well a score separates two sets. */
export interface Separation {
  readonly inliers: number;
  readonly outliers: number;
  /** Probability that an inlier has a larger score than an outlier, equal ones counted half. */
  readonly auroc: number;
  /** By the standard error of Hanley and McNeil (1982). */
  readonly aurocInterval95: Interval;
  /** Share of the outliers that pass where at least 95% of the inliers do. */
  readonly falsePositivesAt95: number;
}

/**
 * Measures how well scores separate inliers from outliers.
 *
 * @param inliers Scores, larger for what is no outlier
 * @param outliers Scores of outliers
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/nan`
 * @see https://doi.org/10.1148/radiology.143.1.7063747
 * @example
 * ```ts
 * import { measureSeparation } from 'selvedge';
 * console.assert(measureSeparation([3, 2], [2, 1]).auroc === 0.875);
 * ```
 */
export function measureSeparation(inliers: ArrayLike<number>, outliers: ArrayLike<number>): Separation {
  const [inside, outside] = [sortedScores(inliers), sortedScores(outliers)];
  let below = 0;
  let upTo = 0;
  let wins = 0;
  for (const score of inside) {
    while (below < outside.length && outside[below]! < score) below++;
    while (upTo < outside.length && outside[upTo]! <= score) upTo++;
    wins += (below + upTo) / 2;
  }
  const [n, m] = [inside.length, outside.length];
  const auroc = wins / n / m;
  const threshold = inside[n - Math.ceil(0.95 * n)]!;
  const [q1, q2] = [auroc / (2 - auroc), (2 * auroc * auroc) / (1 + auroc)];
  const square = auroc * auroc;
  const variance = (auroc - square + (n - 1) * (q1 - square) + (m - 1) * (q2 - square)) / n / m;
  const half = 1.959963984540054 * Math.sqrt(Math.max(0, variance));
  return {
    inliers: n,
    outliers: m,
    auroc,
    aurocInterval95: { low: Math.max(0, auroc - half), high: Math.min(1, auroc + half) },
    falsePositivesAt95: outside.filter((score) => score >= threshold).length / m,
  };
}

function sortedScores(scores: ArrayLike<number>): Float64Array {
  if (scores.length === 0) {
    throw new SelvedgeError('evaluation/empty', 'Cannot measure separation: expected at least one score, got 0');
  }
  const sorted = Float64Array.from(scores).sort();
  // NaN is sorted to the end.
  if (!Number.isNaN(sorted.at(-1)!)) return sorted;
  throw new SelvedgeError('evaluation/nan', 'Cannot measure separation: expected scores that are numbers, got NaN');
}

/**
 * The larger a score, the surer the model: the largest probability, and the logarithm of the sum of exponentials of logits, which is the
 * negative free energy.
 *
 * @param logits `[samples, classes]`
 * @param classes Number of classes
 * @returns Two scores a sample
 * @see https://arxiv.org/abs/2010.03759
 * @example
 * ```ts
 * import { scoresOfLogits } from 'selvedge';
 * const { softmax, energy } = scoresOfLogits(Float32Array.of(0, 0), 2);
 * console.assert(softmax[0] === 0.5 && Math.abs(energy[0]! - Math.LN2) < 1e-12);
 * ```
 */
export function scoresOfLogits(
  logits: Float32Array,
  classes: number,
): { readonly softmax: Float64Array; readonly energy: Float64Array } {
  const samples = logits.length / classes;
  const [softmax, energy] = [new Float64Array(samples), new Float64Array(samples)];
  for (let sample = 0; sample < samples; sample++) {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    const largest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((whole, value) => whole + Math.exp(value - largest), 0);
    softmax[sample] = 1 / sum;
    energy[sample] = largest + Math.log(sum);
  }
  return { softmax, energy };
}

/** Features of samples. */
export interface Features {
  /** `[samples, width]`. */
  readonly values: Float32Array;
  readonly width: number;
}

/**
 * Fits one Gaussian a class, all of one covariance, and gives the negative squared Mahalanobis distance to the nearest mean.
 *
 * @param training Features of training images
 * @param labels Their classes
 * @param classes Number of classes, each of at least one image
 * @returns Scores of other features of the same width
 * @throws {SelvedgeError} `evaluation/shape`
 * @see https://arxiv.org/abs/1807.03888
 * @example
 * ```ts
 * import { fitMahalanobis } from 'selvedge';
 * const training = { values: Float32Array.of(-1, 0, 1, 9, 10, 11), width: 1 };
 * const score = fitMahalanobis(training, [0, 0, 0, 1, 1, 1], 2);
 * const [near, far] = score({ values: Float32Array.of(10, 5), width: 1 });
 * console.assert(near! > far!);
 * ```
 */
export function fitMahalanobis(
  { values, width }: Features,
  labels: ArrayLike<number>,
  classes: number,
): (features: Features) => Float64Array {
  checkFeatures(values, width, labels);
  const means = meansOf(values, width, labels, classes);
  const factor = choleskyOf(covarianceOf(values, width, labels, means), width);
  // Distances are those of plain geometry after the factor was divided away.
  const whitenedMeans = means.map((mean) => solveLower(factor, width, mean));
  return (features) => {
    if (features.width !== width) {
      throw new SelvedgeError(
        'evaluation/shape',
        `Cannot score features: expected a width of ${width}, got ${features.width}`,
      );
    }
    return Float64Array.from({ length: features.values.length / width }, (_, sample) => {
      const point = solveLower(factor, width, features.values.subarray(sample * width, (sample + 1) * width));
      let least = Number.POSITIVE_INFINITY;
      for (const mean of whitenedMeans) {
        let sum = 0;
        for (let i = 0; i < width; i++) sum += (point[i]! - mean[i]!) * (point[i]! - mean[i]!);
        least = Math.min(least, sum);
      }
      return -least;
    });
  };
}

/** Gaussians of classes, all of one covariance, in coordinates where that is the identity. */
export interface WhitenedClasses {
  /** `[width, width]`, lower triangle, row-major: takes features into those coordinates. */
  readonly whitening: Float64Array;
  /** `[classes, width]`: means, in those coordinates. */
  readonly means: Float64Array;
}

/**
 * Fits one Gaussian a class, all of one covariance, as `fitMahalanobis` does, and gives what its distances are computed by.
 *
 * @param training Features of training images
 * @param labels Their classes
 * @param classes Number of classes, each of at least one image
 * @throws {SelvedgeError} `evaluation/shape`
 * @example
 * ```ts
 * import { whitenClasses } from 'selvedge';
 * const training = { values: Float32Array.of(-2, 0, 2, 8, 10, 12), width: 1 };
 * const { whitening, means } = whitenClasses(training, [0, 0, 0, 1, 1, 1], 2);
 * console.assert(Math.abs(means[1]! / whitening[0]! - 10) < 1e-9);
 * ```
 */
export function whitenClasses(
  { values, width }: Features,
  labels: ArrayLike<number>,
  classes: number,
): WhitenedClasses {
  checkFeatures(values, width, labels);
  const own = meansOf(values, width, labels, classes);
  const factor = choleskyOf(covarianceOf(values, width, labels, own), width);
  const whitening = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    const unit = new Float64Array(width);
    unit[j] = 1;
    solveLower(factor, width, unit).forEach((value, i) => {
      whitening[i * width + j] = value;
    });
  }
  const means = new Float64Array(classes * width);
  own.forEach((mean, label) => {
    means.set(solveLower(factor, width, mean), label * width);
  });
  return { whitening, means };
}

function checkFeatures(values: Float32Array, width: number, labels: ArrayLike<number>): void {
  if (values.length === labels.length * width && labels.length > 0) return;
  throw new SelvedgeError(
    'evaluation/shape',
    `Cannot fit features: expected ${labels.length} rows of ${width}, one or more, got ${values.length} numbers`,
  );
}

function meansOf(values: Float32Array, width: number, labels: ArrayLike<number>, classes: number): Float64Array[] {
  const means = Array.from({ length: classes }, () => new Float64Array(width));
  const counts = new Array<number>(classes).fill(0);
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample]!;
    counts[label]!++;
    for (let i = 0; i < width; i++) means[label]![i]! += values[sample * width + i]!;
  }
  return means.map((mean, label) => mean.map((sum) => sum / Math.max(1, counts[label]!)));
}

/** The lower triangle, with a ten-thousandth of the mean variance on the diagonal: features of a rectifier may be dead. */
function covarianceOf(
  values: Float32Array,
  width: number,
  labels: ArrayLike<number>,
  means: readonly Float64Array[],
): Float64Array {
  const covariance = new Float64Array(width * width);
  const point = new Float64Array(width);
  for (let sample = 0; sample < labels.length; sample++) {
    const mean = means[labels[sample]!]!;
    for (let i = 0; i < width; i++) point[i] = values[sample * width + i]! - mean[i]!;
    for (let i = 0; i < width; i++) {
      const value = point[i]!;
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) covariance[i * width + j]! += value * point[j]!;
    }
  }
  let trace = 0;
  for (let i = 0; i < covariance.length; i++) covariance[i]! /= labels.length;
  for (let i = 0; i < width; i++) trace += covariance[i * (width + 1)]!;
  for (let i = 0; i < width; i++) covariance[i * (width + 1)]! += (1e-4 * trace) / width + 1e-12;
  return covariance;
}

/** The lower triangular matrix whose product with its transpose this is. */
export function choleskyOf(matrix: Float64Array, width: number): Float64Array {
  const factor = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * width + j]!;
      for (let k = 0; k < j; k++) sum -= factor[i * width + k]! * factor[j * width + k]!;
      factor[i * width + j] = i === j ? Math.sqrt(sum) : sum / factor[j * (width + 1)]!;
    }
  }
  return factor;
}

/** What the factor times it is `right`. */
export function solveLower(factor: Float64Array, width: number, right: ArrayLike<number>): Float64Array {
  const solution = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= factor[i * width + k]! * solution[k]!;
    solution[i] = sum / factor[i * (width + 1)]!;
  }
  return solution;
}
