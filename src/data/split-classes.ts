// Splits examples class by class, equal images together. Not the study's split, which is scikit-learn's (split.ts).
// Invariant: a function of labels, equal images, share and seed; of each class about the same share is held out, and no image is on both sides.
import { createPhilox, randomStreams } from '../core/philox.ts';

export interface ClassSplitOptions {
  /** Part of each class to hold out, above 0 and below 1; at least one example. */
  readonly share: number;
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  /** Equal images have equal numbers; they stay together. Default: all differ. */
  readonly groups?: ArrayLike<number>;
}

export interface ClassSplit {
  /** Positions in `labels`, in a random order, as the other. */
  readonly kept: Int32Array;
  readonly heldOut: Int32Array;
}

/**
 * Holds out a share of each class.
 *
 * @param labels One an example
 * @param options Share, seed, and which images are equal
 * @returns Two disjoint lists that cover all examples
 * @example
 * ```ts
 * import { splitByClass } from 'selvedge';
 * const { kept, heldOut } = splitByClass([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], { share: 0.2, seed: 1 });
 * console.assert(kept.length === 8 && heldOut.length === 2);
 * ```
 */
export function splitByClass(labels: ArrayLike<number>, { share, seed, groups }: ClassSplitOptions): ClassSplit {
  const groupOf = (i: number): number => groups?.[i] ?? i;
  const members = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const group = members.get(groupOf(i));
    if (group) group.push(i);
    else members.set(groupOf(i), [i]);
  }
  const isHeldOut = new Uint8Array(labels.length);
  for (const [label, positions] of [...positionsByClass(labels)].sort(([a], [b]) => a - b)) {
    // A group of several classes goes by its first example.
    const own = positions.filter((i) => labels[members.get(groupOf(i))![0]!] === label);
    const distinct = [...new Set(own.map(groupOf))];
    const wanted = Math.max(1, Math.round(share * own.length));
    let held = 0;
    for (const at of shuffled(distinct.length, seed, label + 1).slice(0, distinct.length - 1)) {
      const group = members.get(distinct[at]!)!;
      if (held >= wanted) break;
      for (const i of group) isHeldOut[i] = 1;
      held += group.length;
    }
  }
  const order = seededOrder(labels.length, seed);
  return { kept: order.filter((i) => isHeldOut[i] === 0), heldOut: order.filter((i) => isHeldOut[i] === 1) };
}

/** The indices 0 to length - 1 in an order that the seed decides. */
export const seededOrder = (length: number, seed: number): Int32Array => shuffled(length, seed, 0);

/** The same, by seed and number (Fisher-Yates). */
function shuffled(length: number, seed: number, number: number): Int32Array {
  const draws = createPhilox({ seed, stream: randomStreams.split, substream: [number] });
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = draws.nextBelow(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function positionsByClass(labels: ArrayLike<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const positions = found.get(labels[i]!);
    if (positions) positions.push(i);
    else found.set(labels[i]!, [i]);
  }
  return found;
}
