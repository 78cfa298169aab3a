// The routes of a catalogue: what they answer, what they refuse, and that they are there only where a catalogue is.
import { Validator } from '@seriousme/openapi-schema-validator';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCatalogue, openEmbedder } from '../../src/apps/recommend/index.ts';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { loadShippedModel } from '../../src/models/index.ts';
import { createApp } from '../../src/serve/index.ts';
import { createShop } from '../../src/serve/shop.ts';
import { classifier } from './served.ts';

const test = suite('shop routes');
let engine: RunningBackend;
let app: ReturnType<typeof createApp>;
let shop: ReturnType<typeof createShop>;
let images: Uint8Array;

test.before(async () => {
  engine = await startBackend({ threads: 1 });
  const { test: set } = await loadFashionMnistSample();
  images = set.images.subarray(0, 50 * 784);
  const { model } = await loadShippedModel();
  const embedder = await openEmbedder(model);
  const ids = Array.from({ length: 50 }, (_, i) => `item-${i}`);
  const catalogue = await makeCatalogue(embedder, { ids, images, classNames: set.classNames });
  shop = createShop(catalogue, embedder);
  app = createApp({ classifier, shop });
});
test.after(() => engine.stop());

const octets = { 'content-type': 'application/octet-stream' };
const post = async (path: string, body: Uint8Array | string, headers: Record<string, string>) => {
  const answer = await app.request(path, { method: 'POST', body: body as BodyInit, headers });
  return { status: answer.status, json: await answer.json() };
};
const recommend = (body: unknown) =>
  post('/recommend', typeof body === 'string' ? body : JSON.stringify(body), { 'content-type': 'application/json' });

test('POST /similar finds the item itself first, as many as are asked for, for each image', async () => {
  const { status, json } = await post('/similar?count=3', images.slice(0, 2 * 784), octets);
  assert.is(status, 200);
  assert.equal(
    json.images.map(({ similar }: { similar: { id: string }[] }) => [similar.length, similar[0]!.id]),
    [
      [3, 'item-0'],
      [3, 'item-1'],
    ],
  );
  assert.is((await post('/similar', images.slice(0, 784), octets)).json.images[0].similar.length, 10);
});

test('POST /similar takes images of the form of its catalogue, whatever /classify takes', async () => {
  const large = { ...classifier.model, inputShape: [56, 56, 1] as const };
  const other = createApp({
    classifier: { model: large, classify: () => new Float32Array(10) },
    shop,
  });
  const similar = (body: Uint8Array) =>
    other.request('/similar', { method: 'POST', body: body as unknown as BodyInit, headers: octets });
  const answer = await similar(images.slice(0, 784));
  assert.is(answer.status, 200);
  assert.is((await answer.json()).images[0].similar[0].id, 'item-0');
  assert.is((await (await similar(images.slice(0, 56 * 56))).json()).images.length, 4);
  assert.is((await similar(new Uint8Array(1000))).status, 400);
});

test('POST /similar refuses a count out of range and what /classify refuses', async () => {
  for (const count of ['0', '101', 'x', '']) {
    const { status, json } = await post(`/similar?count=${count}`, images.slice(0, 784), octets);
    assert.equal([status, json.error.code], [400, 'request/query']);
  }
  assert.is((await post('/similar', images.slice(0, 783), octets)).json.error.code, 'request/length');
  const { status } = await app.request('/similar');
  assert.is(status, 405);
});

test('POST /recommend tells items with reasons; a new shopper gets something of many kinds', async () => {
  const events = [{ time: '2026-03-01', event: 'purchase', item: 'item-0' }];
  const { status, json } = await recommend({ events, count: 4 });
  assert.is(status, 200);
  assert.is(json.recommendations.length, 4);
  assert.not(json.recommendations.some(({ id }: { id: string }) => id === 'item-0'));
  assert.match(json.recommendations[0].reason.words, /^Like the ankle boot you kept$/);
  const kinds = (await recommend({ events: [] })).json.recommendations.map((one: { class: string }) => one.class);
  assert.ok(new Set(kinds).size >= 8);
});

test('POST /recommend refuses each wrong body by its code', async () => {
  const one = (event: object): object => ({ events: [event] });
  const cases: [body: unknown, status: number, code: string][] = [
    ['{', 400, 'request/json'],
    ['[]', 400, 'request/json'],
    [{}, 400, 'request/json'],
    [{ events: [7] }, 400, 'events/not-json'],
    [one({ event: 'view', item: 'item-0' }), 400, 'events/no-time'],
    [one({ time: 1, event: 'view', item: 'hat' }), 422, 'catalogue/unknown-id'],
    [one({ time: 1, event: 'prefer', class: 'hat' }), 422, 'recommend/unknown-class'],
    [{ events: [], count: 'many' }, 400, 'recommend/option'],
    [
      { events: ['ada', 'bob'].map((shopper) => ({ time: 1, event: 'view', item: 'item-0', shopper })) },
      400,
      'recommend/many-shoppers',
    ],
    [one({ time: '2026-02-30', event: 'view', item: 'item-0' }), 400, 'events/bad-time'],
    [{ events: [], count: 1000 }, 400, 'recommend/option'],
    [{ events: [], diversity: 1 }, 400, 'recommend/option'],
  ];
  for (const [body, status, code] of cases) {
    const found = await recommend(body);
    assert.equal([found.status, found.json.error.code], [status, code], JSON.stringify(body));
  }
  const { json } = await post('/recommend', '{"events":[]}', { 'content-type': 'text/plain' });
  assert.is(json.error.code, 'request/content-type');
  assert.is((await recommend('')).json.error.code, 'request/empty');
});

test('the document has the routes of a catalogue where there is one', async () => {
  const document = await (await app.request('/openapi.json')).json();
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  assert.ok(document.paths['/similar'].post && document.paths['/recommend'].post);
  const bare = createApp({ classifier });
  assert.not((await (await bare.request('/openapi.json')).json()).paths['/similar']);
  assert.is((await bare.request('/similar', { method: 'POST' })).status, 404);
});

test.run();
