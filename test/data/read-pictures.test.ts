// Pictures as images: prepared whole or as objects, in grey and in colour, on threads and without, in any mixture of formats.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SelvedgeError } from '../../src/core/errors.ts';
import { decodeImage } from '../../src/data/image-codecs.ts';
import type { RawImage } from '../../src/data/image-decoder.ts';
import type { ListedPicture } from '../../src/data/picture-list.ts';
import {
  checkPreparation,
  type Preparation,
  preparationOf,
  preparePicture,
  usualPreparation,
} from '../../src/data/preparation.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { readPictures } from '../../src/data/read-pictures.ts';
import { pngFile, rgbaPng } from './image-files.ts';
import { drawColours, drawsOf, encode, makeFolder, pictureFormats, write } from './picture-sets.ts';

const colour: Preparation = { side: 16, channels: 3, fit: 'whole' };
const preparations: readonly Preparation[] = [
  usualPreparation,
  colour,
  { side: 9, channels: 1, fit: 'whole' },
  { side: 20, channels: 1, fit: 'object' },
];

const listOf = (folder: string, names: readonly string[]): ListedPicture[] =>
  names.map((name) => ({ path: path.join(folder, name), name, label: 0 }));

test('preparePicture() leaves every level of a picture of the right size, and is prepareImage() for objects', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 12 }), fc.infiniteStream(fc.nat(255)), (side, levels) => {
      const data = Uint8Array.from({ length: side * side * 4 }, (_, i) => (i % 4 === 3 ? 255 : levels.next().value!));
      const image = { width: side, height: side, data };
      const { pixels } = preparePicture(image, { name: 'x', preparation: { side, channels: 3, fit: 'whole' } });
      assert.equal([...pixels], [...data.filter((_, i) => i % 4 !== 3)]);
      const grey = data.map((level, i) => (i % 4 === 3 ? level : data[i - (i % 4)]!));
      const plane = preparePicture(
        { ...image, data: grey },
        { name: 'x', preparation: { side, channels: 1, fit: 'whole' } },
      );
      assert.equal([...plane.pixels], [...grey.filter((_, i) => i % 4 === 0)]);
    }),
  );
  const image = drawColours(drawsOf(3), 1);
  assert.equal(preparePicture(image, { name: 'x', preparation: usualPreparation }), prepareImage(image, { name: 'x' }));
});

test('preparePicture() scales the longest side, in the middle, with black around it and where nothing is', () => {
  // Two reds above two blues, of which one is transparent.
  const data = Uint8Array.of(255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255, 0);
  const { pixels, box } = preparePicture(
    { width: 2, height: 2, data },
    { name: 'x', preparation: { ...colour, side: 4 } },
  );
  const at = (x: number, y: number): number[] => [...pixels.subarray((y * 4 + x) * 3, (y * 4 + x) * 3 + 3)];
  assert.equal(
    [at(0, 0), at(3, 1), at(0, 3), at(3, 3)],
    [
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 0],
    ],
  );
  assert.equal(box, { left: 0, top: 0, width: 2, height: 2 });
  const wide = preparePicture(
    { width: 8, height: 2, data: new Uint8Array(64).fill(255) },
    { name: 'x', preparation: { side: 4, channels: 1, fit: 'whole' } },
  );
  assert.equal([...wide.pixels], [...new Array(8).fill(0), ...new Array(4).fill(255), ...new Array(4).fill(0)]);
});

test('checkPreparation() and preparationOf() refuse what makes no sense, and choose by the shape where nothing is said', () => {
  const code = (run: () => unknown): string | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      return (error as SelvedgeError).code;
    }
  };
  for (const bad of [
    null,
    { ...colour, side: 3 },
    { ...colour, side: 513 },
    { ...colour, side: Number.NaN },
    { ...colour, channels: 2 },
    { ...colour, fit: 'object' },
    { ...colour, fit: 'crop' },
    { ...colour, more: 1 },
  ]) {
    assert.is(
      code(() => checkPreparation(bad)),
      'preparation/bad',
    );
  }
  assert.equal(checkPreparation({ ...colour }), colour);
  assert.equal(preparationOf([28, 28, 1]), usualPreparation);
  assert.equal(preparationOf([32, 32, 3])?.fit, 'whole');
  assert.equal(preparationOf([16, 16, 3], { preparation: colour }), colour);
  assert.is(preparationOf([28, 20, 1]), undefined);
  assert.is(preparationOf([28, 28, 4]), undefined);
  assert.is(
    code(() => preparationOf([28, 28, 1], { preparation: colour })),
    'preparation/bad',
  );
});

test('readPictures() gives any mixture of formats the pixels of each picture alone, on any number of threads', async () => {
  const { folder, remove } = makeFolder();
  try {
    const draws = drawsOf(11);
    const pool: { name: string; image: RawImage }[] = [];
    for (let i = 0; i < 24; i++) {
      const name = `${i}.${pictureFormats[i % 3]}`;
      const file = await encode(drawColours(draws, i), pictureFormats[i % 3]!);
      write(folder, name, file);
      pool.push({ name, image: await decodeImage(file, { name }) });
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(pool.length - 1), { minLength: 1, maxLength: 90 }),
        fc.constantFrom(...preparations),
        fc.constantFrom(0, 1, 3),
        async (chosen, preparation, threads) => {
          const names = chosen.map((i) => pool[i]!.name);
          const { images, positions, unread } = await readPictures(listOf(folder, names), { preparation, threads });
          assert.equal([[...positions], unread], [[...chosen.keys()], []]);
          const size = preparation.side * preparation.side * preparation.channels;
          assert.is(images.length, size * chosen.length);
          for (const [at, i] of chosen.entries()) {
            const alone = preparePicture(pool[i]!.image, { name: 'alone', preparation });
            assert.ok(Buffer.compare(images.subarray(at * size, (at + 1) * size), alone.pixels) === 0, names[at]);
          }
        },
      ),
      { numRuns: 20, examples: [[Array.from({ length: 90 }, (_, i) => i % 24), colour, 3]] },
    );
  } finally {
    remove();
  }
});

test('readPictures() tells each file that is no picture, with its code and why, and keeps the others in their order', async () => {
  const { folder, remove } = makeFolder();
  try {
    const good = rgbaPng(drawColours(drawsOf(5), 0));
    const files: Readonly<Record<string, Uint8Array | string>> = {
      'a.png': good,
      'text.png': 'not a picture',
      'torn.png': good.slice(0, good.length - 40),
      'spoilt.png': good.with(60, good[60]! ^ 255),
      'moving.gif': 'GIF89a, and more',
      'empty.png': '',
      'huge.png': pngFile({
        width: 60_000,
        height: 60_000,
        colourType: 0,
        bitDepth: 8,
        rows: new Uint8Array(),
        compressed: new Uint8Array(9),
      }),
      'named-wrong.txt': good,
      'z.png': rgbaPng(drawColours(drawsOf(6), 1)),
    };
    for (const [name, content] of Object.entries(files)) write(folder, name, content);
    mkdirSync(path.join(folder, 'folder.png'));
    symlinkSync('loop.png', path.join(folder, 'loop.png'));
    const names = [...Object.keys(files), 'folder.png', 'loop.png', 'none.png'];
    for (const threads of [0, 2]) {
      // Many, so that threads are worth it.
      const all = Array.from({ length: 8 }, () => names).flat();
      const { positions, unread, images } = await readPictures(listOf(folder, all), { preparation: colour, threads });
      assert.equal(
        [...positions].map((at) => all[at]),
        Array.from({ length: 8 }, () => ['a.png', 'named-wrong.txt', 'z.png']).flat(),
      );
      assert.is(images.length, positions.length * 16 * 16 * 3);
      assert.equal(images.subarray(0, 768), images.subarray(768, 1536));
      assert.equal(
        unread.slice(0, 9).map(({ name, code }) => [name, code]),
        [
          ['text.png', 'image/unknown-format'],
          ['torn.png', 'image/truncated'],
          ['spoilt.png', 'image/corrupt'],
          ['moving.gif', 'image/unknown-format'],
          ['empty.png', 'picture/no-file'],
          ['huge.png', 'image/too-large'],
          ['folder.png', 'picture/no-file'],
          ['loop.png', 'picture/no-file'],
          ['none.png', 'picture/no-file'],
        ],
      );
      for (const { name, reason } of unread) assert.ok(!reason.includes(name) && reason.length > 5, reason);
    }
  } finally {
    remove();
  }
});

test('readPictures() passes on that a file is a link, refuses more than memory holds, and reports how far it is', async () => {
  const { folder, remove } = makeFolder();
  try {
    writeFileSync(path.join(folder, 'a.png'), rgbaPng(drawColours(drawsOf(5), 0)));
    const linked = { path: 'x', name: 'x', label: 0, problem: 'it is a link' };
    const heard: number[][] = [];
    const { unread } = await readPictures([linked, ...listOf(folder, new Array(300).fill('a.png'))], {
      preparation: colour,
      onProgress: (done, total) => heard.push([done, total]),
    });
    assert.equal(unread, [{ name: 'x', code: 'picture/no-file', reason: 'it is a link' }]);
    assert.equal(heard, [
      [256, 301],
      [301, 301],
    ]);
    const many = new Array(3000).fill(linked);
    const preparation: Preparation = { side: 512, channels: 3, fit: 'whole' };
    const error = await readPictures(many, { preparation }).catch((each: SelvedgeError) => each);
    assert.is((error as SelvedgeError).code, 'data/too-large');
  } finally {
    remove();
  }
});

test.run();
