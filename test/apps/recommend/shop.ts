// A small catalogue of vectors in the plane, whose angles tell what is alike. Not a test.
import { type Catalogue, encodeHalf, type ShopEvent } from '../../../src/apps/recommend/index.ts';

export const DAY_MS = 86_400_000;

/** @param items Name, class and angle in degrees of each */
export function planeCatalogue(items: readonly (readonly [id: string, label: number, degrees: number])[]): Catalogue {
  const vectors = items.flatMap(([, , degrees]) => {
    const angle = (degrees * Math.PI) / 180;
    return [Math.cos(angle), Math.sin(angle)];
  });
  return {
    model: { name: 'plane', digest: 'ab'.repeat(32) },
    classNames: ['Ankle boot', 'Bag', 'T-shirt/top'],
    count: items.length,
    dimension: 2,
    ids: items.map(([id]) => id),
    vectors: encodeHalf(Float32Array.from(vectors)),
    labels: Uint8Array.from(items, ([, label]) => label),
    confidences: new Float32Array(items.length).fill(1),
  };
}

/** Boots near 0 degrees, bags near 90, tops near 180. */
export const shop = planeCatalogue([
  ['boot-1', 0, 0],
  ['boot-2', 0, 4],
  ['boot-3', 0, 9],
  ['bag-1', 1, 90],
  ['bag-2', 1, 93],
  ['bag-3', 1, 99],
  ['top-1', 2, 180],
  ['top-2', 2, 183],
]);

export const event = (day: number, kind: ShopEvent['kind'], item: string, shopper = ''): ShopEvent => ({
  timeMs: day * DAY_MS,
  kind,
  item,
  shopper,
});
