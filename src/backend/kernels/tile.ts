// Tile on all threads, for all types of numbers: the stock kernel finds the place of every element anew.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { Kernel, KernelCall } from './register.ts';
import { replaceBy } from './registered-kernel.ts';

const BYTES_PER_UNIT = 16_384;
/** Bytes below which waking workers costs more than it saves. */
const ALONE_BYTES = 131_072;

/** Repeats one axis: `[outer, block]` becomes `[outer, repeats, block]`. */
function repeatAxis(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  { axis, repeats }: { axis: number; repeats: number },
): tf.TensorInfo {
  const shape = x.shape.map((size, i) => (i === axis ? size * repeats : size));
  const output = backend.output(shape, x.dtype);
  const blockBytes = sizeOf(x.shape.slice(axis)) * tf.util.bytesPerElement(x.dtype);
  const rows = sizeOf(x.shape.slice(0, axis)) * repeats;
  const rowsPerUnit = Math.max(1, Math.floor(BYTES_PER_UNIT / blockBytes));
  const units = Math.ceil(rows / rowsPerUnit);
  const words = [backend.offset(x), backend.offset(output), rows, rowsPerUnit, repeats, blockBytes];
  backend.pool.run('tile', units, words, rows * blockBytes < ALONE_BYTES ? { grain: units } : {});
  return output;
}

type Call = KernelCall<{ x: tf.TensorInfo }, { reps: number[] }>;

function tile({ inputs: { x }, attrs: { reps }, backend }: Call): tf.TensorInfo {
  const outShape = x.shape.map((size, axis) => size * reps[axis]!);
  if (sizeOf(outShape) === 0) return backend.output(outShape, x.dtype);
  // Counts as a reference of its own, so that each axis may release what it reads.
  let result = shareData(x, backend);
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    const repeats = reps[axis]!;
    if (repeats > 1) result = replaceBy(backend, result, (input) => repeatAxis(backend, input, { axis, repeats }));
  }
  return result;
}

export const tileKernels: Readonly<Record<string, Correction>> = {
  Tile: () => (call) => tile(call as unknown as Call),
};

type BroadcastCall = KernelCall<{ x: tf.TensorInfo }, { shape: number[] }>;

/** Repeats x along axes where its length is 1; what the gradients of sums run. tfjs has the name and its gradient, but no kernel. */
export const broadcastToKernel: Kernel = {
  kernelName: 'BroadcastTo',
  kernelFunc({ inputs, attrs, backend }: BroadcastCall) {
    const { x } = inputs;
    const reps = attrs.shape.map((size, axis) => (x.shape[axis] === size ? 1 : size));
    return tile({ inputs, attrs: { reps }, backend });
  },
};
