// The document against its standard, and the app against the document.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { errorStatuses } from '../../src/serve/answer-error.ts';
import { createApp } from '../../src/serve/index.ts';
import { rgbaPng } from '../data/image-files.ts';
import { pictureOf } from './pictures.ts';
import { classifier, classify, makeApp, sampleImages } from './served.ts';

interface Media {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Media>> }>>;
}

interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const app = makeApp();
const documentOf = async (from: typeof app): Promise<Document> => (await from.request('/openapi.json')).json();
const document = await documentOf(app);

/** Throws where a value is not as a schema of the document says. */
function conforms(schema: object, value: unknown): void {
  const validator = new Ajv2020({ strict: false });
  const validate = validator.compile({ ...schema, components: document.components });
  assert.ok(validate(value), `${JSON.stringify(validate.errors)} of ${JSON.stringify(value)?.slice(0, 200)}`);
}

const schemaOf = (path: string, method: string, status: number): object =>
  document.paths[path]![method]!.responses[String(status)]!.content['application/json']!.schema;

test('the document is OpenAPI 3.1', async () => {
  for (const each of [document, await documentOf(createApp({ classifier }))]) {
    const { valid, errors } = await new Validator().validate(
      structuredClone(each) as unknown as Record<string, unknown>,
    );
    assert.ok(valid, JSON.stringify(errors));
  }
});

test('the document has every path, and every error with its status', async () => {
  const documented = Object.values(document.paths).flatMap((item) =>
    Object.values(item).flatMap(({ responses }) => Object.keys(responses)),
  );
  // Paths that are not there, and methods that are not, are of no operation.
  const expected = Object.values(errorStatuses).filter((status) => status !== 404 && status !== 405);
  for (const status of expected) assert.ok(documented.includes(String(status)), String(status));
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of Object.keys(item)) {
      const { status } = await app.request(path, { method: method.toUpperCase() });
      assert.ok(status !== 404 && status !== 405, `${method} ${path}: ${status}`);
    }
  }
});

test('what is answered to GET is as documented', async () => {
  for (const [path, item] of Object.entries(document.paths)) {
    if (!item.get) continue;
    const response = await app.request(path);
    conforms(schemaOf(path, 'get', 200), await response.json());
  }
});

test('the examples conform to their schemas, and are answered as documented', async () => {
  const { content } = document.paths['/classify']!.post!.requestBody!;
  let count = 0;
  for (const [type, { schema, examples = {} }] of Object.entries(content)) {
    for (const { value } of Object.values(examples)) {
      conforms(schema, value);
      const { status, images, body } = await classify(app, type, JSON.stringify(value));
      conforms(schemaOf('/classify', 'post', status), body);
      assert.equal([status, images[0]?.class], [200, 'Trouser']);
      count++;
    }
  }
  assert.is(count, 2);
});

test('pictures, forms and errors are answered as documented', async () => {
  const png = rgbaPng(pictureOf(sampleImages(1)));
  const form = new FormData();
  form.append('a', new File([png as BlobPart], 'a.png', { type: 'image/png' }));
  for (const [type, body, expected] of [
    ['image/png', png, 200],
    [undefined, form, 200],
    ['application/json', '[]', 400],
    ['application/octet-stream', new Uint8Array(300 * 784), 413],
    ['text/plain', 'hello', 415],
    ['image/png', png.slice(0, 60), 422],
  ] as const) {
    const answer = await classify(app, type, body);
    assert.is(answer.status, expected);
    conforms(schemaOf('/classify', 'post', expected), answer.body);
  }
});

test('content types that are documented are those that are taken', async () => {
  for (const [from, types] of [
    [document, 6],
    [await documentOf(createApp({ classifier })), 3],
  ] as const) {
    assert.is(Object.keys(from.paths['/classify']!.post!.requestBody!.content).length, types);
  }
  for (const type of Object.keys(document.paths['/classify']!.post!.requestBody!.content)) {
    assert.is.not((await classify(app, type, 'x')).code, 'request/content-type', type);
  }
});

test.run();
