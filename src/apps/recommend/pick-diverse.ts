// Some of many, good ones that are not all alike. Not here: what is good.
// Source: J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.
// Invariant: of equal ones the first is picked.

export interface DiverseCandidates {
  /** `[candidates, dimension]`, of length 1. */
  readonly vectors: Float32Array;
  readonly dimension: number;
  /** Of any scale. */
  readonly scores: readonly number[];
}

/**
 * Picks by maximal marginal relevance: each time the one whose score, brought to 0 to 1, is highest after what it shares with those that
 * were picked is taken off.
 *
 * @param options `count`, and `diversity`: the share of the difference, 0: by score alone
 * @returns Positions in order of picking
 * @example
 * ```ts
 * import { pickDiverse } from 'selvedge';
 * const candidates = { vectors: Float32Array.of(1, 0, 1, 0, 0, 1), dimension: 2, scores: [3, 2.9, 2] };
 * console.assert(pickDiverse(candidates, { count: 2, diversity: 0.6 }).join() === '0,2');
 * ```
 */
export function pickDiverse(
  { vectors, dimension, scores }: DiverseCandidates,
  { count, diversity }: { readonly count: number; readonly diversity: number },
): number[] {
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const lowest = scores.reduce((least, score) => Math.min(least, score), Math.min(0, highest));
  const range = highest - lowest || 1;
  /** Likeness of each to the most alike that was picked. */
  const shared = new Float64Array(scores.length);
  const left = new Set(scores.keys());
  const picked: number[] = [];
  while (picked.length < count && left.size > 0) {
    let best = -1;
    let most = -Infinity;
    for (const at of left) {
      const value = (1 - diversity) * ((scores[at]! - lowest) / range) - diversity * shared[at]!;
      if (value > most) {
        most = value;
        best = at;
      }
    }
    picked.push(best);
    left.delete(best);
    for (const at of left) {
      let cosine = 0;
      for (let i = 0; i < dimension; i++) cosine += vectors[best * dimension + i]! * vectors[at * dimension + i]!;
      shared[at] = Math.max(shared[at]!, cosine);
    }
  }
  return picked;
}
