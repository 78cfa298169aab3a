// Bytes and tensors of the running backend, as the data jobs need them. Not here: the jobs themselves.

import type { SelvedgeBackend } from '../backend/index.ts';
import * as tf from '../backend/tfjs.ts';

/** A tensor that tfjs tracks, from what a kernel of ours made; the caller disposes it. */
export function tensorOf(info: tf.TensorInfo): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

/** Runs `use` with a copy of the bytes in the backend's memory, freed afterwards. */
export function withBytes<T>(backend: SelvedgeBackend, bytes: Uint8Array, use: (byteOffset: number) => T): T {
  return backend.withMemory(bytes.length, (byteOffset) => {
    backend.bytes(byteOffset, bytes.length).set(bytes);
    return use(byteOffset);
  });
}

/** The bytes of an int32 array, for `withBytes`; the backend's memory is little-endian, and so is every host it runs on. */
export function int32Bytes(values: Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
