// The tfjs wasm backend with our thread pool beside it, on one memory.
// Not here: starting and registration (start.ts), kernels (kernels/). Invariant: offsets are read after allocation, since a
// growing memory moves views, not data.

import type { DataType, TensorInfo } from '@tensorflow/tfjs';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { GlueModule } from './glue.ts';
import type { ThreadPool } from './thread-pool.ts';

/** The part of a tensor by which the backend knows it. */
export type TensorReference = Pick<TensorInfo, 'dataId'>;

export class SelvedgeBackend extends BackendWasm {
  /** Runs our kernels. */
  readonly pool: ThreadPool;
  readonly #module: GlueModule;

  constructor(module: GlueModule, pool: ThreadPool) {
    super(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
    this.#module = module;
    this.pool = pool;
  }

  /** Byte offset of a tensor's elements in the wasm memory. */
  offset(tensor: TensorReference): number {
    return this.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** An uninitialised tensor; the caller's kernel fills it. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    return this.makeOutput(shape as number[], dtype);
  }

  /** Reserves bytes on the wasm heap, 8-byte aligned; the caller frees them. */
  allocate(bytes: number): number {
    const byteOffset = this.#module._malloc(bytes) >>> 0;
    if (byteOffset === 0 && bytes > 0) throw new Error(`Cannot reserve ${bytes} bytes of wasm memory`);
    return byteOffset;
  }

  free(byteOffset: number): void {
    this.#module._free(byteOffset);
  }

  /** Runs `use` with a reserved piece of the heap, freed afterwards. */
  withMemory<T>(bytes: number, use: (byteOffset: number) => T): T {
    const byteOffset = this.allocate(bytes);
    try {
      return use(byteOffset);
    } finally {
      this.free(byteOffset);
    }
  }

  /** A view of the heap. Valid until the next allocation. */
  bytes(byteOffset: number, length: number): Uint8Array {
    return this.#module.HEAPU8.subarray(byteOffset, byteOffset + length);
  }
}
