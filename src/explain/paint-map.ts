// The colours of a map laid over its picture. Warm is for the class, from orange to yellow the stronger; blue is against it, to cyan;
// what counts nothing is clear. Not here: the picture below (report/explanation-figure.ts, the page).

/** Places this far up count as the strongest, so that single pixels do not make all others look alike. */
const STRONG_SHARE = 0.99;
const OPACITY = 0.9;
type Colour = readonly [red: number, green: number, blue: number];
const FOR: readonly [Colour, Colour] = [
  [236, 82, 20],
  [255, 228, 70],
];
const AGAINST: readonly [Colour, Colour] = [
  [34, 92, 236],
  [120, 226, 255],
];

/**
 * Paints a map.
 *
 * @param values `[height, width]`
 * @returns Red, green, blue and opacity from 0 to 255 of each place
 * @example
 * ```ts
 * import { paintMap } from 'selvedge';
 * const colours = paintMap(Float32Array.of(0, 1, -1));
 * // Clear where nothing counts; more red than blue for the class, less against it.
 * console.assert(colours[3] === 0 && colours[4]! > colours[6]! && colours[8]! < colours[10]!);
 * ```
 */
export function paintMap(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const sizes = values.map(Math.abs).sort();
  const strong = sizes[Math.min(sizes.length - 1, Math.floor(STRONG_SHARE * sizes.length))]!;
  const whole = strong > 0 ? strong : (sizes.at(-1) ?? 0);
  const colours = new Uint8ClampedArray(4 * values.length);
  if (whole === 0) return colours;
  values.forEach((value, place) => {
    const strength = Math.min(1, Math.abs(value) / whole);
    const [weak, full] = value < 0 ? AGAINST : FOR;
    for (let i = 0; i < 3; i++) colours[4 * place + i] = weak[i]! + (full[i]! - weak[i]!) * strength;
    colours[4 * place + 3] = 255 * OPACITY * strength;
  });
  return colours;
}
