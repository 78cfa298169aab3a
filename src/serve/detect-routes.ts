// What is asked about pictures of many items over HTTP: which items they show, and where. Not here: finding them (detector-worker.ts), so that
// an app on an edge runtime has no engine. Invariant: whatever is sent, the answer is a list for each picture or an error with a code.
import type { Hono } from 'hono';
import { requestError } from './answer-error.ts';
import { readBody } from './request-body.ts';
import {
  checkCount,
  formFiles,
  notPicture,
  type PictureFile,
  pictureBodyTypes,
  type RequestLimits,
  requirePicture,
  typeOf,
} from './request-images.ts';

/** An item that a picture shows. */
export interface PictureItem {
  readonly class: string;
  /** From 0 to 1. */
  readonly score: number;
  /** In pixels of the picture, with fractions. */
  readonly box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** What a picture shows; not items alone, since others need its size. */
export interface PictureItems {
  readonly width: number;
  readonly height: number;
  readonly ground: 'light' | 'dark';
  /** The surest first; none where all that stands out is no item. */
  readonly items: readonly PictureItem[];
}

export interface FindRequest {
  /** What messages call the picture. */
  readonly name: string;
  readonly maximumPixels: number;
  /** Items of a lower score are left out. */
  readonly threshold?: number;
}

/** A detector that answers. */
export interface DetectorService {
  /**
   * Finds items in a PNG, JPEG or WebP file.
   *
   * @throws SelvedgeError `image/…`, of them `image/blank` if nothing stands out from the ground; `serve/…`
   */
  find(bytes: Uint8Array, request: FindRequest): Promise<PictureItems>;
}

export const detectPath = '/detect';
const FORM = 'multipart/form-data';
/** Content types that are taken. */
export const detectTypes: readonly string[] = [...pictureBodyTypes, FORM];

/** Adds `POST /detect`. */
export function addDetectRoute(app: Hono, detector: DetectorService, limits: RequestLimits): void {
  app.post(detectPath, async (context) => {
    const threshold = thresholdOf(context.req.query('threshold'));
    const images: object[] = [];
    let left = limits.maximumPixels;
    for (const { bytes, name, file } of await readFiles(context.req.raw, limits)) {
      const found = await detector.find(bytes, { name, maximumPixels: left, ...(threshold && { threshold }) });
      left -= found.width * found.height;
      images.push({ ...(file === undefined ? {} : { file }), ...found });
    }
    return context.json({ images });
  });
}

function thresholdOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const threshold = Number(text);
  if (/^[\d.]+$/.test(text) && threshold > 0 && threshold < 1) return threshold;
  throw requestError(
    'request/query',
    `Cannot find items: expected a threshold above 0 and below 1, got "${text.slice(0, 20)}"`,
  );
}

async function readFiles(request: Request, limits: RequestLimits): Promise<PictureFile[]> {
  const contentType = request.headers.get('content-type') ?? '';
  const type = typeOf(contentType);
  if (!detectTypes.includes(type)) throw notPicture('the body', type === '' ? 'none' : `"${type}"`, detectTypes);
  const bytes = await readBody(request, limits.maximumBodyBytes, 'Cannot find items: expected a picture');
  if (type !== FORM) return [requirePicture({ bytes, name: 'the body' }, type, detectTypes)];
  const files = formFiles(bytes, contentType);
  checkCount(files.length, limits.maximumImages);
  return files.map(({ bytes: content, file, type: own }) =>
    requirePicture({ bytes: content, name: file, file }, own, detectTypes),
  );
}
