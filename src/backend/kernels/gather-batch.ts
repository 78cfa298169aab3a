// Binding of the kernel that gathers a batch from a data set in the backend's memory. Not a tfjs kernel: called directly.
// Not here: checks of indices and labels (data/batches.ts); an unchecked one would read or write outside its array.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** Byte offsets of a data set in the backend's memory, and its sizes. */
export interface ResidentBytes {
  /** uint8 `[examples, height, width, channels]`. */
  readonly images: number;
  /** uint8 `[examples]`, each below `classes`. */
  readonly labels: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
}

/**
 * Gathers examples into a batch.
 *
 * @param backend The started backend
 * @param from The data set
 * @param indices Byte offset of the int32 indices of the examples
 * @param batch Number of indices
 * @returns `x` `[batch, height, width, channels]` from 0 to 1 and one-hot `y` `[batch, classes]`, float32; the caller disposes both
 */
export function gatherBatch(
  backend: SelvedgeBackend,
  from: ResidentBytes,
  indices: number,
  batch: number,
): { x: TensorInfo; y: TensorInfo } {
  const { images, labels, height, width, channels, classes } = from;
  const x = backend.output([batch, height, width, channels], 'float32');
  const y = backend.output([batch, classes], 'float32');
  const imageBytes = height * width * channels;
  backend.pool.run('gatherBatch', batch, [
    images,
    labels,
    indices,
    backend.offset(x),
    backend.offset(y),
    imageBytes,
    classes,
  ]);
  return { x, y };
}
