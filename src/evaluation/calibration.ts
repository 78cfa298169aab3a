// Whether probabilities mean what they say: expected calibration error, log loss, Brier score, reliability diagram, and the one
// temperature that mends most of it. Pure. Not here: predicting; and no kernel, since this is a thousandth of it.
// Invariant: scaling by a temperature changes no predicted class.
import { SelvedgeError } from '../core/errors.ts';
import { checkProbabilities, type LabelledProbabilities, likeliestOf } from './check-probabilities.ts';
import { type Interval, wilsonInterval95 } from './statistics.ts';

/** Bins of Guo et al., "On calibration of modern neural networks", ICML 2017. */
const BINS = 15;
/** The smallest float32 above 0: what a softmax rounds to 0 was at most this. */
const SMALLEST = 1.401298464324817e-45;

/** One bar of a reliability diagram: the samples whose confidence lies in (low, high]. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability of the predicted class; 0 where the bin is empty, and so is the accuracy. */
  readonly confidence: number;
  readonly accuracy: number;
  readonly accuracyInterval95: Interval;
}

/** A mean over samples and the interval of its normal approximation. */
export interface MeanWithInterval {
  readonly mean: number;
  readonly interval95: Interval;
}

/** How well probabilities are calibrated. */
export interface Calibration {
  readonly count: number;
  readonly accuracy: number;
  /** Mean probability of the predicted class. */
  readonly confidence: number;
  /** Expected calibration error: distance of confidence and accuracy, mean over the samples of equally wide bins. */
  readonly ece: number;
  /** The largest such distance of a bin. */
  readonly maximumError: number;
  /** Negative log-likelihood in nats. */
  readonly nll: MeanWithInterval;
  /** Sum of squared differences over all classes, from 0 to 2. */
  readonly brier: MeanWithInterval;
  readonly bins: readonly ReliabilityBin[];
}

/**
 * Measures calibration.
 *
 * @param of Probabilities and true classes
 * @param bins Equally wide bins of confidence; default 15
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/label`, `evaluation/nan`
 * @see https://arxiv.org/abs/1706.04599
 * @example
 * ```ts
 * import { measureCalibration } from 'selvedge';
 * const { ece, brier } = measureCalibration({ probabilities: Float32Array.of(1, 0, 1, 0), labels: [0, 1], classes: 2 });
 * console.assert(ece === 0.5 && brier.mean === 1);
 * ```
 */
export function measureCalibration(of: LabelledProbabilities, bins = BINS): Calibration {
  checkProbabilities(of, 'measure calibration');
  if (!Number.isInteger(bins) || bins < 1) {
    throw new SelvedgeError('evaluation/shape', `Cannot measure calibration: expected bins from 1, got ${bins}`);
  }
  const { probabilities, labels, classes } = of;
  const count = labels.length;
  const tallies = Array.from({ length: bins }, () => ({ count: 0, hits: 0, sum: 0 }));
  const losses = new Float64Array(count);
  const distances = new Float64Array(count);
  for (let sample = 0; sample < count; sample++) {
    const label = labels[sample]!;
    const predicted = likeliestOf(probabilities, sample, classes);
    const confidence = probabilities[sample * classes + predicted]!;
    const tally = tallies[Math.min(bins, Math.max(1, Math.ceil(confidence * bins))) - 1]!;
    tally.count++;
    tally.sum += confidence;
    if (predicted === label) tally.hits++;
    losses[sample] = -Math.log(Math.max(SMALLEST, probabilities[sample * classes + label]!));
    for (let other = 0; other < classes; other++) {
      const difference = probabilities[sample * classes + other]! - (other === label ? 1 : 0);
      distances[sample]! += difference * difference;
    }
  }
  const errors = tallies.map(({ hits, sum }) => Math.abs(hits - sum));
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  return {
    count,
    accuracy: total(tallies.map(({ hits }) => hits)) / count,
    confidence: total(tallies.map(({ sum }) => sum)) / count,
    ece: total(errors) / count,
    maximumError: Math.max(...errors.map((error, bin) => error / Math.max(1, tallies[bin]!.count))),
    nll: meanOf(losses),
    brier: meanOf(distances),
    bins: tallies.map(({ count: inside, hits, sum }, bin) => ({
      low: bin / bins,
      high: (bin + 1) / bins,
      count: inside,
      confidence: inside === 0 ? 0 : sum / inside,
      accuracy: inside === 0 ? 0 : hits / inside,
      accuracyInterval95: inside === 0 ? { low: 0, high: 1 } : wilsonInterval95(hits, inside),
    })),
  };
}

/**
 * Probabilities after their logits were divided by a temperature.
 *
 * @param probabilities `[samples, classes]`; what is 0 counts as the smallest float32
 * @param classes Number of classes
 * @param temperature Above 1 to be less sure, below 1 to be surer
 * @returns Probabilities `[samples, classes]`, a new array
 * @throws {SelvedgeError} `evaluation/temperature`
 * @example
 * ```ts
 * import { scaleByTemperature } from 'selvedge';
 * const [first] = scaleByTemperature(Float32Array.of(0.8, 0.2), 2, 2);
 * console.assert(Math.abs(first! - 2 / 3) < 1e-6);
 * ```
 */
export function scaleByTemperature(probabilities: Float32Array, classes: number, temperature: number): Float32Array {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new SelvedgeError(
      'evaluation/temperature',
      `Cannot scale probabilities: expected a temperature above 0, got ${temperature}`,
    );
  }
  const scaled = logarithmsOf(probabilities).map((value) => value / temperature);
  const result = new Float32Array(scaled.length);
  for (let start = 0; start < scaled.length; start += classes) {
    const row = scaled.subarray(start, start + classes);
    const largest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((whole, value) => whole + Math.exp(value - largest), 0);
    for (let label = 0; label < classes; label++) result[start + label] = Math.exp(row[label]! - largest) / sum;
  }
  return result;
}

/**
 * The temperature of least log loss, to be fitted on samples that neither trained the model nor measure it.
 *
 * @param of Probabilities and true classes of those samples
 * @returns A temperature from 0.05 to 20
 * @throws {SelvedgeError} as `measureCalibration`
 * @see https://arxiv.org/abs/1706.04599
 * @example
 * ```ts
 * import { fitTemperature } from 'selvedge';
 * // Sure by .9, and right in three of four: logits are too large by a factor of two.
 * const probabilities = Float32Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? 0.9 : 0.1));
 * console.assert(Math.abs(fitTemperature({ probabilities, labels: [0, 0, 0, 1], classes: 2 }) - 2) < 1e-3);
 * ```
 */
export function fitTemperature(of: LabelledProbabilities): number {
  checkProbabilities(of, 'fit a temperature');
  const { labels, classes } = of;
  const logits = logarithmsOf(of.probabilities);
  // The slope of the mean loss over the factor 1 / T: monotone, since the loss is convex in it.
  const slope = (factor: number): number => {
    let sum = 0;
    for (let sample = 0; sample < labels.length; sample++) {
      const start = sample * classes;
      let largest = Number.NEGATIVE_INFINITY;
      for (let label = 0; label < classes; label++) largest = Math.max(largest, logits[start + label]!);
      let whole = 0;
      let weighted = 0;
      for (let label = 0; label < classes; label++) {
        const share = Math.exp(factor * (logits[start + label]! - largest));
        whole += share;
        weighted += share * logits[start + label]!;
      }
      sum += weighted / whole - logits[start + labels[sample]!]!;
    }
    return sum;
  };
  let [low, high] = [1 / 20, 20];
  for (let halving = 0; halving < 40; halving++) {
    const middle = Math.sqrt(low * high);
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return 1 / Math.sqrt(low * high);
}

const logarithmsOf = (probabilities: Float32Array): Float64Array =>
  Float64Array.from(probabilities, (value) => Math.log(Math.max(SMALLEST, value)));

function meanOf(values: Float64Array): MeanWithInterval {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  const half = count < 2 ? 0 : 1.959963984540054 * Math.sqrt(squares / (count - 1) / count);
  return { mean, interval95: { low: mean - half, high: mean + half } };
}
