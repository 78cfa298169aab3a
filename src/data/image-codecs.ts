// PNG and JPEG files to RGBA pixels, by WebAssembly codecs that run on every runtime. Not here: what the pixels show (image.ts).
// Invariant: size and completeness are read from the file's structure first, so that a hostile header claims no memory and half
// an image is never answered as a whole one.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { compileEngineFile } from '../platform/index.ts';

/** Pixels as RGBA, 8 bits a channel, alpha not multiplied in, row by row from the top. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

type Fail = (
  what: 'unknown-format' | 'bad-size' | 'too-large' | 'truncated' | 'corrupt',
  detail: string,
) => SelvedgeError;

/** 200 MB of RGBA. */
const MAXIMUM_PIXELS = 50_000_000;

/**
 * Decodes a PNG or JPEG file. A JPEG is turned as its EXIF orientation says.
 *
 * @param bytes The whole file
 * @param options `name`: the file's name for error messages
 * @returns Its pixels
 * @throws SelvedgeError `image/unknown-format`, `image/bad-size`, `image/too-large`, `image/truncated` or `image/corrupt`
 * @example
 * ```ts
 * import { decodeImage } from 'selvedge';
 * await decodeImage(Uint8Array.of(1, 2, 3), { name: 'a.png' }).catch((error) => {
 *   console.assert(error.code === 'image/unknown-format');
 * });
 * ```
 */
export async function decodeImage(bytes: Uint8Array, options: { readonly name: string }): Promise<RawImage> {
  const fail: Fail = (what, detail) =>
    new SelvedgeError(`image/${what}`, `Cannot read the image "${options.name}": ${detail}`);
  const format = formatOf(bytes);
  if (format === undefined) {
    throw fail('unknown-format', `expected a PNG or JPEG file, got ${bytes.length} bytes of something else`);
  }
  const { width, height } = format === 'png' ? checkPng(bytes, fail) : checkJpeg(bytes, fail);
  if (width === 0 || height === 0) {
    throw fail('bad-size', `expected at least 1 x 1 pixels, got ${width} x ${height}`);
  }
  if (width * height > MAXIMUM_PIXELS) {
    throw fail('too-large', `expected at most ${MAXIMUM_PIXELS / 1e6} million pixels, got ${width} x ${height}`);
  }
  try {
    return await (format === 'png' ? decodePng(bytes) : decodeJpeg(bytes));
  } catch (cause) {
    const error = fail('corrupt', `its ${format.toUpperCase()} data cannot be decoded (${messageOf(cause)})`);
    throw Object.assign(error, { cause });
  }
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function formatOf(bytes: Uint8Array): 'png' | 'jpeg' | undefined {
  if (PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)) return 'png';
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? 'jpeg' : undefined;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Walks the chunks up to the end chunk. Source: PNG specification (third edition), section 5. */
function checkPng(bytes: Uint8Array, fail: Fail): Size {
  const view = viewOf(bytes);
  const header = 0x49484452; // IHDR
  const end = 0x49454e44; // IEND
  let size: Size | undefined;
  let at = 8;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (size === undefined) {
      if (type !== header || length !== 13) throw fail('corrupt', 'expected the PNG to begin with its header chunk');
      if (at + 12 + length > bytes.length) break;
      size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    }
    if (type === end) return size;
    at += 12 + length;
  }
  throw fail('truncated', `expected a PNG up to its end chunk, got only ${bytes.length} bytes`);
}

/** Reads the frame header and looks for the end marker after the first scan. Source: ITU-T T.81, annex B. */
function checkJpeg(bytes: Uint8Array, fail: Fail): Size {
  const view = viewOf(bytes);
  let size: Size | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw fail('corrupt', `expected a JPEG marker at byte ${at}, got ${bytes[at]}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isFrameHeader(marker) && at + 9 <= bytes.length) {
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
    if (marker !== 0xda) continue;
    if (size === undefined) throw fail('corrupt', 'expected a JPEG frame header before the first scan');
    if (hasEndMarker(bytes, at)) return size;
    break;
  }
  throw fail('truncated', `expected a JPEG up to its end marker, got only ${bytes.length} bytes`);
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function hasEndMarker(bytes: Uint8Array, from: number): boolean {
  for (let i = bytes.length - 2; i >= from; i--) if (bytes[i] === 0xff && bytes[i + 1] === 0xd9) return true;
  return false;
}

let pngCodec: Promise<typeof import('@jsquash/png/decode.js')> | undefined;

async function loadPngCodec(): Promise<typeof import('@jsquash/png/decode.js')> {
  const codec = await import('@jsquash/png/decode.js');
  await codec.init(await compileEngineFile('png.wasm'));
  return codec;
}

async function decodePng(bytes: Uint8Array): Promise<RawImage> {
  pngCodec ??= loadPngCodec();
  return (await pngCodec).decode(ownBuffer(bytes));
}

let jpegCodec: Promise<typeof import('@jsquash/jpeg/decode.js')> | undefined;
/** What the JPEG codec complained of last; it throws a bare number. */
let jpegComplaint = '';

async function loadJpegCodec(): Promise<typeof import('@jsquash/jpeg/decode.js')> {
  const codec = await import('@jsquash/jpeg/decode.js');
  const module = await compileEngineFile('jpeg.wasm');
  await codec.init({
    noInitialRun: true,
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
    printErr: (text: string) => {
      jpegComplaint ||= text;
    },
  });
  return codec;
}

async function decodeJpeg(bytes: Uint8Array): Promise<RawImage> {
  jpegCodec ??= loadJpegCodec();
  const codec = await jpegCodec;
  jpegComplaint = '';
  try {
    return await codec.default(ownBuffer(bytes), { preserveOrientation: true });
  } catch (cause) {
    throw new Error(jpegComplaint || messageOf(cause), { cause });
  }
}

/** The codecs take whole buffers, and the bytes may be a part of one. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
