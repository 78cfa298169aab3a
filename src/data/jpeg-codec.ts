// Decodes JPEG files by the WebAssembly and the glue of @jsquash/jpeg. Not here: what a file claims (image-structure.ts).
// Invariant: an instance that has failed, or has grown large, decodes nothing more: what a C++ exception leaves behind is never freed.
import { messageOf } from '../core/errors.ts';
import type { CodecModule, RawImage } from './image-decoder.ts';
import { KEPT_MEMORY_BYTES } from './png-codec.ts';

interface Instance {
  decode(bytes: ArrayBuffer, preserveOrientation: boolean): RawImage | null;
  memoryBytes(): number;
  /** What the codec complained of since; it throws a bare number. */
  complaint(): string;
}

/**
 * A decoder of JPEG files, which turns them as their EXIF orientation says.
 *
 * @param load The compiled module, `jpeg.wasm`
 * @returns Decodes a whole file; what it throws says why in words
 */
export function createJpegCodec(load: CodecModule): (bytes: Uint8Array) => Promise<RawImage> {
  let instance: Instance | undefined;
  return async (bytes) => {
    const current = instance ?? (await instantiate(await load()));
    instance = undefined;
    try {
      // The codec takes whole buffers, and the bytes may be a part of one.
      const image = current.decode(new Uint8Array(bytes).buffer, true);
      if (!image) throw new Error('no pixels');
      if (current.memoryBytes() <= KEPT_MEMORY_BYTES) instance = current;
      return image;
    } catch (cause) {
      throw new Error(current.complaint() || messageOf(cause), { cause });
    }
  };
}

async function instantiate(module: WebAssembly.Module): Promise<Instance> {
  provideImageData();
  const { default: start } = await import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js');
  let memory: WebAssembly.Memory | undefined;
  let complaint = '';
  const codec = await start({
    noInitialRun: true,
    // Bundles for the edge have no address to find the file beside.
    locateFile: (name: string) => name,
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory);
      done(instance);
      return instance.exports;
    },
    printErr: (text: string) => {
      complaint ||= text;
    },
  });
  return {
    decode: (bytes, preserveOrientation) => codec.decode(bytes, preserveOrientation),
    memoryBytes: () => memory?.buffer.byteLength ?? 0,
    complaint: () => complaint,
  };
}

/** The codec makes its result with a class of browsers. Its glue provides one on Node and on Cloudflare; edge-runtime has none either. */
function provideImageData(): void {
  const scope = globalThis as { ImageData?: unknown };
  scope.ImageData ??= class ImageData implements RawImage {
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;
    constructor(data: Uint8ClampedArray, width: number, height: number) {
      this.data = data;
      this.width = width;
      this.height = height;
    }
  };
}
