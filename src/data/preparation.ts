// How pictures become images of a data set: of which size, grey or in colour, the object in them or the whole. Plain values that cross
// threads and stand in files. Not here: decoding (image-decoder.ts), where the object is (find-object.ts).
// Invariant: the same bits on every engine; a picture of the right size, taken whole, keeps every level that it has.
import { SelvedgeError } from '../core/errors.ts';
import { averageAreas, type ReadLevels } from './average-areas.ts';
import { lumaOf } from './find-object.ts';
import type { PixelBox } from './ground.ts';
import type { RawImage } from './image-decoder.ts';
import { centred, prepareImage, USUAL_SIDE } from './prepare-image.ts';

/** What becomes of a picture. */
export interface Preparation {
  /** Height and width of the images, 4 to 512. */
  readonly side: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /**
   * `object`: what stands out from its ground, light on dark and filling the longest side, as in Fashion-MNIST; grey only. `whole`: the picture as
   * it is, its longest side scaled to the image's, in the middle, black around it.
   */
  readonly fit: 'object' | 'whole';
}

/** As Fashion-MNIST has it. */
export const usualPreparation: Preparation = { side: USUAL_SIDE, channels: 1, fit: 'object' };

/** Limits of a side: below, pooling leaves no pixel; above, 60,000 images are more than a 32-bit memory holds. */
export const sideLimits = { minimum: 4, maximum: 512 } as const;

/**
 * Refuses a preparation that makes no sense. By hand, since workers on the edge carry this file.
 *
 * @param value What a file or a caller gave
 * @returns The same, typed
 * @throws SelvedgeError `preparation/bad`
 * @example
 * ```ts
 * import { checkPreparation } from 'selvedge';
 * console.assert(checkPreparation({ side: 32, channels: 3, fit: 'whole' }).channels === 3);
 * ```
 */
export function checkPreparation(value: unknown): Preparation {
  if (typeof value !== 'object' || value === null) throw bad(`expected an object, got ${JSON.stringify(value)}`);
  const { side, channels, fit, ...rest } = value as Record<string, unknown>;
  const { minimum, maximum } = sideLimits;
  if (!Number.isInteger(side) || (side as number) < minimum || (side as number) > maximum)
    throw bad(`side: expected a whole number from ${minimum} to ${maximum}, got ${JSON.stringify(side)}`);
  if (channels !== 1 && channels !== 3) throw bad(`channels: expected 1 or 3, got ${JSON.stringify(channels)}`);
  if (fit !== 'object' && fit !== 'whole') throw bad(`fit: expected object or whole, got ${JSON.stringify(fit)}`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw bad(`${unknown}: expected side, channels and fit alone`);
  if (channels === 3 && fit === 'object') throw bad('an object is shown in grey: expected fit "whole" for colour');
  return { side: side as number, channels, fit };
}

/**
 * How pictures become images that a network takes: as it was trained, or, where that is not known, as images of its shape usually are.
 *
 * @param inputShape Height, width, channels
 * @param settings What the model says of its training
 * @returns Undefined where no picture does: images that are not square, or of other channels
 * @throws SelvedgeError `preparation/bad` where the settings do not fit the shape
 * @example
 * ```ts
 * import { preparationOf } from 'selvedge';
 * console.assert(preparationOf([28, 28, 1])?.fit === 'object' && preparationOf([8, 20, 1]) === undefined);
 * ```
 */
export function preparationOf(
  inputShape: readonly number[],
  settings: { readonly preparation?: unknown } = {},
): Preparation | undefined {
  const [height = 0, width = 0, channels = 0] = inputShape;
  if (settings.preparation !== undefined) {
    const preparation = checkPreparation(settings.preparation);
    if (preparation.side === height && height === width && preparation.channels === channels) return preparation;
    throw bad(`expected images of ${inputShape.join('x')}, got ${JSON.stringify(preparation)}`);
  }
  const { minimum, maximum } = sideLimits;
  if (height !== width || height < minimum || height > maximum) return undefined;
  if (channels === 3) return { side: height, channels, fit: 'whole' };
  return channels === 1 ? { side: height, channels, fit: 'object' } : undefined;
}

const bad = (detail: string): SelvedgeError =>
  new SelvedgeError('preparation/bad', `Cannot prepare pictures so: ${detail}`);

/** An image, and where in the picture it is from. */
export interface PreparedPicture {
  /** `[side, side, channels]` levels. */
  readonly pixels: Uint8Array;
  readonly box: PixelBox;
  /** Of an object. */
  readonly ground?: 'light' | 'dark';
}

/**
 * Brings a picture into the form that a network takes.
 *
 * @param image RGBA pixels, at least 1 x 1
 * @param options The preparation, and `name` for error messages
 * @returns Its image
 * @throws SelvedgeError `image/blank` if an object is asked for and nothing stands out from the ground
 * @example
 * ```ts
 * import { preparePicture } from 'selvedge';
 * const data = Uint8Array.of(255, 0, 0, 255, 0, 0, 255, 255);
 * const preparation = { side: 4, channels: 3, fit: 'whole' } as const;
 * const { pixels } = preparePicture({ width: 2, height: 1, data }, { name: 'red and blue', preparation });
 * console.assert(pixels.length === 48 && pixels[12] === 255 && pixels[0] === 0);
 * ```
 */
export function preparePicture(
  image: RawImage,
  { name, preparation }: { readonly name: string; readonly preparation: Preparation },
): PreparedPicture {
  const { side, channels, fit } = preparation;
  if (fit === 'object') return prepareImage(image, { name, side });
  const { width, height } = image;
  const box: PixelBox = { left: 0, top: 0, width, height };
  const planes =
    channels === 1 ? [planeOf(image, side, readLuma)] : [0, 1, 2].map((at) => planeOf(image, side, readChannel(at)));
  return { pixels: channels === 1 ? planes[0]! : interleaved(planes), box };
}

/** Writes the levels of a row; what is transparent is black. */
type ReadRow = (data: RawImage['data'], at: number, into: Float64Array) => void;

const readLuma: ReadRow = (data, at, into) => {
  for (let i = 0; i < into.length; i++, at += 4) {
    into[i] = (lumaOf(data[at]!, data[at + 1]!, data[at + 2]!) * data[at + 3]!) / 255;
  }
};

const readChannel =
  (channel: number): ReadRow =>
  (data, at, into) => {
    for (let i = 0; i < into.length; i++, at += 4) into[i] = (data[at + channel]! * data[at + 3]!) / 255;
  };

/** One channel, scaled and centred. */
function planeOf({ width, height, data }: RawImage, side: number, readRow: ReadRow): Uint8Array {
  const reduction = Math.max(width, height) / side;
  const to = { width: Math.max(1, Math.round(width / reduction)), height: Math.max(1, Math.round(height / reduction)) };
  const read: ReadLevels = (y, left, into) => readRow(data, (y * width + left) * 4, into);
  const levels = averageAreas(read, { left: 0, top: 0, width, height }, to.width, to.height);
  return centred(levels, { ...to, side });
}

function interleaved(planes: readonly Uint8Array[]): Uint8Array {
  const pixels = new Uint8Array(planes.length * planes[0]!.length);
  planes.forEach((plane, channel) => {
    for (let i = 0; i < plane.length; i++) pixels[i * planes.length + channel] = plane[i]!;
  });
  return pixels;
}
