// Puts copies of pictures into a folder a class. Not here: deciding. Invariant: a copy stands under its name when it is whole; what is there
// already and of the same size is not copied again; nothing is written outside the folder.
import { platform } from '../../platform/index.ts';
import type { CategorisedPicture } from './merge-shards.ts';
import type { Shard } from './shard.ts';

export interface SorterOptions {
  readonly folder: string;
  readonly classNames: readonly string[];
  /** The file of an image of IDX: PNG, say. */
  readonly encode: (pixels: Uint8Array, shape: readonly [number, number, number]) => Uint8Array;
}

/** Where pictures go that a person must look at. */
const folderOf = { unsure: '_unsure', strange: '_not-clothing' } as const;

/**
 * Makes a sorter.
 *
 * @returns Copies a picture of a shard by its decision; what was not read is passed over
 */
export function createSorter({ folder, classNames, encode }: SorterOptions) {
  const { files } = platform;
  const folders = classNames.map((name) => safe(name));
  let held: { shard: Shard; bytes: Uint8Array } | undefined;
  return async (shard: Shard, picture: CategorisedPicture): Promise<void> => {
    const { decision, label, at } = picture;
    if (decision === undefined || label === undefined) return;
    const into = decision === 'sure' ? folders[label]! : folderOf[decision];
    const { images } = shard;
    if (images.kind === 'pictures') {
      const { name, path, bytes } = images.pictures[at]!;
      const target = files.join(folder, into, ...name.split('/').map(safe));
      if ((await files.status(target))?.bytes === bytes) return;
      await files.makeFolder(files.dirname(target));
      await files.copy(path, `${target}.part`);
      await files.rename(`${target}.part`, target);
      return;
    }
    const [height, width, channels] = images.shape;
    const size = height * width * channels;
    if (held?.shard !== shard) held = { shard, bytes: await readAll(shard, size) };
    const pixels = held.bytes.subarray(at * size, (at + 1) * size);
    const number = String(images.first + at).padStart(7, '0');
    const target = files.join(folder, into, `${safe(files.basename(images.name))}-${number}.png`);
    const content = encode(pixels, images.shape);
    if ((await files.status(target))?.bytes !== content.length) await files.write(target, content);
  };
}

async function readAll({ images, count }: Shard, size: number): Promise<Uint8Array> {
  const { path, byteOffset } = images as Extract<Shard['images'], { kind: 'idx' }>;
  const { readRange, readBytes } = platform.files;
  return readRange
    ? readRange(path, byteOffset, count * size)
    : (await readBytes(path)).slice(byteOffset, byteOffset + count * size);
}

/** A name that is one name of a file on every system: no separators, no way up. */
function safe(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
  const cleaned = name.replace(/[/\\:*?"<>|\u0000-\u001f]/g, '-');
  return /^\.+$/.test(cleaned) || cleaned === '' ? '_' : cleaned;
}
