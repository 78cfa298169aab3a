// Shares of classes among pictures that a classifier has told, corrected for its errors. Pure. Not here: the classifier, time.
// Invariant: shares are at least 0 and sum to 1; what is corrected by is measured on images that the classifier was not trained on.
import { SelvedgeError } from '../../core/errors.ts';

/**
 * How shares are told. `cc` counts predictions, `pcc` sums probabilities: neither is corrected. `acc` and `pacc` solve for the shares that would
 * give the same by the error rates; `em` follows probabilities to the shares of most likelihood (Saerens, Latinne and Decaestecker).
 */
export const quantifierMethods = ['cc', 'acc', 'pcc', 'pacc', 'em'] as const;
export type QuantifierMethod = (typeof quantifierMethods)[number];

/** What a classifier does to each class, measured on images whose classes are known. */
export interface Quantifier {
  readonly classes: number;
  /** Share of each class among those images. */
  readonly priors: Float64Array;
  /** `[classes, classes]`: of pictures of a class, the share that is predicted as each. */
  readonly rates: Float64Array;
  /** `[classes, classes]`: of pictures of a class, the mean probability of each; absent where only predictions are known. */
  readonly means?: Float64Array;
}

const failure = (detail: string): SelvedgeError =>
  new SelvedgeError('trends/quantifier', `Cannot tell shares: ${detail}`);

/**
 * Measures what a classifier does to each class.
 *
 * @param probabilities `[samples, classes]`
 * @param labels True classes, each of at least one sample
 * @throws SelvedgeError `trends/quantifier`
 * @example
 * ```ts
 * import { fitQuantifier } from 'selvedge/apps';
 * console.assert(fitQuantifier(Float32Array.of(0.9, 0.1, 0.3, 0.7), [0, 1], 2).rates[3] === 1);
 * ```
 */
export function fitQuantifier(probabilities: Float32Array, labels: ArrayLike<number>, classes: number): Quantifier {
  if (labels.length === 0 || probabilities.length !== labels.length * classes) {
    throw failure(`expected ${classes} probabilities for each of ${labels.length} labels, got ${probabilities.length}`);
  }
  const counts = new Float64Array(classes * classes);
  const means = new Float64Array(classes * classes);
  const many = new Float64Array(classes);
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample]!;
    many[label]!++;
    counts[label * classes + likeliest(probabilities, sample, classes)]!++;
    for (let c = 0; c < classes; c++) means[label * classes + c]! += probabilities[sample * classes + c]!;
  }
  return { ...fromConfusion(counts, classes), means: means.map((sum, i) => sum / many[Math.floor(i / classes)]!) };
}

/**
 * The same of a confusion matrix alone.
 *
 * @param counts `[classes, classes]`, true by predicted, a count in each row at least
 * @throws SelvedgeError `trends/quantifier`
 */
export function fromConfusion(counts: ArrayLike<number>, classes: number): Quantifier {
  const rates = Float64Array.from(counts);
  const many = new Float64Array(classes);
  if (rates.length !== classes * classes) throw failure(`expected ${classes} x ${classes} counts, got ${rates.length}`);
  for (let label = 0; label < classes; label++) {
    for (let c = 0; c < classes; c++) many[label]! += rates[label * classes + c]!;
    if (!(many[label]! > 0)) throw failure(`expected images of every class to correct by, got none of class ${label}`);
  }
  const all = many.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < rates.length; i++) rates[i]! /= many[Math.floor(i / classes)]!;
  return { classes, priors: many.map((count) => count / all), rates };
}

function likeliest(probabilities: ArrayLike<number>, sample: number, classes: number): number {
  let best = 0;
  const at = sample * classes;
  for (let c = 1; c < classes; c++) if (probabilities[at + c]! > probabilities[at + best]!) best = c;
  return best;
}

/**
 * Tells the shares of classes among pictures.
 *
 * @param quantifier Of the same classifier
 * @param probabilities `[samples, classes]`, one sample or more
 * @param method How
 * @returns A share a class
 * @throws SelvedgeError `trends/quantifier`
 * @see https://doi.org/10.1162/089976602753284446
 * @see https://doi.org/10.1007/s10618-008-0097-y
 * @example
 * ```ts
 * import { fromConfusion, quantify } from 'selvedge/apps';
 * const quantifier = fromConfusion([8, 2, 0, 10], 2);
 * const probabilities = Float32Array.of(1, 0, 1, 0, 0, 1, 0, 1, 0, 1);
 * console.assert(Math.abs(quantify(quantifier, probabilities, 'acc')[0]! - 0.5) < 1e-6);
 * ```
 */
export function quantify(quantifier: Quantifier, probabilities: Float32Array, method: QuantifierMethod): Float64Array {
  const { classes, means, priors, rates } = quantifier;
  const samples = probabilities.length / classes;
  if (samples < 1 || !Number.isInteger(samples))
    throw failure(`expected rows of ${classes}, got ${probabilities.length} numbers`);
  if (method === 'em') return expectMaximize(probabilities, priors);
  if (method === 'cc' || method === 'acc') {
    const counts = new Float64Array(classes);
    for (let sample = 0; sample < samples; sample++) counts[likeliest(probabilities, sample, classes)]!++;
    return method === 'cc' ? counts.map((count) => count / samples) : solveShares(rates, counts);
  }
  const sums = new Float64Array(classes);
  for (let i = 0; i < probabilities.length; i++) sums[i % classes]! += probabilities[i]!;
  const found = sums.map((sum) => sum / samples);
  if (method === 'pcc') return found;
  if (!means) throw failure('expected mean probabilities of each class for "pacc", got predictions alone');
  return solveShares(means, found);
}

/**
 * Shares of classes by counts of predictions alone: those of most likelihood, by expectation and maximisation over the error rates.
 *
 * @param counts Of predictions, by class; at least one
 * @returns A share a class
 * @throws SelvedgeError `trends/quantifier`
 */
export function correctCounts({ rates, classes }: Quantifier, counts: ArrayLike<number>, steps = 2000): Float64Array {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  if (counts.length !== classes || !(total > 0))
    throw failure(`expected counts of ${classes} classes, one or more in all`);
  let shares = new Float64Array(classes).fill(1 / classes);
  for (let step = 0; step < steps; step++) {
    const next = new Float64Array(classes);
    for (let j = 0; j < classes; j++) {
      if (counts[j] === 0) continue;
      let mixed = 0;
      for (let i = 0; i < classes; i++) mixed += shares[i]! * rates[i * classes + j]!;
      // A prediction that no class is ever given by these rates tells nothing.
      if (mixed === 0) continue;
      for (let i = 0; i < classes; i++) next[i]! += (counts[j]! * shares[i]! * rates[i * classes + j]!) / mixed;
    }
    const sum = next.reduce((all, each) => all + each, 0);
    let moved = 0;
    for (let i = 0; i < classes; i++) {
      next[i] = sum === 0 ? 1 / classes : next[i]! / sum;
      moved = Math.max(moved, Math.abs(next[i]! - shares[i]!));
    }
    shares = next;
    if (moved < 1e-9) break;
  }
  return shares;
}

function expectMaximize(probabilities: Float32Array, priors: Float64Array): Float64Array {
  const classes = priors.length;
  const samples = probabilities.length / classes;
  let shares = Float64Array.from(priors);
  const weight = new Float64Array(classes);
  for (let step = 0; step < 1000; step++) {
    for (let c = 0; c < classes; c++) weight[c] = shares[c]! / priors[c]!;
    const next = new Float64Array(classes);
    for (let at = 0; at < probabilities.length; at += classes) {
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += weight[c]! * probabilities[at + c]!;
      if (sum > 0) for (let c = 0; c < classes; c++) next[c]! += (weight[c]! * probabilities[at + c]!) / sum;
      else for (let c = 0; c < classes; c++) next[c]! += shares[c]!;
    }
    let moved = 0;
    for (let c = 0; c < classes; c++) {
      next[c]! /= samples;
      moved = Math.max(moved, Math.abs(next[c]! - shares[c]!));
    }
    shares = next;
    if (moved < 1e-7) break;
  }
  return shares;
}

/** Shares p of least squares |p M - found|², on the simplex: projected gradients with Nesterov's momentum. */
function solveShares(matrix: Float64Array, counts: Float64Array): Float64Array {
  const classes = counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const found = counts.map((count) => count / total);
  let shares = Float64Array.from(found);
  let ahead = shares;
  // Rows of shares: the largest eigenvalue of M M' is at most the classes; its trace bounds it closer.
  const step = 1 / matrix.reduce((sum, value) => sum + value * value, 0);
  for (let t = 1; t <= 3000; t++) {
    const error = new Float64Array(classes);
    for (let j = 0; j < classes; j++) {
      error[j] = -found[j]!;
      for (let i = 0; i < classes; i++) error[j]! += ahead[i]! * matrix[i * classes + j]!;
    }
    const moved = ahead.map((share, i) => {
      let slope = 0;
      for (let j = 0; j < classes; j++) slope += matrix[i * classes + j]! * error[j]!;
      return share - step * slope;
    });
    const next = onSimplex(moved);
    const momentum = (t - 1) / (t + 2);
    let change = 0;
    const before = shares;
    ahead = next.map((share, i) => {
      change = Math.max(change, Math.abs(share - before[i]!));
      return share + momentum * (share - before[i]!);
    });
    shares = next;
    if (change < 1e-9) break;
  }
  return shares;
}

/** The nearest point whose parts are at least 0 and sum to 1. */
function onSimplex(point: Float64Array): Float64Array {
  const sorted = Float64Array.from(point).sort().reverse();
  let sum = 0;
  let offset = 0;
  for (let i = 0; i < sorted.length; i++) {
    sum += sorted[i]!;
    const candidate = (sum - 1) / (i + 1);
    if (sorted[i]! - candidate > 0) offset = candidate;
  }
  return point.map((value) => Math.max(0, value - offset));
}
