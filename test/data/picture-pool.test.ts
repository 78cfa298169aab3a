// Threads that read pictures: the answers of the event loop, and what comes of threads that die, hang, are too few or are ended.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PicturePool, unlimitedWaiting } from '../../src/data/picture-pool.ts';
import { createPictureReader } from '../../src/data/picture-reader.ts';
import { losslessAlphaWebp } from '../contract/picture-files.ts';
import { pictureOf } from '../serve/pictures.ts';
import { decodeImage, sampleImages } from '../serve/served.ts';
import { draw } from './drawn-pictures.ts';
import { jpegFile, rgbaPng } from './image-files.ts';

const codeOf = (error: unknown): unknown => (error as { code?: string }).code;
const png = (i: number): Uint8Array => rgbaPng(pictureOf(sampleImages(1, i)));
const inLoop = createPictureReader(decodeImage);
const blank = rgbaPng(draw(40, 40, () => 200));

/** A thread that does by the name of a picture what a test asks for; others are answered with the name's length. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`export default (data, port) => {
    port.on('message', ({ options: { name } }) => {
      if (name === 'exits') process.exit(7);
      if (name === 'throws') throw new Error('a codec gone wrong');
      if (name === 'hangs') for (;;);
      if (name === 'waits') return;
      port.postMessage({ picture: { width: name.length } });
    });
    port.postMessage({});
  };`)}`,
);
const ask = (pool: PicturePool, name: string, bytes = 1): Promise<unknown> =>
  pool.read(new Uint8Array(bytes), { name }).then(({ width }) => width, codeOf);

async function withPool(
  options: Parameters<typeof PicturePool.start>[0],
  body: (pool: PicturePool) => Promise<void>,
): Promise<void> {
  const pool = await PicturePool.start(options);
  try {
    await body(pool);
  } finally {
    await pool.close();
  }
}

test('PicturePool reads every kind of file as the event loop does, each to its own promise', async () => {
  const files = [...Array.from({ length: 30 }, (_, i) => png(i)), losslessAlphaWebp];
  files.push(await jpegFile(pictureOf(sampleImages(1, 31))));
  await withPool({ workers: 2 }, async (pool) => {
    const read = await Promise.all(files.map((bytes, i) => pool.read(bytes, { name: `${i}` })));
    for (const [i, bytes] of files.entries()) assert.equal(read[i], await inLoop(bytes, { name: `${i}` }));
    // What was sent is still the sender's.
    assert.ok(files.every((bytes) => bytes.length > 0));
  });
});

test('PicturePool refuses bad pictures with the very errors of the event loop, and reads the others', async () => {
  const bad: [Uint8Array, number][] = [
    [png(0).slice(0, 300), 1e6],
    [png(0).fill(7, 60, 90), 1e6],
    [png(0), 50],
    [new TextEncoder().encode('GIF89a'), 1e6],
    [new Uint8Array(0), 1e6],
    [blank, 1e6],
  ];
  await withPool({ workers: 2 }, async (pool) => {
    const all = bad.flatMap(([bytes, maximumPixels], i) => [
      pool.read(bytes, { name: `bad ${i}`, maximumPixels }).catch((error: unknown) => error as Error),
      pool.read(png(i), { name: 'good' }),
    ]);
    const answers = await Promise.all(all);
    for (const [i, [bytes, maximumPixels]] of bad.entries()) {
      const expected = await inLoop(bytes, { name: `bad ${i}`, maximumPixels }).catch((error: Error) => error);
      const got = answers[2 * i] as Error;
      assert.equal([codeOf(got), got.message], [codeOf(expected), (expected as Error).message]);
      assert.match(String(codeOf(got)), /^image\//);
      assert.equal(answers[2 * i + 1], await inLoop(png(i), { name: 'good' }));
    }
  });
});

for (const ending of ['exits', 'throws']) {
  test(`PicturePool answers what a thread that ${ending} was reading with pictures/worker, and those behind it by another`, async () => {
    await withPool({ workers: 1, script }, async (pool) => {
      for (let time = 0; time < 3; time++) {
        const answers = await Promise.all(
          ['a', 'bb', ending, 'ccc', 'dddd', ending, 'e'].map((name) => ask(pool, name)),
        );
        assert.equal(answers, [1, 2, 'pictures/worker', 3, 4, 'pictures/worker', 1]);
      }
    });
  });
}

test('PicturePool gives up a thread that hangs', async () => {
  await withPool({ workers: 1, script, limitMs: 2000 }, async (pool) => {
    const answers = await Promise.all(['hangs', 'bb'].map((name) => ask(pool, name)));
    assert.equal(answers, ['pictures/worker', 2]);
  });
});

test('PicturePool refuses what is more than may wait as pictures/busy, by count and by bytes', async () => {
  // Two are with the thread.
  await withPool({ workers: 1, script, maximumWaiting: 3 }, async (pool) => {
    const waiting = ['waits', 'waits', 'a', 'a', 'a'].map((name) => ask(pool, name));
    assert.is(await ask(pool, 'a'), 'pictures/busy');
    await pool.close();
    assert.equal(await Promise.all(waiting), new Array(5).fill('pictures/stopped'));
  });
  await withPool({ workers: 1, script, maximumWaitingBytes: 10 }, async (pool) => {
    const waiting = [ask(pool, 'waits'), ask(pool, 'waits'), ask(pool, 'a', 20)];
    assert.is(await ask(pool, 'a'), 'pictures/busy');
    await pool.close();
    assert.equal(await Promise.all(waiting), new Array(3).fill('pictures/stopped'));
  });
});

test('PicturePool takes all that who limits its own files asks for', async () => {
  await withPool({ workers: 1, script, ...unlimitedWaiting }, async (pool) => {
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(pool, 'a', 1_000_000)));
    assert.ok(answers.every((answer) => answer === 1));
  });
});

test('PicturePool.close() answers what is being read and what comes later with pictures/stopped', async () => {
  const pool = await PicturePool.start({ workers: 2, script });
  const waiting = ['waits', 'hangs', 'a', 'b', 'c'].map((name) => ask(pool, name));
  const closed = pool.close();
  assert.equal(await Promise.all(waiting), new Array(5).fill('pictures/stopped'));
  assert.is(await ask(pool, 'a'), 'pictures/stopped');
  await closed;
  await pool.close();
});

test('PicturePool.start() refuses where threads do not start', async () => {
  for (const text of ['export default () => { throw new Error("no"); }', 'this is no module']) {
    const script = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
    const error = await PicturePool.start({ workers: 2, script }).catch((each: unknown) => each);
    assert.is(codeOf(error), 'pictures/worker-start');
  }
});

test.run();
