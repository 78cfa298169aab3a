// Pictures drawn by functions of the pixel, and test images laid on grounds as shops' pictures are. Not a test.
import type { RawImage } from '../../src/data/image-decoder.ts';

/** Red, green, blue, alpha. */
export type Rgba = readonly [number, number, number, number];
export type Rgb = readonly [number, number, number];

/** A picture by a function of the pixel; a number is an opaque grey. */
export function draw(width: number, height: number, colour: (x: number, y: number) => Rgba | number): RawImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = colour(x, y);
      data.set(typeof value === 'number' ? [value, value, value, 255] : value, (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

export const inBox = (x: number, y: number, left: number, top: number, width: number, height: number): boolean =>
  x >= left && x < left + width && y >= top && y < top + height;

export const grey = (level: number): Rgb => [level, level, level];

/** Between two colours. */
export const mixed = (from: Rgb, to: Rgb, part: number): Rgb => [
  from[0] + (to[0] - from[0]) * part,
  from[1] + (to[1] - from[1]) * part,
  from[2] + (to[2] - from[2]) * part,
];

const [WIDTH, HEIGHT, SCALE, LEFT, TOP] = [140, 150, 4, 14, 19];

/**
 * A test image at four times its size, bilinear, off the middle of 140 x 150 pixels.
 *
 * @param levels `[28, 28]`
 * @param colour What a level, from 0 to 1, looks like at a pixel
 */
export function paint(levels: Uint8Array, colour: (level: number, x: number, y: number) => Rgba): RawImage {
  const at = (x: number, y: number): number => (x < 0 || y < 0 || x > 27 || y > 27 ? 0 : levels[y * 28 + x]! / 255);
  return draw(WIDTH, HEIGHT, (x, y) => {
    const [across, down] = [(x + 0.5 - LEFT) / SCALE - 0.5, (y + 0.5 - TOP) / SCALE - 0.5];
    const [left, top] = [Math.floor(across), Math.floor(down)];
    const [right, bottom] = [across - left, down - top];
    const above = at(left, top) * (1 - right) + at(left + 1, top) * right;
    const below = at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right;
    return colour(above * (1 - bottom) + below * bottom, x, y);
  });
}
