// Loads the emscripten glue of tfjs-backend-wasm around a wasm module that we instantiate ourselves.
// Not a backend: it registers nothing. Invariant: the eight workers that the threaded glue wants are never started.

import * as unthreadedFactory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import * as threadedFactory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { compileEngineFile, platform } from '../platform/index.ts';

/** What tfjs-backend-wasm calls a `BackendWasmModule`, as far as we use it. */
export interface GlueModule {
  _malloc(bytes: number): number;
  _free(byteOffset: number): void;
  readonly HEAPU8: Uint8Array;
  cwrap(name: string, returns: string | null, args: readonly string[]): (...args: unknown[]) => unknown;
  tfjs?: Record<string, (...args: never[]) => unknown>;
}

export interface LoadedGlue {
  readonly module: GlueModule;
  readonly memory: WebAssembly.Memory;
}

type Factory = (config: object) => Promise<GlueModule>;
type InstanceDone = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

/** The factory, whichever way the runtime wraps a CommonJS export. */
function factoryOf(imported: unknown): Factory {
  let found = imported as { default?: unknown };
  while (typeof found !== 'function' && found.default !== undefined) found = found.default as typeof found;
  return found as unknown as Factory;
}

/** Answers the glue that a worker has loaded; nothing ever runs on it. */
class StandInWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  postMessage(message: { cmd?: string }): void {
    if (message.cmd === 'load') queueMicrotask(() => this.onmessage?.({ data: { cmd: 'loaded' } }));
  }
  on(): void {}
  unref(): void {}
  terminate(): void {}
}

/**
 * Starts the SIMD build of the tfjs wasm backend.
 *
 * @param threaded True for the build on shared memory
 * @returns The emscripten module, with the `tfjs` functions that `BackendWasm` wants, and its memory
 * @throws SelvedgeError `files/engine-file` if the wasm cannot be read, `backend/tfjs-load` if it does not start
 */
export async function loadGlue(threaded: boolean): Promise<LoadedGlue> {
  const file = threaded ? 'tfjs-backend-wasm-threaded-simd.wasm' : 'tfjs-backend-wasm-simd.wasm';
  try {
    const compiled = await compileEngineFile(file);
    return await platform.hostGlue(StandInWorker, () => startFactory(threaded, compiled));
  } catch (error) {
    if (error instanceof SelvedgeError) throw error;
    throw new SelvedgeError('backend/tfjs-load', `Cannot start "${file}": ${messageOf(error)}`, { cause: error });
  }
}

async function startFactory(threaded: boolean, compiled: WebAssembly.Module): Promise<LoadedGlue> {
  let memory: WebAssembly.Memory | undefined;
  const factory = factoryOf(threaded ? threadedFactory : unthreadedFactory);
  const started = new Promise<GlueModule>((resolve, reject) => {
    const config = {
      // Names of files that are never fetched: we instantiate the module, and stand-ins load no script.
      locateFile: (name: string) => name,
      mainScriptUrlOrBlob: 'never-loaded.js',
      onAbort: (reason: unknown) => reject(new Error(`The glue aborted: ${String(reason)}`)),
      instantiateWasm: (imports: WebAssembly.Imports, done: InstanceDone) => {
        memory = imports.env?.memory as WebAssembly.Memory | undefined;
        const instance = new WebAssembly.Instance(compiled, imports);
        memory ??= Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory) as
          | WebAssembly.Memory
          | undefined;
        done(instance, compiled);
        return instance.exports;
      },
    };
    factory(config).then(resolve, reject);
  });
  const module = await started;
  const wrap = (name: string, returns: string | null, parameters: number) =>
    module.cwrap(name, returns, Array(parameters).fill('number')) as (...args: never[]) => unknown;
  module.tfjs = {
    init: wrap('init', null, 0),
    initWithThreadsCount: wrap('init_with_threads_count', null, 1),
    getThreadsCount: wrap('get_threads_count', 'number', 0),
    registerTensor: wrap('register_tensor', null, 3),
    disposeData: wrap('dispose_data', null, 1),
    dispose: wrap('dispose', null, 0),
  };
  return { module, memory: memory! };
}
