// What a shopper may like next: items near those that were wanted and far from those that were sent back, recent events first, nothing
// that is owned, and not ten of the same. Not here: what events mean (tastes.ts), popularity (popular-items.ts).
// Invariants: the same events give the same list on every engine and at any number of threads; a reason names what was counted.
import { SelvedgeError } from '../../core/errors.ts';
import { type Catalogue, rowFinder, vectorsOf } from './catalogue.ts';
import type { ShopEvent } from './events.ts';
import { decodeHalf } from './half-floats.ts';
import { pickDiverse } from './pick-diverse.ts';
import { popularItems } from './popular-items.ts';
import { createRanking } from './ranking.ts';
import { eachSimilarity } from './search.ts';
import { sumUpTastes, type Taste, type Tastes } from './tastes.ts';

export interface RecommendOptions {
  /** Items; default: 10. */
  readonly count?: number;
  /** Days after which an event counts half; default: 14. Infinity: time does not matter. */
  readonly halfLifeDays?: number;
  /** 0: the nearest, however alike; towards 1: the more different; default: .4. */
  readonly diversity?: number;
  /** The present, milliseconds since 1970; default: the time of the last event. */
  readonly nowMs?: number;
  /** Also recommend items that were looked at, liked or sent back; never what is owned. Default: false. */
  readonly repeats?: boolean;
  /** What all shoppers did: who has no history gets what is popular with them. */
  readonly others?: readonly ShopEvent[];
}

export interface Recommendation {
  readonly row: number;
  readonly id: string;
  readonly class: string;
  /** The sum of what speaks for it and against it; comparable within one list only. */
  readonly score: number;
  readonly reason: Reason;
}

export interface Reason {
  /** Such as `Like the ankle boots you kept`. */
  readonly words: string;
  /** The item that the words are about. */
  readonly item?: { readonly row: number; readonly id: string; readonly similarity: number };
}

/** Items of a history that are compared, the weightiest: more tell nothing new. */
const MOST_TASTES = 64;
/** Items of each class that diversity chooses from, so that a wish for one kind does not hide all others. */
const CANDIDATES = 48;
/** What a class that is preferred counts of an item that is: all items of it get it in full. */
const CLASS_SHARE = 0.5;
/** How sharply likeness counts; chosen on simulated shoppers over validation images, see docs/recommend.md. */
const SHARPNESS = 16;

/**
 * Recommends items to one shopper. Needs a started backend.
 *
 * @param catalogue What there is
 * @param events What the shopper did, in order of time; none: popular or typical items of many kinds
 * @throws SelvedgeError `recommend/option`, `recommend/unknown-class`, `recommend/future`, `recommend/nothing-left`, `catalogue/unknown-id`
 * @example
 * ```ts
 * import { encodeHalf, recommend, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const catalogue = {
 *   model: { name: 'mine', digest: '0'.repeat(64) }, classNames: ['Boot', 'Bag'], count: 3, dimension: 2, ids: ['a', 'b', 'c'],
 *   vectors: encodeHalf(Float32Array.of(1, 0, 0.8, 0.6, 0, 1)), labels: Uint8Array.of(0, 0, 1), confidences: Float32Array.of(1, 1, 1),
 * };
 * const [first] = await recommend(catalogue, [{ timeMs: 0, kind: 'purchase', item: 'a', shopper: '' }], { count: 1 });
 * console.assert(first!.id === 'b' && first!.reason.words === 'Like the boot you kept');
 * await engine.stop();
 * ```
 */
export async function recommend(
  catalogue: Catalogue,
  events: readonly ShopEvent[],
  options: RecommendOptions = {},
): Promise<Recommendation[]> {
  const { count = 10, halfLifeDays = 14, diversity = 0.4, repeats = false, others = [] } = options;
  checkOptions({ count, halfLifeDays, diversity });
  const nowMs = options.nowMs ?? latestOf(events) ?? latestOf(others) ?? 0;
  const rowOf = rowFinder(catalogue);
  const tastes = sumUpTastes(catalogue, events, rowOf, { halfLifeDays, nowMs });
  const isKnown = [...tastes.items, ...tastes.classes].length > 0;
  if (!isKnown) return popularItems(catalogue, others, { count, halfLifeDays, diversity, nowMs });
  const scored = await scoreItems(catalogue, tastes, repeats ? tastes.owned : tastes.seen, Math.max(CANDIDATES, count));
  if (scored.length === 0) {
    throw new SelvedgeError(
      'recommend/nothing-left',
      `Cannot recommend: of ${catalogue.count} items none is left that the history does not name`,
    );
  }
  const vectors = decodeHalf(
    vectorsOf(
      catalogue,
      scored.map(({ row }) => row),
    ),
  );
  const picked = pickDiverse(
    { vectors, dimension: catalogue.dimension, scores: scored.map(({ score }) => score) },
    { count, diversity },
  );
  return picked.map((at) => {
    const { row, score, reason } = scored[at]!;
    return { row, id: catalogue.ids[row]!, class: catalogue.classNames[catalogue.labels[row]!]!, score, reason };
  });
}

interface Scored {
  readonly row: number;
  readonly score: number;
  readonly reason: Reason;
}

/** The items of each class with the highest scores, and what speaks for each most; the highest first, of equal ones by row. */
async function scoreItems(
  catalogue: Catalogue,
  tastes: Tastes,
  without: ReadonlySet<number>,
  count: number,
): Promise<Scored[]> {
  const { labels, confidences } = catalogue;
  const items = tastes.items.slice(0, MOST_TASTES);
  const classWeights = catalogue.classNames.map((_, label) => tastes.classes.get(label) ?? 0);
  const rankings = catalogue.classNames.map(() => createRanking(Math.min(count, catalogue.count)));
  /** Of items in the ranking, and of those that were. */
  const reasons = new Map<number, { readonly taste: number; readonly similarity: number }>();
  const offer = (row: number, score: number, taste: number, similarity: number): void => {
    if (rankings[labels[row]!]!.offer(row, score)) reasons.set(row, { taste, similarity });
  };
  const score = (row: number, similarityOf: (taste: number) => number): void => {
    if (without.has(row)) return;
    let sum = CLASS_SHARE * classWeights[labels[row]!]! * confidences[row]!;
    let most = sum;
    let best = -1;
    for (let taste = 0; taste < items.length; taste++) {
      const part = items[taste]!.weight * sharpened(similarityOf(taste));
      sum += part;
      if (part > most) {
        most = part;
        best = taste;
      }
    }
    offer(row, sum, best, best < 0 ? 0 : similarityOf(best));
  };
  if (items.length === 0) for (let row = 0; row < catalogue.count; row++) score(row, () => 0);
  const queries = decodeHalf(
    vectorsOf(
      catalogue,
      items.map(({ row }) => row),
    ),
  );
  await eachSimilarity(catalogue, queries, (first, rows, similarities, stride) => {
    for (let row = 0; row < rows; row++) score(first + row, (taste) => similarities[taste * stride + row]!);
  });
  const ranked = rankings.flatMap((ranking) => ranking.list());
  ranked.sort((a, b) => b.similarity - a.similarity || a.row - b.row);
  return ranked.map(({ row, similarity: total }) => {
    const { taste, similarity } = reasons.get(row)!;
    return { row, score: total, reason: reasonOf(catalogue, row, total, items[taste], similarity) };
  });
}

/** Likeness from 0 to 1, of which only near ones count: all items of a class are alike somewhat. */
function sharpened(similarity: number): number {
  let power = Math.min(1, Math.max(0, similarity));
  for (let exponent = 1; exponent < SHARPNESS; exponent *= 2) power *= power;
  return power;
}

function reasonOf(
  catalogue: Catalogue,
  row: number,
  score: number,
  taste: Taste | undefined,
  similarity: number,
): Reason {
  const nameOf = (of: number): string => inWords(catalogue.classNames[catalogue.labels[of]!]!);
  if (taste === undefined) {
    return { words: score > 0 ? `One of the kind you asked for: ${nameOf(row)}` : `Something else: ${nameOf(row)}` };
  }
  const item = { row: taste.row, id: catalogue.ids[taste.row]!, similarity };
  return { words: `Like the ${nameOf(taste.row)} you ${taste.because}`, item };
}

/** A class within a sentence: `ankle boot`, `T-shirt/top`. */
export const inWords = (className: string): string =>
  /^[A-Z][a-z]/.test(className) ? className[0]!.toLowerCase() + className.slice(1) : className;

function latestOf(events: readonly ShopEvent[]): number | undefined {
  if (events.length === 0) return undefined;
  return events.reduce((latest, { timeMs }) => Math.max(latest, timeMs), -Infinity);
}

function checkOptions({ count, halfLifeDays, diversity }: { count: number; halfLifeDays: number; diversity: number }) {
  const wrong =
    !Number.isInteger(count) || count < 1
      ? `a count from 1, got ${count}`
      : !(halfLifeDays > 0)
        ? `a half-life of days above 0, got ${halfLifeDays}`
        : !(diversity >= 0 && diversity < 1)
          ? `a diversity from 0 up to, not including, 1, got ${diversity}`
          : undefined;
  if (wrong) throw new SelvedgeError('recommend/option', `Cannot recommend: expected ${wrong}`);
}
