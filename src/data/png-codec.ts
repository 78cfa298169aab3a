// Decodes PNG files by the WebAssembly of @jsquash/png, through a binding of our own: the package's keeps an instance that has
// trapped, leaks its input, and needs an `ImageData` that edge runtimes lack. Not here: what a file claims (image-structure.ts).
// Invariant: an instance that has failed, or has grown large, decodes nothing more.
import { KEPT_MEMORY_BYTES } from './emscripten-codec.ts';
import type { CodecModule, RawImage } from './image-decoder.ts';

/** What the module exports and we use. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  __wbindgen_malloc(bytes: number, alignment: number): number;
  /** Takes over the bytes. */
  decode(pointer: number, length: number): number;
  __wbindgen_free(pointer: number, bytes: number, alignment: number): void;
}

interface Instance {
  readonly exports: Exports;
  /** What the module handed over last. */
  image: RawImage | undefined;
}

/**
 * A decoder of PNG files.
 *
 * @param load The compiled module, `png.wasm`
 * @returns Decodes a whole file; what it throws says why in words
 */
export function createPngCodec(load: CodecModule): (bytes: Uint8Array) => Promise<RawImage> {
  let instance: Instance | undefined;
  return async (bytes) => {
    const module = await load();
    instance ??= instantiate(module);
    const current = instance;
    instance = undefined;
    const { exports } = current;
    const pointer = exports.__wbindgen_malloc(bytes.length, 1) >>> 0;
    new Uint8Array(exports.memory.buffer).set(bytes, pointer);
    exports.decode(pointer, bytes.length);
    const { image } = current;
    if (image === undefined) throw new Error('no pixels');
    current.image = undefined;
    if (exports.memory.buffer.byteLength <= KEPT_MEMORY_BYTES) instance = current;
    return image;
  };
}

function instantiate(module: WebAssembly.Module): Instance {
  const instance = { image: undefined } as { exports: Exports; image: RawImage | undefined };
  const memory = (): ArrayBuffer => instance.exports.memory.buffer as ArrayBuffer;
  /** By how names begin: wasm-bindgen ends some with a hash. */
  const known: readonly [string, (...args: number[]) => unknown][] = [
    [
      '__wbg_newwithownedu8clampedarrayandsh_',
      (pointer, length, width, height) => {
        const data = new Uint8ClampedArray(memory()).slice(pointer! >>> 0, (pointer! >>> 0) + length!);
        instance.exports.__wbindgen_free(pointer!, length!, 1);
        instance.image = { width: width! >>> 0, height: height! >>> 0, data };
        return 0;
      },
    ],
    ['__wbindgen_object_drop_ref', () => {}],
    [
      '__wbindgen_throw',
      (pointer, length) => {
        const said = new TextDecoder().decode(
          new Uint8Array(memory()).slice(pointer! >>> 0, (pointer! >>> 0) + length!),
        );
        // All that it says of any file that it cannot decode.
        throw new Error(said === '`unwrap_throw` failed' ? 'pixels are damaged or missing' : said);
      },
    ],
  ];
  const imports = WebAssembly.Module.imports(module).map(({ name }) => {
    const unused = (): never => {
      throw new Error(`"${name}" of the PNG codec is not provided`);
    };
    return [name, known.find(([start]) => name.startsWith(start))?.[1] ?? unused] as const;
  });
  instance.exports = new WebAssembly.Instance(module, { wbg: Object.fromEntries(imports) })
    .exports as unknown as Exports;
  return instance;
}
