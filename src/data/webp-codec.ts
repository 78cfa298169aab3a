// Decodes WebP files by the WebAssembly and the glue of @jsquash/webp. Not here: what a file claims (webp-structure.ts).
// Invariant: nothing else imports it, so that who does not read WebP does not bundle it.
import { createEmscriptenCodec } from './emscripten-codec.ts';
import { type CodecModule, type ImageCodec, loaderOf } from './image-decoder.ts';

/**
 * A codec of WebP files, for `createImageDecoder`: an import of its own, since a worker at the edge may have no room for it.
 *
 * @param webp The compiled module, `webp.wasm` of this package's `build/`, or a function that answers with it
 * @returns Decodes still pictures, lossy and lossless, with and without alpha
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createImageDecoder, createWebpCodec } from 'selvedge';
 * const compiled = async (name: string) =>
 *   WebAssembly.compile(await readFile(new URL(import.meta.resolve(`selvedge/build/${name}`))));
 * const decode = createImageDecoder({
 *   png: () => compiled('png.wasm'),
 *   jpeg: () => compiled('jpeg.wasm'),
 *   webp: createWebpCodec(() => compiled('webp.wasm')),
 * });
 * await decode(new TextEncoder().encode('GIF89a'), { name: 'a.gif' }).catch((error) => {
 *   console.assert(error.message.endsWith('expected a PNG, JPEG or WebP file, got GIF'));
 * });
 * ```
 */
export function createWebpCodec(webp: WebAssembly.Module | CodecModule): ImageCodec {
  const decode = createEmscriptenCodec(loaderOf(webp), () => import('@jsquash/webp/codec/dec/webp_dec.js'));
  return async ({ bytes }) => (await decode(bytes)).image;
}
