// The image codecs of this package, found where the platform has them: `decodeImage` needs nothing but the file.
// Not here: decoding (image-decoder.ts). Invariant: a codec is compiled when the first file of its kind comes.
import { compileEngineFile, platform } from '../platform/index.ts';
import { createImageDecoder, type DecodeOptions, type ImageDecoder, type RawImage } from './image-decoder.ts';
import { createWebpCodec } from './webp-codec.ts';

/** Compiled once; one that could not be read is tried again. */
function compiledOnce(name: 'png.wasm' | 'jpeg.wasm' | 'webp.wasm'): () => Promise<WebAssembly.Module> {
  let module: WebAssembly.Module | undefined;
  return async () => {
    module ??= await compileEngineFile(name);
    return module;
  };
}

const decode: ImageDecoder = createImageDecoder({
  png: compiledOnce('png.wasm'),
  jpeg: compiledOnce('jpeg.wasm'),
  webp: createWebpCodec(compiledOnce('webp.wasm')),
  inflatesWithin: platform.inflatesWithin,
});

/**
 * Decodes a PNG, JPEG or WebP file. A JPEG is turned as its EXIF orientation says.
 *
 * @param bytes The whole file
 * @param options `name`: the file's name for error messages; `maximumPixels`: the most to decode, default 50 million
 * @returns Its pixels
 * @throws SelvedgeError `image/unknown-format`, `image/bad-size`, `image/too-large`, `image/too-costly`, `image/truncated` or
 * `image/corrupt`
 * @example
 * ```ts
 * import { decodeImage } from 'selvedge';
 * await decodeImage(Uint8Array.of(1, 2, 3), { name: 'a.png' }).catch((error) => {
 *   console.assert(error.code === 'image/unknown-format');
 * });
 * ```
 */
export function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RawImage> {
  return decode(bytes, options);
}
