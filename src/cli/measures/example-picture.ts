// Pictures in the JSON of a measure: their levels as base64. Not here: which pictures. Invariant: what is read is what was written.
import type { GrayImage } from '../../report/png.ts';

/** A grey picture as JSON holds it. */
export interface WrittenPicture {
  readonly width: number;
  readonly height: number;
  readonly levels: string;
}

export const writtenPicture = (width: number, height: number, pixels: Uint8Array): WrittenPicture => ({
  width,
  height,
  levels: btoa(Array.from(pixels, (level) => String.fromCharCode(level)).join('')),
});

/** @throws Error for what is no such picture */
export function pictureOf({ width, height, levels }: WrittenPicture): GrayImage {
  const pixels = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  if (pixels.length !== width * height) throw new Error(`expected ${width * height} levels, got ${pixels.length}`);
  return { width, height, pixels };
}
