// Pictures of the kind that users have, for tests of the app. Not a test.
import type { RawImage } from '../../src/data/image-decoder.ts';

/** An image as a larger picture on light ground, the way a user has it. */
export function pictureOf(image: Uint8Array, scale = 3): RawImage {
  const side = 28 * scale + 20;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (let y = 0; y < 28 * scale; y++) {
    for (let x = 0; x < 28 * scale; x++) {
      const level = 255 - image[Math.floor(y / scale) * 28 + Math.floor(x / scale)]!;
      data.fill(level, ((y + 10) * side + x + 10) * 4, ((y + 10) * side + x + 10) * 4 + 3);
    }
  }
  return { width: side, height: side, data };
}
