// Other data than Fashion-MNIST as what the study takes: four IDX files, a folder of folders of pictures, or a table of pictures.
// Not here: each of its steps. Invariant: what comes out was checked whole, and its digests are those of its images, labels and parts: equal data,
// wherever they are from, make equal runs.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { arrangeParts } from './arrange-parts.ts';
import { CLASSES_FILE, checkClassNames, readClassNames } from './class-names.ts';
import { dataKindOf, type OtherKind } from './data-kind.ts';
import { loadIdxFolder } from './idx-folder.ts';
import { listed } from './listed.ts';
import { listPictureFolder } from './picture-folder.ts';
import type { PictureList } from './picture-list.ts';
import { listPictureTable } from './picture-table.ts';
import { type Preparation, usualPreparation } from './preparation.ts';
import { type ReadPictures, readPictures, type UnreadPicture } from './read-pictures.ts';
import type { LoadedData } from './sources.ts';
import { encodeSet, keyOf, readStoredSet, storeSet } from './stored-set.ts';

export type { OtherKind } from './data-kind.ts';

/** What decides the images, labels and parts of a data set, beside its files. Plain: it stands in the files of a run. */
export interface DataChoices {
  /** By label; default: those of a `classes.txt` beside the data, or those that the data name. */
  readonly classNames?: readonly string[] | undefined;
  /** What becomes of a picture; default: as Fashion-MNIST has it. */
  readonly preparation?: Preparation | undefined;
  /** Of what is drawn where no parts are given; default 2023. */
  readonly splitSeed?: number | undefined;
  /** Files that give no image are passed over. */
  readonly skipUnreadable?: boolean | undefined;
  /** Equal images in different parts are taken. */
  readonly keepDuplicates?: boolean | undefined;
}

/** Where a data set is from, and how it was made of it. */
export interface DataOrigin {
  /** Absolute. */
  readonly path: string;
  readonly choices: DataChoices;
}

export interface OtherDataOptions extends DataChoices {
  /** Where images are kept, so that the next call need not read pictures; default: nowhere. */
  readonly storeFolder?: string | undefined;
  /** Threads that read pictures; default: one a core. */
  readonly threads?: number | undefined;
  /** Hears how many pictures have been read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The study's own. */
export const DEFAULT_SPLIT_SEED = 2023;

/**
 * Loads another data set than Fashion-MNIST, and checks it.
 *
 * @param path A folder of four IDX files, a folder of folders of pictures, or a .csv file of paths and labels
 * @param options What becomes of pictures, what is passed over, where images are kept
 * @returns Training and test set, the split, and notices to show
 * @throws SelvedgeError `data/…`, `classes/…`, `table/…`, `idx/…`, `gzip/corrupt`, `dataset/…`, `preparation/bad`
 * @example
 * ```ts no-run
 * import { loadOtherData } from 'selvedge';
 * const { train, split } = await loadOtherData('animals', { preparation: { side: 32, channels: 3, fit: 'whole' } });
 * console.log(`${train.count} images of ${train.classNames.length} classes, ${split!.validation.length} of them validate`);
 * ```
 */
export async function loadOtherData(path: string, options: OtherDataOptions = {}): Promise<LoadedData> {
  const absolute = platform.files.resolve(path);
  const kind = await dataKindOf(absolute, options.classNames !== undefined);
  const classNames = options.classNames ?? (await namesBeside(absolute, kind));
  if (classNames) checkClassNames(classNames, `"${absolute}"`);
  const { preparation, splitSeed = DEFAULT_SPLIT_SEED, skipUnreadable = false, keepDuplicates = false } = options;
  // The files of Fashion-MNIST are IDX files, too.
  if (kind === 'fashion-mnist' || kind === 'idx') {
    refusePreparation(absolute, preparation);
    return loadIdxFolder(absolute, { classNames, splitSeed, keepDuplicates });
  }
  const list = await (kind === 'table' ? listPictureTable : listPictureFolder)(absolute, classNames);
  checkClassNames(list.classNames, `"${absolute}"`);
  const choices = {
    ...(options.classNames && { classNames: options.classNames }),
    preparation: preparation ?? usualPreparation,
    splitSeed,
    skipUnreadable,
    keepDuplicates,
  };
  const { storeFolder } = options;
  const origin = { path: absolute, choices };
  const key = storeFolder === undefined ? undefined : await keyOf(list, origin);
  const stored = key === undefined ? undefined : await readStoredSet(storeFolder!, key);
  if (stored) return stored;
  const encoded = await encodeSet(await makePictureSet(list, kind, origin, options));
  if (key !== undefined) await storeSet(storeFolder!, key, encoded);
  return encoded.loaded;
}

/** Names that lie beside the data, if any. */
async function namesBeside(path: string, kind: 'fashion-mnist' | OtherKind): Promise<string[] | undefined> {
  const { files } = platform;
  const file = files.join(kind === 'table' ? files.dirname(path) : path, CLASSES_FILE);
  const status = await files.status(file);
  return status && !status.isFolder ? readClassNames(await files.readBytes(file), file) : undefined;
}

function refusePreparation(path: string, preparation: Preparation | undefined): void {
  if (preparation === undefined) return;
  throw new SelvedgeError(
    'data/no-pictures',
    `Cannot prepare the images of "${path}": expected files of pictures for another size, colour or fit, got IDX, which is taken as it is`,
  );
}

interface Choices extends DataChoices {
  readonly preparation: Preparation;
  readonly splitSeed: number;
  readonly skipUnreadable: boolean;
  readonly keepDuplicates: boolean;
}

/** Reads, checks and arranges pictures. */
async function makePictureSet(
  list: PictureList,
  kind: 'pictures' | 'table',
  origin: { readonly path: string; readonly choices: Choices },
  { threads, onProgress }: OtherDataOptions,
): Promise<LoadedData> {
  const { path, choices } = origin;
  const { preparation, splitSeed, skipUnreadable, keepDuplicates } = choices;
  const read = await readPictures(list.pictures, { preparation, threads, onProgress });
  const skipped = passOver(path, list, read, skipUnreadable);
  const { side, channels } = preparation;
  const kept = Array.from(read.positions, (at) => list.pictures[at]!);
  const name = platform.files.basename(path);
  const { train, test, split, notices } = arrangeParts(
    {
      dataset: {
        name,
        images: read.images,
        labels: Uint8Array.from(kept, ({ label }) => label),
        count: kept.length,
        height: side,
        width: side,
        channels,
        classNames: list.classNames,
      },
      parts: kept.some(({ part }) => part) ? kept.map(({ part }) => part!) : undefined,
      nameOf: (i) => kept[i]!.name,
    },
    { seed: splitSeed, keepDuplicates, place: `"${path}"` },
  );
  return {
    train,
    test,
    split,
    preparation,
    source: {
      kind,
      description: kind === 'table' ? `the table "${path}"` : `the pictures in "${path}"`,
      isSample: false,
      files: [],
      origin,
    },
    notices: [...list.notices, ...skipped, ...notices],
  };
}

/** What to tell of files that gave no image; an error unless they may be passed over. */
function passOver(path: string, { pictures }: PictureList, { unread }: ReadPictures, isAllowed: boolean): string[] {
  if (unread.length === 0) return [];
  const said = `${unread.length} of ${pictures.length} pictures cannot be read`;
  const show = ({ name, code, reason }: UnreadPicture): string => `"${name}": ${reason} [${code}]`;
  if (isAllowed) return [`Passed over in "${path}": ${said}: ${listed(unread, show)}`];
  throw new SelvedgeError(
    'data/unreadable',
    `Cannot use "${path}": ${said}: ${listed(unread, show)}; mend or remove them, or pass over them by --skip-unreadable`,
  );
}
