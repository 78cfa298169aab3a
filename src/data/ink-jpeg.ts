// JPEG files of four components, for print: CMYK and YCCK, by jpeg-js, since libjpeg gives no RGB of them. Not here: all other JPEGs.
// Invariant: as browsers do, inks are taken to be stored inverted, as Adobe stores them, and no profile is asked: RGB = CMY * K / 255.
/// <reference path="./jpeg-js-decoder.d.ts" />
import type { RawImage } from './image-decoder.ts';

/** The most pixels of inks that are read take 700; jpeg-js's own limit is 512. */
const MOST_MEGABYTES = 1024;

/**
 * Decodes a JPEG of four components, and turns it as its EXIF orientation says.
 *
 * @param bytes The whole file
 * @returns Its pixels; what it throws says why in words
 */
export async function decodeInkJpeg(bytes: Uint8Array): Promise<RawImage> {
  const { default: decode } = await import('jpeg-js/lib/decoder.js');
  const image: RawImage & { readonly exifBuffer?: Uint8Array } = decode(withAdobeMarker(bytes), {
    useTArray: true,
    tolerantDecoding: false,
    maxMemoryUsageInMB: MOST_MEGABYTES,
  });
  return turned(image, orientationOf(image.exifBuffer ?? new Uint8Array(0)));
}

const APP14 = 0xee;
const START_OF_SCAN = 0xda;
/** Adobe's marker of a file whose components are not transformed. */
const ADOBE = [0xff, APP14, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];

/** With the marker that jpeg-js asks for; most programs that write none store inks as Adobe does. */
function withAdobeMarker(bytes: Uint8Array): Uint8Array {
  for (let at = 2; at + 4 < bytes.length && bytes[at + 1] !== START_OF_SCAN; ) {
    if (bytes[at + 1] === APP14 && bytes[at + 4] === ADOBE[4]) return bytes;
    at += bytes[at + 1] === 0xff ? 1 : 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
  }
  const marked = new Uint8Array(bytes.length + ADOBE.length);
  marked.set(bytes.subarray(0, 2));
  marked.set(ADOBE, 2);
  marked.set(bytes.subarray(2), 2 + ADOBE.length);
  return marked;
}

const ORIENTATION = 0x0112;

/** 1 to 8 of the first directory; 1, upright, where none is said. Source: EXIF 2.32, section 4.6.4. */
function orientationOf(exif: Uint8Array): number {
  // A TIFF file, after the last byte of the marker's name.
  const start = 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (view.byteLength < start + 8) return 1;
  const isLittle = view.getUint8(start) === 0x49;
  const directory = start + view.getUint32(start + 4, isLittle);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, isLittle);
  for (let at = directory + 2; at < directory + 2 + 12 * entries && at + 12 <= view.byteLength; at += 12) {
    if (view.getUint16(at, isLittle) === ORIENTATION) return view.getUint16(at + 8, isLittle);
  }
  return 1;
}

/** The picture upright: 2 to 4 are mirrored or upside down, from 5 on rows were columns. */
function turned(image: RawImage, orientation: number): RawImage {
  if (orientation < 2 || orientation > 8) return image;
  const isAcross = orientation >= 5;
  const [width, height] = isAcross ? [image.height, image.width] : [image.width, image.height];
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const [from, to] = [pixelsOf(image.data), new Uint32Array(width * height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = isAcross ? [y, x] : [x, y];
      const stored = [
        fromRight ? image.width - 1 - column : column,
        fromBottom ? image.height - 1 - row : row,
      ] as const;
      to[y * width + x] = from[stored[1] * image.width + stored[0]]!;
    }
  }
  return { width, height, data: new Uint8Array(to.buffer) };
}

const pixelsOf = (data: RawImage['data']): Uint32Array => new Uint32Array(new Uint8Array(data).buffer);
