// A catalogue: what a shop has, each item as a vector of 16-bit numbers, a class and a name. Plain data. Not here: its file
// (index-file.ts), searching (search.ts). Invariant: as many vectors, names and classes as items, and no name twice.
import { SelvedgeError } from '../../core/errors.ts';
import type { Embedder } from './embedder.ts';
import { encodeHalf } from './half-floats.ts';

/** Pictures of the items, for those who look. */
export interface CataloguePictures {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** `[count, height, width, channels]`, levels from 0 to 255. */
  readonly pixels: Uint8Array;
}

export interface Catalogue {
  /** The classifier whose hidden layer the vectors are of. */
  readonly model: { readonly name: string; readonly digest: string };
  readonly classNames: readonly string[];
  readonly count: number;
  readonly dimension: number;
  /** Names by which events and users call the items. */
  readonly ids: readonly string[];
  /** binary16 `[count, dimension]`. */
  readonly vectors: Uint16Array;
  /** The likeliest class of each, by the same classifier. */
  readonly labels: Uint8Array;
  /** Probability of that class. */
  readonly confidences: Float32Array;
  readonly pictures?: CataloguePictures;
}

export interface CatalogueItems {
  readonly ids: readonly string[];
  /** `[count, height, width, channels]` as the embedder takes them. */
  readonly images: Uint8Array;
  readonly classNames: readonly string[];
  /** Whether the catalogue keeps the pictures; default: true. */
  readonly keepsPictures?: boolean;
}

export interface CatalogueOptions {
  /** Hears how many images have been embedded; may give others a turn. */
  readonly onProgress?: (done: number, total: number) => Promise<void> | void;
}

/** Images between two reports. */
const STEP = 512;

/**
 * Makes a catalogue of images.
 *
 * @param embedder From `openEmbedder`
 * @param items Their names, images, and the names of the classes
 * @throws SelvedgeError `catalogue/empty`, `catalogue/duplicate-id`, `catalogue/bad-id`, `catalogue/shape`, `embedding/…`
 * @example
 * ```ts
 * import { loadShippedModel, makeCatalogue, openEmbedder, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const images = Uint8Array.from({ length: 2 * 784 }, (_, i) => i % 251);
 * const classNames = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const embedder = await openEmbedder(model);
 * const catalogue = await makeCatalogue(embedder, { ids: ['a', 'b'], images, classNames });
 * console.assert(catalogue.count === 2 && catalogue.vectors.length === 2 * 138);
 * embedder.dispose();
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function makeCatalogue(
  embedder: Embedder,
  { ids, images, classNames, keepsPictures = true }: CatalogueItems,
  { onProgress }: CatalogueOptions = {},
): Promise<Catalogue> {
  const { dimension, classes, shape, modelName, modelDigest } = embedder;
  const size = shape[0] * shape[1] * shape[2];
  const count = ids.length;
  checkIds(ids);
  if (images.length !== count * size || classNames.length !== classes) {
    throw new SelvedgeError(
      'catalogue/shape',
      `Cannot make a catalogue: expected ${count} images of [${shape.join(', ')}] and ${classes} names of classes, got ` +
        `${images.length} bytes and ${classNames.length} names`,
    );
  }
  const vectors = new Uint16Array(count * dimension);
  const labels = new Uint8Array(count);
  const confidences = new Float32Array(count);
  for (let first = 0; first < count; first += STEP) {
    const end = Math.min(count, first + STEP);
    const found = embedder.embed(images.subarray(first * size, end * size));
    vectors.set(encodeHalf(found.vectors), first * dimension);
    for (let item = first; item < end; item++) {
      const start = (item - first) * classes;
      const label = indexOfLargest(found.probabilities.subarray(start, start + classes));
      labels[item] = label;
      confidences[item] = found.probabilities[start + label]!;
    }
    await onProgress?.(end, count);
  }
  const [height, width, channels] = shape;
  return {
    model: { name: modelName, digest: modelDigest },
    classNames,
    count,
    dimension,
    ids,
    vectors,
    labels,
    confidences,
    ...(keepsPictures ? { pictures: { height, width, channels, pixels: images } } : {}),
  };
}

/** The first of the largest. */
function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** @throws SelvedgeError `catalogue/empty`, `catalogue/bad-id`, `catalogue/duplicate-id` */
export function checkIds(ids: readonly string[]): void {
  if (ids.length === 0) {
    throw new SelvedgeError('catalogue/empty', 'Cannot make a catalogue: expected at least one picture, got none');
  }
  const seen = new Set<string>();
  for (const id of ids) {
    if (id === '' || /[\n\r]/.test(id)) {
      throw new SelvedgeError(
        'catalogue/bad-id',
        `Cannot make a catalogue: expected names of one line, got ${JSON.stringify(id)}`,
      );
    }
    if (seen.has(id)) {
      throw new SelvedgeError('catalogue/duplicate-id', `Cannot make a catalogue: the name "${id}" is given twice`);
    }
    seen.add(id);
  }
}

/** The same items without their pictures, or some of them in another order. */
export function itemsOf(catalogue: Catalogue, rows: ArrayLike<number>): Catalogue {
  const { dimension, pictures } = catalogue;
  const order = Array.from(rows);
  const vectors = new Uint16Array(order.length * dimension);
  order.forEach((row, i) => {
    vectors.set(catalogue.vectors.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  });
  const size = pictures ? pictures.height * pictures.width * pictures.channels : 0;
  const pixels = new Uint8Array(order.length * size);
  order.forEach((row, i) => {
    if (pictures) pixels.set(pictures.pixels.subarray(row * size, (row + 1) * size), i * size);
  });
  return {
    ...catalogue,
    count: order.length,
    ids: order.map((row) => catalogue.ids[row]!),
    vectors,
    labels: Uint8Array.from(order, (row) => catalogue.labels[row]!),
    confidences: Float32Array.from(order, (row) => catalogue.confidences[row]!),
    ...(pictures ? { pictures: { ...pictures, pixels } } : {}),
  };
}

/**
 * Rows of the catalogue by name.
 *
 * @throws SelvedgeError `catalogue/unknown-id` for a name that it does not have
 */
export function rowFinder({ ids }: Catalogue): (id: string) => number {
  const rows = new Map(ids.map((id, row) => [id, row]));
  return (id) => {
    const row = rows.get(id);
    if (row !== undefined) return row;
    throw new SelvedgeError(
      'catalogue/unknown-id',
      `Cannot find item "${id}": the catalogue of ${ids.length} items from "${ids[0]}" to "${ids.at(-1)}" does not have it`,
    );
  };
}

/** The vector of an item as float32. */
export function vectorsOf({ vectors, dimension }: Catalogue, rows: ArrayLike<number>): Uint16Array {
  const found = new Uint16Array(rows.length * dimension);
  for (let i = 0; i < rows.length; i++) {
    found.set(vectors.subarray(rows[i]! * dimension, (rows[i]! + 1) * dimension), i * dimension);
  }
  return found;
}
