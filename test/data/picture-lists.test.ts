// Lists of pictures before they are read: folders of folders, tables, names of classes; and what is refused, with its code and names.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { readClassNames, sortedClassNames } from '../../src/data/class-names.ts';
import { dataKindOf } from '../../src/data/data-kind.ts';
import { listPictureFolder } from '../../src/data/picture-folder.ts';
import { listPictureTable } from '../../src/data/picture-table.ts';
import { makeFolder, write } from './picture-sets.ts';

interface Context {
  folder: string;
  remove: () => void;
}

const test = suite<Context>('picture lists');
test.before.each((context) => {
  Object.assign(context, makeFolder());
});
test.after.each(({ remove }) => remove());

async function refusal(run: () => Promise<unknown> | unknown): Promise<SelvedgeError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof SelvedgeError) return error;
    throw error;
  }
  assert.unreachable('it was not refused');
  throw new Error();
}

async function refuses(run: () => Promise<unknown> | unknown, code: string, ...words: string[]): Promise<void> {
  const error = await refusal(run);
  assert.is(error.code, code, error.message);
  for (const word of words) assert.ok(error.message.includes(word), `${word} in ${error.message}`);
  assert.not(error.message.includes('\n'));
}

const fill = (folder: string, ...names: string[]): void => {
  for (const name of names) write(folder, name, 'x');
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('readClassNames() takes a name a line, and refuses what is no list of classes', async () => {
  assert.equal(readClassNames(bytes('\ufeffcat\r\n# pets\nbig dog \n\n'), 'classes.txt'), ['cat', 'big dog']);
  const names = (text: string) => () => readClassNames(bytes(text), 'classes.txt');
  await refuses(names('cat\n\ndog\n'), 'classes/bad-line', 'class 1');
  await refuses(names('cat\ndog\ncat\n'), 'classes/repeated', '"cat"');
  await refuses(names('cat\n'), 'data/one-class', '"cat" alone');
  await refuses(names('\n'), 'data/one-class', 'none');
  await refuses(names(Array.from({ length: 257 }, (_, i) => i).join('\n')), 'data/too-many-classes', '257');
  await refuses(() => readClassNames(Uint8Array.of(0x63, 0xff), 'classes.txt'), 'classes/encoding', 'UTF-8');
});

test('sortedClassNames() counts numbers by value and sorts the rest by code unit', () => {
  assert.equal(sortedClassNames(['10', '9', '0', '9']), ['0', '9', '10']);
  assert.equal(sortedClassNames(['b', 'B', 'a', '10']), ['10', 'B', 'a', 'b']);
});

test('listPictureFolder() names classes after folders, takes folders inside, and passes over what file managers leave', async ({
  folder,
}) => {
  fill(folder, 'dog/b.png', 'dog/deep/er/a.jpg', 'cat/1.webp', 'cat/.DS_Store', 'cat/Thumbs.db', 'README.md', '.git/x');
  const { pictures, classNames, notices } = await listPictureFolder(folder);
  assert.equal(classNames, ['cat', 'dog']);
  assert.equal(
    pictures.map(({ name, label, part }) => [name, label, part]),
    [
      ['cat/1.webp', 0, undefined],
      ['dog/b.png', 1, undefined],
      ['dog/deep/er/a.jpg', 1, undefined],
    ],
  );
  assert.equal(notices, ['Passed over beside the folders of classes: "README.md"']);
  assert.is(pictures[1]!.path, path.join(folder, 'dog', 'b.png'));
});

test('listPictureFolder() takes folders of parts, under their usual names', async ({ folder }) => {
  fill(folder, 'train/cat/a.png', 'train/dog/a.png', 'val/cat/b.png', 'test/dog/c.png');
  const { pictures, classNames } = await listPictureFolder(folder);
  assert.equal(classNames, ['cat', 'dog']);
  assert.equal(
    pictures.map(({ name, label, part }) => [name, label, part]),
    [
      ['test/dog/c.png', 1, 'test'],
      ['train/cat/a.png', 0, 'train'],
      ['train/dog/a.png', 1, 'train'],
      ['val/cat/b.png', 0, 'validation'],
    ],
  );
});

test('listPictureFolder() labels by the names that are given, and refuses folders of others', async ({ folder }) => {
  fill(folder, 'cat/a.png', 'dog/a.png');
  const { pictures } = await listPictureFolder(folder, ['dog', 'cat']);
  assert.equal(
    pictures.map(({ label }) => label),
    [1, 0],
  );
  await refuses(() => listPictureFolder(folder, ['cat', 'cow']), 'data/unknown-class', '"dog"', '"cow"');
});

test('listPictureFolder() refuses no folders, empty ones, mixed ones, and pictures without a class', async ({
  folder,
}) => {
  const at = (name: string): string => path.join(folder, name);
  fill(
    folder,
    'none/README.md',
    'mixed/train/cat/a.png',
    'mixed/birds/a.png',
    'twice/train/cat/a.png',
    'twice/training/cat/a.png',
  );
  await refuses(() => listPictureFolder(at('none')), 'data/no-classes');
  await refuses(() => listPictureFolder(at('mixed')), 'data/mixed-folders', '"birds"');
  await refuses(() => listPictureFolder(at('twice')), 'data/mixed-folders', '"training"');
  fill(folder, 'empty/cat/a.png');
  mkdirSync(at('empty/dog/deep'), { recursive: true });
  mkdirSync(at('empty/cow'));
  await refuses(() => listPictureFolder(at('empty')), 'data/empty-class', '"cow"; "dog"');
  fill(folder, 'loose/cat/a.png', 'loose/b.JPG', 'loose/c.png', 'parts/train/cat/a.png', 'parts/train/b.png');
  await refuses(() => listPictureFolder(at('loose')), 'data/no-class', '2 pictures', '"b.JPG"; "c.png"');
  await refuses(() => listPictureFolder(at('parts')), 'data/no-class', '"train/b.png"');
});

test('listPictureFolder() does not follow links to folders, so that it ends, and says which', async ({ folder }) => {
  fill(folder, 'cat/a.png', 'dog/a.png');
  symlinkSync(folder, path.join(folder, 'cat', 'loop'));
  symlinkSync('self', path.join(folder, 'cat', 'self'));
  symlinkSync('/nowhere', path.join(folder, 'dog', 'gone.png'));
  symlinkSync(path.join(folder, 'cat', 'a.png'), path.join(folder, 'dog', 'linked.png'));
  symlinkSync(path.join(folder, 'cat'), path.join(folder, 'lion'));
  const { pictures, classNames, notices } = await listPictureFolder(folder);
  assert.equal(classNames, ['cat', 'dog']);
  assert.equal(
    pictures.map(({ name, problem }) => [name, problem !== undefined]),
    [
      ['cat/a.png', false],
      ['cat/loop', true],
      ['cat/self', true],
      ['dog/a.png', false],
      ['dog/gone.png', true],
      ['dog/linked.png', false],
    ],
  );
  assert.match(notices[0]!, '"lion (a link to a folder or to nothing)"');
});

test('listPictureTable() takes paths, labels and parts, quoted or not, of any line ends, and passes over other columns', async ({
  folder,
}) => {
  write(
    folder,
    'set.csv',
    '\ufefflabel,note,Path,split\r\ncat,"a, ""b""",in/a.png,train\r\n"big\ndog",,"b ""x"".png",VAL\r\ncat,,c.png,test\r\n',
  );
  const { pictures, classNames } = await listPictureTable(path.join(folder, 'set.csv'));
  assert.equal(classNames, ['big\ndog', 'cat']);
  assert.equal(
    pictures.map(({ name, label, part }) => [name, label, part]),
    [
      ['in/a.png', 1, 'train'],
      ['b "x".png', 0, 'validation'],
      ['c.png', 1, 'test'],
    ],
  );
  assert.is(pictures[0]!.path, path.join(folder, 'in', 'a.png'));
  write(folder, 'plain.csv', 'file,class\n/somewhere/a.png,1\nb.png,0');
  const plain = await listPictureTable(path.join(folder, 'plain.csv'));
  assert.equal(
    [plain.classNames, plain.pictures[0]!.path, plain.pictures[0]!.part],
    [['0', '1'], '/somewhere/a.png', undefined],
  );
});

test('listPictureTable() refuses what is no such table, with rows and columns', async ({ folder }) => {
  const table = (text: string | Uint8Array, names?: readonly string[]) => () => {
    write(folder, 'set.csv', text);
    return listPictureTable(path.join(folder, 'set.csv'), names);
  };
  await refuses(table(''), 'table/empty', 'nothing');
  await refuses(table('path,label\n'), 'table/empty', 'a header alone');
  await refuses(table('path;label\na.png;cat\n'), 'table/columns', '"path;label"');
  await refuses(table('a.png,cat\nb.png,dog\n'), 'table/columns', 'path and label');
  await refuses(table('path,label,class\na.png,cat,x\n'), 'table/columns', 'label once');
  await refuses(table('path,label\n"a.png,cat\n'), 'table/malformed', 'row 2');
  await refuses(table('path,label\n"a"b.png,cat\n'), 'table/malformed', 'row 2');
  await refuses(table(Uint8Array.of(0x70, 0xff, 0x0a)), 'table/encoding');
  await refuses(
    table(
      'path,label,split\na.png,cat,train\nb.png\nc.png,,train\n,cat,train\na.png,dog,train\nd.png,cat,dev\n\ne.png,cow,test\n',
      ['cat', 'dog'],
    ),
    'table/bad-rows',
    '7 of 8 rows',
    'row 3, 1 cells where the header has 3',
    'row 4, no label of "c.png"',
    'row 5, no path',
    'row 6, "a.png" again, which is in row 2',
    'row 7, split "dev"',
    'row 8, 1 cells',
    'row 9, label "cow", which is none of the classes "cat"; "dog"',
  );
  const many = Array.from({ length: 30 }, (_, i) => `${i}.png,`).join('\n');
  await refuses(table(`path,label\n${many}\n`), 'table/bad-rows', 'row 21', 'and 10 more');
});

test('dataKindOf() tells what lies at a path by its names, and says what it expected', async ({ folder }) => {
  const at = (name: string): string => path.join(folder, name);
  fill(folder, 'fashion/train-images-idx3-ubyte.gz', 'named/train-images-idx3-ubyte.gz', 'named/classes.txt');
  fill(folder, 'other/emnist-train-images.idx', 'pictures/cat/a.png', 'set.CSV', 'set.zip', 'text/README.md');
  mkdirSync(at('empty'));
  const kinds = await Promise.all(
    ['fashion', 'named', 'other', 'pictures', 'set.CSV'].map((name) => dataKindOf(at(name))),
  );
  assert.equal(kinds, ['fashion-mnist', 'idx', 'idx', 'pictures', 'table']);
  assert.is(await dataKindOf(at('fashion'), true), 'idx');
  const got = {
    none: 'got nothing',
    empty: 'an empty folder',
    text: 'a folder without any',
    'set.zip': 'another file',
  };
  for (const [name, words] of Object.entries(got))
    await refuses(() => dataKindOf(at(name)), 'data/missing-file', words);
});

test.run();
