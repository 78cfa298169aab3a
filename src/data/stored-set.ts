// A data set of pictures as IDX files in a folder, so that pictures are read once. Not here: reading pictures.
// Invariant: `set.json` is written last and names the digest of every file; what is not whole, or was made of other files or in another way, is
// not there.
//
//   train-images.idx [n, height, width(, 3)], train-labels.idx [n], train-parts.idx [n]: 1 validates, 0 trains
//   test-images.idx, test-labels.idx, classes.txt: one name a line; set.json
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { version } from '../core/version.ts';
import { platform } from '../platform/index.ts';
import { type Dataset, decodeDataset, type NamedFile } from './dataset.ts';
import type { PinnedFile } from './fashion-mnist.ts';
import { decodeIdxHeader, encodeIdx } from './idx.ts';
import type { DataOrigin } from './other-data.ts';
import type { PictureList } from './picture-list.ts';
import type { LoadedData } from './sources.ts';

const SET_FILE = 'set.json';
/** Of the folder's layout. */
const FORMAT = 1;

const fileNames = [
  'train-images.idx',
  'train-labels.idx',
  'train-parts.idx',
  'test-images.idx',
  'test-labels.idx',
] as const;
const CLASS_NAMES = 'classes.txt';

/** What set.json holds; that it is ours says its key. */
const setSchema = v.object({
  format: v.literal(FORMAT),
  key: v.string(),
  name: v.string(),
  classNames: v.array(v.string()),
  preparation: v.unknown(),
  split: v.object({ seed: v.number(), description: v.string() }),
  source: v.looseObject({ files: v.array(v.object({ name: v.string(), sha256: v.string() })) }),
  notices: v.array(v.string()),
});

/** A data set, and its files. */
export interface EncodedSet {
  /** With the digests of the files. */
  readonly loaded: LoadedData;
  readonly files: readonly NamedFile[];
}

/** What decides a set: where it is from, how it is made, and every file of it by size and time, or by content where times are not known. */
export async function keyOf({ pictures, classNames }: PictureList, origin: DataOrigin): Promise<string> {
  const { files } = platform;
  const stamps: string[] = new Array(pictures.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < pictures.length; i = next++) {
      const { path, name, label, part } = pictures[i]!;
      const status = await files.status(path).catch(() => undefined);
      const isUntimed = status && !status.isFolder && status.modifiedMs === undefined;
      const content = isUntimed ? await sha256(await files.readBytes(path)) : '';
      stamps[i] = JSON.stringify([name, label, part, status?.bytes, status?.modifiedMs, content]);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  return sha256(JSON.stringify([FORMAT, version, origin, classNames, stamps]));
}

/** Makes the files of a set. */
export async function encodeSet(made: LoadedData): Promise<EncodedSet> {
  const { train, test, split } = made;
  const validates = new Uint8Array(train.count);
  for (const i of split!.validation) validates[i] = 1;
  const contents = [
    encodeImages(train),
    encodeIdx({ type: 'uint8', shape: [train.count], data: train.labels }),
    encodeIdx({ type: 'uint8', shape: [train.count], data: validates }),
    encodeImages(test),
    encodeIdx({ type: 'uint8', shape: [test.count], data: test.labels }),
  ];
  const files: NamedFile[] = contents.map((bytes, i) => ({ name: fileNames[i]!, bytes }));
  files.push({ name: CLASS_NAMES, bytes: new TextEncoder().encode(`${train.classNames.join('\n')}\n`) });
  const pinned = await Promise.all(files.map(async ({ name, bytes }) => ({ name, sha256: await sha256(bytes) })));
  return { loaded: { ...made, source: { ...made.source, files: pinned } }, files };
}

function encodeImages({ images, count, height, width, channels }: Dataset): Uint8Array {
  const shape = channels === 1 ? [count, height, width] : [count, height, width, channels];
  return encodeIdx({ type: 'uint8', shape, data: images });
}

/**
 * Writes a set.
 *
 * @throws SelvedgeError `files/not-written`
 */
export async function storeSet(folder: string, key: string, { loaded, files }: EncodedSet): Promise<void> {
  const at = (name: string): string => platform.files.join(folder, name);
  await platform.files.remove(at(SET_FILE));
  for (const { name, bytes } of files) await platform.files.write(at(name), bytes);
  const { train, source, split, preparation, notices } = loaded;
  const { seed, description } = split!;
  const name = train.name.replace(/ training set$/, '');
  const set = {
    format: FORMAT,
    key,
    name,
    classNames: train.classNames,
    preparation,
    split: { seed, description },
    source,
    notices,
  };
  await platform.files.write(at(SET_FILE), `${JSON.stringify(set, null, 2)}\n`);
}

/**
 * Reads a set that was stored.
 *
 * @param key Of the set that is wanted; undefined: whichever is there
 * @returns Undefined if there is none, or another, or one that is not whole
 */
export async function readStoredSet(folder: string, key: string | undefined): Promise<LoadedData | undefined> {
  const { files } = platform;
  const path = files.join(folder, SET_FILE);
  if (!(await files.status(path))) return undefined;
  try {
    const set = v.parse(setSchema, JSON.parse(await files.readText(path)));
    if (key !== undefined && set.key !== key) return undefined;
    const source = set.source as unknown as LoadedData['source'];
    const [trainImages, trainLabels, trainParts, testImages, testLabels] = await Promise.all(
      fileNames.map((name) => readPinned(folder, name, source.files)),
    );
    const { classNames, name, notices, split } = set;
    const train = decodeDataset({
      name: `${name} training set`,
      images: trainImages!,
      labels: trainLabels!,
      classNames,
    });
    const test = decodeDataset({ name: `${name} test set`, images: testImages!, labels: testLabels!, classNames });
    const parts = trainParts!.bytes.subarray(decodeIdxHeader(trainParts!.bytes, trainParts!).dataOffset);
    const where = (value: number): Int32Array => Int32Array.from(parts.keys()).filter((i) => parts[i] === value);
    return {
      train,
      test,
      source,
      notices,
      preparation: set.preparation as LoadedData['preparation'] & object,
      split: { ...split, train: where(0), validation: where(1) },
    };
  } catch {
    // Whatever is wrong with it, the pictures are still there.
    return undefined;
  }
}

async function readPinned(folder: string, name: string, pinned: readonly PinnedFile[]): Promise<NamedFile> {
  const bytes = await platform.files.readBytes(platform.files.join(folder, name));
  const expected = pinned.find((file) => file.name === name)?.sha256;
  if ((await sha256(bytes)) === expected) return { name, bytes };
  throw new SelvedgeError('data/wrong-hash', `Cannot use "${name}": expected sha256 ${expected}, got another`);
}
