// The nearest items without an engine: every item is compared, one after the other, for the catalogues of a worker. Not here: the backend's
// product, which is several times as fast (search.ts). Invariant: of equal items the earlier comes first.
import { decodeHalf } from './half-floats.ts';
import { checkQueries, createRankings, type FoundItem, type SearchOptions, type Vectors } from './ranking.ts';

/**
 * Looks up the nearest items, as `searchCatalogue` does; similarities are the same up to rounding.
 *
 * @param catalogue Its vectors
 * @param queries float32 `[many, dimension]`, of length 1
 * @returns For each query the nearest items, the nearest first; fewer where the catalogue has fewer
 * @throws SelvedgeError `search/shape`, `search/count`, `search/not-finite`
 * @example
 * ```ts
 * import { encodeHalf } from 'selvedge';
 * import { findSimilar } from 'selvedge/apps/recommend';
 * const vectors = encodeHalf(Float32Array.of(1, 0, 0, 1, 0.6, 0.8));
 * const [found] = findSimilar({ vectors, dimension: 2, count: 3 }, Float32Array.of(0, 1), { count: 2 });
 * console.assert(found!.map(({ row }) => row).join() === '1,2');
 * ```
 */
export function findSimilar(catalogue: Vectors, queries: Float32Array, options: SearchOptions = {}): FoundItem[][] {
  const { vectors, dimension, count } = catalogue;
  const best = createRankings(catalogue, checkQueries(catalogue, queries), options);
  const item = new Float32Array(dimension);
  for (let row = 0; row < count; row++) {
    if (options.without?.[row]) continue;
    decodeHalf(vectors.subarray(row * dimension, (row + 1) * dimension), item);
    for (const [query, ranking] of best.entries()) {
      const start = query * dimension;
      let sum = 0;
      for (let i = 0; i < dimension; i++) sum += item[i]! * queries[start + i]!;
      ranking.offer(row, sum);
    }
  }
  return best.map((ranking) => ranking.list());
}
