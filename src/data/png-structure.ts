// What a PNG file says of itself before anything is decoded. Not here: pixels. Source: PNG specification (third edition).
// Invariant: reading it takes memory and time in proportion to the file, not to what the file claims.
import { Inflate } from 'pako';
import { concatenate } from '../core/concatenate.ts';
import type { ImageSize, ImageStructure, Refusal, StructureRules } from './image-structure.ts';

const SIGNATURE_BYTES = 8;
const IHDR = 0x49484452;
const PLTE = 0x504c5445;
const TRNS = 0x74524e53;
const IDAT = 0x49444154;
const IEND = 0x49454e44;
const neededChunks: readonly number[] = [IHDR, PLTE, TRNS, IDAT, IEND];

/** Walks the chunks up to the end chunk: section 5. */
export function readPng(bytes: Uint8Array, { refuse }: StructureRules): ImageStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, SIGNATURE_BYTES)];
  const compressed: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let at = SIGNATURE_BYTES;
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
      const checkWork: ImageStructure['checkWork'] = (inflatesWithin) => {
        const content = concatenate(compressed);
        const most = inflatedBytes(header!, refuse) + INFLATION_SLACK;
        if (!inflatesWithin?.(content.subarray(ZLIB_HEADER_BYTES), most)) checkInflation(header!, content, refuse);
      };
      return { format: 'png', width, height, bytes: concatenate(kept), isEnded: true, checkWork };
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
/** Origin and step of the passes of Adam7, across and down. Source: section 8. */
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
