// The tfjs wasm backend with our thread pool beside it, on one memory.
// Not here: starting and registration (start.ts), kernels (kernels/). Invariant: offsets are read after allocation, since a
// growing memory moves views, not data.

import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { SelvedgeError } from '../core/errors.ts';
import { DeferredData, type DeferredWork, type HeldTensor, type TensorData } from './deferred.ts';
import type { GlueModule } from './glue.ts';
import { backend_util, type DataType, type TensorInfo, util } from './tfjs.ts';
import type { ThreadPool } from './thread-pool.ts';

/** The part of a tensor by which the backend knows it. */
export type TensorReference = Pick<TensorInfo, 'dataId'>;

/** All of a 32-bit memory; more would wrap to a small number on its way into wasm. */
const MAX_BYTES = 0xffff_ffff;

/**
 * Reserves bytes on the heap of the tfjs module, 8-byte aligned.
 *
 * @throws SelvedgeError `backend/out-of-memory`
 */
export function allocateBytes(module: GlueModule, bytes: number): number {
  const byteOffset = bytes > MAX_BYTES ? 0 : module._malloc(bytes) >>> 0;
  if (byteOffset === 0 && bytes > 0) throw outOfMemory('memory', bytes);
  return byteOffset;
}

function outOfMemory(what: string, bytes: number): SelvedgeError {
  return new SelvedgeError(
    'backend/out-of-memory',
    `Cannot allocate ${what}: ${bytes} bytes do not fit in the wasm memory; dispose tensors or work in smaller batches`,
  );
}

type DataId = TensorInfo['dataId'];

/** What a complex64 tensor is made of: two float32 tensors that it owns. */
export interface ComplexParts {
  readonly real: TensorInfo;
  readonly imag: TensorInfo;
}

/** The engine as a tfjs backend: tfjs's own WebAssembly backend with our pool of threads, and with complex numbers. */
export class SelvedgeBackend extends BackendWasm {
  /** Runs our kernels. */
  readonly pool: ThreadPool;
  /** Convolutions are computed tap by tap, none by Winograd's algorithm. */
  readonly exactConvolution: boolean;
  readonly #module: GlueModule;
  /** Everything that holds memory, so that `dispose` can give it back. */
  readonly #dataIds = new Set<DataId>();
  /** What is not computed yet. */
  readonly #waiting = new Set<DeferredData>();
  /** How many hold a tensor's data, where any do. */
  readonly #holds = new Map<TensorData, number>();

  constructor(module: GlueModule, pool: ThreadPool, exactConvolution = false) {
    super(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
    this.#module = module;
    this.pool = pool;
    this.exactConvolution = exactConvolution;
  }

  /** Byte offset of a tensor's elements in the wasm memory. */
  offset(tensor: TensorReference): number {
    return this.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** An uninitialised tensor; the caller's kernel fills it. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    return this.makeOutput(shape as number[], dtype);
  }

  /** A float32 tensor that `fill` writes: gone again if that fails. */
  filled(shape: readonly number[], fill: (output: TensorInfo) => void): TensorInfo {
    const output = this.output(shape, 'float32');
    try {
      fill(output);
    } catch (error) {
      this.disposeData(output.dataId);
      throw error;
    }
    return output;
  }

  /**
   * Reserves bytes on the wasm heap, 8-byte aligned; the caller frees them.
   *
   * @throws SelvedgeError `backend/out-of-memory`, `backend/broken`
   */
  allocate(bytes: number): number {
    this.pool.soundness.check();
    return allocateBytes(this.#module, bytes);
  }

  /** Gives back bytes of the engine's memory. */
  free(byteOffset: number): void {
    // The allocator's own lists may be what a trap has spoilt.
    if (!this.pool.soundness.isBroken) this.#module._free(byteOffset);
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

  /**
   * Stores values under a data id. A complex64 tensor becomes two float32 ones.
   *
   * @throws SelvedgeError `backend/broken`, `backend/out-of-memory`; stock tfjs would write over the first bytes of the heap
   */
  override move(
    dataId: DataId,
    values: backend_util.BackendValues | null,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    this.pool.soundness.check();
    if (dtype === 'complex64') {
      const { real, imag } = backend_util.splitRealAndImagArrays(values as Float32Array);
      this.#store(dataId, this.#parts(real, imag, shape), shape, refCount);
      return;
    }
    if (dtype === 'string') {
      super.move(dataId, values as backend_util.BackendValues, shape, dtype, refCount);
      this.#dataIds.add(dataId);
      return;
    }
    const byteLength = util.sizeFromShape(shape) * util.bytesPerElement(dtype);
    if (byteLength > MAX_BYTES) throw outOfMemory(`a tensor of shape [${shape}]`, byteLength);
    super.move(dataId, null as unknown as backend_util.BackendValues, shape, dtype, refCount);
    this.#dataIds.add(dataId);
    const { memoryOffset } = this.dataIdMap.get(dataId);
    if (memoryOffset === 0 && byteLength > 0) {
      this.disposeData(dataId, true);
      throw outOfMemory(`a tensor of shape [${shape}]`, byteLength);
    }
    if (values === null || values === undefined) return;
    const { buffer, byteOffset } = values as backend_util.TypedArray;
    this.#module.HEAPU8.set(new Uint8Array(buffer, byteOffset, byteLength), memoryOffset);
  }

  /**
   * Reads a tensor's values, complex ones too.
   *
   * @throws SelvedgeError `backend/broken`
   */
  override readSync(dataId: DataId, start?: number, end?: number): backend_util.BackendValues {
    this.pool.soundness.check();
    const parts = this.complexParts({ dataId });
    if (!parts) return super.readSync(dataId, start, end);
    const real = super.readSync(parts.real.dataId) as Float32Array;
    const imag = super.readSync(parts.imag.dataId) as Float32Array;
    return backend_util.mergeRealAndImagArrays(real, imag);
  }

  /** Keeps the memory of tensors until `release`, even if they are disposed. Computes those that wait. */
  hold<Tensors extends readonly TensorInfo[]>(...tensors: Tensors): { [Index in keyof Tensors]: HeldTensor } {
    // All first: one that fails to compute leaves none held.
    for (const tensor of tensors) this.offset(tensor);
    const held = tensors.map(({ dataId, shape, dtype }) =>
      this.holdAgain({ data: this.dataIdMap.get(dataId), shape, dtype }),
    );
    return held as { [Index in keyof Tensors]: HeldTensor };
  }

  /** Holds what is held once more, for another `release`. */
  holdAgain(held: HeldTensor): HeldTensor {
    this.#holds.set(held.data, (this.#holds.get(held.data) ?? 0) + 1);
    return held;
  }

  /** Undoes one `hold`. */
  release({ data }: HeldTensor): void {
    const left = this.#holds.get(data)! - 1;
    if (left > 0) {
      this.#holds.set(data, left);
      return;
    }
    this.#holds.delete(data);
    if (data.refCount > 0) return;
    const dataId = {};
    this.dataIdMap.set(dataId, data);
    super.disposeData(dataId, true);
  }

  /** Runs `use` with held tensors as tensors, which it must not dispose. */
  withHeld<T>(held: readonly HeldTensor[], use: (tensors: TensorInfo[]) => T): T {
    const tensors = held.map(({ data, shape, dtype }) => {
      const dataId = {};
      this.dataIdMap.set(dataId, data);
      return { dataId, shape, dtype };
    });
    try {
      return use(tensors);
    } finally {
      for (const { dataId } of tensors) this.dataIdMap.delete(dataId);
    }
  }

  /** A float32 tensor that is computed when somebody looks at it. Who writes to one of its inputs calls `computeReaders` before. */
  defer(shape: readonly number[], work: DeferredWork): TensorInfo {
    const dataId = {};
    const data: DeferredData = new DeferredData(shape, work, () => {
      const made = work.compute();
      const computed = this.dataIdMap.get(made.dataId);
      this.dataIdMap.delete(made.dataId);
      this.#dataIds.delete(made.dataId);
      this.#forget(data);
      return computed;
    });
    this.dataIdMap.set(dataId, data);
    this.#dataIds.add(dataId);
    this.#waiting.add(data);
    return { dataId, shape: [...shape], dtype: 'float32' };
  }

  /** What a tensor waits for; undefined if it is computed. */
  deferredWork({ dataId }: TensorReference): DeferredWork | undefined {
    const data: TensorData = this.dataIdMap.get(dataId);
    return data instanceof DeferredData ? data.work : undefined;
  }

  /** Computes all that waits and is made of a tensor: who writes to that in place calls this first. */
  computeReaders({ dataId }: TensorReference): void {
    const read = this.dataIdMap.get(dataId);
    if (!this.#holds.has(read)) return;
    for (const data of [...this.#waiting]) {
      if (data.work?.held.some((held) => held.data === read)) data.settle();
    }
  }

  /** Computes a tensor that waits. Memory may grow, and views of it end. */
  compute({ dataId }: TensorReference): void {
    // What is on another backend moves here, which may grow memory, too.
    if (this.#waiting.size === 0 && this.dataIdMap.has(dataId)) return;
    const data: TensorData = this.dataIdMap.get(dataId);
    if (data instanceof DeferredData) data.settle();
  }

  #forget(data: DeferredData): void {
    this.#waiting.delete(data);
    for (const held of data.work?.held ?? []) this.release(held);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (this.pool.soundness.isBroken) return this.#drop(dataId, force);
    if (!this.#dataIds.has(dataId)) return super.disposeData(dataId, force);
    const own: TensorData = this.dataIdMap.get(dataId);
    if ((this.#holds.size > 0 && this.#holds.has(own)) || (own instanceof DeferredData && own.work)) {
      own.refCount--;
      if (!force && own.refCount > 0) return false;
      own.refCount = 0;
      this.dataIdMap.delete(dataId);
      this.#dataIds.delete(dataId);
      // Held data is freed by the last who releases it.
      if (own instanceof DeferredData && own.work) this.#forget(own);
      return true;
    }
    const { parts } = own as { parts?: ComplexParts };
    if (!parts) {
      const isGone = super.disposeData(dataId, force);
      if (isGone) this.#dataIds.delete(dataId);
      return isGone;
    }
    own.refCount--;
    if (!force && own.refCount > 0) return false;
    this.disposeData(parts.real.dataId, true);
    this.disposeData(parts.imag.dataId, true);
    this.dataIdMap.delete(dataId);
    this.#dataIds.delete(dataId);
    return true;
  }

  /** Forgets a tensor, and leaves its memory as it is. */
  #drop(dataId: DataId, force: boolean): boolean {
    const data = this.dataIdMap.has(dataId) ? this.dataIdMap.get(dataId) : undefined;
    if (data && --data.refCount > 0 && !force) return false;
    this.dataIdMap.delete(dataId);
    this.#dataIds.delete(dataId);
    return true;
  }

  override makeOutput(
    shape: number[],
    dtype: DataType,
    memoryOffset?: number,
    values?: backend_util.BackendValues,
  ): TensorInfo {
    const made = super.makeOutput(shape, dtype, memoryOffset, values);
    // What has no memory yet gets it by `move`.
    if (memoryOffset !== undefined) this.#dataIds.add(made.dataId);
    return made;
  }

  /** The float32 parts of a complex64 tensor, which go with it; undefined for any other tensor. */
  complexParts({ dataId }: TensorReference): ComplexParts | undefined {
    return (this.dataIdMap.get(dataId) as { parts?: ComplexParts }).parts;
  }

  /**
   * Frees every tensor. The backend stays usable: tfjs disposes of a backend on `engine().reset()` and then asks the
   * factory for it again. Workers end with `RunningBackend.stop`.
   */
  override dispose(): void {
    for (const dataId of [...this.#dataIds]) this.disposeData(dataId, true);
  }

  #parts(real: Float32Array, imag: Float32Array, shape: number[]): ComplexParts {
    const first = this.makeOutput(shape, 'float32', undefined, real);
    return { real: first, imag: this.makeOutput(shape, 'float32', undefined, imag) };
  }

  #store(dataId: DataId, parts: ComplexParts, shape: number[], refCount: number): void {
    // tfjs-backend-wasm keeps id 0 for "no data".
    const data = { id: 0, memoryOffset: 0, shape, dtype: 'complex64' as const, refCount, parts };
    this.dataIdMap.set(dataId, data);
    this.#dataIds.add(dataId);
  }
}
