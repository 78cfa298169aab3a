// Writes 8-bit PNG files in grey or RGB, for the small pictures inside figures. Not a general encoder.
// Invariant: the same pixels give the same bytes on every engine, so deflate blocks are stored, not compressed: a 28x28 picture
// takes 900 bytes instead of about 500.
import { crc32 } from '../core/crc32.ts';
import { SelvedgeError } from '../core/errors.ts';

/** A grey picture, row by row; 0 is black, 255 white. With three channels, red, green and blue of each pixel. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  /** Default: 1. */
  readonly channels?: number;
  readonly pixels: ArrayLike<number>;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Bytes that one stored deflate block can hold: RFC 1951, 3.2.4. */
const STORED_LIMIT = 65_535;

const bigEndian32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

/** Adler-32 of zlib, RFC 1950. */
function adler32(bytes: readonly number[]): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return ((high << 16) | low) >>> 0;
}

function chunk(type: string, data: readonly number[]): number[] {
  const typed = [...[...type].map((letter) => letter.charCodeAt(0)), ...data];
  return [...bigEndian32(data.length), ...typed, ...bigEndian32(crc32(typed))];
}

/** A zlib stream of stored blocks. */
function zlibStored(bytes: readonly number[]): number[] {
  // 0x78 0x01: window of 32 KB, no dictionary, fastest level; the pair is a multiple of 31.
  const stream = [0x78, 0x01];
  for (let start = 0; start < bytes.length; start += STORED_LIMIT) {
    const block = bytes.slice(start, start + STORED_LIMIT);
    const isLast = start + STORED_LIMIT >= bytes.length;
    const { length } = block;
    stream.push(isLast ? 1 : 0, length & 255, length >>> 8, ~length & 255, (~length >>> 8) & 255);
    for (const byte of block) stream.push(byte);
  }
  return [...stream, ...bigEndian32(adler32(bytes))];
}

/**
 * Encodes a small picture as a PNG file.
 *
 * @param image Sides from 1 to 1024; values are rounded and clipped to 0 to 255
 * @throws {SelvedgeError} `png/shape` where sides and pixels do not fit
 * @see https://www.w3.org/TR/png-3/
 * @example
 * ```ts
 * import { encodeGrayPng } from 'selvedge';
 * const file = encodeGrayPng({ width: 2, height: 1, pixels: [0, 255] });
 * console.assert(file[1] === 0x50);
 * ```
 */
export function encodeGrayPng({ width, height, channels = 1, pixels }: GrayImage): Uint8Array {
  const isSide = (side: number): boolean => Number.isInteger(side) && side >= 1 && side <= 1024;
  const isWhole = pixels.length === width * height * channels && (channels === 1 || channels === 3);
  if (!isSide(width) || !isSide(height) || !isWhole) {
    throw new SelvedgeError(
      'png/shape',
      `Cannot encode the picture: expected ${width}x${height} pixels, of one or three levels, with sides from 1 to 1024, got ${pixels.length}`,
    );
  }
  const scanlines: number[] = [];
  for (let y = 0; y < height; y++) {
    scanlines.push(0); // filter "none"
    for (let i = y * width * channels; i < (y + 1) * width * channels; i++) {
      scanlines.push(Math.min(255, Math.max(0, Math.round(pixels[i]!))));
    }
  }
  // 8 bits, grey or RGB, deflate, adaptive filtering, not interlaced.
  const header = [...bigEndian32(width), ...bigEndian32(height), 8, channels === 3 ? 2 : 0, 0, 0, 0];
  const chunks = [chunk('IHDR', header), chunk('IDAT', zlibStored(scanlines)), chunk('IEND', [])];
  return Uint8Array.from([...SIGNATURE, ...chunks.flat()]);
}

/** A small picture as the address of an image that needs no request. */
export function pngDataUri(image: GrayImage): string {
  const binary = Array.from(encodeGrayPng(image), (byte) => String.fromCharCode(byte)).join('');
  return `data:image/png;base64,${btoa(binary)}`;
}
