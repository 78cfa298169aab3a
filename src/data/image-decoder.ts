// PNG, JPEG and WebP files to RGBA pixels, by WebAssembly codecs that are handed in, so that it runs where nothing can be read or compiled.
// Not here: where the codecs come from (image-codecs.ts), what the pixels show (prepare-image.ts). Invariant: size, completeness and
// cost are read from the file's structure first, so that a hostile file claims neither memory nor time.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import {
  type ImageStructure,
  type InflationCheck,
  type ReadFormat,
  readFormats,
  readImageStructure,
  refusalOf,
} from './image-structure.ts';
import { createJpegCodec } from './jpeg-codec.ts';
import { pictureFormatNames } from './picture-format.ts';
import { createPngCodec } from './png-codec.ts';

/** Pixels as RGBA, 8 bits a channel, alpha not multiplied in, row by row from the top. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

export interface DecodeOptions {
  /** The file's name for error messages. */
  readonly name: string;
  /** The most that width x height may be; default: 50 million, 200 MB of RGBA. */
  readonly maximumPixels?: number;
}

/**
 * Decodes a PNG or JPEG file, and WebP where there is a codec of it; a JPEG is turned as its EXIF orientation says.
 *
 * @throws SelvedgeError `image/unknown-format`, `image/bad-size`, `image/too-large`, `image/too-costly`, `image/truncated` or
 * `image/corrupt`
 */
export type ImageDecoder = (bytes: Uint8Array, options: DecodeOptions) => Promise<RawImage>;

/** Answers with a compiled module, when it is needed for the first time or again. */
export type CodecModule = () => WebAssembly.Module | Promise<WebAssembly.Module>;

/** Decodes a whole file of one format, whose structure has passed; what it throws says why in words. */
export type ImageCodec = (file: Pick<ImageStructure, 'bytes' | 'isEnded' | 'isInk'>) => Promise<RawImage>;

/** The codecs, compiled: `png.wasm` and `jpeg.wasm` of this package's `build/`. */
export interface ImageCodecs {
  readonly png: WebAssembly.Module | CodecModule;
  readonly jpeg: WebAssembly.Module | CodecModule;
  /** Of `createWebpCodec`; without it WebP is `image/unknown-format`. */
  readonly webp?: ImageCodec;
  /** Of raw deflate data: true only if it is whole and inflates to `most` bytes at most. Without it that is found out in JavaScript. */
  readonly inflatesWithin?: InflationCheck | undefined;
}

const MAXIMUM_PIXELS = 50_000_000;

/**
 * Makes a decoder of codecs that were compiled elsewhere; `decodeImage` finds them by itself where there are files.
 *
 * @param codecs Compiled modules, or functions that answer with them
 * @returns A decoder
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createImageDecoder } from 'selvedge';
 * const compiled = async (name: string) =>
 *   WebAssembly.compile(await readFile(new URL(import.meta.resolve(`selvedge/build/${name}`))));
 * const decode = createImageDecoder({ png: await compiled('png.wasm'), jpeg: () => compiled('jpeg.wasm') });
 * await decode(Uint8Array.of(1, 2, 3), { name: 'a.png' }).catch((error) => {
 *   console.assert(error.code === 'image/unknown-format');
 * });
 * ```
 */
export function createImageDecoder({ png, jpeg, webp, inflatesWithin }: ImageCodecs): ImageDecoder {
  const decodePng = createPngCodec(loaderOf(png));
  const codecs: Partial<Record<ReadFormat, ImageCodec>> = {
    png: ({ bytes }) => decodePng(bytes),
    jpeg: createJpegCodec(loaderOf(jpeg)),
    ...(webp && { webp }),
  };
  const formats = readFormats.filter((format) => codecs[format]);
  return async (bytes, { name, maximumPixels = MAXIMUM_PIXELS }) => {
    const structure = readImageStructure(bytes, { name, maximumPixels, formats });
    structure.checkWork(inflatesWithin);
    const { format, isEnded } = structure;
    try {
      return await codecs[format]!(structure);
    } catch (cause) {
      // A codec that cannot be had is not the image's fault.
      if (cause instanceof SelvedgeError) throw cause;
      // Of a file without its end, what fails is that more is missing.
      const isCut = !isEnded;
      const error = refusalOf(name)(
        isCut ? 'truncated' : 'corrupt',
        `its ${pictureFormatNames[format]} data ${isCut ? 'ends too early' : 'cannot be decoded'} (${messageOf(cause)})`,
      );
      throw Object.assign(error, { cause });
    }
  };
}

/** Told apart by what a function is: a module may be of another realm, where `instanceof` does not know it. */
export function loaderOf(codec: WebAssembly.Module | CodecModule): CodecModule {
  return typeof codec === 'function' ? (codec as CodecModule) : () => codec;
}
