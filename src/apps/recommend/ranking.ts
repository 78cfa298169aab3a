// The nearest of what is compared, whoever compares: search.ts by the backend, find-similar.ts without one. Not here: comparing.
// Invariant: of equal items the earlier comes first.
import { SelvedgeError } from '../../core/errors.ts';
import type { Catalogue } from './catalogue.ts';

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

/** What of a catalogue is searched. */
export type Vectors = Pick<Catalogue, 'vectors' | 'dimension' | 'count'>;

/** The best of what is offered in the order of the catalogue. */
export interface Ranking {
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

/**
 * A ranking for each of many queries.
 *
 * @throws SelvedgeError `search/count`, `search/shape`
 */
export function createRankings(catalogue: Vectors, many: number, { count = 10, without }: SearchOptions): Ranking[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new SelvedgeError('search/count', `Cannot search: expected a count of items from 1, got ${count}`);
  }
  if (without && without.length !== catalogue.count) {
    throw shapeError(`a mark for each of ${catalogue.count} items`, `${without.length}`);
  }
  return Array.from({ length: many }, () => createRanking(Math.min(count, catalogue.count)));
}

/**
 * How many queries there are.
 *
 * @throws SelvedgeError `search/shape`, `search/not-finite`
 */
export function checkQueries({ dimension }: Vectors, queries: Float32Array): number {
  const many = queries.length / dimension;
  if (!Number.isInteger(many)) throw shapeError(`queries of ${dimension} numbers`, `${queries.length} numbers`);
  if (queries.every(Number.isFinite)) return many;
  throw new SelvedgeError('search/not-finite', 'Cannot search: expected finite queries, got NaN or infinity');
}

const shapeError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('search/shape', `Cannot search: expected ${expected}, got ${got}`);
