// Runs the decoders of @jsquash that C++ was compiled to, by their own glue. Not here: which ones there are, and what a file claims.
// Invariant: an instance that has failed, or has grown large, decodes nothing more: what a C++ exception leaves behind is never freed.
import { messageOf } from '../core/errors.ts';
import type { CodecModule, RawImage } from './image-decoder.ts';

/** WebAssembly memory never shrinks: an instance above this goes to the garbage collector. That of JPEG begins with 16.1 MiB. */
export const KEPT_MEMORY_BYTES = 32 * 1024 * 1024;

interface Codec<Arguments extends unknown[]> {
  decode(bytes: ArrayBuffer, ...options: Arguments): RawImage | null;
}

/** The function that a module of glue exports. */
type Start<Arguments extends unknown[]> = (options: Record<string, unknown>) => Promise<Codec<Arguments>>;

interface Instance<Arguments extends unknown[]> extends Codec<Arguments> {
  memoryBytes(): number;
  /** What the codec has complained of since it was asked last; it throws a bare number. */
  takeComplaint(): string;
}

/** Pixels, and what the codec found wrong with the file all the same. */
export interface DecodedImage {
  readonly image: RawImage;
  readonly complaint: string;
}

/**
 * A decoder.
 *
 * @param load The compiled module
 * @param glue Imports the glue
 * @param options What the codec takes beside the bytes
 * @returns Decodes a whole file; what it throws says why in words
 */
export function createEmscriptenCodec<Arguments extends unknown[]>(
  load: CodecModule,
  glue: () => Promise<{ default: Start<Arguments> }>,
  ...options: Arguments
): (bytes: Uint8Array) => Promise<DecodedImage> {
  let instance: Instance<Arguments> | undefined;
  return async (bytes) => {
    const current = instance ?? (await instantiate(await load(), (await glue()).default));
    instance = undefined;
    try {
      // The codec takes whole buffers, and the bytes may be a part of one.
      const image = current.decode(new Uint8Array(bytes).buffer, ...options);
      if (!image) throw new Error('no pixels');
      if (current.memoryBytes() <= KEPT_MEMORY_BYTES) instance = current;
      return { image, complaint: current.takeComplaint() };
    } catch (cause) {
      throw new Error(current.takeComplaint() || messageOf(cause), { cause });
    }
  };
}

async function instantiate<Arguments extends unknown[]>(
  module: WebAssembly.Module,
  start: Start<Arguments>,
): Promise<Instance<Arguments>> {
  provideImageData();
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
    decode: (bytes, ...options) => codec.decode(bytes, ...options),
    memoryBytes: () => memory?.buffer.byteLength ?? 0,
    takeComplaint() {
      const taken = complaint;
      complaint = '';
      return taken;
    },
  };
}

/** The codecs make their result with a class of browsers. Their glue provides one on Node and on Cloudflare; edge-runtime has none either. */
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
