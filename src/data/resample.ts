// Another number of examples for each class: oversampling, undersampling, or any counts. Indices in, indices out; no image is touched.
// Not here: weighting the loss instead (training/loss.ts). Invariant: a function of (indices, their labels, counts, seed); within a class each
// index comes equally often, give or take one.
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, drawPermutation, randomStreams } from '../core/philox.ts';
import { checkIndices } from './dataset.ts';

/** Resampling by its usual names, as recipes have them, and the counts that these are. */
export const resamplingCounts = { oversample: 'largest', undersample: 'smallest' } as const;
export type ResamplingName = keyof typeof resamplingCounts;
export const resamplingNames = Object.keys(resamplingCounts) as ResamplingName[];

export interface ResampleOptions {
  /**
   * Examples of each class: as many as the `largest` has (oversampling), as the `smallest` has (undersampling), or a number a class, in
   * their order. By name, classes without any index stay without.
   */
  readonly counts: 'largest' | 'smallest' | readonly number[];
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
}

/**
 * Draws examples class by class: each of a class as often as its count allows, and of what remains a random choice.
 *
 * @param indices Examples to draw from, by index
 * @param labels Class of every example of the data set, which the indices are of
 * @param options Counts and seed
 * @returns Indices in a random order; one comes more than once where its class has fewer than were asked for
 * @throws SelvedgeError `resample/empty`, `resample/counts`, `dataset/bad-index`, `random/bad-seed`
 * @example
 * ```ts
 * import { resampleClasses } from 'selvedge';
 * const labels = [0, 0, 0, 0, 1, 1];
 * const indices = Int32Array.of(0, 1, 2, 3, 4);
 * const drawn = resampleClasses(indices, labels, { counts: 'largest', seed: 1 });
 * console.assert(drawn.length === 8 && drawn.filter((index) => index === 4).length === 4);
 * ```
 */
export function resampleClasses(
  indices: Int32Array,
  labels: ArrayLike<number>,
  { counts, seed }: ResampleOptions,
): Int32Array {
  checkIndices(indices, labels.length);
  if (indices.length === 0) {
    throw new SelvedgeError('resample/empty', 'Cannot resample 0 examples: expected at least one index');
  }
  const members = new Map<number, number[]>();
  for (const index of indices) {
    const label = labels[index]!;
    const group = members.get(label);
    if (group) group.push(index);
    else members.set(label, [index]);
  }
  const wantedOf = readCounts(counts, members);
  const drawn: number[] = [];
  for (const [label, group] of [...members].sort(([a], [b]) => a - b)) {
    const wanted = wantedOf(label);
    const order = drawPermutation(drawsOf(seed, label + 1), group.length);
    for (let i = 0; i < wanted; i++) drawn.push(group[order[i % group.length]!]!);
  }
  return drawPermutation(drawsOf(seed, 0), drawn.length).map((at) => drawn[at]!);
}

const drawsOf = (seed: number, number: number) =>
  createPhilox({ seed, stream: randomStreams.resampling, substream: [number] });

function readCounts(
  counts: ResampleOptions['counts'],
  members: ReadonlyMap<number, readonly number[]>,
): (label: number) => number {
  if (typeof counts !== 'string') {
    checkCounts(counts, members);
    return (label) => counts[label]!;
  }
  const sizes = [...members.values()].map((group) => group.length);
  const size = sizes.reduce((a, b) => (counts === 'largest' ? Math.max(a, b) : Math.min(a, b)));
  return () => size;
}

function checkCounts(counts: readonly number[], members: ReadonlyMap<number, readonly number[]>): void {
  const fail = (got: string, expected: string): never => {
    throw new SelvedgeError('resample/counts', `Cannot resample to ${got}: expected ${expected}`);
  };
  const bad = counts.find((count) => !Number.isInteger(count) || count < 0);
  if (bad !== undefined) fail(`a class of ${bad} examples`, 'a whole number from 0');
  const highest = [...members.keys()].reduce((a, b) => Math.max(a, b));
  if (highest >= counts.length) fail(`${counts.length} counts`, `one a class, up to class ${highest}`);
  const missing = counts.findIndex((count, label) => count > 0 && !members.has(label));
  if (missing >= 0) fail(`${counts[missing]} examples of class ${missing}`, '0, for it has none');
  if (counts.every((count) => count === 0)) fail('no example of any class', 'a count above 0');
}
