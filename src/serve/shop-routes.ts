// What is asked of a catalogue over HTTP: which items are like an image, and which suit a shopper. Not here: searching (shop.ts), so that an
// app without a catalogue has no engine. Invariant: whatever is sent, the answer is a list or an error with a code.
import type { Hono } from 'hono';
import { eventOf, type ShopEvent } from '../apps/recommend/events.ts';
import { requestError } from './answer-error.ts';
import { readBody } from './request-body.ts';
import type { ImageForm, RequestImages } from './request-images.ts';

/** An item that was found. */
export interface ShopItem {
  readonly id: string;
  readonly class: string;
  /** Cosine, at most 1 but for rounding. */
  readonly similarity: number;
}

/** An item that is recommended. */
export interface ShopRecommendation {
  readonly id: string;
  readonly class: string;
  readonly score: number;
  readonly reason: { readonly words: string; readonly item?: string; readonly similarity?: number };
}

export interface ShopRequest {
  readonly count?: number;
  readonly halfLifeDays?: number;
  readonly diversity?: number;
}

/** A catalogue that answers. */
export interface ShopService {
  /** Images that its model takes, and how pictures become such. */
  readonly form: ImageForm;
  /** Items for each image `[count, height, width, channels]` of levels, the nearest first. */
  similar(images: Uint8Array, count: number): Promise<readonly (readonly ShopItem[])[]>;
  recommend(events: readonly ShopEvent[], request: ShopRequest): Promise<readonly ShopRecommendation[]>;
}

interface ShopRouteOptions {
  readonly readImages: (request: Request) => Promise<RequestImages>;
  readonly maximumBodyBytes: number;
}

/** Items that are asked for at once. */
export const MOST_ITEMS = 100;
const DEFAULT_ITEMS = 10;
const similarPath = '/similar';
const recommendPath = '/recommend';
export const shopPaths: readonly string[] = [similarPath, recommendPath];

/** Adds `POST /similar` and `POST /recommend`. */
export function addShopRoutes(app: Hono, shop: ShopService, { readImages, maximumBodyBytes }: ShopRouteOptions): void {
  app.post(similarPath, async (context) => {
    const count = countOf(context.req.query('count'));
    const { pixels, details } = await readImages(context.req.raw);
    const found = await shop.similar(pixels, count);
    return context.json({ images: details.map((own, i) => ({ similar: found[i]!, ...own })) });
  });
  app.post(recommendPath, async (context) => {
    const type = (context.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
    if (type !== 'application/json') {
      throw requestError(
        'request/content-type',
        `Cannot read the body: expected a content-type of application/json, got ${type === '' ? 'none' : `"${type}"`}`,
      );
    }
    const expected = 'Cannot recommend: expected {"events": […]}';
    const bytes = await readBody(context.req.raw, maximumBodyBytes, expected);
    const { events, request } = historyOf(bytes, expected);
    return context.json({ recommendations: await shop.recommend(events, request) });
  });
}

function countOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_ITEMS;
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MOST_ITEMS) return count;
  throw requestError(
    'request/query',
    `Cannot search: expected a count from 1 to ${MOST_ITEMS}, got "${text.slice(0, 20)}"`,
  );
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function historyOf(bytes: Uint8Array, expected: string): { events: ShopEvent[]; request: ShopRequest } {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw requestError('request/json', `${expected}, got what is no JSON`, cause);
  }
  if (!isObject(body) || !Array.isArray(body.events)) throw requestError('request/json', `${expected}, got other JSON`);
  const events = body.events.map((event: unknown, i) => {
    const place = `event ${i + 1}`;
    if (!isObject(event)) throw requestError('events/not-json', `Cannot read ${place}: expected an object`);
    return eventOf(event, place);
  });
  const shoppers = [...new Set(events.map(({ shopper }) => shopper))];
  if (shoppers.length > 1) {
    throw requestError(
      'recommend/many-shoppers',
      `Cannot recommend: expected the events of one shopper, got those of ${shoppers
        .slice(0, 3)
        .map((name) => `"${name.slice(0, 40)}"`)
        .join(', ')}${shoppers.length > 3 ? ' and others' : ''}`,
    );
  }
  const numberOf = (name: keyof ShopRequest): ShopRequest => {
    const value = (body as Json)[name];
    if (value === undefined) return {};
    const isFitting = typeof value === 'number' && (name !== 'count' || value <= MOST_ITEMS);
    if (isFitting) return { [name]: value };
    const range = name === 'count' ? ` up to ${MOST_ITEMS}` : '';
    throw requestError('recommend/option', `Cannot recommend: expected "${name}" to be a number${range}`);
  };
  return {
    events: events.sort((a, b) => a.timeMs - b.timeMs),
    request: { ...numberOf('count'), ...numberOf('halfLifeDays'), ...numberOf('diversity') },
  };
}
