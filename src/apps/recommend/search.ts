// The items whose vectors point most nearly the same way: every one is compared, by the backend's own matrix product, in blocks of
// items, so that memory beside the catalogue stays the same from ten items to a million. Not here: approximations.
// Invariants: the same bits at any number of threads and whatever is asked beside; of equal items the earlier comes first.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import type { Catalogue } from './catalogue.ts';
import { decodeHalf } from './half-floats.ts';

/** Items of one product. */
const BLOCK = 4096;
/** Queries of one product; a product always has as many columns, so that a query has the same bits alone and among others. */
const QUERIES = 16;

export interface SearchOptions {
  /** Items a query; default: 10. */
  readonly count?: number;
  /** Items that are not to be found: 1. `[items]`. */
  readonly without?: Uint8Array;
}

export interface FoundItem {
  /** Position in the catalogue. */
  readonly row: number;
  /** Cosine of the angle between query and item. */
  readonly similarity: number;
}

type Vectors = Pick<Catalogue, 'vectors' | 'dimension' | 'count'>;

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
  { count = 10, without }: SearchOptions = {},
): Promise<FoundItem[][]> {
  if (!Number.isInteger(count) || count < 1) {
    throw new SelvedgeError('search/count', `Cannot search: expected a count of items from 1, got ${count}`);
  }
  if (without && without.length !== catalogue.count) {
    throw shapeError(`a mark for each of ${catalogue.count} items`, `${without.length}`);
  }
  const many = queries.length / catalogue.dimension;
  const best = Array.from({ length: many }, () => createRanking(Math.min(count, catalogue.count)));
  await eachSimilarity(catalogue, queries, (first, rows, similarities, stride) => {
    for (let query = 0; query < many; query++) {
      const ranking = best[query]!;
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
  { vectors, dimension, count }: Vectors,
  queries: Float32Array,
  take: (first: number, rows: number, similarities: Float32Array, stride: number) => void,
): Promise<void> {
  const many = queries.length / dimension;
  if (!Number.isInteger(many)) throw shapeError(`queries of ${dimension} numbers`, `${queries.length} numbers`);
  if (!queries.every(Number.isFinite)) {
    throw new SelvedgeError('search/not-finite', 'Cannot search: expected finite queries, got NaN or infinity');
  }
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

/** The best of what is offered in the order of the catalogue. */
interface Ranking {
  /** Whether it is kept, for now. */
  offer(row: number, score: number): boolean;
  list(): FoundItem[];
}

/**
 * Keeps the largest scores; offers come with rising rows, so an equal score never displaces an earlier one.
 *
 * @param capacity How many are kept
 */
export function createRanking(capacity: number): Ranking {
  const rows = new Int32Array(capacity);
  const scores = new Float64Array(capacity);
  let held = 0;
  // A heap whose root is the worst: the smallest score, and of equal ones the last row.
  const isWorse = (a: number, b: number): boolean =>
    scores[a]! < scores[b]! || (scores[a] === scores[b] && rows[a]! > rows[b]!);
  const swap = (a: number, b: number): void => {
    const [row, score] = [rows[a]!, scores[a]!];
    rows[a] = rows[b]!;
    scores[a] = scores[b]!;
    rows[b] = row;
    scores[b] = score;
  };
  const sink = (): void => {
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < held && isWorse(child, worst)) worst = child;
      if (worst === at) return;
      swap(at, worst);
      at = worst;
    }
  };
  return {
    offer(row, score) {
      if (held === capacity) {
        if (!(score > scores[0]!)) return false;
        rows[0] = row;
        scores[0] = score;
        sink();
        return true;
      }
      rows[held] = row;
      scores[held] = score;
      for (let at = held++; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!isWorse(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
      return true;
    },
    list: () =>
      Array.from({ length: held }, (_, i) => ({ row: rows[i]!, similarity: scores[i]! })).sort(
        (a, b) => b.similarity - a.similarity || a.row - b.row,
      ),
  };
}

const shapeError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('search/shape', `Cannot search: expected ${expected}, got ${got}`);
