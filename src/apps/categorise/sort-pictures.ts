// Puts copies of pictures into a folder a class. Not here: deciding. Invariant: a copy stands under its name when it is whole, and in no other
// of the folders; what is there already is not copied again; nothing is written outside the folder.
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
  const all = [...new Set([...folders, ...Object.values(folderOf)])];
  /** IDX files by the names that their images get: two may be called the same. */
  const called = new Map<string, string>();
  let wasThere: Promise<boolean> | undefined;
  const isThere = async (target: string, bytes: number | undefined, content: () => Promise<Uint8Array>) => {
    const status = await files.status(target);
    return status?.bytes === bytes && !status?.isFolder && isEqual(await files.readBytes(target), await content());
  };
  /** What an earlier run has decided otherwise stands elsewhere; what is no copy is not ours. */
  const removeOthers = async (
    into: string,
    place: readonly string[],
    bytes: number,
    read: () => Promise<Uint8Array>,
  ) => {
    wasThere ??= files.list(folder).then((names) => names.length > 0);
    if (!(await wasThere)) return;
    for (const other of all) {
      const target = files.join(folder, other, ...place);
      if (other !== into && (await isThere(target, bytes, read))) await files.remove(target);
    }
  };
  const nameOf = (source: string): string => {
    const name = safe(files.basename(source));
    for (let i = 1; ; i++) {
      const tried = i === 1 ? name : `${name}-${i}`;
      const owner = called.get(tried);
      if (owner === undefined) called.set(tried, source);
      if (owner === undefined || owner === source) return tried;
    }
  };
  let held: { shard: Shard; bytes: Uint8Array } | undefined;
  return async (shard: Shard, picture: CategorisedPicture): Promise<void> => {
    const { decision, label, at } = picture;
    if (decision === undefined || label === undefined) return;
    const into = decision === 'sure' ? folders[label]! : folderOf[decision];
    const { images } = shard;
    if (images.kind === 'pictures') {
      const { name, path, bytes } = images.pictures[at]!;
      const place = name.split('/').map(safe);
      const read = (): Promise<Uint8Array> => files.readBytes(path);
      await removeOthers(into, place, bytes ?? 0, read);
      const target = files.join(folder, into, ...place);
      if (await isThere(target, bytes, read)) return;
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
    const place = [`${nameOf(images.name)}-${number}.png`];
    const content = encode(pixels, images.shape);
    const read = async (): Promise<Uint8Array> => content;
    await removeOthers(into, place, content.length, read);
    const target = files.join(folder, into, ...place);
    if (!(await isThere(target, content.length, read))) await files.write(target, content);
  };
}

const isEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, i) => byte === other[i]);

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
