// Results that wait until somebody looks at them, so that a kernel which knows what is awaited can do all of it in one pass.
// Not here: which kernels wait, and what they make of it (kernels/deferred-conv-2d.ts).
// Invariant: asking where such a tensor lies computes it, of the inputs as they were: their memory stays until then.

import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { TensorInfo } from './tfjs.ts';

/** What tfjs-backend-wasm knows of a tensor. */
export type TensorData = ReturnType<BackendWasm['dataIdMap']['get']>;

/** A tensor whose memory outlives the tensor: see `SelvedgeBackend.hold`. */
export interface HeldTensor {
  readonly data: TensorData;
  readonly shape: number[];
  readonly dtype: TensorInfo['dtype'];
}

/** A float32 result that is not computed yet. */
export interface DeferredWork {
  /** What it is computed of; released once it is computed or disposed. */
  readonly held: readonly HeldTensor[];
  /** Computes it; the caller owns the tensor. */
  compute(): TensorInfo;
}

/** Stands in the place of a tensor's data. Reading either of its two addresses computes it. */
export class DeferredData implements TensorData {
  readonly shape: number[];
  readonly dtype = 'float32';
  refCount = 1;
  readonly #compute: () => TensorData;
  #work: DeferredWork | undefined;
  #computed: TensorData | undefined;

  /** @param compute Does the work and gives the data of the result */
  constructor(shape: readonly number[], work: DeferredWork, compute: () => TensorData) {
    this.shape = [...shape];
    this.#work = work;
    this.#compute = compute;
  }

  get id(): number {
    return this.settle().id;
  }

  get memoryOffset(): number {
    return this.settle().memoryOffset;
  }

  /** What is to be done; undefined once it is. */
  get work(): DeferredWork | undefined {
    return this.#work;
  }

  /** Computes it, unless that is done. */
  settle(): TensorData {
    if (!this.#computed) {
      this.#computed = this.#compute();
      this.#work = undefined;
    }
    return this.#computed;
  }
}
