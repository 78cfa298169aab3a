// Images as JSON: 784 levels or 28 rows of 28, alone or in an array. Not here: reading the request.
// Invariant: what the numbers are is told by the lengths of the arrays; whatever is neither is an error, not a guess.
import { messageOf } from '../core/errors.ts';
import { requestError } from './answer-error.ts';

const SIDE = 28;
const PIXELS = SIDE * SIDE;

/**
 * Reads images from JSON text.
 *
 * @param bytes UTF-8
 * @param maximumImages The most there may be
 * @returns `[count, 28, 28]` levels
 * @throws SelvedgeError `request/json`, `request/length`, `request/pixels` or `request/too-many-images`
 */
export function readJsonImages(bytes: Uint8Array, maximumImages: number): Uint8Array {
  const value = parse(bytes);
  if (!Array.isArray(value)) throw wrongForm(typeof value === 'object' ? 'an object' : typeof value);
  const images = isImage(value) ? [value] : value;
  if (images.length === 0) throw wrongForm('an empty array');
  if (images.length > maximumImages) {
    throw requestError(
      'request/too-many-images',
      `Cannot take the images: expected at most ${maximumImages}, got ${images.length}`,
    );
  }
  const pixels = new Uint8Array(images.length * PIXELS);
  images.forEach((image: unknown, i) => {
    writeImage(image, i, pixels.subarray(i * PIXELS, (i + 1) * PIXELS));
  });
  return pixels;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw requestError('request/json', `Cannot read the body as JSON: ${messageOf(cause)}`, cause);
  }
}

const wrongForm = (got: string): Error =>
  requestError(
    'request/length',
    `Cannot read the images: expected ${PIXELS} numbers, ${SIDE} arrays of ${SIDE}, or an array of such images, got ${got}`,
  );

const isRow = (value: unknown): boolean => Array.isArray(value) && value.length === SIDE && !Array.isArray(value[0]);

/** One image, and not an array of them. */
function isImage(value: readonly unknown[]): boolean {
  return (value.length > 0 && !Array.isArray(value[0])) || (value.length === SIDE && value.every(isRow));
}

function writeImage(image: unknown, index: number, into: Uint8Array): void {
  const rows = Array.isArray(image) && image.length === SIDE && image.every(isRow);
  const levels: unknown = rows ? image.flat() : image;
  if (!Array.isArray(levels) || levels.length !== PIXELS) {
    throw wrongForm(Array.isArray(levels) ? `${levels.length} elements in image ${index}` : `${typeof image} ${index}`);
  }
  levels.forEach((level: unknown, i) => {
    if (!Number.isInteger(level) || (level as number) < 0 || (level as number) > 255) {
      throw requestError(
        'request/pixels',
        `Cannot read image ${index}: expected whole numbers from 0 to 255, got ${shown(level)} as pixel ${i}`,
      );
    }
    into[i] = level as number;
  });
}

/** A value as it was sent, cut where it is long. */
function shown(value: unknown): string {
  const text = Array.isArray(value) ? 'an array' : (JSON.stringify(value) ?? String(value));
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
