// Pictures that selvedge inspect is given: files, folders of them, or IDX files, in their order. Not here: what is found in them.
// Invariant: what a picture looked like before it was prepared is measured, since preparation takes light and place away.
import { measurePicture } from '../apps/inspect/index.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { lumaOf } from '../data/find-object.ts';
import { gunzip } from '../data/gzip.ts';
import { decodeIdx } from '../data/idx.ts';
import { decodeImage } from '../data/image-codecs.ts';
import type { RawImage } from '../data/image-decoder.ts';
import { type Preparation, preparePicture } from '../data/preparation.ts';
import { platform } from '../platform/index.ts';
import { type CommandContext, showError } from './command.ts';
import type { PictureFailure } from './picture-files.ts';

export interface InspectedPicture {
  readonly file: string;
  readonly pixels: Uint8Array;
  readonly statistics: Float64Array;
}

const PICTURE = /\.(png|jpe?g|webp)$/i;

/**
 * Reads pictures; one that cannot be read is told of and passed over.
 *
 * @throws SelvedgeError `inspect/no-file`, `inspect/empty`, `idx/…`, `gzip/corrupt`, `cli/interrupted`
 */
export async function readInspected(
  sources: readonly string[],
  preparation: Preparation,
  context: CommandContext,
  verbose: boolean,
): Promise<{ readonly pictures: InspectedPicture[]; readonly failures: PictureFailure[] }> {
  const pictures: InspectedPicture[] = [];
  const failures: PictureFailure[] = [];
  const take = async (file: string, read: () => Promise<RawImage> | RawImage): Promise<void> => {
    if (context.signal.aborted) throw new SelvedgeError('cli/interrupted', 'Interrupted');
    try {
      const image = await read();
      const { pixels } = preparePicture(image, { name: file, preparation });
      pictures.push({ file, pixels, statistics: measurePicture(grey(image), image.width, image.height) });
    } catch (error) {
      showError(error, context, verbose);
      failures.push({
        file,
        code: error instanceof SelvedgeError ? error.code : 'unexpected',
        message: messageOf(error),
      });
    }
  };
  for (const source of sources) {
    const path = platform.files.resolve(context.cwd, source);
    const status = await platform.files.status(path);
    if (!status) {
      throw new SelvedgeError(
        'inspect/no-file',
        `Cannot read "${source}": expected pictures, a folder of them or an IDX file, got nothing`,
      );
    }
    if (status.isFolder) {
      const files = (await platform.files.list(path)).filter((name) => PICTURE.test(name));
      if (files.length === 0) {
        throw new SelvedgeError(
          'inspect/empty',
          `Cannot inspect "${source}": expected PNG, JPEG or WebP files in it, got none`,
        );
      }
      for (const name of files) {
        const file = platform.files.join(path, name);
        await take(platform.files.join(source, name), async () =>
          decodeImage(await platform.files.readBytes(file), { name }),
        );
      }
      continue;
    }
    const bytes = await platform.files.readBytes(path);
    if (PICTURE.test(source)) await take(source, () => decodeImage(bytes, { name: source }));
    else
      for (const [number, image] of (await readIdx(bytes, source)).entries())
        await take(`${source}#${number}`, () => image);
  }
  return { pictures, failures };
}

async function readIdx(bytes: Uint8Array, name: string): Promise<RawImage[]> {
  const content = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, { name }) : bytes;
  const { type, shape, data } = decodeIdx(content, { name });
  const [count = 0, height = 0, width = 0] = shape;
  if (type !== 'uint8' || shape.length !== 3 || height < 3 || width < 3) {
    throw new SelvedgeError(
      'inspect/idx',
      `Cannot inspect "${name}": expected uint8 [count, height, width] of sides from 3, got ${type} [${shape.join(', ')}]`,
    );
  }
  const size = height * width;
  return Array.from({ length: count }, (_, image) => {
    const rgba = new Uint8Array(4 * size).fill(255);
    for (let i = 0; i < size; i++) rgba.fill(data[image * size + i] as number, 4 * i, 4 * i + 3);
    return { width, height, data: rgba };
  });
}

function grey({ width, height, data }: RawImage): Float64Array {
  return Float64Array.from({ length: width * height }, (_, i) =>
    lumaOf(data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!),
  );
}
