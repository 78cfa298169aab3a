// The route of the detector: what it answers, what it refuses, on a thread of its own and without one, and that it is there only with a detector.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RawImage } from '../../src/data/image-decoder.ts';
import { createApp } from '../../src/serve/index.ts';
import { createLocalApp, type LocalApp } from '../../src/serve/local.ts';
import { draw } from '../data/drawn-pictures.ts';
import { jpegFile, rgbaPng } from '../data/image-files.ts';
import { classifier, labels, sampleImages } from './served.ts';

const test = suite('detect route');
const WIDTH = 190;
const HEIGHT = 110;

/** Two items of the sample side by side on light ground, twice as large. */
function shelf(): RawImage {
  const [trouser, boot] = [1, 9].map((label) => sampleImages(1, labels.indexOf(label)));
  return draw(WIDTH, HEIGHT, (x, y) => {
    const [column, row] = [x < WIDTH / 2 ? (x - 20) >> 1 : (x - 110) >> 1, (y - 30) >> 1];
    const isInside = column >= 0 && column < 28 && row >= 0 && row < 28;
    return 255 - (isInside ? (x < WIDTH / 2 ? trouser! : boot!)[row * 28 + column]! : 0);
  });
}
const png = rgbaPng(shelf());

interface Found {
  readonly status: number;
  readonly json: {
    readonly images: readonly {
      readonly file?: string;
      readonly width: number;
      readonly ground: string;
      readonly items: readonly { class: string; score: number; box: { left: number; width: number } }[];
    }[];
    readonly error: { readonly code: string };
  };
}

let app: LocalApp;
test.before(async () => {
  app = await createLocalApp({ workers: 1, onError: (error) => assert.unreachable(String(error)) });
});
test.after(() => app.close());

async function detect(
  body: Uint8Array | FormData | string,
  type: string | undefined = 'image/png',
  query = '',
  to: Pick<LocalApp, 'request'> = app,
): Promise<Found> {
  const headers = type === undefined || body instanceof FormData ? {} : { 'content-type': type };
  const answer = await to.request(`/detect${query}`, { method: 'POST', body: body as BodyInit, headers });
  return { status: answer.status, json: (await answer.json()) as Found['json'] };
}

test('POST /detect tells class, score and box of each item, left and right', async () => {
  const { status, json } = await detect(png);
  assert.is(status, 200);
  const { items, width, ground } = json.images[0]!;
  assert.equal([width, ground], [WIDTH, 'light']);
  const byPlace = [...items].sort((a, b) => a.box.left - b.box.left);
  assert.equal(
    byPlace.map((item) => item.class),
    ['Trouser', 'Ankle boot'],
  );
  assert.ok(byPlace[0]!.box.left + byPlace[0]!.box.width < WIDTH / 2 + 4 && byPlace[1]!.box.left > WIDTH / 2 - 4);
  assert.ok(items.every(({ score }) => score >= 0.5 && score <= 1));
});

test('POST /detect takes JPEG, bytes of no stated kind and forms, and answers each file of a form in order', async () => {
  const jpeg = await jpegFile(shelf());
  assert.is((await detect(jpeg, 'image/jpeg')).json.images[0]!.items.length, 2);
  assert.equal((await detect(png, 'application/octet-stream')).json, (await detect(png)).json);
  const form = new FormData();
  for (const name of ['a.png', 'b.png']) form.append('image', new File([png as BlobPart], name, { type: 'image/png' }));
  const { json } = await detect(form);
  assert.equal(
    json.images.map(({ file, items }) => [file, items.length]),
    [
      ['a.png', 2],
      ['b.png', 2],
    ],
  );
});

test('POST /detect leaves out items below a threshold, and refuses one that makes no sense', async () => {
  const all = (await detect(png, 'image/png', '?threshold=0.01')).json.images[0]!.items.length;
  assert.ok(all >= 2);
  const best = (await detect(png, 'image/png', '?threshold=.9999')).json.images[0]!.items.length;
  assert.ok(best <= 2);
  for (const threshold of ['0', '1', '-1', 'x', '']) {
    const { status, json } = await detect(png, 'image/png', `?threshold=${threshold}`);
    assert.equal([status, json.error.code], [400, 'request/query'], threshold);
  }
});

test('POST /detect refuses each wrong picture by its code, and answers the next one', async () => {
  const blank = rgbaPng(draw(90, 70, () => 200));
  const text = new TextEncoder().encode('no picture');
  const cases: [body: Uint8Array, type: string | undefined, status: number, code: string][] = [
    [blank, 'image/png', 422, 'image/blank'],
    [rgbaPng(draw(1, 1, () => 0)), 'image/png', 422, 'image/blank'],
    [png.slice(0, png.length >> 1), 'image/png', 422, 'image/truncated'],
    [text, 'image/png', 415, 'image/unknown-format'],
    [text, 'application/octet-stream', 415, 'request/content-type'],
    [text, 'application/json', 415, 'request/content-type'],
    [new Uint8Array(0), 'image/png', 400, 'request/empty'],
    [new Uint8Array(11 * 1024 * 1024), 'image/png', 413, 'request/too-large'],
    [rgbaPng(draw(4200, 4000, () => 0)), 'image/png', 413, 'image/too-large'],
  ];
  for (const [body, type, status, code] of cases) {
    const found = await detect(body, type);
    assert.equal([found.status, found.json.error?.code], [status, code]);
  }
  assert.is((await detect(png)).status, 200);
  assert.is((await app.request('/detect')).status, 405);
});

test('POST /detect has one budget of pixels for all files of a form', async () => {
  const budgets: number[] = [];
  const counting = createApp({
    classifier,
    limits: { maximumPixels: 1000 },
    detector: {
      find: async (_bytes, { maximumPixels }) => {
        budgets.push(maximumPixels);
        return { width: 20, height: 30, ground: 'light', items: [] };
      },
    },
  });
  const form = new FormData();
  for (const name of ['a', 'b']) form.append(name, new File([png as BlobPart], name, { type: 'image/png' }));
  assert.is((await detect(form, undefined, '', counting)).status, 200);
  assert.equal(budgets, [1000, 400]);
});

test('POST /detect without threads answers to the bit as on a thread; after close() it is refused', async () => {
  const alone = await createLocalApp({ workers: 0 });
  const expected = (await detect(png)).json;
  const answers = await Promise.all([detect(png, 'image/png', '', alone), detect(png, 'image/png', '', alone)]);
  for (const { json } of answers) assert.equal(json, expected);
  await alone.close();
  const late = await detect(png, 'image/png', '', alone);
  assert.equal([late.status, late.json.error.code], [503, 'serve/stopped']);
});

test('the document has the route where there is a detector, and answers conform to it', async () => {
  const document = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<string, { post: { responses: Record<string, { content: Record<string, { schema: object }> }> } }>;
    components: object;
  };
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const { responses } = document.paths['/detect']!.post;
  for (const [body, type] of [
    [png, 'image/png'],
    ['[]', 'application/json'],
    [png.slice(0, 60), 'image/png'],
  ] as const) {
    const { status, json } = await detect(body, type);
    const { schema } = responses[String(status)]!.content['application/json']!;
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
    assert.ok(validate(json), JSON.stringify(validate.errors));
  }
  const bare = createApp({ classifier });
  assert.not((await (await bare.request('/openapi.json')).json()).paths['/detect']);
  assert.is((await bare.request('/detect', { method: 'POST' })).status, 404);
});

test.run();
