// Picture files that a command is given, in the form of the data set. Not here: what becomes of them.
// Invariant: a picture that cannot be read is an error of its own; the others are read all the same.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { readImage } from '../data/image.ts';
import type { PreparedImage } from '../data/prepare-image.ts';
import { platform } from '../platform/index.ts';
import { type CommandContext, showError } from './command.ts';

export interface ReadPicture {
  readonly file: string;
  readonly image: PreparedImage;
}

/** Pixels in the form of the data set, whatever they were before. */
export interface PicturePixels {
  readonly image: Pick<PreparedImage, 'pixels'>;
}

export interface PictureFailure {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Reads pictures, and tells of each that cannot be read.
 *
 * @param action What the command does, for codes of errors
 */
export async function readPictures(
  files: readonly string[],
  action: 'predict' | 'explain',
  { context, verbose }: { readonly context: CommandContext; readonly verbose: boolean },
): Promise<{ readonly pictures: ReadPicture[]; readonly failures: PictureFailure[] }> {
  const pictures: ReadPicture[] = [];
  const failures: PictureFailure[] = [];
  for (const file of files) {
    try {
      pictures.push({ file, image: await prepareFile(file, action, context) });
    } catch (error) {
      showError(error, context, verbose);
      const code = error instanceof SelvedgeError ? error.code : 'unexpected';
      failures.push({ file, code, message: messageOf(error) });
    }
  }
  return { pictures, failures };
}

async function prepareFile(file: string, action: string, context: CommandContext): Promise<PreparedImage> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      `${action}/no-file`,
      `Cannot read "${file}": expected a PNG, JPEG or WebP file, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  return readImage(await platform.files.readBytes(path), { name: file });
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
