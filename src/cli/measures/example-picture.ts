// Pictures in the JSON of a measure: their levels as base64. Not here: which pictures. Invariant: what is read is what was written.
import type { GrayImage } from '../../report/png.ts';

/** A picture as JSON holds it. */
export interface WrittenPicture {
  readonly width: number;
  readonly height: number;
  /** Grey, where it does not say. */
  readonly channels?: 3;
  readonly levels: string;
}

/** @param pixels `[height, width, channels]`, of one channel or of three */
export const writtenPicture = (width: number, height: number, pixels: ArrayLike<number>): WrittenPicture => ({
  width,
  height,
  ...(pixels.length === 3 * width * height ? { channels: 3 } : {}),
  levels: btoa(Array.from(pixels, (level) => String.fromCharCode(level)).join('')),
});

/** @throws Error for what is no such picture */
export function pictureOf({ width, height, channels, levels }: WrittenPicture): GrayImage {
  const pixels = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  const expected = width * height * (channels ?? 1);
  if (pixels.length !== expected) throw new Error(`expected ${expected} levels, got ${pixels.length}`);
  return { width, height, ...(channels && { channels }), pixels };
}
