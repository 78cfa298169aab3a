// What PNG and JPEG files say of themselves before anything is decoded: kind, size, completeness, and how much work they ask for.
// Not here: pixels. Invariant: reading it takes memory and time in proportion to the file, not to what the file claims.
import { Inflate } from 'pako';
import { concatenate } from '../core/concatenate.ts';
import { SelvedgeError } from '../core/errors.ts';

type Flaw = 'unknown-format' | 'bad-size' | 'too-large' | 'too-costly' | 'truncated' | 'corrupt';

/** Makes the error that refuses an image. */
export type Refusal = (what: Flaw, detail: string) => SelvedgeError;

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A whole file of acceptable size; `checkWork` must pass before it is decoded. */
export interface ImageStructure extends ImageSize {
  readonly format: 'png' | 'jpeg';
  /** The file without what no decoder of pixels needs: of a PNG, without text, profiles and animation. */
  readonly bytes: Uint8Array;
  /** Throws where decoding would cost far more than an honest file of this size. */
  checkWork(): void;
}

/**
 * Reads the structure of a PNG or JPEG file.
 *
 * @param bytes The whole file
 * @param options.name The file's name for error messages
 * @param options.maximumPixels The most that width x height may be
 * @throws SelvedgeError `image/unknown-format`, `image/bad-size`, `image/too-large`, `image/truncated` or `image/corrupt`
 */
export function readImageStructure(
  bytes: Uint8Array,
  options: { readonly name: string; readonly maximumPixels: number },
): ImageStructure {
  const refuse = refusalOf(options.name);
  const format = formatOf(bytes);
  if (format === undefined) {
    throw refuse('unknown-format', `expected a PNG or JPEG file, got ${bytes.length} bytes of something else`);
  }
  const structure =
    format === 'png' ? readPng(bytes, refuse) : readJpeg(bytes, { refuse, maximumPixels: options.maximumPixels });
  const { width, height } = structure;
  if (width === 0 || height === 0) {
    throw refuse('bad-size', `expected at least 1 x 1 pixels, got ${width} x ${height}`);
  }
  if (Math.max(width, height) > MAXIMUM_SIDE) {
    throw refuse('too-large', `expected sides of at most ${MAXIMUM_SIDE} pixels, got ${width} x ${height}`);
  }
  if (width * height > options.maximumPixels) {
    const millions = options.maximumPixels / 1e6;
    throw refuse('too-large', `expected at most ${millions} million pixels, got ${width} x ${height}`);
  }
  return structure;
}

/** The longest side of a JPEG; a PNG of 2 billion pixels in one row would make a border of as many. */
const MAXIMUM_SIDE = 65_535;

/** Errors about the image of a name. */
export function refusalOf(name: string): Refusal {
  return (what, detail) => new SelvedgeError(`image/${what}`, `Cannot read the image "${name}": ${detail}`);
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The kind of file that bytes are the beginning of. */
export function formatOf(bytes: Uint8Array): 'png' | 'jpeg' | undefined {
  if (PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)) return 'png';
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? 'jpeg' : undefined;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const IHDR = 0x49484452;
const PLTE = 0x504c5445;
const TRNS = 0x74524e53;
const IDAT = 0x49444154;
const IEND = 0x49454e44;
const neededChunks: readonly number[] = [IHDR, PLTE, TRNS, IDAT, IEND];

/** Walks the chunks up to the end chunk. Source: PNG specification (third edition), section 5. */
function readPng(bytes: Uint8Array, refuse: Refusal): ImageStructure {
  const view = viewOf(bytes);
  const kept: Uint8Array[] = [bytes.subarray(0, PNG_SIGNATURE.length)];
  const compressed: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let at = PNG_SIGNATURE.length;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (header === undefined) {
      if (type !== IHDR || length !== 13) throw refuse('corrupt', 'expected the PNG to begin with its header chunk');
      if (at + 12 + length > bytes.length) break;
      header = readPngHeader(view, at + 8);
    }
    if (neededChunks.includes(type)) kept.push(bytes.subarray(at, at + 12 + length));
    if (type === IDAT) compressed.push(bytes.subarray(at + 8, Math.min(bytes.length, at + 8 + length)));
    if (type === IEND) {
      const { width, height } = header;
      const checkWork = (): void => checkInflation(header!, concatenate(compressed), refuse);
      return { format: 'png', width, height, bytes: concatenate(kept), checkWork };
    }
    at += 12 + length;
  }
  throw refuse('truncated', `expected a PNG up to its end chunk, got only ${bytes.length} bytes`);
}

interface PngHeader extends ImageSize {
  readonly bitDepth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

function readPngHeader(view: DataView, at: number): PngHeader {
  return {
    width: view.getUint32(at),
    height: view.getUint32(at + 4),
    bitDepth: view.getUint8(at + 8),
    colourType: view.getUint8(at + 9),
    isInterlaced: view.getUint8(at + 12) !== 0,
  };
}

/** Samples a pixel by colour type: grey, RGB, palette, grey and alpha, RGBA. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Origin and step of the passes of Adam7, across and down. Source: PNG specification, section 8. */
const adam7 = [
  [0, 8, 0, 8],
  [4, 8, 0, 8],
  [0, 4, 4, 8],
  [2, 4, 0, 4],
  [0, 2, 2, 4],
  [1, 2, 0, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of all rows with their filter bytes. */
function inflatedBytes({ width, height, bitDepth, colourType, isInterlaced }: PngHeader, refuse: Refusal): number {
  const samples = samplesOf[colourType];
  if (samples === undefined)
    throw refuse('corrupt', `expected a PNG colour type of 0, 2, 3, 4 or 6, got ${colourType}`);
  const rows = (across: number, down: number): number =>
    across === 0 ? 0 : down * (1 + Math.ceil((across * samples * bitDepth) / 8));
  if (!isInterlaced) return rows(width, height);
  return adam7.reduce((sum, [left, stepAcross, top, stepDown]) => {
    const across = Math.max(0, Math.ceil((width - left) / stepAcross));
    return sum + rows(across, Math.max(0, Math.ceil((height - top) / stepDown)));
  }, 0);
}

/** Some writers pad the last block; whoever inflates to more than this above the pixels means harm. */
const INFLATION_SLACK = 65_536;
/** A byte of deflate inflates to 1,032 at most, so that a step stays below a megabyte. */
const INFLATION_STEP = 1_000;
/** Of zlib, before its data: method, window and level, which the codec checks, as it does not the checksum at the end. */
const ZLIB_HEADER_BYTES = 2;
/** zlib's own number: all output that there is so far. */
const Z_SYNC_FLUSH = 2;

/** Inflates without keeping anything, to count: a codec would go on to the end of whatever follows the pixels. */
function checkInflation(header: PngHeader, compressed: Uint8Array, refuse: Refusal): void {
  const expected = inflatedBytes(header, refuse);
  let total = 0;
  const inflate = new Inflate({ raw: true });
  inflate.onData = (part) => {
    total += part.length;
  };
  for (
    let at = ZLIB_HEADER_BYTES;
    at < compressed.length && total <= expected + INFLATION_SLACK;
    at += INFLATION_STEP
  ) {
    inflate.push(compressed.subarray(at, at + INFLATION_STEP), Z_SYNC_FLUSH);
  }
  if (inflate.err !== 0) throw refuse('corrupt', `its PNG data cannot be inflated (${inflate.msg})`);
  if (total <= expected + INFLATION_SLACK) return;
  throw refuse(
    'too-costly',
    `expected ${header.width} x ${header.height} pixels to inflate to ${expected} bytes, got more than ${expected + INFLATION_SLACK}`,
  );
}

interface JpegRules {
  readonly refuse: Refusal;
  readonly maximumPixels: number;
}

/** Reads the frame header and walks the scans up to the end marker. Source: ITU-T T.81, annex B. */
function readJpeg(bytes: Uint8Array, { refuse, maximumPixels }: JpegRules): ImageStructure {
  const view = viewOf(bytes);
  let size: ImageSize | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw refuse('corrupt', `expected a JPEG marker at byte ${at}, got ${bytes[at]}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isFrameHeader(marker) && at + 9 <= bytes.length) {
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
    if (marker !== START_OF_SCAN) continue;
    if (size === undefined) throw refuse('corrupt', 'expected a JPEG frame header before the first scan');
    const scans = countScans(bytes, at);
    if (scans === undefined) break;
    const { width, height } = size;
    const checkWork = (): void => {
      if (width * height * scans <= SCANS_OF_LARGEST * maximumPixels) return;
      throw refuse('too-costly', `expected fewer passes over ${width} x ${height} pixels, got ${scans} scans`);
    };
    return { format: 'jpeg', width, height, bytes, checkWork };
  }
  throw refuse('truncated', `expected a JPEG up to its end marker, got only ${bytes.length} bytes`);
}

/** A decoder goes over the whole image once a scan. Progressive files have about ten; smaller images may have more. */
const SCANS_OF_LARGEST = 12;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

/** Scans from the data of the first one to the end marker; undefined if there is no such marker. */
function countScans(bytes: Uint8Array, from: number): number | undefined {
  let scans = 1;
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1]!;
    if (marker === END_OF_IMAGE) return scans;
    const isData = marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd7);
    if (marker === START_OF_SCAN) scans += 1;
    if (isData) at += marker === 0xff ? 1 : 2;
    else at += 2 + Math.max(2, (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0));
  }
  return undefined;
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
