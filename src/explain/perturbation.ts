// Deletion and insertion: how the probability of a class falls while the places that a map ranks highest turn black, and how it rises
// while they come back to a black image. A map that finds what matters has a small area under the first curve, a large one under the
// second. Source: V. Petsiuk et al., "RISE", 2018, section 3.3; there insertion starts from a blurred image, here from the ground.
// Invariant: places that rank alike are taken in a seeded order, not by row.
import { shuffledIndices } from '../core/philox.ts';

/** Probabilities by share of places, from 0 to 1 in equal steps. */
export interface PerturbationCurves {
  readonly deletion: readonly number[];
  readonly insertion: readonly number[];
  /** Areas under the curves, by the trapezoidal rule. */
  readonly deletionArea: number;
  readonly insertionArea: number;
}

/** An image, the class that is explained, and in which order its places go or come. */
export interface Perturbed {
  /** `[height, width, channels]`, values from 0 to 1. */
  readonly image: Float32Array;
  readonly label: number;
  /** Places, `[height * width]`, the most important first. */
  readonly order: ArrayLike<number>;
}

/** Steps of a curve: of 28 x 28 places, 28 a step. */
export const CURVE_STEPS = 28;

/**
 * Places by what a map gives them, the highest first.
 *
 * @param values `[height, width]`
 * @param seed Decides between places that rank alike
 * @example
 * ```ts
 * import { rankPlaces } from 'selvedge';
 * console.assert(rankPlaces(Float32Array.of(1, 3, 2), 1).join() === '1,2,0');
 * ```
 */
export function rankPlaces(values: Float32Array, seed: number): Int32Array {
  const ties = shuffledIndices(values.length, { seed, epoch: 0 });
  return ties.sort((a, b) => values[b]! - values[a]!);
}

/**
 * Draws both curves of an image.
 *
 * @param predict Probabilities `[count, classes]` of images
 * @param perturbed Image, class and order
 * @param classes Of the model
 */
export function perturbationCurves(
  predict: (images: Float32Array) => Float32Array,
  { image, label, order }: Perturbed,
  classes: number,
): PerturbationCurves {
  const steps = Math.min(CURVE_STEPS, order.length);
  const channels = image.length / order.length;
  const images = new Float32Array(2 * (steps + 1) * image.length);
  for (let step = 0; step <= steps; step++) {
    const deleted = images.subarray(step * image.length, (step + 1) * image.length);
    const inserted = images.subarray((steps + 1 + step) * image.length, (steps + 2 + step) * image.length);
    const gone = Math.round((step * order.length) / steps);
    for (let rank = 0; rank < order.length; rank++) {
      const start = order[rank]! * channels;
      (rank < gone ? inserted : deleted).set(image.subarray(start, start + channels), start);
    }
  }
  const probabilities = predict(images);
  const at = (row: number): number => probabilities[row * classes + label]!;
  const deletion = Array.from({ length: steps + 1 }, (_, step) => at(step));
  const insertion = Array.from({ length: steps + 1 }, (_, step) => at(steps + 1 + step));
  return { deletion, insertion, deletionArea: areaUnder(deletion), insertionArea: areaUnder(insertion) };
}

/** Of values at equal distances from 0 to 1. */
function areaUnder(values: readonly number[]): number {
  const ends = (values[0]! + values.at(-1)!) / 2;
  return values.slice(1, -1).reduce((sum, value) => sum + value, ends) / (values.length - 1);
}
