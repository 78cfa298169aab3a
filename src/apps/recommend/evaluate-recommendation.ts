// How well lists of ten suit made shoppers, beside lists that know less: what is popular, what is of the classes seen, anything.
// Not here: shoppers (simulated-shoppers.ts), recommending (recommend.ts). Invariant: every list is without what the shopper has seen.
// Source: K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002.
import { naturalLogarithm } from '../../core/exponential.ts';
import { createPhilox, drawPermutation, type Philox, randomStreams } from '../../core/philox.ts';
import type { Catalogue } from './catalogue.ts';
import { rowFinder } from './catalogue.ts';
import { popularity } from './popular-items.ts';
import { type RecommendOptions, recommend } from './recommend.ts';
import { SIMULATION_END_MS, type SimulatedShopper } from './simulated-shoppers.ts';

const LENGTH = 10;
/** Share of the catalogue that suits a shopper: what is liked best. */
const SUITING = 0.01;

/** Of lists of ten. */
export interface ListFigures {
  /** Share of shoppers for whom at least one item suits. */
  readonly hitRate: number;
  /** Normalised discounted cumulated gain, an item that suits counting 1. */
  readonly ndcg: number;
  /** Mean share of classes that a list has, of those there are. */
  readonly classes: number;
}

export interface RecommendationFigures {
  readonly shoppers: number;
  readonly events: number;
  readonly items: number;
  /** Share of items that suit a shopper. */
  readonly suiting: number;
  readonly lists: Readonly<Record<string, ListFigures>>;
}

export interface ShopperEvaluationOptions {
  readonly seed: number;
  /** Further ways to recommend, by name, beside the usual one. */
  readonly variants?: Readonly<Record<string, RecommendOptions>>;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Lists for one shopper, by name. */
type Lists = Readonly<Record<string, readonly number[]>>;

/**
 * Judges recommendations. Needs a started backend.
 *
 * @param labels True classes of the catalogue's items
 * @param shoppers From `simulateShoppers`, of the same items
 */
export async function evaluateRecommendation(
  catalogue: Catalogue,
  labels: ArrayLike<number>,
  shoppers: readonly SimulatedShopper[],
  { seed, variants = {}, onProgress }: ShopperEvaluationOptions,
): Promise<RecommendationFigures> {
  const rowOf = rowFinder(catalogue);
  const all = shoppers.flatMap(({ events }) => events);
  const scores = popularity(catalogue, all, { halfLifeDays: 14, nowMs: SIMULATION_END_MS });
  const popular = [...scores].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB).map(([row]) => row);
  const names = ['recommended', ...Object.keys(variants), 'same class', 'popular', 'chance'];
  const sums = Object.fromEntries(names.map((name) => [name, { hitRate: 0, ndcg: 0, classes: 0 }]));
  const suiting = Math.max(1, Math.round(catalogue.count * SUITING));
  for (const [number, { events, likings }] of shoppers.entries()) {
    const seen = new Set(events.map(({ item }) => rowOf(item!)));
    const fresh = (rows: readonly number[]): number[] => rows.filter((row) => !seen.has(row)).slice(0, LENGTH);
    const draws = createPhilox({ seed, stream: randomStreams.shoppers, substream: [number, 1] });
    const order = Array.from(drawPermutation(draws, catalogue.count));
    const recommended: Record<string, number[]> = {};
    for (const [name, options] of Object.entries({ recommended: {}, ...variants })) {
      const list = await recommend(catalogue, events, { nowMs: SIMULATION_END_MS, count: LENGTH, ...options });
      recommended[name] = list.map(({ row }) => row);
    }
    const lists: Lists = {
      ...recommended,
      'same class': sameClass(
        order.filter((row) => !seen.has(row)),
        labels,
        [...seen],
        draws,
      ),
      popular: fresh(popular),
      chance: fresh(order),
    };
    const suits = bestItems(likings, seen, suiting);
    for (const name of names) {
      const figures = sums[name]!;
      const list = lists[name]!;
      const hits = list.map((row) => suits.has(row));
      figures.hitRate += hits.includes(true) ? 1 : 0;
      figures.ndcg += gain(hits) / gain(new Array(Math.min(LENGTH, suits.size)).fill(true));
      figures.classes += new Set(list.map((row) => labels[row])).size / catalogue.classNames.length;
    }
    onProgress?.(number + 1, shoppers.length);
  }
  const mean = (sum: number): number => sum / shoppers.length;
  return {
    shoppers: shoppers.length,
    events: all.length,
    items: catalogue.count,
    suiting: suiting / catalogue.count,
    lists: Object.fromEntries(
      names.map((name) => {
        const { hitRate, ndcg, classes } = sums[name]!;
        return [name, { hitRate: mean(hitRate), ndcg: mean(ndcg), classes: mean(classes) }];
      }),
    ),
  };
}

/** Rows that are liked best, of those that are new. */
function bestItems(likings: Float32Array, seen: ReadonlySet<number>, count: number): Set<number> {
  const rows = Array.from(likings.keys()).filter((row) => !seen.has(row));
  rows.sort((a, b) => likings[b]! - likings[a]! || a - b);
  return new Set(rows.slice(0, count));
}

/** Items of any looks, of the true classes of what was seen, each as often as it was. */
function sameClass(
  fresh: readonly number[],
  labels: ArrayLike<number>,
  seen: readonly number[],
  draws: Philox,
): number[] {
  const taken = new Set<number>();
  for (let i = 0; i < LENGTH; i++) {
    const label = labels[seen[draws.nextBelow(seen.length)]!];
    const found = fresh.find((row) => labels[row] === label && !taken.has(row));
    if (found !== undefined) taken.add(found);
  }
  return [...taken];
}

/** Discounted by the logarithm of the place. */
const gain = (hits: readonly boolean[]): number =>
  hits.reduce((sum, isHit, place) => sum + (isHit ? Math.LN2 / naturalLogarithm(place + 2) : 0), 0);
