// What kind of file bytes are, by how they begin. Not here: whether the rest is sound (image-structure.ts).
// Invariant: a name and a claimed type are never asked.

/** Formats that are told apart. Only PNG, JPEG and WebP are read. */
export type PictureFormat =
  | 'png'
  | 'jpeg'
  | 'webp'
  | 'gif'
  | 'avif'
  | 'heic'
  | 'bmp'
  | 'tiff'
  | 'jpeg-xl'
  | 'jpeg-2000'
  | 'icon'
  | 'photoshop'
  | 'svg'
  | 'pdf';

/** Formats as people call them. */
export const pictureFormatNames: Readonly<Record<PictureFormat, string>> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  gif: 'GIF',
  avif: 'AVIF',
  heic: 'HEIC',
  bmp: 'BMP',
  tiff: 'TIFF',
  'jpeg-xl': 'JPEG XL',
  'jpeg-2000': 'JPEG 2000',
  icon: 'icon',
  photoshop: 'Photoshop',
  svg: 'SVG',
  pdf: 'PDF',
};

/** Bytes as Latin-1 at a place in the file. */
const signatures: readonly (readonly [PictureFormat, at: number, begin: string])[] = [
  ['png', 0, '\x89PNG\r\n\x1a\n'],
  ['jpeg', 0, '\xff\xd8\xff'],
  ['gif', 0, 'GIF87a'],
  ['gif', 0, 'GIF89a'],
  ['tiff', 0, 'II*\0'],
  ['tiff', 0, 'MM\0*'],
  ['tiff', 0, 'II+\0'],
  ['tiff', 0, 'MM\0+'],
  ['jpeg-xl', 0, '\xff\x0a'],
  ['jpeg-xl', 0, '\0\0\0\x0cJXL \r\n\x87\n'],
  ['jpeg-2000', 0, '\0\0\0\x0cjP  \r\n\x87\n'],
  ['jpeg-2000', 0, '\xff\x4f\xff\x51'],
  ['icon', 0, '\0\0\x01\0'],
  ['photoshop', 0, '8BPS'],
  ['pdf', 0, '%PDF-'],
];

/** Brands of the container that AVIF and HEIC share. Source: ISO/IEC 23008-12; AVIF 1.1, section 6. */
const brands: Readonly<Record<string, PictureFormat>> = {
  avif: 'avif',
  avis: 'avif',
  heic: 'heic',
  heix: 'heic',
  heim: 'heic',
  heis: 'heic',
  hevc: 'heic',
  hevx: 'heic',
  mif1: 'heic',
  msf1: 'heic',
};

/**
 * Tells the format of a picture's file.
 *
 * @param bytes The file, or its first kilobyte
 * @returns Undefined if the bytes begin as none that is known
 * @example
 * ```ts
 * import { pictureFormatOf } from 'selvedge';
 * console.assert(pictureFormatOf(new TextEncoder().encode('GIF89a')) === 'gif');
 * ```
 */
export function pictureFormatOf(bytes: Uint8Array): PictureFormat | undefined {
  const beginsAt = (at: number, begin: string): boolean =>
    [...begin].every((sign, i) => bytes[at + i] === sign.charCodeAt(0));
  if (beginsAt(0, 'RIFF') && beginsAt(8, 'WEBP')) return 'webp';
  const known = signatures.find(([, at, begin]) => beginsAt(at, begin));
  if (known) return known[0];
  if (beginsAt(4, 'ftyp')) return brandOf(bytes);
  // A header of a known length follows the two letters, which text may begin with too.
  if (beginsAt(0, 'BM') && bytes.length >= 18 && BMP_HEADERS.includes(bytes[14]! + 256 * bytes[15]!)) return 'bmp';
  return isSvg(bytes) ? 'svg' : undefined;
}

const BMP_HEADERS: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124];

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** The main brand, then the compatible ones: a general brand may come before the one that tells. */
function brandOf(bytes: Uint8Array): PictureFormat | undefined {
  const end = Math.min(bytes.length, bytes[2]! * 256 + bytes[3]!);
  const named: string[] = [latin1(bytes.subarray(8, 12))];
  for (let at = 16; at + 4 <= end; at += 4) named.push(latin1(bytes.subarray(at, at + 4)));
  const formats = named.flatMap((brand) => (Object.hasOwn(brands, brand) ? [brands[brand]!] : []));
  return formats.find((format) => format === 'avif') ?? formats[0];
}

/** Text whose first element, after what XML has before it, is `svg`. */
function isSvg(bytes: Uint8Array): boolean {
  const text = latin1(bytes.subarray(0, 1024)).replace(/^\xef\xbb\xbf/, '');
  return /^\s*<(?:\?xml|!--|!DOCTYPE svg|svg[\s>])/i.test(text) && /<svg[\s>]/i.test(text);
}
