// The items whose vectors point most nearly the same way: every one is compared, by the backend's own matrix product, in blocks of
// items, so that memory beside the catalogue stays the same from ten items to a million. Not here: approximations.
// Invariants: the same bits at any number of threads and whatever is asked beside; of equal items the earlier comes first.
import * as tf from '../../backend/tfjs.ts';
import { platform } from '../../platform/index.ts';
import { decodeHalf } from './half-floats.ts';
import { checkQueries, createRankings, type FoundItem, type SearchOptions, type Vectors } from './ranking.ts';

/** Items of one product. */
const BLOCK = 4096;
/** Queries of one product; a product always has as many columns, so that a query has the same bits alone and among others. */
const QUERIES = 16;

/**
 * Looks up the nearest items. Needs a started backend.
 *
 * @param catalogue Its vectors
 * @param queries float32 `[many, dimension]`, of length 1
 * @returns For each query the nearest items, the nearest first; fewer where the catalogue has fewer
 * @throws SelvedgeError `search/shape`, `search/count`, `search/not-finite`
 * @example
 * ```ts
 * import { encodeHalf, searchCatalogue, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const vectors = encodeHalf(Float32Array.of(1, 0, 0, 1, 0.6, 0.8));
 * const [found] = await searchCatalogue({ vectors, dimension: 2, count: 3 }, Float32Array.of(0, 1), { count: 2 });
 * console.assert(found!.map(({ row }) => row).join() === '1,2');
 * await engine.stop();
 * ```
 */
export async function searchCatalogue(
  catalogue: Vectors,
  queries: Float32Array,
  options: SearchOptions = {},
): Promise<FoundItem[][]> {
  const { without } = options;
  const best = createRankings(catalogue, checkQueries(catalogue, queries), options);
  await eachSimilarity(catalogue, queries, (first, rows, similarities, stride) => {
    for (const [query, ranking] of best.entries()) {
      for (let row = 0; row < rows; row++) {
        if (without?.[first + row]) continue;
        ranking.offer(first + row, similarities[query * stride + row]!);
      }
    }
  });
  return best.map((ranking) => ranking.list());
}

/**
 * Compares queries with all items, block by block.
 *
 * @param take Gets the first item of a block, their number, and their similarities, those of a query
 *   `stride` after those of the one before, valid until it returns
 */
export async function eachSimilarity(
  catalogue: Vectors,
  queries: Float32Array,
  take: (first: number, rows: number, similarities: Float32Array, stride: number) => void,
): Promise<void> {
  const { vectors, dimension, count } = catalogue;
  const many = checkQueries(catalogue, queries);
  if (many === 0) return;
  const columns = Math.ceil(many / QUERIES);
  const similarities = new Float32Array(columns * QUERIES * BLOCK);
  const block = new Float32Array(BLOCK * dimension);
  const parts = Array.from({ length: columns }, (_, i) => {
    const part = new Float32Array(QUERIES * dimension);
    part.set(queries.subarray(i * QUERIES * dimension, (i + 1) * QUERIES * dimension));
    return tf.tensor2d(part, [QUERIES, dimension]);
  });
  try {
    for (let first = 0; first < count; first += BLOCK) {
      const rows = Math.min(BLOCK, count - first);
      decodeHalf(vectors.subarray(first * dimension, (first + rows) * dimension), block);
      tf.tidy(() => {
        const items = tf.tensor2d(block, [BLOCK, dimension]);
        parts.forEach((part, i) => {
          similarities.set(tf.matMul(part, items, false, true).dataSync<'float32'>(), i * QUERIES * BLOCK);
        });
      });
      take(first, rows, similarities, BLOCK);
      await platform.giveWay();
    }
  } finally {
    for (const part of parts) part.dispose();
  }
}
