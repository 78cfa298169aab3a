// Lists the pictures of a folder of folders: a folder a class, in folders of parts where there are any. Not here: reading pictures.
// Invariant: a walk ends, since links to folders are not followed; what was passed over is said.
import { SelvedgeError } from '../core/errors.ts';
import { type FolderEntry, platform } from '../platform/index.ts';
import { CLASSES_FILE, quoted, sortedClassNames } from './class-names.ts';
import { listed } from './listed.ts';
import { type ListedPicture, type Part, type PictureList, partOf } from './picture-list.ts';

/** What file managers leave behind; names with a dot in front are theirs, too. */
const DROPPINGS: readonly string[] = ['Thumbs.db', 'desktop.ini', 'Icon\r', '__MACOSX'];

const isVisible = ({ name }: FolderEntry): boolean => !name.startsWith('.') && !DROPPINGS.includes(name);

const PICTURE_NAME = /\.(?:png|jpe?g|webp|gif|bmp|tiff?|avif|hei[cf])$/i;

/** Whether a file's name is that of a picture, of any format that there is. */
export const isPictureName = (name: string): boolean => PICTURE_NAME.test(name);

/** A folder of a class. */
interface ClassFolder {
  readonly path: string;
  /** Relative to the root. */
  readonly name: string;
  readonly className: string;
  readonly part?: Part;
}

/** What lies beside folders of classes. */
interface Stray {
  readonly name: string;
  readonly isPicture: boolean;
}

/**
 * Lists pictures: `cats/a.png` is of class `cats`, `train/cats/a.png` also of a part. Folders in a class's folder are of the class.
 *
 * @param root The folder
 * @param classNames By label; default: names of the folders, sorted
 * @returns Every file below the folders of classes, in the order of their names
 * @throws SelvedgeError `data/no-classes`, `data/mixed-folders`, `data/no-class`, `data/empty-class`, `data/unknown-class`
 * @example
 * ```ts no-run
 * import { listPictureFolder } from 'selvedge';
 * const { pictures, classNames } = await listPictureFolder('animals');
 * console.log(`${pictures.length} pictures of ${classNames.join(', ')}`);
 * ```
 */
export async function listPictureFolder(root: string, classNames?: readonly string[]): Promise<PictureList> {
  const strays: Stray[] = [];
  const folders = await classFolders(root, strays);
  refusePicturesWithoutClass(root, strays);
  if (folders.length === 0) {
    throw new SelvedgeError(
      'data/no-classes',
      `Cannot use "${root}": expected a folder of pictures for each class, got no folder that is not a link`,
    );
  }
  const names = classNames ?? sortedClassNames(folders.map(({ className }) => className));
  refuseUnknownClasses(root, folders, names);
  const pictures: ListedPicture[] = [];
  const empty: string[] = [];
  for (const folder of folders) {
    const before = pictures.length;
    await walk(
      folder.path,
      folder.name,
      { label: names.indexOf(folder.className), ...(folder.part && { part: folder.part }) },
      pictures,
    );
    if (pictures.length === before) empty.push(folder.name);
  }
  if (empty.length > 0) {
    throw new SelvedgeError(
      'data/empty-class',
      `Cannot use "${root}": expected pictures in every folder, got none in ${listed(empty, quoted)}; fill or remove them`,
    );
  }
  const passed = strays.filter(({ name }) => name !== CLASSES_FILE);
  const notices =
    passed.length > 0
      ? [`Passed over beside the folders of classes: ${listed(passed, ({ name }) => quoted(name))}`]
      : [];
  return { pictures, classNames: names, notices };
}

/** Folders of classes, in those of parts where there is one called train. */
async function classFolders(root: string, strays: Stray[]): Promise<ClassFolder[]> {
  const top = await foldersIn(root, '', strays);
  const named = top.map((name) => ({ name, part: partOf(name) }));
  if (!named.some(({ part }) => part === 'train')) {
    return top.map((name) => ({ path: platform.files.join(root, name), name, className: name }));
  }
  const others = named.filter(
    ({ part }, i) => part === undefined || named.findIndex((each) => each.part === part) !== i,
  );
  if (others.length > 0) {
    throw new SelvedgeError(
      'data/mixed-folders',
      `Cannot use "${root}": expected folders of parts alone, one each (train, validation, test), got also ` +
        listed(others, ({ name }) => quoted(name)),
    );
  }
  const found: ClassFolder[] = [];
  for (const { name, part } of named) {
    const path = platform.files.join(root, name);
    for (const className of await foldersIn(path, `${name}/`, strays)) {
      found.push({ path: platform.files.join(path, className), name: `${name}/${className}`, className, part: part! });
    }
  }
  return found;
}

/** Names of the folders in a folder; what else is there is noted. */
async function foldersIn(folder: string, prefix: string, strays: Stray[]): Promise<string[]> {
  const entries = (await platform.files.entries(folder)).filter(isVisible);
  for (const { name, isFile, isFolder } of entries) {
    // A link to a folder would be a class that is missing without a word.
    if (!isFolder)
      strays.push({
        name: `${prefix}${name}${isFile ? '' : ' (a link to a folder or to nothing)'}`,
        isPicture: isFile && isPictureName(name),
      });
  }
  return entries.filter(({ isFolder }) => isFolder).map(({ name }) => name);
}

function refusePicturesWithoutClass(root: string, strays: readonly Stray[]): void {
  const pictures = strays.filter(({ isPicture }) => isPicture);
  if (pictures.length === 0) return;
  throw new SelvedgeError(
    'data/no-class',
    `Cannot tell the class of ${pictures.length} pictures in "${root}": expected them in folders that are named after ` +
      `classes, got ${listed(pictures, ({ name }) => quoted(name))}`,
  );
}

function refuseUnknownClasses(root: string, folders: readonly ClassFolder[], names: readonly string[]): void {
  const unknown = folders.filter(({ className }) => !names.includes(className));
  if (unknown.length === 0) return;
  throw new SelvedgeError(
    'data/unknown-class',
    `Cannot use "${root}": expected folders of the classes ${listed(names, quoted)}, got also ${listed(unknown, ({ name }) => quoted(name))}`,
  );
}

/** Adds every file below a folder. */
async function walk(
  folder: string,
  name: string,
  of: Pick<ListedPicture, 'label' | 'part'>,
  into: ListedPicture[],
): Promise<void> {
  for (const entry of (await platform.files.entries(folder)).filter(isVisible)) {
    const path = platform.files.join(folder, entry.name);
    const shown = `${name}/${entry.name}`;
    if (entry.isFolder) await walk(path, shown, of, into);
    else if (entry.isFile) into.push({ path, name: shown, ...of });
    else
      into.push({
        path,
        name: shown,
        ...of,
        problem: 'it is a link to a folder, which is not followed, or leads to no file',
      });
  }
}
