// The local app: the same answers with threads as without, also where pictures are bad, too many come, or it is being ended.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readShippedFile } from '../../src/models/index.ts';
import { createLocalApp, type LocalApp } from '../../src/serve/local.ts';
import { draw } from '../data/drawn-pictures.ts';
import { jpegFile, rgbaPng } from '../data/image-files.ts';
import { pictureOf } from './pictures.ts';
import { classify, makeApp, sampleImages } from './served.ts';

const alone = makeApp();
/** That of `alone`. */
const model = await readShippedFile('dropout');
const png = (i: number): Uint8Array => rgbaPng(pictureOf(sampleImages(1, i)));

/** Bodies of one picture each, of pixels, and of forms; some of them bad. */
async function bodies(): Promise<[string | undefined, Uint8Array | FormData][]> {
  const form = new FormData();
  for (let i = 40; i < 45; i++) form.append('image', new File([png(i) as BlobPart], `${i}.png`, { type: 'image/png' }));
  const bad = new FormData();
  for (const [i, bytes] of [png(45), png(46).slice(0, 200), rgbaPng(draw(9, 9, () => 7))].entries()) {
    bad.append('image', new File([bytes as BlobPart], `bad ${i}.png`, { type: 'image/png' }));
  }
  return [
    ...Array.from({ length: 20 }, (_, i): [string, Uint8Array] => ['image/png', png(i)]),
    ['image/png', png(20).slice(0, 400)],
    ['image/jpeg', await jpegFile(pictureOf(sampleImages(1, 21)))],
    ['application/octet-stream', sampleImages(9, 50)],
    ['application/octet-stream', new Uint8Array(784)],
    ['image/webp', new TextEncoder().encode('GIF89a')],
    [undefined, form],
    [undefined, bad],
  ];
}

async function withApp(
  options: Parameters<typeof createLocalApp>[0],
  body: (app: LocalApp) => Promise<void>,
): Promise<void> {
  const app = await createLocalApp(options);
  try {
    await body(app);
  } finally {
    await app.close();
  }
}

for (const workers of [0, 1, 3]) {
  test(`createLocalApp() on ${workers} threads answers all at once as the app of the edge answers one after another`, async () => {
    await withApp({ workers, model, onError: () => assert.unreachable() }, async (app) => {
      const all = await bodies();
      const answers = await Promise.all(all.map(([type, body]) => classify(app, type, body)));
      for (const [i, [type, body]] of all.entries()) assert.equal(answers[i], await classify(alone, type, body));
      assert.equal([...new Set(answers.map(({ status }) => status))].sort(), [200, 415, 422]);
    });
  });
}

test('createLocalApp() answers 503 and when to come again where too many pictures wait, and then goes on', async () => {
  await withApp({ workers: 1, maximumWaiting: 2 }, async (app) => {
    const ask = (i: number): Promise<Response> =>
      Promise.resolve(
        app.request('/classify', {
          method: 'POST',
          body: png(i) as BodyInit,
          headers: { 'content-type': 'image/png' },
        }),
      );
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(i)));
    const busy = answers.filter(({ status }) => status === 503);
    assert.ok(busy.length > 0 && answers.some(({ status }) => status === 200));
    assert.is(busy[0]!.headers.get('retry-after'), '1');
    assert.is(((await busy[0]!.json()) as { error: { code: string } }).error.code, 'serve/busy');
    assert.is((await ask(1)).status, 200);
  });
});

test('createLocalApp() answers what waits when it is closed with serve/stopped', async () => {
  const app = await createLocalApp({ workers: 1 });
  const asked = Array.from({ length: 20 }, (_, i) => classify(app, 'image/png', png(i)));
  // Bodies are read by then.
  await new Promise((resolve) => setImmediate(resolve));
  await app.close();
  const answers = await Promise.all(asked);
  assert.ok(answers.every(({ status, code }) => status === 200 || code === 'serve/stopped'));
  assert.equal((await classify(app, 'image/png', png(1))).code, 'serve/stopped');
  assert.is((await classify(app, 'application/octet-stream', sampleImages(1))).status, 200);
});

test.run();
