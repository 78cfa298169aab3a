// Images that show nothing: a classifier has a confident answer to them, too, which nobody should be given.
import { SelvedgeError } from '../core/errors.ts';

/**
 * Makes sure that each image has more than one level, where it has more than one pixel.
 *
 * @param images `[count, imageBytes]` levels
 * @param imageBytes Bytes of an image
 * @throws SelvedgeError `image/blank`, with the index of the image
 */
export function requireContrast(images: Uint8Array, imageBytes: number): void {
  if (imageBytes === 1) return;
  for (let first = 0; first < images.length; first += imageBytes) {
    const level = images[first];
    let i = first + 1;
    while (i < first + imageBytes && images[i] === level) i++;
    if (i < first + imageBytes) continue;
    throw new SelvedgeError(
      'image/blank',
      `Cannot classify image ${first / imageBytes}: expected something to see, got ${imageBytes} times level ${level}`,
    );
  }
}
