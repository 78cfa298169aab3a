// What to show to somebody of whom nothing is known: what others want, or, where nobody has done anything, typical items of each kind.
// Not here: what follows from a history (recommend.ts). Invariant: the list has something of several kinds.
import { type Catalogue, rowFinder, vectorsOf } from './catalogue.ts';
import { classCentres } from './class-centres.ts';
import type { ShopEvent } from './events.ts';
import { decodeHalf } from './half-floats.ts';
import { pickDiverse } from './pick-diverse.ts';
import { inWords, type Recommendation } from './recommend.ts';
import { decay, eventWeights } from './tastes.ts';

export interface PopularOptions {
  readonly count: number;
  readonly halfLifeDays: number;
  readonly diversity: number;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;
/** Items that diversity chooses from. */
const CANDIDATES = 256;

/**
 * Lists popular items, or, without events, the most typical of each class in turn.
 *
 * @param events What all shoppers did
 * @throws SelvedgeError `catalogue/unknown-id`
 */
export function popularItems(
  catalogue: Catalogue,
  events: readonly ShopEvent[],
  { count, halfLifeDays, diversity, nowMs }: PopularOptions,
): Recommendation[] {
  const scores = popularity(catalogue, events, { halfLifeDays, nowMs });
  const ranked = [...scores]
    .filter(([, score]) => score > 0)
    .sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB)
    .slice(0, Math.max(CANDIDATES, count));
  const rows = ranked.map(([row]) => row);
  const picked = pickDiverse(
    {
      vectors: decodeHalf(vectorsOf(catalogue, rows)),
      dimension: catalogue.dimension,
      scores: ranked.map(([, score]) => score),
    },
    { count, diversity },
  ).map((at) => toRecommendation(catalogue, ranked[at]![0], ranked[at]![1], 'Popular with other shoppers'));
  const taken = new Set(picked.map(({ row }) => row));
  const more = typicalRows(catalogue, count, taken).slice(0, count - picked.length);
  return [
    ...picked,
    ...more.map((row) => toRecommendation(catalogue, row, 0, `A typical ${inWords(classOf(catalogue, row))}`)),
  ];
}

/**
 * What events of all shoppers say of each item, recent ones more.
 *
 * @returns Rows with weights
 */
export function popularity(
  catalogue: Pick<Catalogue, 'ids'> & Catalogue,
  events: readonly ShopEvent[],
  { halfLifeDays, nowMs }: Pick<PopularOptions, 'halfLifeDays' | 'nowMs'>,
): Map<number, number> {
  const rowOf = rowFinder(catalogue);
  const scores = new Map<number, number>();
  for (const { kind, item, timeMs } of events) {
    if (item === undefined) continue;
    const row = rowOf(item);
    const weight = eventWeights[kind] * decay(Math.max(0, nowMs - timeMs) / DAY_MS, halfLifeDays);
    scores.set(row, (scores.get(row) ?? 0) + weight);
  }
  return scores;
}

/** Those nearest to the middle of their class, class after class in turn. */
function typicalRows(catalogue: Catalogue, count: number, without: ReadonlySet<number>): number[] {
  const { dimension, labels, vectors, classNames } = catalogue;
  const centres = classCentres(catalogue);
  const byClass = classNames.map((): { row: number; cosine: number }[] => []);
  const vector = new Float32Array(dimension);
  for (let row = 0; row < catalogue.count; row++) {
    if (without.has(row)) continue;
    decodeHalf(vectors.subarray(row * dimension, (row + 1) * dimension), vector);
    const centre = centres.subarray(labels[row]! * dimension, (labels[row]! + 1) * dimension);
    let cosine = 0;
    for (let i = 0; i < dimension; i++) cosine += vector[i]! * centre[i]!;
    byClass[labels[row]!]!.push({ row, cosine });
  }
  for (const members of byClass) members.sort((a, b) => b.cosine - a.cosine || a.row - b.row);
  const deepest = Math.max(...byClass.map(({ length }) => length));
  const rows: number[] = [];
  for (let depth = 0; depth < deepest && rows.length < count; depth++) {
    for (const members of byClass) if (members[depth]) rows.push(members[depth]!.row);
  }
  return rows;
}

const classOf = ({ classNames, labels }: Catalogue, row: number): string => classNames[labels[row]!]!;

const toRecommendation = (catalogue: Catalogue, row: number, score: number, words: string): Recommendation => ({
  row,
  id: catalogue.ids[row]!,
  class: classOf(catalogue, row),
  score,
  reason: { words },
});
