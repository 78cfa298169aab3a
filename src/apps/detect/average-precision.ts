// How good a detector is, by the definition of COCO: average precision of each class at ten overlaps, by 101 points of recall, at most 100
// items a picture and class, of any size. Plain numbers.
// Invariant: the values of COCOeval (bbox, area all, maxDets 100), transcribed: test/apps/detect/golden-detection.json.
// Source: T.-Y. Lin et al., "Microsoft COCO", ECCV 2014, and https://cocodataset.org/#detection-eval.
import { SelvedgeError } from '../../core/errors.ts';
import { type DetectedItem, overlapOf, type TrueItem } from './boxes.ts';

/** .5, .55, … .95 */
const OVERLAPS = Array.from({ length: 10 }, (_, i) => 0.5 + i * 0.05);
const RECALL_POINTS = 101;
const MOST_FOUND = 100;
/** The distance from 1 to the next number in double precision, which COCO's code adds to a divisor. */
const SPACING = 2.220446049250313e-16;

export interface ClassPrecision {
  readonly label: number;
  /** Items that there are. */
  readonly items: number;
  /** At an overlap of .5. */
  readonly at50: number;
  /** Mean over the ten overlaps. */
  readonly mean: number;
}

/** Means over the classes that occur. */
export interface AveragePrecision {
  /** mAP@.5 */
  readonly at50: number;
  /** mAP@.75 */
  readonly at75: number;
  /** mAP@.5:.95 */
  readonly mean: number;
  /** The share of items that were found with an overlap of .5, mean over classes. */
  readonly recallAt50: number;
  readonly classes: readonly ClassPrecision[];
}

/**
 * Average precision of what was found in pictures.
 *
 * @param truth Items of each picture
 * @param found What was found in each, in the same order
 * @throws SelvedgeError `detect/pictures` if they are not of the same pictures, or none has an item
 * @example
 * ```ts
 * import { averagePrecision } from 'selvedge';
 * const truth = [[{ label: 3, box: [0, 0, 10, 10] as const }]];
 * const found = [[{ label: 3, box: [0, 0, 10, 8.2] as const, score: 0.9 }]];
 * const { at50, mean } = averagePrecision(truth, found);
 * // An overlap of .82 counts at seven of ten overlaps.
 * console.assert(Math.abs(at50 - 1) < 1e-12 && Math.abs(mean - 0.7) < 1e-12);
 * ```
 */
export function averagePrecision(
  truth: readonly (readonly TrueItem[])[],
  found: readonly (readonly DetectedItem[])[],
): AveragePrecision {
  const labels = [...new Set(truth.flat().map(({ label }) => label))].sort((a, b) => a - b);
  if (truth.length !== found.length || labels.length === 0) {
    throw new SelvedgeError(
      'detect/pictures',
      `Cannot measure precision: expected what was found in each of ${truth.length} pictures that show items, got ${found.length}`,
    );
  }
  const measured = labels.map((label) => ofClass(label, truth, found));
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    at50: meanOf(measured.map(({ precisions }) => precisions[0]!)),
    at75: meanOf(measured.map(({ precisions }) => precisions[5]!)),
    mean: meanOf(measured.map(({ precisions }) => meanOf(precisions))),
    recallAt50: meanOf(measured.map(({ recall }) => recall)),
    classes: measured.map(({ label, items, precisions }) => ({
      label,
      items,
      at50: precisions[0]!,
      mean: meanOf(precisions),
    })),
  };
}

interface Measured {
  readonly label: number;
  readonly items: number;
  /** At each overlap. */
  readonly precisions: readonly number[];
  /** At an overlap of .5. */
  readonly recall: number;
}

function ofClass(
  label: number,
  truth: readonly (readonly TrueItem[])[],
  found: readonly (readonly DetectedItem[])[],
): Measured {
  const scores: number[] = [];
  const hits: boolean[][] = OVERLAPS.map(() => []);
  let items = 0;
  truth.forEach((own, picture) => {
    const wanted = own.filter((item) => item.label === label);
    items += wanted.length;
    const given = byScore(found[picture]!.filter((item) => item.label === label)).slice(0, MOST_FOUND);
    const overlaps = given.map((item) => wanted.map(({ box }) => overlapOf(item.box, box)));
    scores.push(...given.map(({ score }) => score));
    OVERLAPS.forEach((least, i) => {
      hits[i]!.push(...matches(overlaps, wanted.length, least));
    });
  });
  const order = byScore(scores.map((score, i) => ({ score, i }))).map(({ i }) => i);
  const curves = hits.map((hit) =>
    precisionOf(
      order.map((i) => hit[i]!),
      items,
    ),
  );
  return { label, items, precisions: curves.map(({ precision }) => precision), recall: curves[0]!.recall };
}

/** Best first; of equal ones the earlier. */
const byScore = <T extends { readonly score: number }>(found: readonly T[]): T[] =>
  found
    .map((item, i) => ({ item, i }))
    .sort((a, b) => b.item.score - a.item.score || a.i - b.i)
    .map(({ item }) => item);

/** Whether each, best first, meets an item that no better one has met: that which it overlaps most, of equal ones the last. */
function matches(overlaps: readonly (readonly number[])[], items: number, least: number): boolean[] {
  const taken = new Array<boolean>(items).fill(false);
  return overlaps.map((own) => {
    let most = Math.min(least, 1 - 1e-10);
    let match = -1;
    own.forEach((overlap, item) => {
      if (taken[item] || overlap < most) return;
      most = overlap;
      match = item;
    });
    if (match >= 0) taken[match] = true;
    return match >= 0;
  });
}

/** Mean of the greatest precision at or beyond each of 101 points of recall. */
function precisionOf(hits: readonly boolean[], items: number): { precision: number; recall: number } {
  let right = 0;
  const recalls: number[] = [];
  const precisions: number[] = [];
  hits.forEach((isHit, i) => {
    if (isHit) right++;
    recalls.push(right / items);
    precisions.push(right / (i + 1 + SPACING));
  });
  for (let i = precisions.length - 1; i > 0; i--) precisions[i - 1] = Math.max(precisions[i - 1]!, precisions[i]!);
  let sum = 0;
  let at = 0;
  for (let point = 0; point < RECALL_POINTS; point++) {
    while (at < recalls.length && recalls[at]! < point * 0.01) at++;
    if (at === recalls.length) break;
    sum += precisions[at]!;
  }
  return { precision: sum / RECALL_POINTS, recall: recalls.at(-1) ?? 0 };
}
