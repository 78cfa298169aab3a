// What a JPEG file says of itself before anything is decoded. Not here: pixels. Source: ITU-T T.81, annex B.
// Invariant: reading it takes memory and time in proportion to the file, not to what the file claims.
import type { ImageStructure, Refusal, StructureRules } from './image-structure.ts';

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** A decoder goes over the whole image once a scan. Progressive files have about ten; smaller images may have more. */
const SCANS_OF_LARGEST = 12;
/** Pixels of inks are decoded in JavaScript: 49 million of them took 29 s, as many of RGB 4 s. */
const INK_COST = 4;

/** Reads the frame header and walks the scans, up to the end marker or, where that is missing, to the end of the file. */
export function readJpeg(bytes: Uint8Array, { refuse, maximumPixels }: StructureRules): ImageStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Frame | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw refuse('corrupt', `expected a JPEG marker at byte ${at}, got ${bytes[at]}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (isFrameHeader(marker) && at + 10 <= bytes.length) {
      frame = readFrame(bytes.subarray(at, at + 2 + length), marker, refuse);
    }
    if (marker !== START_OF_SCAN) {
      at += 2 + length;
      continue;
    }
    if (frame === undefined) throw refuse('corrupt', 'expected a JPEG frame header before the first scan');
    const { width, height } = frame;
    const isInk = frame.components.size === 4;
    const cost = isInk ? INK_COST : 1;
    if (isInk && width * height * cost > maximumPixels) {
      const millions = maximumPixels / cost / 1e6;
      throw refuse('too-large', `expected at most ${millions} million pixels of inks, got ${width} x ${height}`);
    }
    const { scans, end } = walkScans(bytes, at, frame);
    const isEnded = end !== undefined;
    if (!isEnded && !isComplete(frame)) break;
    const checkWork = (): void => {
      if (width * height * scans * cost <= SCANS_OF_LARGEST * maximumPixels) return;
      throw refuse('too-costly', `expected fewer passes over ${width} x ${height} pixels, got ${scans} scans`);
    };
    const whole = isEnded ? bytes.subarray(0, end) : withEnd(bytes);
    return { format: 'jpeg', width, height, bytes: whole, isEnded, isInk, checkWork };
  }
  throw refuse('truncated', `expected a JPEG up to its end marker, got only ${bytes.length} bytes`);
}

interface Frame {
  readonly width: number;
  readonly height: number;
  /** By its identifier, of each coefficient of a component how many of its lowest bits no scan has brought yet. */
  readonly components: ReadonlyMap<number, Uint8Array>;
}

/** Coefficients of a block. */
const COEFFICIENTS = 64;
const NOT_YET = 255;

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Processes that decoders of today do not have, by the code of their frame header. */
function unreadProcess(marker: number, precision: number): string | undefined {
  if (marker === 0xc3) return 'lossless';
  if (marker >= 0xc5 && marker <= 0xc7) return 'hierarchical';
  if (marker > 0xc8) return 'arithmetically coded';
  return precision === 12 || precision === 16 ? `${precision}-bit` : undefined;
}

function readFrame(header: Uint8Array, marker: number, refuse: Refusal): Frame {
  const at = (i: number): number => header[i] ?? 0;
  const process = unreadProcess(marker, at(4));
  if (process) {
    throw refuse('unknown-format', `expected a baseline or progressive JPEG of 8 bits, got a JPEG that is ${process}`);
  }
  const components = new Map<number, Uint8Array>();
  for (let i = 0; i < at(9); i++) components.set(at(10 + 3 * i), new Uint8Array(COEFFICIENTS).fill(NOT_YET));
  return { height: at(5) * 256 + at(6), width: at(7) * 256 + at(8), components };
}

/** Counts scans, notes what they bring, and finds the byte after the end marker; no end if there is no such marker. */
function walkScans(bytes: Uint8Array, first: number, frame: Frame): { scans: number; end: number | undefined } {
  let scans = 0;
  for (let at = first; at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1]!;
    if (marker === END_OF_IMAGE) return { scans, end: at + 2 };
    const isData = marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd7);
    if (isData) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const next = at + 2 + Math.max(2, (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0));
    if (marker === START_OF_SCAN) {
      scans += 1;
      if (next < bytes.length) noteScan(bytes.subarray(at + 4, next), frame);
    }
    at = next;
  }
  return { scans, end: undefined };
}

/** A scan header's components, the first and last of its coefficients, and the bit that it goes down to. */
function noteScan(header: Uint8Array, { components }: Frame): void {
  const count = header[0] ?? 0;
  const [first = 0, last = 0, bits = 0] = header.subarray(1 + 2 * count);
  for (let i = 0; i < count; i++) components.get(header[1 + 2 * i]!)?.fill(bits & 15, first, last + 1);
}

/** Whether every bit of every coefficient has had its scan: else what is missing may be whole scans. */
function isComplete({ components }: Frame): boolean {
  return [...components.values()].every((coefficients) => coefficients.every((bits) => bits === 0));
}

/** With the end marker that is missing, or half missing. */
function withEnd(bytes: Uint8Array): Uint8Array {
  const end = bytes.at(-1) === 0xff ? bytes.length - 1 : bytes.length;
  const whole = new Uint8Array(end + 2);
  whole.set(bytes.subarray(0, end));
  whole.set([0xff, END_OF_IMAGE], end);
  return whole;
}
