// Bags of samples whose shares of classes are drawn: the protocol of artificial prevalence. Not here: quantifying.
// Invariant: a bag is a function of seed and number.
import { naturalLogarithm } from '../../core/exponential.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';

/** Samples of a bag, and the shares that they have. */
export interface Bag {
  /** Numbers of samples, drawn with repetition. */
  readonly samples: Int32Array;
  readonly shares: Float64Array;
}

export interface BagOptions {
  readonly seed: number;
  readonly bag: number;
  readonly size: number;
  /** Classes that have a sample, at least one. */
  readonly classes: number;
}

/**
 * Draws shares uniformly from all that there are, then samples by them.
 *
 * @param labels True classes; every class has a sample
 * @example
 * ```ts
 * import { drawBag } from 'selvedge/apps';
 * const { samples, shares } = drawBag([0, 1, 1], { seed: 1, bag: 0, size: 500, classes: 2 });
 * console.assert(samples.length === 500 && Math.abs(shares[0]! + shares[1]! - 1) < 1e-12);
 * ```
 */
export function drawBag(labels: ArrayLike<number>, { seed, bag, size, classes }: BagOptions): Bag {
  const draws = createPhilox({ seed, stream: randomStreams.catalogue, substream: [1, bag] });
  const places = Array.from({ length: classes }, (): number[] => []);
  for (let sample = 0; sample < labels.length; sample++) places[labels[sample]!]!.push(sample);
  const gaps = Float64Array.from({ length: classes }, () => -naturalLogarithm(1 - draws.nextUniform()));
  const sum = gaps.reduce((all, gap) => all + gap, 0);
  const samples = new Int32Array(size);
  const counts = new Float64Array(classes);
  for (let i = 0; i < size; i++) {
    let left = draws.nextUniform() * sum;
    let label = 0;
    while (label < classes - 1 && left >= gaps[label]!) left -= gaps[label++]!;
    const own = places[label]!;
    samples[i] = own[draws.nextBelow(own.length)]!;
    counts[label]!++;
  }
  return { samples, shares: counts.map((count) => count / size) };
}
