// What a path that was given as data holds. Not here: reading it (sources.ts, other-data.ts). Invariant: a look at one folder's names, so that
// the way to Fashion-MNIST is no longer for it.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { CLASSES_FILE } from './class-names.ts';
import { fashionMnistFiles } from './fashion-mnist.ts';

export type OtherKind = 'idx' | 'pictures' | 'table';

/** A set and what of it a file of the IDX format holds, by the names that its kind has everywhere: `t10k-labels-idx1-ubyte.gz`. */
const IDX_NAME = /(train|t10k|test)[-_.]?(images|labels).*(?:idx|ubyte)/i;

/** The part and the content of an IDX file, by its name; undefined if it has no such name. */
export function idxFileOf(
  name: string,
): { readonly set: 'train' | 'test'; readonly what: 'images' | 'labels' } | undefined {
  const found = IDX_NAME.exec(name);
  if (!found) return undefined;
  return {
    set: found[1]!.toLowerCase() === 'train' ? 'train' : 'test',
    what: found[2]!.toLowerCase() as 'images' | 'labels',
  };
}

/**
 * Tells what lies at a path.
 *
 * @param path A folder or a file
 * @param hasClassNames Whether names of classes are given beside
 * @returns Which kind; files under the names of Fashion-MNIST's are its, unless names of other classes are given
 * @throws SelvedgeError `data/missing-file`
 * @example
 * ```ts no-run
 * import { dataKindOf } from 'selvedge';
 * console.assert((await dataKindOf('animals.csv')) === 'table');
 * ```
 */
export async function dataKindOf(path: string, hasClassNames = false): Promise<'fashion-mnist' | OtherKind> {
  const { files } = platform;
  const status = await files.status(path);
  if (status && !status.isFolder) {
    if (/\.csv$/i.test(path)) return 'table';
    throw unknownData(path, 'another file');
  }
  const entries = await files.entries(path);
  const names = entries.filter(({ isFile }) => isFile).map(({ name }) => name);
  const published: readonly string[] = Object.values(fashionMnistFiles).map(({ name }) => name);
  const isNamed = hasClassNames || names.includes(CLASSES_FILE);
  if (!isNamed && names.some((name) => published.includes(name))) return 'fashion-mnist';
  if (names.some((name) => idxFileOf(name))) return 'idx';
  if (entries.some(({ isFolder }) => isFolder)) return 'pictures';
  throw unknownData(
    path,
    !status ? 'nothing' : entries.length === 0 ? 'an empty folder' : 'a folder without any of them',
  );
}

const unknownData = (path: string, got: string): SelvedgeError =>
  new SelvedgeError(
    'data/missing-file',
    `Cannot read "${path}": expected a folder of four IDX files, a folder with a folder of pictures for each class, or a ` +
      `.csv file of paths and labels, got ${got}`,
  );
