// Batches of a data set whose bytes lie in the backend's memory: a quarter of the size of float32, copied there once.
// Not here: in which order examples come. Invariant: a batch is a function of the data set, the indices and, where it is
// augmented, of (seed, epoch, index, number of the copy); neither the place in the batch nor the number of threads changes an example.

import { currentBackend } from '../backend/index.ts';
import type { AugmentValues } from '../backend/kernels/augment.ts';
import { gatherBatch, type ResidentBytes } from '../backend/kernels/gather-batch.ts';
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { type AugmentationSettings, augmentBatch, checkAugmentation, kernelValues } from './augmentation.ts';
import { int32Bytes, tensorOf, withBytes } from './backend-memory.ts';
import { checkIndices, checkLabels, type Dataset } from './dataset.ts';
import { type ResampleOptions, resampleClasses } from './resample.ts';

/** One batch. The receiver disposes both tensors. */
export interface Batch {
  /** Images `[batch, height, width, channels]` from 0 to 1. */
  readonly x: tf.Tensor4D;
  /** One-hot labels `[batch, classes]`. */
  readonly y: tf.Tensor2D;
}

export interface ExampleOptions {
  /** Which examples, by index in the data set; default: all in order. */
  readonly indices?: Int32Array;
  /** How many of each class, as `resampleClasses` draws them; default: each example once. */
  readonly resampling?: ResampleOptions;
  /** How to change the images of an epoch; default: not at all. */
  readonly augmentation?: { readonly seed: number; readonly settings: AugmentationSettings };
}

/** What resident examples are gathered from, for whoever runs the kernels himself. */
export interface ExampleSource {
  readonly bytes: ResidentBytes;
  /**
   * Which examples of the data set are at these positions.
   *
   * @throws SelvedgeError `dataset/disposed`, `dataset/bad-index`
   */
  indicesOf(positions: Int32Array): Int32Array;
  readonly augmentation?: {
    readonly seed: number;
    readonly values: AugmentValues;
    /** Numbers that the changes of these positions are drawn by: an example's index, and others for its further copies. */
    idsOf(positions: Int32Array): Int32Array;
  };
}

/** Some examples of a resident data set, by position. */
export interface Examples {
  readonly count: number;
  /** Where they lie; examples of another origin come as tensors only. */
  readonly source?: ExampleSource;
  /**
   * Some of the examples.
   *
   * @param positions Positions from 0 to count - 1
   * @param epoch Number of the epoch, which augmentation depends on; undefined: images as they are
   */
  batch(positions: Int32Array, epoch?: number): Batch;
}

/** A data set in the backend's memory. Dispose it when done, and before the backend stops. */
export interface ResidentDataset {
  readonly dataset: Dataset;
  /** The examples at these indices of the data set. */
  batch(indices: Int32Array): Batch;
  /** A choice of examples, in the shape that training takes. */
  examples(options?: ExampleOptions): Examples;
  /** Gives back its memory. */
  dispose(): void;
}

/**
 * Copies a data set into the memory of the running backend.
 *
 * @param dataset Images and labels; labels are checked
 * @returns What batches are gathered from; the caller disposes it
 * @throws SelvedgeError `dataset/bad-label`, `backend/not-started`; its functions throw `dataset/bad-index` and `dataset/disposed`
 * @example
 * ```ts
 * import { loadFashionMnistSample, placeDataset, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const resident = placeDataset((await loadFashionMnistSample()).train);
 * const { x, y } = resident.batch(Int32Array.of(0, 5, 7));
 * console.assert(x.shape.join() === '3,28,28,1' && y.shape.join() === '3,10');
 * resident.dispose();
 * await engine.stop();
 * ```
 */
export function placeDataset(dataset: Dataset): ResidentDataset {
  checkLabels(dataset.labels, dataset.classNames.length, dataset.name);
  const backend = currentBackend();
  const { count, height, width, channels } = dataset;
  const images = backend.allocate(dataset.images.length);
  const labels = backend.allocate(dataset.labels.length);
  backend.bytes(images, dataset.images.length).set(dataset.images);
  backend.bytes(labels, dataset.labels.length).set(dataset.labels);
  const bytes: ResidentBytes = { images, labels, height, width, channels, classes: dataset.classNames.length };
  let isDisposed = false;

  const checkPresence = (): void => {
    if (!isDisposed) return;
    throw new SelvedgeError('dataset/disposed', `Cannot take a batch of "${dataset.name}": it was disposed`);
  };

  const batch = (indices: Int32Array): Batch => {
    checkPresence();
    checkIndices(indices, count);
    const { x, y } = withBytes(backend, int32Bytes(indices), (at) => gatherBatch(backend, bytes, at, indices.length));
    return { x: tensorOf(x) as tf.Tensor4D, y: tensorOf(y) as tf.Tensor2D };
  };

  const examples = (options: ExampleOptions = {}): Examples => {
    const { augmentation, resampling } = options;
    const chosen = options.indices ?? Int32Array.from({ length: count }, (_, i) => i);
    checkIndices(chosen, count);
    const indices = resampling ? resampleClasses(chosen, dataset.labels, resampling) : chosen;
    if (augmentation) checkAugmentation(augmentation.settings);
    const at = (values: Int32Array) => (positions: Int32Array) => {
      checkPresence();
      checkIndices(positions, indices.length);
      return positions.map((position) => values[position]!);
    };
    const indicesOf = at(indices);
    const idsOf = at(augmentation ? idsOfCopies(indices, count) : indices);
    const changes = augmentation
      ? { augmentation: { seed: augmentation.seed, values: kernelValues(augmentation.settings), idsOf } }
      : {};
    return {
      count: indices.length,
      source: { bytes, indicesOf, ...changes },
      batch(positions, epoch) {
        const plain = batch(indicesOf(positions));
        if (!augmentation || epoch === undefined) return plain;
        const x = augmentBatch(plain.x, { ...augmentation, epoch, exampleIds: idsOf(positions) });
        plain.x.dispose();
        return { x, y: plain.y };
      },
    };
  };

  const dispose = (): void => {
    if (isDisposed) return;
    isDisposed = true;
    backend.free(images);
    backend.free(labels);
  };

  return { dataset, batch, examples, dispose };
}

/** Tells copies of an example apart: the first has its index, each further one that of a data set behind the one before. */
function idsOfCopies(indices: Int32Array, count: number): Int32Array {
  const copies = new Int32Array(count);
  return indices.map((index) => index + count * copies[index]!++);
}
