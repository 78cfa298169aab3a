// The OpenAPI 3.1 document of the app: what may be asked, and what is answered. Not here: doing it (app.ts).
// Invariant: every status and every error code that the app may answer with is in it; a test sends its examples.
import { eventKinds } from '../apps/recommend/events.ts';
import { version } from '../core/version.ts';
import type { ModelDescription } from '../edge/index.ts';
import {
  type ErrorStatus,
  errorStatuses,
  generateErrorStatuses,
  type RequestErrorCode,
  shopErrorStatuses,
} from './answer-error.ts';
import { detectOperation, detectSchemas } from './openapi-detect.ts';
import { generateOperation, generateSchemas, sheetContent } from './openapi-generate.ts';
import { type InspectorFacts, inspectOperation, inspectSchemas } from './openapi-inspect.ts';
import { acceptedTypes, bytesOfImage, type ImageForm, type RequestLimits, rowsOf } from './request-images.ts';
import { MOST_ITEMS } from './shop-routes.ts';

/** JSON, to be read by programs. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

interface DocumentOptions {
  readonly model: ModelDescription;
  /** Of its images. */
  readonly form: ImageForm;
  readonly limits: RequestLimits;
  readonly hasCodecs: boolean;
  /** Whether there is a catalogue. */
  /** Images of the catalogue's model, where there is one. */
  readonly shopForm?: ImageForm;
  /** Whether items are found in pictures. */
  readonly hasDetector?: boolean;
  /** By name; absent: there are none. */
  readonly inspectors?: InspectorFacts;
  /** Whether designs are made. */
  readonly hasDesigner?: boolean;
}

const statusTexts: Readonly<Record<ErrorStatus, string>> = {
  400: 'The body is not what its content type says, or its images are of another length',
  404: 'There is nothing at this path',
  405: 'The path answers to another method, which `allow` names',
  413: 'More bytes, images, pixels or decompression than are taken',
  415: 'A content type, encoding or file format that is not taken',
  422: 'A picture that is damaged, cut, or shows nothing',
  500: 'Something unexpected went wrong; the server goes on',
  503: 'The model could not be loaded, more pictures wait than are taken, or the server is being stopped',
};

/** A pair of trousers, drawn by hand for 28 x 28 and scaled: an image of the kind that is taken. */
function exampleImage({ shape: [height, width, channels] }: ImageForm): unknown[][] {
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => {
      const [x, y] = [Math.floor((column * 28) / width), Math.floor((row * 28) / height)];
      const isLeg = (x >= 8 && x <= 12) || (x >= 15 && x <= 19);
      const isWaist = y <= 6 && x >= 8 && x <= 19;
      const level = isLeg || isWaist ? 180 : 0;
      return channels === 1 ? level : new Array<number>(channels).fill(level);
    }),
  );
}

const json = (schema: string, rest: object = {}): object => ({
  'application/json': { schema: { $ref: `#/components/schemas/${schema}` }, ...rest },
});

const errorResponses = (...statuses: readonly ErrorStatus[]): Record<string, object> => responsesOf(statuses, isOfAny);

/** Of a code that no use alone has. */
const isOfAny = (code: string): boolean =>
  !Object.hasOwn(shopErrorStatuses, code) && !Object.hasOwn(generateErrorStatuses, code);

function responsesOf(statuses: readonly ErrorStatus[], isPossible: (code: string) => boolean): Record<string, object> {
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = Object.entries(errorStatuses).filter(([code, known]) => known === status && isPossible(code));
      const description = `${statusTexts[status]}: ${codes.map(([code]) => `\`${code}\``).join(', ')}`;
      return [String(status), { description, content: json('Error') }];
    }),
  );
}

const get = (summary: string, description: string, schema: string): object => ({
  get: {
    summary,
    operationId: `get${schema}`,
    responses: { 200: { description, content: json(schema) }, ...errorResponses(500, 503) },
  },
});

/**
 * Describes the app.
 *
 * @param options.model The model that it serves
 * @param options.limits What it takes at most
 * @param options.hasCodecs Whether it takes PNG, JPEG and, with a codec of it, WebP
 * @returns An OpenAPI 3.1 document
 */
export function openApiDocument(options: DocumentOptions): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Selvedge',
      version,
      description: `Classifies images of ${options.form.shape[0]} x ${options.form.shape[1]} pixels by the model \`${options.model.name}\`.`,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [],
    paths: {
      '/classify': { post: classifyOperation(options) },
      ...(options.shopForm ? shopOperations({ ...options, form: options.shopForm }) : {}),
      ...(options.hasDetector
        ? { '/detect': { post: { ...detectOperation(options.limits), responses: detectResponses() } } }
        : {}),
      ...(options.inspectors ? { '/inspect': { post: inspection(options, options.inspectors) } } : {}),
      ...(options.hasDesigner
        ? { '/generate': { post: { ...generateOperation(options.limits), responses: generateResponses() } } }
        : {}),
      '/health': get('Whether the server can answer', 'It can', 'Health'),
      '/model': get('What is known of the model', 'The model', 'Model'),
      '/openapi.json': {
        get: {
          summary: 'This document',
          operationId: 'getOpenApi',
          responses: {
            200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
            ...errorResponses(500, 503),
          },
        },
      },
    },
    components: {
      schemas: {
        ...schemasOf(options),
        ...(options.shopForm ? shopSchemas() : {}),
        ...(options.hasDetector ? detectSchemas : {}),
        ...(options.inspectors ? inspectSchemas : {}),
        ...(options.hasDesigner ? generateSchemas : {}),
      },
    },
  };
}

/** Of what has a query, and no catalogue. */
const queryErrors = (isOwn: (code: string) => boolean = () => false): Record<string, object> =>
  responsesOf([400, 413, 415, 422, 500, 503], (code) => code === 'request/query' || isOwn(code) || isOfAny(code));

const detectResponses = (): Record<string, object> => ({
  200: { description: 'Items of each picture, the surest first', content: json('Detection') },
  ...queryErrors(),
});

const generateResponses = (): Record<string, object> => ({
  200: { description: 'The designs', content: { ...sheetContent, ...json('Designs') } },
  ...queryErrors((code) => Object.hasOwn(generateErrorStatuses, code)),
});

/** Takes what `classify` takes, in the form of the inspector. */
function inspection(options: DocumentOptions, inspectors: InspectorFacts): object {
  const { side, channels } = Object.values(inspectors)[0]!.preparation;
  const form = { ...options.form, shape: [side, side, channels] as const };
  const { requestBody } = classifyOperation({ ...options, form }) as { readonly requestBody: object };
  return {
    ...inspectOperation(inspectors),
    requestBody,
    responses: { 200: { description: 'What was found in each image', content: json('Inspection') }, ...queryErrors() },
  };
}

/** `similar` takes what `classify` takes. */
function shopOperations(options: DocumentOptions): Record<string, object> {
  const { requestBody } = classifyOperation(options) as { readonly requestBody: object };
  const anyCode = (code: string): boolean => !Object.hasOwn(generateErrorStatuses, code);
  return {
    '/similar': {
      post: {
        summary: 'Find the items of the catalogue that are most like images',
        operationId: 'similar',
        parameters: [
          {
            name: 'count',
            in: 'query',
            description: 'Items for each image; default: 10',
            schema: { type: 'integer', minimum: 1, maximum: MOST_ITEMS },
          },
        ],
        requestBody,
        responses: {
          200: { description: 'Items for each image, the nearest first', content: json('SimilarItems') },
          ...responsesOf([400, 413, 415, 422, 500, 503], anyCode),
        },
      },
    },
    '/recommend': {
      post: {
        summary: 'Recommend items of the catalogue to a shopper',
        description:
          'From what the shopper looked at, liked, bought and sent back; without any event: something of many kinds.',
        operationId: 'recommend',
        requestBody: {
          required: true,
          content: json('History', {
            examples: { none: { summary: 'A new shopper', value: { events: [] } } },
          }),
        },
        responses: {
          200: { description: 'Items, the first first', content: json('Recommendations') },
          ...responsesOf([400, 413, 415, 422, 500], anyCode),
        },
      },
    },
  };
}

function shopSchemas(): Record<string, object> {
  const text = { type: 'string' };
  const similarity = { type: 'number', minimum: -1.001, maximum: 1.001 };
  const item = object({ id: text, class: text, similarity });
  const list = (items: object): object => ({ type: 'array', items });
  const whole = { type: 'integer' };
  const box = object({ left: whole, top: whole, width: whole, height: whole });
  const image = { file: text, ground: { enum: ['light', 'dark'] }, box, similar: list(item) };
  return {
    SimilarItems: object({ images: list(object(image, ['file', 'ground', 'box'])) }),
    Event: object(
      {
        time: { anyOf: [{ type: 'number' }, text], description: 'ISO 8601 with a zone, or milliseconds since 1970' },
        event: { enum: [...eventKinds] },
        item: { ...text, description: 'Name of an item of the catalogue' },
        class: { ...text, description: 'Name of a class; of `prefer` alone, in place of an item' },
        shopper: text,
      },
      ['item', 'class', 'shopper'],
    ),
    History: object(
      {
        events: list({ $ref: '#/components/schemas/Event' }),
        count: { type: 'integer', minimum: 1, maximum: MOST_ITEMS, default: 10 },
        halfLifeDays: { type: 'number', exclusiveMinimum: 0, default: 14 },
        diversity: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0.4 },
      },
      ['count', 'halfLifeDays', 'diversity'],
    ),
    Recommendations: object({
      recommendations: list(
        object({
          id: text,
          class: text,
          score: { type: 'number' },
          reason: object({ words: text, item: text, similarity }, ['item', 'similarity']),
        }),
      ),
    }),
  };
}

function classifyOperation({ limits, hasCodecs, form }: DocumentOptions): object {
  const size = bytesOfImage(form);
  const example = exampleImage(form);
  const { maximumBodyBytes, maximumImages, maximumPixels } = limits;
  const binary = (description: string): object => ({
    schema: { description, contentMediaType: 'application/octet-stream' },
  });
  const picture = binary(
    `A picture of any size up to ${maximumPixels} pixels, on ground of any colour; its bytes tell the kind`,
  );
  const contents: Readonly<Record<string, object>> = {
    'image/png': picture,
    'image/jpeg': picture,
    'image/webp': picture,
    'application/octet-stream': binary(
      `${size} bytes an image, ${rowsOf(form)} levels, 0 for the ground; images one after another`,
    ),
    'application/json': {
      schema: { $ref: '#/components/schemas/Images' },
      examples: {
        one: { summary: 'One image as rows', value: example },
        batch: { summary: `Two images as ${size} numbers each`, value: [example.flat(2), example.flat(2)] },
      },
    },
    'multipart/form-data': {
      schema: {
        type: 'object',
        minProperties: 1,
        description: `Files of any field names: all of them ${hasCodecs ? 'pictures, or all of them ' : ''}application/octet-stream`,
        additionalProperties: { type: 'array', items: { contentMediaType: 'application/octet-stream' } },
      },
    },
  };
  return {
    summary: 'Tell what images show',
    description:
      `One image or a batch of at most ${maximumImages}, in a body of at most ${maximumBodyBytes} bytes. The answer has the ` +
      'same form for one and for many, in the order that they came.',
    operationId: 'classify',
    requestBody: {
      required: true,
      content: Object.fromEntries(acceptedTypes(hasCodecs).map((type) => [type, contents[type]])),
    },
    responses: {
      200: { description: 'A class for each image', content: json('Classification') },
      ...errorResponses(400, 413, 415, 422, 500, 503),
    },
  };
}

const object = (properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

function schemasOf({ model: { labels }, form }: DocumentOptions): Record<string, object> {
  const [height, width, channels] = form.shape;
  const level = { type: 'integer', minimum: 0, maximum: 255 };
  const array = (items: object, count?: number): object => ({
    type: 'array',
    items,
    ...(count === undefined ? { minItems: 1 } : { minItems: count, maxItems: count }),
  });
  const image = { $ref: '#/components/schemas/Image' };
  const text = { type: 'string' };
  const share = { type: 'number', minimum: 0, maximum: 1 };
  const whole = { type: 'integer', minimum: 0 };
  const label = { enum: [...labels] };
  return {
    Image: {
      description: `${height} x ${width} levels, ${channels === 1 ? 'light on dark as in Fashion-MNIST' : 'of red, green and blue'}`,
      anyOf: [
        array(level, bytesOfImage(form)),
        array(array(channels === 1 ? level : array(level, channels), width), height),
      ],
    },
    Images: { anyOf: [image, array(image)] },
    Classification: object({
      model: object({ name: text, fingerprint: text }),
      images: array({ $ref: '#/components/schemas/Prediction' }),
    }),
    Prediction: object(
      {
        class: label,
        probability: share,
        probabilities: { type: 'object', propertyNames: label, additionalProperties: share },
        file: { ...text, description: 'Name of the file in a form' },
        ground: {
          enum: ['light', 'dark'],
          description: 'Of the picture, by its luma; a dark object on it was inverted',
        },
        box: {
          ...object({ left: whole, top: whole, width: whole, height: whole }),
          description: 'Where in the picture the object was found',
        },
      },
      ['file', 'ground', 'box'],
    ),
    Health: object({ status: { const: 'ok' }, version: text, runtime: text, model: text }, ['runtime']),
    Model: object(
      {
        name: text,
        labels: array(text),
        inputShape: array(whole, 3),
        settings: { type: 'object' },
        fingerprint: { ...text, description: 'sha256 of the float32 weights that were trained' },
        accuracy: object({ float32: share, int8: share, images: whole }),
        formatVersion: whole,
        kernels: { ...text, description: 'sha256 of the kernels' },
      },
      ['accuracy'],
    ),
    Error: object({
      error: object({ code: { enum: Object.keys(errorStatuses) as RequestErrorCode[] }, message: text }),
    }),
  };
}
