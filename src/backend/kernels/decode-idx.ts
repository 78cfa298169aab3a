// Bindings of the kernels that turn the values of IDX files into tensors. Not tfjs kernels: called directly.
// Not here: headers and checks of labels (data/idx-tensors.ts); an unchecked label would write outside its row.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

const BYTES_PER_UNIT = 4096;
const LABELS_PER_UNIT = 256;

/**
 * Scales bytes to float32 from 0 to 1.
 *
 * @param backend The started backend
 * @param byteOffset Where the bytes lie in the backend's memory
 * @param shape Shape of the result; its size is the number of bytes
 * @returns A new tensor; the caller disposes it
 */
export function decodeIdxImages(backend: SelvedgeBackend, byteOffset: number, shape: readonly number[]): TensorInfo {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const x = backend.output(shape, 'float32');
  backend.pool.run('decodeIdxImages', Math.ceil(count / BYTES_PER_UNIT), [byteOffset, backend.offset(x), count]);
  return x;
}

/**
 * Spreads labels to one-hot rows.
 *
 * @param backend The started backend
 * @param byteOffset Where the labels lie in the backend's memory, a byte each, every one below `classes`
 * @param count Number of labels
 * @param classes Number of classes
 * @returns A new float32 tensor `[count, classes]`; the caller disposes it
 */
export function decodeIdxLabels(
  backend: SelvedgeBackend,
  byteOffset: number,
  count: number,
  classes: number,
): TensorInfo {
  const y = backend.output([count, classes], 'float32');
  const units = Math.ceil(count / LABELS_PER_UNIT);
  backend.pool.run('decodeIdxLabels', units, [byteOffset, backend.offset(y), count, classes]);
  return y;
}
