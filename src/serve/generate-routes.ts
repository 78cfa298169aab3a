// What is asked of a generator over HTTP: designs of classes, or variations of a picture; as one PNG or as levels in JSON. Not here: making
// them (made-designs.ts), so that an app on an edge runtime has no engine. Invariant: whatever is sent, the answer is the designs or an error
// with a code; no request may ask for more than a thread makes in seconds.
import type { Hono } from 'hono';
import { parseMixture } from '../apps/generate/parse-mixture.ts';
import { requestError } from './answer-error.ts';
import { readBody } from './request-body.ts';
import { pictureBodyTypes, type RequestLimits, requirePicture, typeOf } from './request-images.ts';

/** Designs as they are ordered; who makes them checks what the numbers are. */
export interface DesignOrder {
  /** What messages call the picture. */
  readonly name: string;
  readonly maximumPixels: number;
  /** Shares by name; of a picture: default as it is seen. */
  readonly classes?: Readonly<Record<string, number>>;
  readonly count: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly guidance?: number;
  /** Of a variation. */
  readonly strength?: number;
  /** Whether one PNG of all is wanted. */
  readonly isSheet: boolean;
}

export interface MadeDesigns {
  readonly classes: Readonly<Record<string, number>>;
  readonly count: number;
  readonly side: number;
  /** A PNG file; or levels, `[count, side, side]`. */
  readonly images: Uint8Array;
}

/** A generator that answers. */
export interface DesignService {
  /**
   * Makes designs.
   *
   * @param picture The file of a PNG, JPEG or WebP to vary; empty: none
   * @throws SelvedgeError `generate/class`, `generate/request`, `image/…`, `serve/…`
   */
  make(picture: Uint8Array, order: DesignOrder): Promise<MadeDesigns>;
}

export const generatePath = '/generate';
/** Of one request; and steps of all of its designs together. */
export const designBounds = { count: 64, steps: 640 } as const;
const DEFAULT_COUNT = 16;
const DEFAULT_STEPS = 10;
const JSON_TYPE = 'application/json';
/** Content types that are taken. */
export const generateTypes: readonly string[] = [JSON_TYPE, ...pictureBodyTypes];
const numbers = ['count', 'seed', 'steps', 'guidance', 'strength'] as const;
type Numbers = Partial<Record<(typeof numbers)[number], number>>;

/** Adds `POST /generate`. */
export function addGenerateRoute(app: Hono, designer: DesignService, limits: RequestLimits): void {
  app.post(generatePath, async (context) => {
    const type = typeOf(context.req.header('content-type') ?? '');
    if (!generateTypes.includes(type)) {
      const got = type === '' ? 'none' : `"${type}"`;
      throw requestError(
        'request/content-type',
        `Cannot read the body: expected a content-type of ${generateTypes.join(', ')}, got ${got}`,
      );
    }
    const isSheet = !(context.req.header('accept') ?? '').includes(JSON_TYPE);
    const bytes = await readBody(context.req.raw, limits.maximumBodyBytes, 'Cannot generate: expected {"classes": …}');
    const isPicture = type !== JSON_TYPE;
    if (isPicture) requirePicture({ bytes, name: 'the body' }, type, generateTypes);
    const { classes, ...told } = isPicture ? queryOf((name) => context.req.query(name)) : bodyOf(bytes);
    const order = { ...told, ...(classes && { classes }), count: told.count ?? DEFAULT_COUNT };
    checkBounds(order.count, told.steps ?? DEFAULT_STEPS);
    const { maximumPixels } = limits;
    const picture = isPicture ? bytes : new Uint8Array(0);
    const { images, ...made } = await designer.make(picture, { ...order, isSheet, maximumPixels, name: 'the body' });
    if (isSheet) return context.body(images as Uint8Array<ArrayBuffer>, 200, { 'content-type': 'image/png' });
    const size = made.side * made.side;
    const levels = Array.from({ length: made.count }, (_, i) => [...images.subarray(i * size, (i + 1) * size)]);
    return context.json({ ...made, images: levels });
  });
}

function checkBounds(count: number, steps: number): void {
  if (!(count > designBounds.count) && !(count * steps > designBounds.steps)) return;
  throw requestError(
    'request/too-many-images',
    `Cannot generate ${count} pictures in ${steps} steps: expected at most ${designBounds.count}, and ${designBounds.steps} steps of all together`,
  );
}

interface Told extends Numbers {
  readonly classes?: Readonly<Record<string, number>> | undefined;
}

/** How a picture is to be varied. */
function queryOf(query: (name: string) => string | undefined): Told {
  const wrong = (name: string, expected: string, text: string) =>
    requestError('request/query', `Cannot generate: expected ${expected} as "${name}", got "${text.slice(0, 40)}"`);
  const told: Numbers = {};
  for (const name of numbers) {
    const text = query(name);
    if (text === undefined) continue;
    if (!/^\d*\.?\d+$/.test(text)) throw wrong(name, 'a number', text);
    told[name] = Number(text);
  }
  const text = query('class');
  const classes = text === undefined ? undefined : parseMixture(text);
  if (text !== undefined && !classes) throw wrong('class', 'a class, or shares such as dress:3,shirt:1', text);
  return { ...told, classes };
}

/** New designs. */
function bodyOf(bytes: Uint8Array): Told {
  const expected = 'Cannot generate: expected {"classes": {"Dress": 1}, "count": 16}';
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw requestError('request/json', `${expected}, got what is no JSON`, cause);
  }
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(body) || !isObject(body.classes)) throw requestError('request/json', `${expected}, got other JSON`);
  const { classes, ...rest } = body;
  const given = Object.entries({ ...(classes as Record<string, unknown>), ...rest });
  const wrong = given.find(([, value]) => typeof value !== 'number');
  if (wrong) throw requestError('request/json', `${expected}, got no number as ${JSON.stringify(wrong[0])}`);
  const unknown = Object.keys(rest).find(
    (name) => name === 'strength' || !(numbers as readonly string[]).includes(name),
  );
  if (unknown !== undefined)
    throw requestError('request/json', `${expected}, got ${JSON.stringify(unknown).slice(0, 40)}, too`);
  return { ...(rest as Numbers), classes: classes as Record<string, number> };
}
