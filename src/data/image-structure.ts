// What pictures' files say of themselves before anything is decoded: kind, size, completeness, and how much work they ask for.
// Not here: pixels, and what is of one format. Invariant: reading it takes memory and time in proportion to the file, not to its claims.
import { SelvedgeError } from '../core/errors.ts';
import { readJpeg } from './jpeg-structure.ts';
import { pictureFormatNames, pictureFormatOf } from './picture-format.ts';
import { readPng } from './png-structure.ts';
import { readWebp } from './webp-structure.ts';

type Flaw = 'unknown-format' | 'bad-size' | 'too-large' | 'too-costly' | 'truncated' | 'corrupt';

/** Makes the error that refuses an image. */
export type Refusal = (what: Flaw, detail: string) => SelvedgeError;

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A whole file of acceptable size; `checkWork` must pass before it is decoded. */
export interface ImageStructure extends ImageSize {
  readonly format: ReadFormat;
  /** The file without what no decoder of pixels needs: of a PNG, without text, profiles and animation. */
  readonly bytes: Uint8Array;
  /** Whether the file has its end, which tells that nothing of its data is missing; else the decoder must tell. */
  readonly isEnded: boolean;
  /** Of a JPEG, whether its four components are those of ink. */
  readonly isInk?: boolean;
  /** Throws where decoding would cost far more than an honest file of this size. */
  checkWork(inflatesWithin?: InflationCheck): void;
}

/** Tells of raw deflate data, faster than we can, that it is whole and inflates to `most` bytes at most; false says nothing. */
export type InflationCheck = (bytes: Uint8Array, most: number) => boolean;

/** Formats that there are decoders of. */
export const readFormats = ['png', 'jpeg', 'webp'] as const;
export type ReadFormat = (typeof readFormats)[number];

export interface StructureRules {
  readonly refuse: Refusal;
  readonly maximumPixels: number;
}

const readers = { png: readPng, jpeg: readJpeg, webp: readWebp } as const;

/** Formats as in "PNG, JPEG or WebP". */
export function namesOf(formats: readonly ReadFormat[]): string {
  const names = formats.map((format) => pictureFormatNames[format]);
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/**
 * Reads the structure of a picture's file.
 *
 * @param bytes The whole file
 * @param options.name The file's name for error messages
 * @param options.maximumPixels The most that width x height may be
 * @param options.formats Formats that there are codecs for
 * @throws SelvedgeError `image/unknown-format`, `image/bad-size`, `image/too-large`, `image/truncated` or `image/corrupt`
 */
export function readImageStructure(
  bytes: Uint8Array,
  options: { readonly name: string; readonly maximumPixels: number; readonly formats: readonly ReadFormat[] },
): ImageStructure {
  const { maximumPixels } = options;
  const refuse = refusalOf(options.name);
  const format = pictureFormatOf(bytes);
  const read = options.formats.find((one) => one === format);
  if (read === undefined) {
    const got = format === undefined ? `${bytes.length} bytes of something else` : `${pictureFormatNames[format]}`;
    throw refuse('unknown-format', `expected a ${namesOf(options.formats)} file, got ${got}`);
  }
  const structure = readers[read](bytes, { refuse, maximumPixels });
  const { width, height } = structure;
  if (width === 0 || height === 0) {
    throw refuse('bad-size', `expected at least 1 x 1 pixels, got ${width} x ${height}`);
  }
  if (Math.max(width, height) > MAXIMUM_SIDE) {
    throw refuse('too-large', `expected sides of at most ${MAXIMUM_SIDE} pixels, got ${width} x ${height}`);
  }
  if (width * height > maximumPixels) {
    throw refuse('too-large', `expected at most ${maximumPixels / 1e6} million pixels, got ${width} x ${height}`);
  }
  return structure;
}

/** The longest side of a JPEG; a PNG of 2 billion pixels in one row would make a border of as many. */
const MAXIMUM_SIDE = 65_535;

/** Errors about the image of a name. */
export function refusalOf(name: string): Refusal {
  return (what, detail) => new SelvedgeError(`image/${what}`, `Cannot read the image "${name}": ${detail}`);
}
