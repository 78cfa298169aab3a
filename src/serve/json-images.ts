// Images as JSON: their levels in one row, as 784 of them, or in rows, as 28 of 28, of colours each pixel an array of three; alone or in an array.
// Not here: reading the request. Invariant: what the numbers are is told by the lengths of the arrays; whatever is neither is an error, not a guess.
import { messageOf } from '../core/errors.ts';
import { requestError } from './answer-error.ts';

type Shape = readonly [height: number, width: number, channels: number];

/**
 * Reads images from JSON text.
 *
 * @param bytes UTF-8
 * @param maximumImages The most there may be
 * @param shape Of an image
 * @returns `[count, height, width, channels]` levels
 * @throws SelvedgeError `request/json`, `request/length`, `request/pixels` or `request/too-many-images`
 */
export function readJsonImages(bytes: Uint8Array, maximumImages: number, shape: Shape): Uint8Array {
  const value = parse(bytes);
  if (!Array.isArray(value)) throw wrongForm(typeof value === 'object' ? 'an object' : typeof value, shape);
  const images = isImage(value, shape) ? [value] : value;
  if (images.length === 0) throw wrongForm('an empty array', shape);
  if (images.length > maximumImages) {
    throw requestError(
      'request/too-many-images',
      `Cannot take the images: expected at most ${maximumImages}, got ${images.length}`,
    );
  }
  const size = sizeOf(shape);
  const pixels = new Uint8Array(images.length * size);
  images.forEach((image: unknown, i) => {
    writeImage(image, i, pixels.subarray(i * size, (i + 1) * size), shape);
  });
  return pixels;
}

const sizeOf = ([height, width, channels]: Shape): number => height * width * channels;

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw requestError('request/json', `Cannot read the body as JSON: ${messageOf(cause)}`, cause);
  }
}

const wrongForm = (got: string, shape: Shape): Error => {
  const [height, width, channels] = shape;
  const pixel = channels === 1 ? '' : `, each pixel an array of ${channels}`;
  return requestError(
    'request/length',
    `Cannot read the images: expected ${sizeOf(shape)} numbers, ${height} arrays of ${width}${pixel}, or an array of such images, got ${got}`,
  );
};

/** A row of an image in rows: numbers, or of colours arrays of them. */
function isRow(value: unknown, [, width, channels]: Shape): boolean {
  if (!Array.isArray(value) || value.length !== width) return false;
  if (channels === 1) return !Array.isArray(value[0]);
  return value.every((pixel) => Array.isArray(pixel) && pixel.length === channels);
}

const isInRows = (value: readonly unknown[], shape: Shape): boolean =>
  value.length === shape[0] && value.every((row) => isRow(row, shape));

/** One image, and not an array of them. */
function isImage(value: readonly unknown[], shape: Shape): boolean {
  return (value.length > 0 && !Array.isArray(value[0])) || isInRows(value, shape);
}

function writeImage(image: unknown, index: number, into: Uint8Array, shape: Shape): void {
  const levels: unknown = Array.isArray(image) && isInRows(image, shape) ? image.flat(2) : image;
  if (!Array.isArray(levels) || levels.length !== into.length) {
    throw wrongForm(
      Array.isArray(levels) ? `${levels.length} elements in image ${index}` : `${typeof image} ${index}`,
      shape,
    );
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
