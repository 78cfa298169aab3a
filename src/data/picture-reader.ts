// Reads pictures for who takes many: decodes a file within a budget of pixels and brings it into form.
// Not here: where that runs; picture-pool.ts has threads for it. Invariant: a plain value comes out, which crosses threads.
import type { DecodeOptions, ImageDecoder } from './image-decoder.ts';
import { type Preparation, type PreparedPicture, preparePicture, usualPreparation } from './preparation.ts';

/** A picture in the form of a data set, and the size of the file's. */
export interface ReadPicture extends PreparedPicture {
  readonly width: number;
  readonly height: number;
}

export interface ReadOptions extends DecodeOptions {
  /** Default: as Fashion-MNIST has it. */
  readonly preparation?: Preparation;
}

/**
 * Reads a PNG, JPEG or WebP file.
 *
 * @throws SelvedgeError as `ImageDecoder`; `image/blank` if nothing stands out from the ground
 */
export type PictureReader = (bytes: Uint8Array, options: ReadOptions) => Promise<ReadPicture>;

/** A reader on the thread that calls it. */
export function createPictureReader(decodeImage: ImageDecoder): PictureReader {
  return async (bytes, { preparation = usualPreparation, ...options }) => {
    const image = await decodeImage(bytes, options);
    const { width, height } = image;
    return { ...preparePicture(image, { name: options.name, preparation }), width, height };
  };
}
