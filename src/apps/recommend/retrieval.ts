// How well a search finds items of the same class: mean average precision over the whole ranking, and the share of right ones among the
// first. Not here: searching for people (search.ts). Invariant: of equal items the earlier comes first, as in a search.
// Source: average precision as in C. Manning et al., "Introduction to Information Retrieval", 2008, section 8.4.
import { SelvedgeError } from '../../core/errors.ts';
import type { Catalogue } from './catalogue.ts';
import { eachSimilarity } from './search.ts';

export interface RetrievalRequest {
  /** Where is searched. */
  readonly gallery: Pick<Catalogue, 'vectors' | 'dimension' | 'count'>;
  /** True class of each item of it. */
  readonly galleryLabels: ArrayLike<number>;
  /** float32 `[queries, dimension]`, of length 1. */
  readonly queries: Float32Array;
  /** True class of each. */
  readonly queryLabels: ArrayLike<number>;
  /** Whether query i is item i of the gallery, and not to be found. */
  readonly isWithin?: boolean;
}

/** Figures of one query or means over many. */
export interface Retrieval {
  readonly queries: number;
  readonly gallery: number;
  /** Mean average precision over the ranking of all items. */
  readonly meanAveragePrecision: number;
  /** Half the width of its 95% interval, by the normal approximation over queries. */
  readonly halfWidth: number;
  readonly precisionAt1: number;
  readonly precisionAt10: number;
  /** Mean average precision by class of the query. */
  readonly byClass: readonly number[];
}

/** Queries that are compared at once. */
const STEP = 64;

/**
 * Measures a search by class. Needs a started backend.
 *
 * @param classes Number of classes
 * @throws SelvedgeError `retrieval/shape`, `retrieval/no-relevant`
 * @example
 * ```ts
 * import { encodeHalf, measureRetrieval, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const gallery = { vectors: encodeHalf(Float32Array.of(1, 0, 0.8, 0.6, 0, 1)), dimension: 2, count: 3 };
 * const queries = { queries: Float32Array.of(1, 0), queryLabels: [0] };
 * const { meanAveragePrecision } = await measureRetrieval({ gallery, galleryLabels: [0, 1, 0], ...queries }, 2);
 * console.assert(Math.abs(meanAveragePrecision - (1 + 2 / 3) / 2) < 1e-12);
 * await engine.stop();
 * ```
 */
export async function measureRetrieval(request: RetrievalRequest, classes: number): Promise<Retrieval> {
  const { gallery, galleryLabels, queries, queryLabels, isWithin = false } = request;
  const { dimension, count } = gallery;
  const many = queryLabels.length;
  if (queries.length !== many * dimension || galleryLabels.length !== count || (isWithin && many !== count)) {
    throw new SelvedgeError(
      'retrieval/shape',
      `Cannot measure retrieval: expected a class for each of ${queries.length / dimension} queries and ${count} items, got ` +
        `${many} and ${galleryLabels.length}`,
    );
  }
  const precisions = new Float64Array(many);
  const first = new Float64Array(many);
  const firstTen = new Float64Array(many);
  for (let start = 0; start < many; start += STEP) {
    const end = Math.min(many, start + STEP);
    const rankings = await rank(gallery, queries.subarray(start * dimension, end * dimension));
    rankings.forEach((ranking, i) => {
      const query = start + i;
      const own = isWithin ? query : -1;
      const found = precisionsOf(ranking, galleryLabels, queryLabels[query]!, own);
      precisions[query] = found.average;
      first[query] = found.at1;
      firstTen[query] = found.at10;
    });
  }
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / many;
  const map = mean(precisions);
  const variance = precisions.reduce((sum, value) => sum + (value - map) * (value - map), 0) / Math.max(1, many - 1);
  return {
    queries: many,
    gallery: isWithin ? count - 1 : count,
    meanAveragePrecision: map,
    halfWidth: 1.959963984540054 * Math.sqrt(variance / many),
    precisionAt1: mean(first),
    precisionAt10: mean(firstTen),
    byClass: Array.from({ length: classes }, (_, label) => {
      const own = precisions.filter((__, query) => queryLabels[query] === label);
      return own.length === 0 ? 0 : own.reduce((sum, value) => sum + value, 0) / own.length;
    }),
  };
}

/** Rows of the gallery for each query, the nearest first. */
async function rank(gallery: RetrievalRequest['gallery'], queries: Float32Array): Promise<Uint32Array[]> {
  const { count, dimension } = gallery;
  const all = Array.from({ length: queries.length / dimension }, () => new Float32Array(count));
  await eachSimilarity(gallery, queries, (firstRow, rows, similarities, stride) => {
    for (const [query, own] of all.entries()) {
      own.set(similarities.subarray(query * stride, query * stride + rows), firstRow);
    }
  });
  return all.map(sortedRows);
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** Rows by falling similarity, then rising row: a radix sort, whose passes keep the order of equal digits. */
function sortedRows(similarities: Float32Array): Uint32Array {
  const count = similarities.length;
  // Falling numbers as rising words. Zero has one sign.
  const words = new Uint32Array(similarities.map((value) => value + 0).buffer);
  for (let row = 0; row < count; row++) {
    const word = words[row]!;
    words[row] = word & 0x80000000 ? word : 0x7fffffff - word;
  }
  let rows = Uint32Array.from({ length: count }, (_, row) => row);
  let next = new Uint32Array(count);
  const starts = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    starts.fill(0);
    for (let row = 0; row < count; row++) starts[(words[row]! >>> shift) & (DIGITS - 1)]!++;
    let before = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const own = starts[digit]!;
      starts[digit] = before;
      before += own;
    }
    for (let at = 0; at < count; at++) next[starts[(words[rows[at]!]! >>> shift) & (DIGITS - 1)]!++] = rows[at]!;
    [rows, next] = [next, rows];
  }
  return rows;
}

/** @param own Row that is the query itself, -1: none */
function precisionsOf(
  ranking: Uint32Array,
  labels: ArrayLike<number>,
  label: number,
  own: number,
): { average: number; at1: number; at10: number } {
  let hits = 0;
  let rank = 0;
  let sum = 0;
  let at1 = 0;
  let at10 = 0;
  for (const row of ranking) {
    if (row === own) continue;
    rank++;
    if (labels[row] === label) {
      hits++;
      sum += hits / rank;
    }
    if (rank === 1) at1 = hits;
    if (rank === 10) at10 = hits / 10;
  }
  if (hits === 0) {
    throw new SelvedgeError(
      'retrieval/no-relevant',
      `Cannot measure retrieval: the gallery has no item of class ${label}`,
    );
  }
  return { average: sum / hits, at1, at10: rank < 10 ? hits / Math.max(1, rank) : at10 };
}
