// A labelled set of images as plain bytes: the value that sources give and that batches are gathered from.
// Not here: tensors, splits, files. Invariant: `images` holds count * height * width * channels bytes, row-major NHWC, and
// every label is below the number of class names.
import { SelvedgeError } from '../core/errors.ts';
import { decodeIdxHeader, type IdxHeader } from './idx.ts';

/** Images `[count, height, width, channels]` with one label each. */
export interface Dataset {
  readonly name: string;
  /** Grey levels 0 to 255, count * height * width * channels of them. */
  readonly images: Uint8Array;
  /** Class index of each image. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Name of each class, by class index. */
  readonly classNames: readonly string[];
}

/** One IDX file: its bytes, not compressed, and the name that errors give it. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface DatasetFiles {
  readonly name: string;
  /** uint8 `[count, height, width]`, or `[count, height, width, channels]` with one or three of them. */
  readonly images: NamedFile;
  /** uint8 `[count]`. */
  readonly labels: NamedFile;
  readonly classNames: readonly string[];
}

/**
 * Reads a data set from its two IDX files.
 *
 * @param files The image and the label file, and the class names
 * @returns The data set; its images and labels are the bytes of the files, no copies
 * @throws SelvedgeError as `decodeIdx`; `dataset/bad-type`, `dataset/bad-shape`, `dataset/count-mismatch` or
 *   `dataset/bad-label`, naming the file, what was expected and what was found
 * @example
 * ```ts
 * import { decodeDataset } from 'selvedge';
 * const images = { name: 'images', bytes: Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20) };
 * const labels = { name: 'labels', bytes: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 1) };
 * const dataset = decodeDataset({ name: 'one', images, labels, classNames: ['a', 'b'] });
 * console.assert(dataset.count === 1 && dataset.width === 2);
 * ```
 */
export function decodeDataset(files: DatasetFiles): Dataset {
  const { name, classNames } = files;
  const headers = checkDatasetFiles(files, classNames.length);
  const [count = 0, height = 0, width = 0, channels = 1] = headers.images.shape;
  const images = valuesOf(files.images, headers.images);
  const labels = valuesOf(files.labels, headers.labels);
  return { name, images, labels, count, height, width, channels, classNames };
}

/**
 * Checks that an image and a label file belong together: types, dimensions, counts and the range of the labels.
 *
 * @param files Both IDX files
 * @param classes Number of classes
 * @returns The two headers
 * @throws SelvedgeError as `decodeDataset`
 */
export function checkDatasetFiles(
  files: { readonly images: NamedFile; readonly labels: NamedFile },
  classes: number,
): { readonly images: IdxHeader; readonly labels: IdxHeader } {
  const images = checkedHeader(files.images, isImages, '[count, height, width, 1 or 3] or [count, height, width]');
  const labels = checkedHeader(files.labels, (shape) => shape.length === 1, '[count]');
  const [count] = images.shape;
  if (labels.size !== count) {
    throw new SelvedgeError(
      'dataset/count-mismatch',
      `Cannot read "${files.labels.name}": expected ${count} labels for the ${count} images of "${files.images.name}", ` +
        `got ${labels.size}`,
    );
  }
  checkLabels(files.labels.bytes.subarray(labels.dataOffset), classes, files.labels.name);
  return { images, labels };
}

/**
 * The examples of a data set at the given indices, in their order.
 *
 * @param dataset Where to take them from
 * @param indices Example indices from 0 to count - 1; repeats are allowed
 * @param name Name of the new data set
 * @returns A copy of those examples
 * @throws SelvedgeError `dataset/bad-index`
 * @example
 * ```ts
 * import { subsetOf } from 'selvedge';
 * const two = { name: 'two', images: Uint8Array.of(1, 2), labels: Uint8Array.of(0, 0), count: 2, height: 1, width: 1,
 *   channels: 1, classNames: ['only'] };
 * console.assert(subsetOf(two, [1], 'last').images[0] === 2);
 * ```
 */
export function subsetOf(dataset: Dataset, indices: ArrayLike<number>, name: string): Dataset {
  checkIndices(indices, dataset.count);
  const bytesPerImage = dataset.height * dataset.width * dataset.channels;
  const images = new Uint8Array(indices.length * bytesPerImage);
  const labels = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * bytesPerImage;
    images.set(dataset.images.subarray(from, from + bytesPerImage), i * bytesPerImage);
    labels[i] = dataset.labels[indices[i]!]!;
  }
  return { ...dataset, name, images, labels, count: indices.length };
}

/**
 * How many examples each class has.
 *
 * @param dataset The labelled set
 * @returns One count a class, by class index
 * @example
 * ```ts
 * import { countLabels } from 'selvedge';
 * const set = { name: 'set', images: Uint8Array.of(1, 2), labels: Uint8Array.of(1, 1), count: 2, height: 1, width: 1,
 *   channels: 1, classNames: ['a', 'b'] };
 * console.assert(countLabels(set)[1] === 2);
 * ```
 */
export function countLabels(dataset: Dataset): number[] {
  const counts = new Array<number>(dataset.classNames.length).fill(0);
  for (const label of dataset.labels) counts[label]!++;
  return counts;
}

/**
 * Refuses labels that name no class.
 *
 * @param labels Class indices
 * @param classes Number of classes
 * @param name The file or set, for the message
 * @throws SelvedgeError `dataset/bad-label`
 */
export function checkLabels(labels: Uint8Array, classes: number, name: string): void {
  const at = labels.findIndex((label) => label >= classes);
  if (at < 0) return;
  throw new SelvedgeError(
    'dataset/bad-label',
    `Cannot read "${name}": expected labels from 0 to ${classes - 1}, got ${labels[at]} at index ${at}`,
  );
}

/**
 * Refuses indices that name no example.
 *
 * @param indices What the caller asks for
 * @param count Number of examples
 * @throws SelvedgeError `dataset/bad-index`
 */
export function checkIndices(indices: ArrayLike<number>, count: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (Number.isInteger(index) && index >= 0 && index < count) continue;
    throw new SelvedgeError(
      'dataset/bad-index',
      `Cannot take example ${index} (entry ${i}): expected an integer from 0 to ${count - 1}`,
    );
  }
}

/** What follows the header, plain even where the file is a Buffer of Node's, whose `slice` would share memory. */
function valuesOf({ bytes }: NamedFile, { dataOffset, size }: IdxHeader): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + dataOffset, size);
}

const isImages = (shape: readonly number[]): boolean =>
  shape.length === 3 || (shape.length === 4 && (shape[3] === 1 || shape[3] === 3));

function checkedHeader(file: NamedFile, isFitting: (shape: readonly number[]) => boolean, layout: string): IdxHeader {
  const header = decodeIdxHeader(file.bytes, { name: file.name });
  if (header.type !== 'uint8') {
    throw new SelvedgeError(
      'dataset/bad-type',
      `Cannot read "${file.name}": expected uint8 values, got ${header.type}`,
    );
  }
  if (!isFitting(header.shape)) {
    throw new SelvedgeError(
      'dataset/bad-shape',
      `Cannot read "${file.name}": expected the shape ${layout}, got [${header.shape.join(', ')}]`,
    );
  }
  return header;
}
