// Reads pictures for who takes many from strangers: decodes a file within a budget of pixels and brings it into form.
// Not here: where that runs; src/serve/ has threads for it. Invariant: a plain value comes out, which crosses threads.
import type { DecodeOptions, ImageDecoder } from './image-decoder.ts';
import { type PreparedImage, prepareImage } from './prepare-image.ts';

/** A picture in the form of the data set, and the size of the file's. */
export interface ReadPicture extends PreparedImage {
  readonly width: number;
  readonly height: number;
}

/**
 * Reads a PNG, JPEG or WebP file.
 *
 * @throws SelvedgeError as `ImageDecoder`; `image/blank` if nothing stands out from the ground
 */
export type PictureReader = (bytes: Uint8Array, options: DecodeOptions) => Promise<ReadPicture>;

/** A reader on the thread that calls it. */
export function createPictureReader(decodeImage: ImageDecoder): PictureReader {
  return async (bytes, options) => {
    const image = await decodeImage(bytes, options);
    return { ...prepareImage(image, options), width: image.width, height: image.height };
  };
}
