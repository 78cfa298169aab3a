// IDX files straight into tensors: the bytes go into the backend's memory once and are decoded there, on all threads.
// Not here: choosing examples (batches.ts). Invariant: nothing stays reserved but the two tensors.

import { currentBackend } from '../backend/index.ts';
import { decodeIdxImages, decodeIdxLabels } from '../backend/kernels/decode-idx.ts';
import type * as tf from '../backend/tfjs.ts';
import { tensorOf, withBytes } from './backend-memory.ts';
import { checkDatasetFiles, type NamedFile } from './dataset.ts';

/** A data set as two tensors. The receiver disposes both. */
export interface TensorPair {
  /** Images `[count, height, width, channels]` from 0 to 1. */
  readonly x: tf.Tensor4D;
  /** One-hot labels `[count, classes]`. */
  readonly y: tf.Tensor2D;
}

/**
 * Decodes an image and a label file into tensors of the running backend. An image value is byte / 255, correctly rounded.
 *
 * @param files Both IDX files, not compressed, and the number of classes
 * @returns Two new tensors; the caller disposes them
 * @throws SelvedgeError `idx/…`, `dataset/…` as `decodeDataset`; `backend/not-started`
 * @example
 * ```ts
 * import { decodeIdxToTensors, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const images = { name: 'images', bytes: Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255) };
 * const labels = { name: 'labels', bytes: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 1) };
 * const { x, y } = decodeIdxToTensors({ images, labels, classes: 2 });
 * console.assert(x.dataSync()[1] === 1 && y.dataSync()[1] === 1);
 * await engine.stop();
 * ```
 */
export function decodeIdxToTensors(files: {
  readonly images: NamedFile;
  readonly labels: NamedFile;
  readonly classes: number;
}): TensorPair {
  const { images, labels, classes } = files;
  const headers = checkDatasetFiles(files, classes);
  const backend = currentBackend();
  const x = withBytes(backend, images.bytes, (at) =>
    decodeIdxImages(backend, at + headers.images.dataOffset, [...headers.images.shape, 1].slice(0, 4)),
  );
  const y = withBytes(backend, labels.bytes, (at) =>
    decodeIdxLabels(backend, at + headers.labels.dataOffset, headers.labels.size, classes),
  );
  return { x: tensorOf(x) as tf.Tensor4D, y: tensorOf(y) as tf.Tensor2D };
}
