// Reads a few pictures of a plan again, to be shown or sorted. Not here: categorising. Invariant: a picture that is gone is left out.
import type { PictureReader } from '../../data/picture-reader.ts';
import type { Preparation } from '../../data/preparation.ts';
import { platform } from '../../platform/index.ts';
import type { CategorisedPicture } from './merge-shards.ts';
import type { Shard } from './shard.ts';

/**
 * Pixels of one picture of a shard.
 *
 * @param at Its place in the shard
 * @returns `[side, side, channels]`, or undefined where it cannot be read any more
 */
export async function readPictureOf(
  { images }: Shard,
  at: number,
  { readPicture, preparation }: { readonly readPicture: PictureReader; readonly preparation: Preparation },
): Promise<Uint8Array | undefined> {
  const { readRange, readBytes } = platform.files;
  try {
    if (images.kind === 'idx') {
      const [height, width, channels] = images.shape;
      const bytes = height * width * channels;
      const start = images.byteOffset + at * bytes;
      return readRange
        ? await readRange(images.path, start, bytes)
        : (await readBytes(images.path)).slice(start, start + bytes);
    }
    const { path, name } = images.pictures[at]!;
    return (await readPicture(await readBytes(path), { name, preparation })).pixels;
  } catch {
    return undefined;
  }
}

/**
 * Pixels of listed pictures.
 *
 * @param listed Of a summary
 * @param shards The same plan again
 * @returns By number of the picture; those that cannot be read are missing
 */
export async function readListed(
  listed: readonly CategorisedPicture[],
  shards: AsyncIterable<Shard>,
  options: { readonly readPicture: PictureReader; readonly preparation: Preparation },
): Promise<ReadonlyMap<number, Uint8Array>> {
  const byShard = groupByShard(listed);
  const found = new Map<number, Uint8Array>();
  for await (const shard of shards) {
    for (const { at, number, name } of byShard.get(shard.index) ?? []) {
      // Files that came or went meanwhile have moved the others.
      if (shard.images.kind === 'pictures' && shard.images.pictures[at]?.name !== name) continue;
      const pixels = await readPictureOf(shard, at, options);
      if (pixels) found.set(number, pixels);
    }
  }
  return found;
}

function groupByShard(listed: readonly CategorisedPicture[]): Map<number, CategorisedPicture[]> {
  const groups = new Map<number, CategorisedPicture[]>();
  for (const picture of listed) groups.set(picture.shard, [...(groups.get(picture.shard) ?? []), picture]);
  return groups;
}
