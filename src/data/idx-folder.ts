// Any set of four IDX files with any classes. Not Fashion-MNIST by its digests: that is sources.ts.
// Invariant: images and labels are the files' own; digests are of what is inside, so that a compressed file is the same data.
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';
import { arrangeSets } from './arrange-parts.ts';
import { checkClassNames, quoted } from './class-names.ts';
import { idxFileOf } from './data-kind.ts';
import { type Dataset, decodeDataset, type NamedFile } from './dataset.ts';
import type { PinnedFile } from './fashion-mnist.ts';
import { gunzip } from './gzip.ts';
import { decodeIdxHeader } from './idx.ts';
import { listed } from './listed.ts';
import { preparationOf } from './preparation.ts';
import type { LoadedData } from './sources.ts';

interface IdxFolderOptions {
  /** Default: as many as the greatest label says, by number. */
  readonly classNames: readonly string[] | undefined;
  readonly splitSeed: number;
  readonly keepDuplicates: boolean;
}

/**
 * Loads a folder of four IDX files, gzip-compressed or not: images and labels, to train and to test.
 *
 * @throws SelvedgeError `data/missing-file`, `data/ambiguous`, `data/other-shape`, `gzip/corrupt`, `idx/…`, `dataset/…`, `data/missing-class`,
 * `data/duplicates`
 */
export async function loadIdxFolder(folder: string, options: IdxFolderOptions): Promise<LoadedData> {
  const found = await Promise.all(
    (['train', 'test'] as const).map(async (set) => {
      const [images, labels] = await Promise.all([readPart(folder, set, 'images'), readPart(folder, set, 'labels')]);
      return { images: images!, labels: labels! };
    }),
  );
  const [trainFiles, testFiles] = [found[0]!, found[1]!];
  const notices = countFromZero([trainFiles.labels, testFiles.labels], options.classNames);
  const classNames = options.classNames ?? numbered([trainFiles.labels, testFiles.labels]);
  checkClassNames(classNames, `"${folder}"`);
  const name = platform.files.basename(folder);
  const train = decodeDataset({ name: `${name} training set`, ...trainFiles, classNames });
  const test = decodeDataset({ name: `${name} test set`, ...testFiles, classNames });
  const shapeOf = ({ height, width, channels }: Dataset): string => `${height}x${width}x${channels}`;
  if (shapeOf(train) !== shapeOf(test)) {
    throw new SelvedgeError(
      'data/other-shape',
      `Cannot use "${folder}": expected test images of ${shapeOf(train)} as the training images, got ${shapeOf(test)}`,
    );
  }
  const { splitSeed, keepDuplicates } = options;
  const nameOf = (i: number): string => (i < train.count ? `training image ${i}` : `test image ${i - train.count}`);
  const arranged = arrangeSets({ train, test, nameOf }, { seed: splitSeed, keepDuplicates, place: `"${folder}"` });
  const files: PinnedFile[] = await Promise.all(
    [trainFiles.images, trainFiles.labels, testFiles.images, testFiles.labels].map(async ({ name: file, bytes }) => ({
      name: platform.files.basename(file),
      sha256: await sha256(bytes),
    })),
  );
  const origin = {
    path: folder,
    choices: { ...(options.classNames && { classNames: options.classNames }), splitSeed, keepDuplicates },
  };
  const preparation = preparationOf([train.height, train.width, train.channels]);
  return {
    ...arranged,
    ...(preparation && { preparation }),
    source: { kind: 'idx', description: `the IDX files in "${folder}"`, isSample: false, files, origin },
    notices: [...notices, ...arranged.notices],
  };
}

async function readPart(folder: string, set: 'train' | 'test', what: 'images' | 'labels'): Promise<NamedFile> {
  const { files } = platform;
  const names = (await files.entries(folder))
    .filter(({ name, isFile }) => isFile && idxFileOf(name)?.set === set && idxFileOf(name)?.what === what)
    .map(({ name }) => name);
  const wanted = `a file of the ${set === 'train' ? 'training' : 'test'} ${what}`;
  if (names.length > 1) {
    throw new SelvedgeError(
      'data/ambiguous',
      `Cannot use "${folder}": expected ${wanted}, got ${listed(names, quoted)}; keep one`,
    );
  }
  const [name] = names;
  if (name === undefined) {
    throw new SelvedgeError(
      'data/missing-file',
      `Cannot use "${folder}": expected ${wanted}, as "${set === 'train' ? 'train' : 't10k'}-${what}-idx${what === 'images' ? 3 : 1}-ubyte" or .gz, got none`,
    );
  }
  const path = files.join(folder, name);
  const bytes = await files.readBytes(path);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return { name: path, bytes: isPacked ? await gunzip(bytes, { name: path }) : bytes };
}

const labelsOf = (file: NamedFile): Uint8Array => file.bytes.subarray(decodeIdxHeader(file.bytes, file).dataOffset);

const rangeOf = (files: readonly NamedFile[]): { least: number; most: number } => {
  let [least, most] = [255, 0];
  for (const file of files) {
    for (const label of labelsOf(file)) {
      if (label < least) least = label;
      if (label > most) most = label;
    }
  }
  return { least, most };
};

/** Labels that begin at 1, as those of EMNIST's letters do, are moved, in place. */
function countFromZero(files: readonly NamedFile[], classNames: readonly string[] | undefined): string[] {
  const { least, most } = rangeOf(files);
  if (least !== 1 || (classNames && classNames.length !== most)) return [];
  for (const file of files) {
    const labels = labelsOf(file);
    for (let i = 0; i < labels.length; i++) labels[i]!--;
  }
  return [`Labels from 1 to ${most} are counted from 0`];
}

const numbered = (files: readonly NamedFile[]): string[] =>
  Array.from({ length: rangeOf(files).most + 1 }, (_, label) => `class ${label}`);
