// Made shoppers, whose taste is known: what they do in a shop of real pictures, and what they would like best. Not real people: figures
// that come of them say "made". Not here: recommending (recommend.ts), judging it (evaluate-recommendation.ts).
// Invariants: a function of pictures, classes and seed alone; the tastes know pixels and true classes, nothing of any model.
//
// A taste: one to three classes, each with a share, and how light and how large a piece should be within its class. Half of the shoppers
// change theirs in the middle of the time. They look at, like and buy what they like, more or less so; one event in seven is of any item,
// for somebody else, say; a purchase of what is little liked is sent back after two days, most often.
import { naturalExponential } from '../../core/exponential.ts';
import { createPhilox, type Philox, randomStreams } from '../../core/philox.ts';
import type { EventKind, ShopEvent } from './events.ts';

export interface ShopPictures {
  /** `[count, size]`, levels from 0 to 255. */
  readonly images: Uint8Array;
  /** True classes. */
  readonly labels: ArrayLike<number>;
  readonly ids: readonly string[];
  readonly classes: number;
}

export interface ShopperOptions {
  readonly shoppers: number;
  readonly seed: number;
}

export interface SimulatedShopper {
  readonly events: readonly ShopEvent[];
  /** How much each item is liked at the end, from 0 to 1. `[items]`. */
  readonly likings: Float32Array;
}

const DAY_MS = 86_400_000;
/** When the simulated time begins: 2026-01-01T00:00:00Z. */
const START_MS = 1_767_225_600_000;
const DAYS = 60;
/** When it ends. */
export const SIMULATION_END_MS = START_MS + DAYS * DAY_MS;
const EVENTS = 24;
const STRAY_SHARE = 1 / 7;
/** How far from the wanted lightness and size a piece may be, in quantiles of its class. */
const TOLERANCE = 0.25;
const RETURN_BELOW = 0.05;
const RETURN_SHARE = 0.8;

/**
 * Makes shoppers and what they do.
 *
 * @example
 * ```ts
 * import { simulateShoppers } from 'selvedge';
 * const images = Uint8Array.from({ length: 40 * 4 }, (_, i) => (i * 37) % 256);
 * const ids = Array.from({ length: 40 }, (_, i) => `item-${i}`);
 * const shop = { images, labels: ids.map((_, i) => i % 2), ids, classes: 2 };
 * const [shopper] = simulateShoppers(shop, { shoppers: 1, seed: 1 });
 * console.assert(shopper!.events.length >= 24 && shopper!.likings.length === 40);
 * ```
 */
export function simulateShoppers(shop: ShopPictures, { shoppers, seed }: ShopperOptions): SimulatedShopper[] {
  const traits = traitsOf(shop);
  return Array.from({ length: shoppers }, (_, number) => {
    const draws = createPhilox({ seed, stream: randomStreams.shoppers, substream: [number] });
    return simulate(shop, traits, draws, `shopper-${number + 1}`);
  });
}

/** Of each item: its quantile within its class, from 0 to 1. */
interface Traits {
  readonly lightness: Float32Array;
  readonly size: Float32Array;
}

function traitsOf({ images, labels, classes }: ShopPictures): Traits {
  const count = labels.length;
  const pixels = images.length / count;
  const lightness = new Float32Array(count);
  const size = new Float32Array(count);
  for (let item = 0; item < count; item++) {
    let sum = 0;
    let lit = 0;
    for (let at = item * pixels; at < (item + 1) * pixels; at++) {
      const level = images[at]!;
      sum += level;
      if (level > 16) lit++;
    }
    lightness[item] = lit === 0 ? 0 : sum / lit;
    size[item] = lit;
  }
  return { lightness: quantiles(lightness, labels, classes), size: quantiles(size, labels, classes) };
}

function quantiles(values: Float32Array, labels: ArrayLike<number>, classes: number): Float32Array {
  const found = new Float32Array(values.length);
  for (let label = 0; label < classes; label++) {
    const own = Array.from(values.keys())
      .filter((item) => labels[item] === label)
      .sort((a, b) => values[a]! - values[b]! || a - b);
    own.forEach((item, rank) => {
      found[item] = (rank + 0.5) / own.length;
    });
  }
  return found;
}

function simulate(shop: ShopPictures, traits: Traits, draws: Philox, shopper: string): SimulatedShopper {
  const early = drawLikings(shop, traits, draws);
  const late = draws.nextUniform() < 0.5 ? drawLikings(shop, traits, draws) : early;
  const [earlySums, lateSums] = [early, late].map(cumulated) as [Float64Array, Float64Array];
  const times = Array.from({ length: EVENTS }, () => Math.floor(draws.nextUniform() * (DAYS - 3) * DAY_MS)).sort(
    (a, b) => a - b,
  );
  const events = times.flatMap((time): ShopEvent[] => {
    const isLate = time > (DAYS / 2) * DAY_MS;
    const isStray = draws.nextUniform() < STRAY_SHARE;
    const place = draws.nextUniform();
    const row = isStray ? Math.floor(place * shop.labels.length) : drawFrom(isLate ? lateSums : earlySums, place);
    const what = draws.nextUniform();
    const kind: EventKind = what < 0.6 ? 'view' : what < 0.8 ? 'like' : 'purchase';
    // Nobody likes at random; looking and buying happens.
    const event = { kind: isStray && kind === 'like' ? ('view' as const) : kind, item: shop.ids[row]!, shopper };
    const isSentBack = draws.nextUniform() < RETURN_SHARE && (isLate ? late : early)[row]! < RETURN_BELOW;
    const timeMs = START_MS + time;
    return event.kind === 'purchase' && isSentBack
      ? [
          { ...event, timeMs },
          { ...event, kind: 'return', timeMs: timeMs + 2 * DAY_MS },
        ]
      : [{ ...event, timeMs }];
  });
  return { events: events.sort((a, b) => a.timeMs - b.timeMs), likings: late };
}

/** A taste, as what it makes of each item. */
function drawLikings({ labels, classes }: ShopPictures, { lightness, size }: Traits, draws: Philox): Float32Array {
  const shares = new Float32Array(classes);
  const wanted = 1 + draws.nextBelow(Math.min(3, classes));
  for (let i = 0; i < wanted; i++) shares[draws.nextBelow(classes)] = 0.5 + 0.5 * draws.nextUniform();
  const light = draws.nextUniform();
  const large = draws.nextUniform();
  return Float32Array.from(lightness, (value, item) => {
    const a = (value - light) / TOLERANCE;
    const b = (size[item]! - large) / TOLERANCE;
    return shares[labels[item]!]! * naturalExponential(-0.5 * (a * a + b * b));
  });
}

function cumulated(weights: Float32Array): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]!;
    sums[i] = sum;
  }
  return sums;
}

/** The item in whose part of the sum a place from 0 to 1 lies. */
function drawFrom(sums: Float64Array, place: number): number {
  const wanted = place * sums.at(-1)!;
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
