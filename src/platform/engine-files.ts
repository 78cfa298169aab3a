// The engine's own files: WebAssembly modules and the script of the pool's workers, which `selvedge build` puts into build/.
// Not here: what they do. Invariant: each is named by a literal `new URL(…, import.meta.url)`, so that bundlers find and move it; where they do
// not, or where a runtime compiles nothing by itself, `provideFiles` says what to take instead.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from './detect.ts';

/** Functions, because bundles for the edge have no `import.meta.url`. */
const files = {
  /** Our kernels for shared and for unshared memory. */
  'kernels-shared.wasm': () => new URL('../../build/kernels-shared.wasm', import.meta.url),
  'kernels-unshared.wasm': () => new URL('../../build/kernels-unshared.wasm', import.meta.url),
  /** The kernels that src/edge/ runs, on a memory of their own. */
  'edge.wasm': () => new URL('../../build/edge.wasm', import.meta.url),
  /** Of @tensorflow/tfjs-backend-wasm. */
  'tfjs-backend-wasm-simd.wasm': () => new URL('../../build/tfjs-backend-wasm-simd.wasm', import.meta.url),
  'tfjs-backend-wasm-threaded-simd.wasm': () =>
    new URL('../../build/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url),
  /** Decoders of @jsquash/png, @jsquash/jpeg and @jsquash/webp. */
  'png.wasm': () => new URL('../../build/png.wasm', import.meta.url),
  'jpeg.wasm': () => new URL('../../build/jpeg.wasm', import.meta.url),
  'webp.wasm': () => new URL('../../build/webp.wasm', import.meta.url),
  /** A module without imports of its own. */
  'pool-worker.js': () => new URL('../../build/pool-worker.js', import.meta.url),
  /** Tasks of deno.json for where there is no checkout: see src/cli/browser.ts. */
  'tasks.json': () => new URL('../../build/tasks.json', import.meta.url),
} as const satisfies Record<string, () => URL>;

export type EngineFile = keyof typeof files;
export const engineFiles = Object.keys(files) as readonly EngineFile[];

/** Where a file is, or, of a `.wasm`, the module itself. */
export type ProvidedFiles = Readonly<Partial<Record<EngineFile, URL | WebAssembly.Module>>>;

let provided: ProvidedFiles = {};

/**
 * Says where the engine's files are, for bundles that do not move them along and for edge runtimes, which take modules that were
 * compiled before. Call it before `startBackend` or `decodeImage`; what it does not name stays as it was.
 *
 * @param where The folder that holds copies of the package's `build/`, ending in `/`; or by name: addresses and compiled modules
 * @throws SelvedgeError `files/unknown-engine-file` for a name that is none of `engineFiles`
 * @example
 * ```ts
 * import { provideFiles } from 'selvedge';
 * provideFiles({ 'png.wasm': new URL('https://cdn.example/selvedge/png.wasm') });
 * ```
 */
export function provideFiles(where: URL | ProvidedFiles): void {
  const named =
    where instanceof URL ? Object.fromEntries(engineFiles.map((name) => [name, new URL(name, where)])) : where;
  for (const name of Object.keys(named)) {
    if (name in files) continue;
    throw new SelvedgeError(
      'files/unknown-engine-file',
      `Cannot provide "${name}": expected one of ${engineFiles.join(', ')}`,
    );
  }
  provided = { ...provided, ...named };
}

/** Address of a file. */
export function engineFileUrl(name: EngineFile): URL {
  const given = provided[name];
  return given instanceof URL ? given : files[name]();
}

/**
 * Bytes of a file.
 *
 * @throws SelvedgeError `files/engine-file` if it cannot be read
 */
export async function readEngineFile(name: EngineFile): Promise<Uint8Array> {
  const url = engineFileUrl(name);
  try {
    return await platform.readUrl(url);
  } catch (error) {
    throw new SelvedgeError(
      'files/engine-file',
      `Cannot read "${name}" at ${url.href}: ${messageOf(error)}; in a checkout run npm run build; in a bundle say by provideFiles() where it is`,
      { cause: error },
    );
  }
}

/**
 * A file as a compiled module.
 *
 * @throws SelvedgeError `files/engine-file` if it cannot be read or compiled
 */
export async function compileEngineFile(name: EngineFile): Promise<WebAssembly.Module> {
  const given = provided[name];
  // No instance of this realm's WebAssembly.Module where it was compiled in another, as on Vercel's edge.
  if (given !== undefined && !(given instanceof URL)) return given;
  const bytes = await readEngineFile(name);
  try {
    return await WebAssembly.compile(bytes as BufferSource);
  } catch (error) {
    throw new SelvedgeError(
      'files/engine-file',
      `Cannot compile "${name}": ${messageOf(error)}; where a runtime compiles nothing, give the module by provideFiles()`,
      { cause: error },
    );
  }
}
