// Parzen estimators: a density over one or several parameters, made of one kernel an observation and a wide one, the prior.
// Not here: which observations (tpe.ts). Invariant: a kernel is a product of truncated normals and of categorical distributions.
// Sources: J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; bandwidths, prior and weights of observations
// as optuna/samplers/_tpe/parzen_estimator.py of Optuna 3.1 has them, which tells them in full where the paper does not.
import { normalQuantile } from '../core/normal-quantile.ts';
import type { Philox } from '../core/philox.ts';
import { type Distribution, fromInternal, rangeOf, settle } from './parameter.ts';

/** Internal values of one parameter, one an observation. */
export interface Observed {
  readonly distribution: Distribution;
  readonly values: readonly number[];
}

export interface ParzenEstimator {
  /** Internal values of a draw, one a parameter. */
  draw(draws: Philox): number[];
  logDensity(point: readonly number[]): number;
}

/** Observations whose weight does not fade with age. */
const UNFADED = 25;

/**
 * Makes an estimator.
 *
 * @param observed The parameters; each with as many observations, from the oldest to the newest
 */
export function createParzenEstimator(observed: readonly Observed[]): ParzenEstimator {
  const count = observed[0]?.values.length ?? 0;
  const weights = weightsOf(count);
  const kernels = observed.map((one) =>
    one.distribution.kind === 'choice'
      ? categorical(one.distribution.choices.length, one.values)
      : normals(one.distribution, one.values),
  );
  return {
    draw(draws) {
      const kernel = pick(weights, draws.nextUniform());
      return kernels.map((parameter) => parameter.draw(kernel, draws));
    },
    logDensity(point) {
      const terms = weights.map((weight, kernel) =>
        kernels.reduce((sum, parameter, i) => sum + parameter.logDensity(kernel, point[i]!), Math.log(weight)),
      );
      const most = Math.max(...terms);
      if (most === Number.NEGATIVE_INFINITY) return most;
      return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
    },
  };
}

/** Kernels of one parameter, the prior last. */
interface Kernels {
  draw(kernel: number, draws: Philox): number;
  logDensity(kernel: number, value: number): number;
}

/** Of the observations and, last, of the prior; they sum to 1. */
function weightsOf(count: number): number[] {
  const fading = count < UNFADED ? 0 : count - UNFADED;
  const weights = Array.from({ length: count + 1 }, (_, i) => {
    if (i >= fading) return 1;
    return fading === 1 ? 1 / count : 1 / count + (i / (fading - 1)) * (1 - 1 / count);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The first position up to which the shares sum to more than a quantile. */
function pick(shares: readonly number[], quantile: number): number {
  let sum = 0;
  const found = shares.findIndex((share) => {
    sum += share;
    return quantile < sum;
  });
  return found < 0 ? shares.length - 1 : found;
}

function categorical(choices: number, values: readonly number[]): Kernels {
  // The prior's weight is shared among all kernels, so that no choice is ever out of reach.
  const base = 1 / (values.length + 1);
  const shares = [...values, -1].map((observed) => {
    const raw = Array.from({ length: choices }, (_, choice) => base + (choice === observed ? 1 : 0));
    const sum = raw.reduce((total, share) => total + share, 0);
    return raw.map((share) => share / sum);
  });
  return {
    draw: (kernel, draws) => pick(shares[kernel]!, draws.nextUniform()),
    logDensity: (kernel, value) => Math.log(shares[kernel]![value] ?? 0),
  };
}

function normals(distribution: Exclude<Distribution, { kind: 'choice' }>, values: readonly number[]): Kernels {
  const { log, step } = distribution;
  const { from, to } = rangeOf(distribution);
  const scale = log ? Math.log : (value: number): number => value;
  const means = [...values.map(scale), (from + to) / 2];
  const deviations = bandwidths(means, from, to);
  const masses = means.map((mean, kernel) =>
    normalMass((from - mean) / deviations[kernel]!, (to - mean) / deviations[kernel]!),
  );
  return {
    draw(kernel, draws) {
      const [mean, deviation] = [means[kernel]!, deviations[kernel]!];
      const below = normalCdf((from - mean) / deviation);
      const quantile = below + draws.nextUniform() * masses[kernel]!;
      const drawn = mean + deviation * normalQuantile(Math.min(Math.max(quantile, 1e-300), 1 - 1e-16));
      const value = Math.min(Math.max(drawn, from), to);
      return Number(fromInternal(distribution, settle(distribution, log ? Math.exp(value) : value)));
    },
    logDensity(kernel, value) {
      const [mean, deviation] = [means[kernel]!, deviations[kernel]!];
      if (step === undefined) {
        const z = (scale(value) - mean) / deviation;
        return -0.5 * z * z - Math.log(deviation * Math.sqrt(2 * Math.PI) * masses[kernel]!);
      }
      const [left, right] = [scale(value - step / 2), scale(value + step / 2)];
      const mass = normalMass((Math.max(left, from) - mean) / deviation, (Math.min(right, to) - mean) / deviation);
      return Math.log(mass / masses[kernel]!);
    },
  };
}

/** The distance to the farther neighbour, within limits; of the prior, which is last, the whole range. */
function bandwidths(means: readonly number[], from: number, to: number): number[] {
  const order = means.map((_, i) => i).sort((a, b) => means[a]! - means[b]! || a - b);
  const count = means.length;
  const least = (to - from) / Math.min(100, 1 + count);
  const result = new Array<number>(count);
  order.forEach((kernel, rank) => {
    const mean = means[kernel]!;
    const left = rank === 0 ? from : means[order[rank - 1]!]!;
    const right = rank === count - 1 ? to : means[order[rank + 1]!]!;
    // The ends of the range are no neighbours, if there is a real one.
    let width = Math.max(mean - left, right - mean);
    if (count > 1 && rank === 0) width = right - mean;
    else if (count > 1 && rank === count - 1) width = mean - left;
    result[kernel] = Math.min(Math.max(width, least), to - from);
  });
  result[count - 1] = to - from;
  return result;
}

/** Probability that a standard normal value lies between two; from the nearer tail, so that it does not cancel. */
function normalMass(from: number, to: number): number {
  const mass = from > 0 ? normalCdf(-from) - normalCdf(-to) : normalCdf(to) - normalCdf(from);
  return Math.max(mass, 1e-300);
}

/**
 * Probability that a standard normal value lies below one.
 *
 * Source: G. Marsaglia, "Evaluating the Normal Distribution", J. Statistical Software 11(4), 2004, for the centre; a continued fraction
 * for the tails.
 */
export function normalCdf(x: number): number {
  const distance = Math.abs(x);
  if (distance > 38) return x < 0 ? 0 : 1;
  const density = 0.3989422804014327 * Math.exp(-0.5 * x * x);
  if (distance > 2.5) {
    let fraction = 0;
    for (let k = 160; k >= 1; k--) fraction = k / (distance + fraction);
    const tail = density / (distance + fraction);
    return x < 0 ? tail : 1 - tail;
  }
  let sum = x;
  let term = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (x * x) / k;
    sum += term;
    if (k > 300) break;
  }
  return 0.5 + sum * density;
}
