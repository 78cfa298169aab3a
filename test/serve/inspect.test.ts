// The route of inspectors: what it answers, what it refuses, several of them by name, and that it is there only where one is.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  fitDrift,
  fitInspector,
  inspectImages,
  measurePicture,
  openInspectionNetwork,
  type StoredInspector,
} from '../../src/apps/inspect/index.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import type { Classifier } from '../../src/edge/index.ts';
import { createApp } from '../../src/serve/index.ts';
import { createInspection } from '../../src/serve/inspection.ts';
import { rgbaPng } from '../data/image-files.ts';
import { pictureOf } from './pictures.ts';
import { classifier, decodeImage } from './served.ts';

const test = suite('inspect route');
const BAG = 8;
let network: Classifier;
let stored: StoredInspector;
let app: ReturnType<typeof createApp>;
let bag: Uint8Array;
let spoilt: Uint8Array;

test.before(async () => {
  const { train, test: set } = await loadFashionMnistSample();
  const imagesOf = ({ images, labels }: typeof set, count: number): Uint8Array[] =>
    [...labels.keys()]
      .filter((i) => labels[i] === BAG)
      .slice(0, count)
      .map((i) => images.slice(i * 784, (i + 1) * 784));
  const good = imagesOf(train, 60);
  network = await openInspectionNetwork();
  const inspector = fitInspector(Uint8Array.from(good.flatMap((image) => [...image])), network, { falseAlarms: 0.1 });
  const drift = fitDrift(Float64Array.from(good.flatMap((image) => [...measurePicture(image, 28, 28)])));
  stored = { inspector, drift, preparation: { side: 28, channels: 1, fit: 'object' } };
  [bag] = imagesOf(set, 1) as [Uint8Array];
  const isSpoilt = (x: number, y: number): boolean => x >= 8 && x < 16 && y >= 12 && y < 20;
  spoilt = bag.map((level, i) => (isSpoilt(i % 28, Math.floor(i / 28)) ? 255 * ((i >> 1) & 1) : level));
  app = createApp({ classifier, decodeImage, inspection: createInspection({ bags: stored }, network) });
});

interface Found {
  readonly status: number;
  readonly json: {
    readonly inspector: { readonly name: string };
    readonly images: readonly {
      readonly verdict: string;
      readonly score: number;
      readonly probability: number;
      readonly farthest: { readonly x: number; readonly y: number };
      readonly map: number[][] & string;
      readonly file?: string;
      readonly ground?: string;
    }[];
    readonly error: { readonly code: string };
  };
}

async function inspect(
  body: Uint8Array | FormData | string,
  query = '',
  type = 'application/octet-stream',
  to: Pick<typeof app, 'request'> = app,
): Promise<Found> {
  const headers = body instanceof FormData ? {} : { 'content-type': type };
  const answer = await to.request(`/inspect${query}`, { method: 'POST', body: body as BodyInit, headers });
  return { status: answer.status, json: (await answer.json()) as Found['json'] };
}

const both = (): Uint8Array => Uint8Array.of(...bag, ...spoilt);

test('POST /inspect tells verdict, p-value and where, as inspectImages() does', async () => {
  const { status, json } = await inspect(both());
  assert.is(status, 200);
  const expected = inspectImages(stored.inspector, network, both());
  json.images.forEach((image, i) => {
    const { isAlarm, score, probability, map } = expected[i]!;
    assert.is(image.verdict, isAlarm ? 'deviates' : 'good');
    assert.ok(Math.abs(image.score - score) < 1e-4 && Math.abs(image.probability - probability) < 1e-4);
    assert.equal([image.map.length, image.map[27]!.length], [28, 28]);
    assert.ok(image.map.flat().every((value, at) => Math.abs(Number(value) - map[at]!) < 1e-4));
  });
  const [fine, bad] = json.images;
  assert.ok(bad!.score > fine!.score);
});

test('POST /inspect draws the map as a PNG that can be decoded, or leaves it out', async () => {
  const { json } = await inspect(both(), '?map=png');
  const [, base64] = json.images[1]!.map.split('data:image/png;base64,');
  const { width, height, data } = await decodeImage(Buffer.from(base64!, 'base64'), { name: 'map' });
  assert.equal([width, height], [28, 28]);
  const coloured = Array.from({ length: 784 }, (_, i) => data[4 * i]! - data[4 * i + 2]!).filter((red) => red > 60);
  assert.ok(coloured.length > 4 && coloured.length < 400, String(coloured.length));
  assert.is((await inspect(bag, '?map=none')).json.images[0]!.map, undefined);
});

test('POST /inspect takes pictures and forms, prepared as the inspector was taught', async () => {
  const png = rgbaPng(pictureOf(bag));
  const { json } = await inspect(png, '', 'image/png');
  assert.is(json.images[0]!.ground, 'light');
  const form = new FormData();
  for (const name of ['a.png', 'b.png']) form.append('image', new File([png as BlobPart], name, { type: 'image/png' }));
  assert.equal(
    (await inspect(form)).json.images.map(({ file, score }) => [file, score]),
    ['a.png', 'b.png'].map((file) => [file, json.images[0]!.score]),
  );
});

test('POST /inspect wants a name where there are several inspectors', async () => {
  const strict = { ...stored, inspector: { ...stored.inspector, threshold: -100 } };
  const two = createApp({ classifier, inspection: createInspection({ bags: stored, strict }, network) });
  const verdictOf = async (query: string) => (await inspect(bag, query, undefined, two)).json.images[0]!.verdict;
  assert.is(await verdictOf('?inspector=strict'), 'deviates');
  assert.is(await verdictOf('?inspector=bags'), (await inspect(bag)).json.images[0]!.verdict);
  for (const query of ['', '?inspector=shoes', '?inspector=']) {
    const { status, json } = await inspect(bag, query, undefined, two);
    assert.equal([status, json.error.code], [400, 'request/query'], query);
  }
});

test('POST /inspect refuses each wrong request by its code', async () => {
  const text = new TextEncoder().encode('no picture');
  const cases: [body: Uint8Array | string, query: string, type: string, status: number, code: string][] = [
    [bag, '?map=svg', 'application/octet-stream', 400, 'request/query'],
    [bag, '?inspector=toString', 'application/octet-stream', 400, 'request/query'],
    [bag.slice(1), '', 'application/octet-stream', 400, 'request/length'],
    [new Uint8Array(0), '', 'application/octet-stream', 400, 'request/empty'],
    [new Uint8Array(784), '', 'application/octet-stream', 422, 'image/blank'],
    [text, '', 'image/png', 415, 'image/unknown-format'],
    ['{', '', 'application/json', 400, 'request/json'],
    ['x', '', 'text/plain', 415, 'request/content-type'],
    [new Uint8Array(257 * 784).fill(1), '', 'application/octet-stream', 413, 'request/too-many-images'],
  ];
  for (const [body, query, type, status, code] of cases) {
    const found = await inspect(body, query, type);
    assert.equal([found.status, found.json.error?.code], [status, code]);
  }
  const wrong = await app.request('/inspect');
  assert.equal([wrong.status, wrong.headers.get('allow')], [405, 'POST']);
});

test('createInspection() refuses an inspector of another network', () => {
  const foreign = { ...stored, inspector: { ...stored.inspector, network: 'other' } };
  assert.throws(() => createInspection({ foreign }, network), /another release/);
});

test('the document has the route where there is an inspector, and answers conform to it', async () => {
  const document = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<string, { post: { responses: Record<string, { content: Record<string, { schema: object }> }> } }>;
    components: object;
  };
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const { responses } = document.paths['/inspect']!.post;
  for (const [body, query, type] of [
    [bag, '', 'application/octet-stream'],
    [rgbaPng(pictureOf(bag)), '?map=png', 'image/png'],
    [bag, '?map=none', 'application/octet-stream'],
    [bag, '?map=x', 'application/octet-stream'],
  ] as const) {
    const { status, json } = await inspect(body, query, type);
    const { schema } = responses[String(status)]!.content['application/json']!;
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
    assert.ok(validate(json), JSON.stringify(validate.errors));
  }
  const bare = createApp({ classifier });
  assert.not((await (await bare.request('/openapi.json')).json()).paths['/inspect']);
  assert.is((await bare.request('/inspect', { method: 'POST' })).status, 404);
});

test.run();
