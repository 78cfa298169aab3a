// The colours of where a picture deviates, to lie over it. Not here: finding it (inspector.ts), the picture below.
// Invariant: what is no farther from good pictures than good ones are is clear.
import { paintMap } from '../../explain/paint-map.ts';

/**
 * @param map Of an `Inspection`
 * @returns Red, green, blue and opacity from 0 to 255 of each pixel
 * @example
 * ```ts
 * import { paintInspection } from 'selvedge';
 * const colours = paintInspection(Float32Array.of(0.5, 1, 3));
 * console.assert(colours[3] === 0 && colours[7] === 0 && colours[11]! > 200);
 * ```
 */
export const paintInspection = (map: Float32Array): Uint8ClampedArray<ArrayBuffer> =>
  paintMap(map.map((value) => Math.max(0, value - 1)));

/** Where a map is highest. */
export function farthestOf(map: Float32Array, width: number): { readonly x: number; readonly y: number } {
  const most = map.reduce((best, value, i) => (value > map[best]! ? i : best), 0);
  return { x: most % width, y: Math.floor(most / width) };
}
