// The route of the generator: what it answers, what it refuses, on a thread of its own and without one, and that it is there only with a generator.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openGenerator } from '../../src/apps/generate/index.ts';
import { startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { createApp, type DesignOrder } from '../../src/serve/index.ts';
import { createLocalApp, type LocalApp } from '../../src/serve/local.ts';
import { draw } from '../data/drawn-pictures.ts';
import { rgbaPng } from '../data/image-files.ts';
import { classifier, classify, decodeImage, labels, sampleImages } from './served.ts';

const test = suite('generate route');
const boot = sampleImages(1, labels.indexOf(9));
const png = encodeGrayPng({ width: 28, height: 28, pixels: boot });
const few = { classes: { Dress: 1 }, count: 2, seed: 7, steps: 2 };

interface Json {
  readonly classes: Readonly<Record<string, number>>;
  readonly count: number;
  readonly side: number;
  readonly images: readonly (readonly number[])[];
  readonly error: { readonly code: string; readonly message: string };
}

let app: LocalApp;
test.before(async () => {
  app = await createLocalApp({ workers: 1, onError: (error) => assert.unreachable(String(error)) });
});
test.after(() => app.close());

async function generate(
  body: Uint8Array | object | string,
  { type = 'application/json', query = '', to = app as Pick<LocalApp, 'request'> } = {},
): Promise<{ readonly status: number; readonly json: Json }> {
  const headers = { 'content-type': type, accept: 'application/json' };
  const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const answer = await to.request(`/generate${query}`, { method: 'POST', body: content as BodyInit, headers });
  return { status: answer.status, json: (await answer.json()) as Json };
}

test('POST /generate makes the designs of the library, to the bit, that /classify takes', async () => {
  const { status, json } = await generate({ ...few, classes: { Dress: 3, Shirt: 1 } });
  assert.is(status, 200, json.error?.message);
  const { stop } = await startBackend({ threads: 1 });
  const generator = await openGenerator();
  const expected = generator.design({ ...few, classes: { Dress: 3, Shirt: 1 } });
  generator.dispose();
  assert.is(tf.memory().numTensors, 0);
  await stop();
  assert.equal([json.count, json.side, json.classes], [2, 28, { Dress: 3, Shirt: 1 }]);
  assert.equal(json.images.flat(), [...expected.images]);
  assert.is((await classify(app, 'application/json', JSON.stringify(json.images))).images.length, 2);
});

test('POST /generate answers a PNG of all designs to who asks for no JSON', async () => {
  const answer = await app.request('/generate', {
    method: 'POST',
    body: JSON.stringify(few),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal([answer.status, answer.headers.get('content-type')], [200, 'image/png']);
  const { width, height } = await decodeImage(new Uint8Array(await answer.arrayBuffer()), {
    name: 'the sheet',
    maximumPixels: 1e6,
  });
  assert.equal([width, height], [224, 112]);
});

test('POST /generate varies a picture as what it shows or in a style, by parameters', async () => {
  const query = '?count=2&seed=3&steps=2&strength=.4';
  const varied = await generate(png, { type: 'image/png', query });
  assert.equal([varied.status, varied.json.classes], [200, { 'Ankle boot': 1 }], varied.json.error?.message);
  assert.equal((await generate(png, { type: 'application/octet-stream', query })).json, varied.json);
  const styled = await generate(png, { type: 'image/png', query: `${query}&class=sandal:2,bag` });
  assert.equal(styled.json.classes, { sandal: 2, bag: 1 });
  assert.is.not(styled.json.images[0]!.join(), varied.json.images[0]!.join());
  const same = await generate(png, { type: 'image/png', query: '?count=1&steps=2&strength=0' });
  const levels = same.json.images[0]!;
  assert.ok(levels.every((level, i) => Math.abs(level - boot[i]!) < 40) && levels.length === 784);
});

test('POST /generate refuses each wrong request by its code, and answers the next one', async () => {
  const blank = rgbaPng(draw(90, 70, () => 200));
  const cases: [body: Uint8Array | object | string, type: string, query: string, status: number, code: string][] = [
    ['no JSON', 'application/json', '', 400, 'request/json'],
    ['[]', 'application/json', '', 400, 'request/json'],
    ['{"count": 3}', 'application/json', '', 400, 'request/json'],
    [{ classes: { Dress: '1' } }, 'application/json', '', 400, 'request/json'],
    [{ classes: { Dress: 1 }, count: '3' }, 'application/json', '', 400, 'request/json'],
    [{ classes: { Dress: 1 }, colour: 3 }, 'application/json', '', 400, 'request/json'],
    [{ classes: { Dress: 1 }, strength: 0.5 }, 'application/json', '', 400, 'request/json'],
    [{ classes: {} }, 'application/json', '', 400, 'generate/request'],
    [{ classes: { Dress: -1 } }, 'application/json', '', 400, 'generate/request'],
    [{ classes: { Dress: 1 }, count: 0 }, 'application/json', '', 400, 'generate/request'],
    [{ classes: { Dress: 1 }, seed: 0.5 }, 'application/json', '', 400, 'generate/request'],
    [{ classes: { Dress: 1 }, guidance: 11 }, 'application/json', '', 400, 'generate/request'],
    [{ classes: { hat: 1 } }, 'application/json', '', 422, 'generate/class'],
    [{ classes: { Dress: 1 }, count: 65 }, 'application/json', '', 413, 'request/too-many-images'],
    [{ classes: { Dress: 1 }, count: 10, steps: 200 }, 'application/json', '', 413, 'request/too-many-images'],
    [png, 'image/png', '?count=x', 400, 'request/query'],
    [png, 'image/png', '?class=', 400, 'request/query'],
    [png, 'image/png', '?class=hat', 422, 'generate/class'],
    [png, 'image/png', '?strength=2', 400, 'generate/request'],
    [blank, 'image/png', '', 422, 'image/blank'],
    [png.slice(0, png.length >> 1), 'image/png', '', 422, 'image/truncated'],
    ['no picture', 'image/png', '', 415, 'image/unknown-format'],
    ['no picture', 'application/octet-stream', '', 415, 'request/content-type'],
    ['no picture', 'text/plain', '', 415, 'request/content-type'],
    [new Uint8Array(0), 'image/png', '', 400, 'request/empty'],
    [new Uint8Array(11 * 1024 * 1024), 'image/png', '', 413, 'request/too-large'],
  ];
  for (const [body, type, query, status, code] of cases) {
    const found = await generate(body, { type, query });
    assert.equal([found.status, found.json.error?.code], [status, code], found.json.error?.message);
  }
  assert.is((await generate(few)).status, 200);
  assert.is((await app.request('/generate')).status, 405);
});

test('POST /generate without threads answers to the bit as on a thread, beside the detector; after close() it is refused', async () => {
  const alone = await createLocalApp({ workers: 0 });
  const expected = (await generate(few)).json;
  const detect = { method: 'POST', body: png as BodyInit, headers: { 'content-type': 'image/png' } };
  const [first, found, second] = await Promise.all([
    generate(few, { to: alone }),
    alone.request('/detect', detect),
    generate(few, { to: alone }),
  ]);
  for (const { json } of [first, second]) assert.equal(json, expected);
  assert.is(found.status, 200);
  await alone.close();
  const late = await generate(few, { to: alone });
  assert.equal([late.status, late.json.error.code], [503, 'serve/stopped']);
});

test('the document has the route where there is a generator, and what is answered conforms to it', async () => {
  const document = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<
      string,
      {
        post: {
          requestBody: { content: Record<string, { schema: object; examples: Record<string, { value: object }> }> };
          responses: Record<string, { content: Record<string, { schema: object }> }>;
        };
      }
    >;
    components: object;
  };
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const conforms = (schema: object, value: unknown): void => {
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
    assert.ok(validate(value), JSON.stringify(validate.errors));
  };
  const { requestBody, responses } = document.paths['/generate']!.post;
  const { schema, examples } = requestBody.content['application/json']!;
  const { value } = examples.mixture!;
  conforms(schema, value);
  for (const body of [value, { classes: {} }, { classes: { hat: 1 } }]) {
    const { status, json } = await generate(body);
    conforms(responses[String(status)]!.content['application/json']!.schema, json);
  }
  const orders: DesignOrder[] = [];
  const own = createApp({
    classifier,
    designer: {
      make: async (_, order) => {
        orders.push(order);
        return { classes: { Bag: 1 }, count: 1, side: 1, images: Uint8Array.of(7) };
      },
    },
  });
  assert.equal((await generate({ classes: { Bag: 1 } }, { to: own })).json.images, [[7]]);
  assert.equal([orders[0]!.count, orders[0]!.isSheet, orders[0]!.steps], [16, false, undefined]);
  const bare = createApp({ classifier });
  assert.not((await (await bare.request('/openapi.json')).json()).paths['/generate']);
  assert.is((await bare.request('/generate', { method: 'POST' })).status, 404);
});

test.run();
