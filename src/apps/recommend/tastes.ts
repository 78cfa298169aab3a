// What a history of events says of a shopper: a weight for each item and class that is wanted or not, and what is owned.
// Not here: which items follow (recommend.ts). Invariant: an event counts half as much after each half-life, as of a given time, so
// nothing depends on the clock of a machine.

import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import type { Catalogue } from './catalogue.ts';
import type { EventKind, ShopEvent } from './events.ts';

/** What an event is worth when it happens. A return takes back its purchase, and speaks against the item. */
export const eventWeights: Readonly<Record<EventKind, number>> = {
  prefer: 4,
  view: 1,
  like: 3,
  purchase: 4,
  return: -3,
};

const DAY_MS = 86_400_000;

/** An item with its weight. */
export interface Taste {
  readonly row: number;
  /** Above 0: wanted. Below: sent back. */
  readonly weight: number;
  /** The strongest that happened to it, and stands. */
  readonly because: 'kept' | 'liked' | 'asked for' | 'looked at' | 'sent back';
}

export interface Tastes {
  /** The weightiest first; of equal weight by row. */
  readonly items: readonly Taste[];
  /** Weight of each class that was preferred as such, by label. */
  readonly classes: ReadonlyMap<number, number>;
  /** Rows of what was bought and kept. */
  readonly owned: ReadonlySet<number>;
  /** Rows of whatever an event names. */
  readonly seen: ReadonlySet<number>;
}

export interface TasteOptions {
  /** Days after which an event counts half; Infinity: time does not matter. */
  readonly halfLifeDays: number;
  /** The present. Later events are refused. */
  readonly nowMs: number;
}

/**
 * Sums up the events of one shopper.
 *
 * @param catalogue Names of items and classes
 * @param events In order of time
 * @throws SelvedgeError `catalogue/unknown-id`, `recommend/unknown-class`, `recommend/future`
 */
export function sumUpTastes(
  catalogue: Pick<Catalogue, 'classNames'>,
  events: readonly ShopEvent[],
  rowOf: (id: string) => number,
  { halfLifeDays, nowMs }: TasteOptions,
): Tastes {
  const weights = new Map<number, number>();
  const becauses = new Map<number, Taste['because']>();
  const classes = new Map<number, number>();
  const owned = new Set<number>();
  for (const { kind, item, class: preferred, timeMs } of events) {
    if (timeMs > nowMs) {
      throw new SelvedgeError(
        'recommend/future',
        `Cannot recommend as of ${timeText(nowMs)}: expected events up to then, got one of ${timeText(timeMs)}`,
      );
    }
    const weight = eventWeights[kind] * decay((nowMs - timeMs) / DAY_MS, halfLifeDays);
    if (item === undefined) {
      const label = labelOf(catalogue, preferred!);
      classes.set(label, (classes.get(label) ?? 0) + weight);
      continue;
    }
    const row = rowOf(item);
    const before = weights.get(row) ?? 0;
    if (kind === 'purchase') {
      owned.add(row);
      weights.set(row, before + weight);
      becauses.set(row, 'kept');
    } else if (kind === 'return') {
      // What was bought before, liked or looked at counts no more.
      owned.delete(row);
      weights.set(row, Math.min(0, before) + weight);
      becauses.set(row, 'sent back');
    } else {
      weights.set(row, before + weight);
      const because = becauses.get(row);
      // What was sent back and is wanted all the same is so for what came after.
      const isWantedAgain = because === 'sent back' && before + weight > 0;
      if (isWantedAgain || isStronger(reasons[kind], because)) becauses.set(row, reasons[kind]);
    }
  }
  const items = [...weights]
    .map(([row, weight]): Taste => ({ row, weight, because: becauses.get(row)! }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight) || a.row - b.row);
  return { items, classes, owned, seen: new Set(weights.keys()) };
}

const reasons = { prefer: 'asked for', view: 'looked at', like: 'liked' } as const;
const strength: readonly Taste['because'][] = ['looked at', 'liked', 'asked for', 'kept', 'sent back'];
const isStronger = (one: Taste['because'], other: Taste['because'] | undefined): boolean =>
  other === undefined || strength.indexOf(one) > strength.indexOf(other);

/** Half after each half-life. */
export const decay = (days: number, halfLifeDays: number): number =>
  halfLifeDays === Infinity ? 1 : naturalExponential((-days / halfLifeDays) * Math.LN2);

function labelOf({ classNames }: Pick<Catalogue, 'classNames'>, name: string): number {
  const label = classNames.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (label >= 0) return label;
  throw new SelvedgeError(
    'recommend/unknown-class',
    `Cannot recommend by class "${name}": expected one of ${classNames.join(', ')}`,
  );
}

const timeText = (timeMs: number): string => new Date(timeMs).toISOString();
