// From a picture's file to an image of the data set's kind. Not here: how a file is decoded (image-codecs.ts), how its pixels are
// brought into form (prepare-image.ts). Invariant: only the sum of both.
import { decodeImage } from './image-codecs.ts';
import { type PreparedImage, prepareImage } from './prepare-image.ts';

/**
 * Reads a PNG, JPEG or WebP file of any size, on dark or light ground, as an image of the data set's kind.
 *
 * @param bytes The whole file
 * @param options `name`: the file's name for error messages
 * @returns 28 x 28 grey levels, and what was found
 * @throws SelvedgeError as `decodeImage`; `image/blank` if nothing stands out from the ground
 * @example
 * ```ts
 * import { readImage } from 'selvedge';
 * await readImage(new Uint8Array(0), { name: 'shoe.jpg' }).catch((error) => {
 *   console.assert(error.code === 'image/unknown-format');
 * });
 * ```
 */
export async function readImage(bytes: Uint8Array, options: { readonly name: string }): Promise<PreparedImage> {
  return prepareImage(await decodeImage(bytes, options), options);
}
