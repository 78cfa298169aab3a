// Boxes, how much two of them overlap, and suppression of those that say the same. Plain numbers, no tensors.
// Invariant: the order of what is kept is fixed: by score, and where scores are equal by place in the list.

/** Edges in pixels from the left and the top; right and bottom are the first that do not belong to it. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** An item that is in a picture. */
export interface TrueItem {
  readonly label: number;
  readonly box: Box;
}

/** An item that was found. */
export interface DetectedItem extends TrueItem {
  /** From 0 to 1. */
  readonly score: number;
}

export const areaOf = ([left, top, right, bottom]: Box): number =>
  Math.max(0, right - left) * Math.max(0, bottom - top);

/**
 * Intersection over union.
 *
 * @returns From 0, for boxes that do not touch, to 1; 0 of two empty ones
 * @example
 * ```ts
 * import { overlapOf } from 'selvedge';
 * console.assert(overlapOf([0, 0, 2, 2], [1, 0, 3, 2]) === 1 / 3);
 * ```
 */
export function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
}

export interface SuppressionOptions {
  /** Boxes that overlap a better one by more are dropped. */
  readonly overlap: number;
  /** Whether only boxes of the same class are compared. */
  readonly byClass: boolean;
  /** Keep at most so many. */
  readonly limit: number;
}

/**
 * Non-maximum suppression, greedy.
 *
 * @param found In any order; of equal scores the earlier counts as the better
 * @returns What is left, best first
 * @example
 * ```ts
 * import { suppress } from 'selvedge';
 * const found = [
 *   { label: 0, score: 0.5, box: [0, 0, 10, 10] as const },
 *   { label: 0, score: 0.9, box: [1, 0, 11, 10] as const },
 * ];
 * console.assert(suppress(found, { overlap: 0.6, byClass: true, limit: 100 }).length === 1);
 * ```
 */
export function suppress(
  found: readonly DetectedItem[],
  { overlap, byClass, limit }: SuppressionOptions,
): DetectedItem[] {
  const order = found.map((_, i) => i).sort((a, b) => found[b]!.score - found[a]!.score || a - b);
  const kept: DetectedItem[] = [];
  for (const i of order) {
    const item = found[i]!;
    const isSaid = kept.some(
      (better) => (!byClass || better.label === item.label) && overlapOf(better.box, item.box) > overlap,
    );
    if (!isSaid) kept.push(item);
    if (kept.length === limit) break;
  }
  return kept;
}
