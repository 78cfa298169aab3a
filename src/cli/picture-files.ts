// Picture files that a command is given, in the form that a model takes. Not here: what becomes of them.
// Invariant: a picture that cannot be read is an error of its own; the others are read all the same.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { decodeImage } from '../data/image-codecs.ts';
import { type Preparation, type PreparedPicture, preparePicture } from '../data/preparation.ts';
import { platform } from '../platform/index.ts';
import { type CommandContext, showError } from './command.ts';

export interface ReadPicture {
  readonly file: string;
  readonly image: PreparedPicture;
}

/** Pixels in the form of the data set, whatever they were before. */
export interface PicturePixels {
  readonly image: Pick<PreparedPicture, 'pixels'>;
}

export interface PictureFailure {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

export interface ReadOptions {
  readonly context: CommandContext;
  readonly verbose: boolean;
  /** How a picture becomes an image for the model. */
  readonly preparation: Preparation;
}

/**
 * Reads pictures, and tells of each that cannot be read.
 *
 * @param action What the command does, for codes of errors
 */
export async function readPictures(
  files: readonly string[],
  action: 'predict' | 'explain' | 'similar' | 'generate',
  { context, verbose, preparation }: ReadOptions,
): Promise<{ readonly pictures: ReadPicture[]; readonly failures: PictureFailure[] }> {
  const pictures: ReadPicture[] = [];
  const failures: PictureFailure[] = [];
  for (const file of files) {
    try {
      pictures.push({ file, image: await prepareFile(file, action, preparation, context) });
    } catch (error) {
      showError(error, context, verbose);
      const code = error instanceof SelvedgeError ? error.code : 'unexpected';
      failures.push({ file, code, message: messageOf(error) });
    }
  }
  return { pictures, failures };
}

async function prepareFile(
  file: string,
  action: string,
  preparation: Preparation,
  context: CommandContext,
): Promise<PreparedPicture> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      `${action}/no-file`,
      `Cannot read "${file}": expected a PNG, JPEG or WebP file, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  const picture = await decodeImage(await platform.files.readBytes(path), { name: file });
  return preparePicture(picture, { name: file, preparation });
}

/** Their pixels, one picture after the other, levels from 0 to 255. */
export function pixelsOfPictures(pictures: readonly PicturePixels[]): Uint8Array {
  const size = pictures[0]?.image.pixels.length ?? 0;
  const pixels = new Uint8Array(pictures.length * size);
  pictures.forEach(({ image }, row) => {
    pixels.set(image.pixels, row * size);
  });
  return pixels;
}
