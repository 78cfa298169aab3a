// Decodes JPEG files by the WebAssembly and the glue of @jsquash/jpeg, and by jpeg-js those of ink colours, which that does not take.
// Not here: what a file claims (jpeg-structure.ts).
import { createEmscriptenCodec } from './emscripten-codec.ts';
import type { CodecModule, ImageCodec } from './image-decoder.ts';
import { decodeInkJpeg } from './ink-jpeg.ts';

/** What libjpeg says where a scan's data ends before its last block. */
const PREMATURE_END = /premature end/i;

/**
 * A decoder of JPEG files, which turns them as their EXIF orientation says.
 *
 * @param load The compiled module, `jpeg.wasm`
 * @returns Decodes a whole file; what it throws says why in words
 */
export function createJpegCodec(load: CodecModule): ImageCodec {
  const decode = createEmscriptenCodec(load, () => import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js'), true);
  return async ({ bytes, isEnded, isInk }) => {
    if (isInk) return decodeInkJpeg(bytes);
    const { image, complaint } = await decode(bytes);
    if (!isEnded && PREMATURE_END.test(complaint)) throw new Error(complaint);
    return image;
  };
}
