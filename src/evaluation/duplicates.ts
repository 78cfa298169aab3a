// Images that are in a data set twice, or nearly: equal ones by their bytes, and of each image the nearest other one by exact search.
// Not here: images that are shifted, mirrored or scaled copies. Invariant: distances are exact integers, whatever the product of floats
// that finds the candidates rounds: its error is bounded, and all within the bound are measured again in whole numbers.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { firstEqualImages } from '../data/first-equal-images.ts';
import { platform } from '../platform/index.ts';

/** Images whose distances to as many others are found by one product. */
const BLOCK = 2000;
/** Half the distance of 1 to the next float32. */
const UNIT_ROUNDOFF = 1 / 2 ** 24;

/** Images as bytes, and which of some sets each is in. */
export interface ImagePool {
  /** `[count, size]`, levels from 0 to 255. */
  readonly images: Uint8Array;
  /** Bytes of an image. */
  readonly size: number;
  /** Number of the set of each image, from 0. */
  readonly sets: Uint8Array;
}

/** Of each image the nearest other one in one set. */
export interface Neighbours {
  /** Number of the nearest image, the first of equals; -1 where the set has no other. */
  readonly nearest: Int32Array;
  /** Sum of squared differences of levels; infinity where there is none. */
  readonly squaredDistances: Float64Array;
}

/**
 * Groups of images that are equal byte for byte.
 *
 * @param pool Images
 * @returns Groups of two and more, each ascending, in the order of their first images
 * @throws {SelvedgeError} `evaluation/images`
 * @example
 * ```ts
 * import { equalImages } from 'selvedge';
 * const groups = equalImages({ images: Uint8Array.of(1, 2, 1), size: 1, sets: new Uint8Array(3) });
 * console.assert(groups.length === 1 && groups[0]!.join() === '0,2');
 * ```
 */
export function equalImages(pool: ImagePool): number[][] {
  checkPool(pool);
  const groups = new Map<number, number[]>();
  firstEqualImages([{ images: pool.images, count: pool.sets.length }], pool.size).forEach((first, image) => {
    const group = groups.get(first);
    if (group) group.push(image);
    else groups.set(first, [image]);
  });
  return [...groups.values()].filter(({ length }) => length > 1);
}

/**
 * Finds of each image the nearest other one in every set, among all there are. Needs a started backend.
 *
 * @param pool Images
 * @param onProgress Hears the share of the work that is done
 * @returns One list a set
 * @throws {SelvedgeError} `evaluation/images`
 * @example
 * ```ts
 * import { nearestImages, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const [all] = await nearestImages({ images: Uint8Array.of(1, 7, 9), size: 1, sets: new Uint8Array(3) });
 * console.assert(all!.nearest.join() === '1,2,1' && all!.squaredDistances[0] === 36);
 * await engine.stop();
 * ```
 */
export async function nearestImages(pool: ImagePool, onProgress?: (done: number) => void): Promise<Neighbours[]> {
  checkPool(pool);
  const search = new Search(pool);
  const count = pool.sets.length;
  const blocks = Math.ceil(count / BLOCK);
  let done = 0;
  for (let row = 0; row < blocks; row++) {
    const [first, end] = [row * BLOCK, Math.min(count, (row + 1) * BLOCK)];
    const left = search.tensorOf(first, end);
    try {
      for (let column = row; column < blocks; column++) {
        await platform.giveWay();
        search.compare(left, [first, end], [column * BLOCK, Math.min(count, (column + 1) * BLOCK)]);
        onProgress?.(++done / ((blocks * (blocks + 1)) / 2));
      }
    } finally {
      left.dispose();
    }
  }
  return search.neighbours;
}

class Search {
  readonly neighbours: Neighbours[];
  readonly #pool: ImagePool;
  /** Sums of squared levels, whole numbers. */
  readonly #norms: Float64Array;
  /** What the product may be off by, of two of the brightest images. */
  readonly #errorBound: number;
  /** Distances below which a candidate of each set is worth measuring. */
  readonly #limits: Float64Array[];

  constructor(pool: ImagePool) {
    const count = pool.sets.length;
    const sets = pool.sets.reduce((most, set) => Math.max(most, set), 0) + 1;
    this.#pool = pool;
    this.#norms = Float64Array.from({ length: count }, (_, image) => normOf(pool, image));
    const brightest = this.#norms.reduce((most, norm) => Math.max(most, norm), 0);
    // Higham's bound of a sum of products in any order, all of them positive; twice, since a distance holds the product twice.
    this.#errorBound = 2 * (pool.size + 1) * UNIT_ROUNDOFF * brightest;
    this.neighbours = Array.from({ length: sets }, () => ({
      nearest: new Int32Array(count).fill(-1),
      squaredDistances: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    }));
    this.#limits = this.neighbours.map(() => new Float64Array(count).fill(Number.POSITIVE_INFINITY));
  }

  tensorOf(first: number, end: number): tf.Tensor2D {
    const { images, size } = this.#pool;
    return tf.tensor2d(Float32Array.from(images.subarray(first * size, end * size)), [end - first, size]);
  }

  compare(left: tf.Tensor2D, [first, end]: readonly [number, number], [start, stop]: readonly [number, number]): void {
    const right = start === first ? left : this.tensorOf(start, stop);
    const product = tf.matMul(left, right, false, true);
    // Not inside tidy(), which would walk through millions of numbers in search of tensors.
    const products = product.dataSync<'float32'>();
    product.dispose();
    if (right !== left) right.dispose();
    const { sets } = this.#pool;
    const norms = this.#norms;
    for (let image = first; image < end; image++) {
      const norm = norms[image]!;
      const offset = (image - first) * (stop - start) - start;
      const ofMySet = this.#limits[sets[image]!]!;
      // A pair is looked at once: the later images of the block, or all of another block.
      for (let other = Math.max(start, image + 1); other < stop; other++) {
        const distance = norm + norms[other]! - 2 * products[offset + other]!;
        if (distance <= this.#limits[sets[other]!]![image]! || distance <= ofMySet[other]!) this.#measure(image, other);
      }
    }
  }

  #measure(image: number, other: number): void {
    const { images, size, sets } = this.#pool;
    const mine = this.neighbours[sets[other]!]!.squaredDistances[image]!;
    const theirs = this.neighbours[sets[image]!]!.squaredDistances[other]!;
    const distance = squaredDistance(images, size, image, other, Math.max(mine, theirs));
    if (distance < mine) this.#keep(image, other, distance);
    if (distance < theirs) this.#keep(other, image, distance);
  }

  #keep(image: number, other: number, distance: number): void {
    const set = this.#pool.sets[other]!;
    this.neighbours[set]!.nearest[image] = other;
    this.neighbours[set]!.squaredDistances[image] = distance;
    this.#limits[set]![image] = distance + this.#errorBound;
  }
}

/** Sum of squared differences; some number above `limit` as soon as it is beyond that. */
function squaredDistance(images: Uint8Array, size: number, one: number, other: number, limit: number): number {
  const [a, b] = [one * size, other * size];
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const difference = images[a + i]! - images[b + i]!;
    sum += difference * difference;
    if (sum > limit && limit !== Number.POSITIVE_INFINITY) return sum;
  }
  return sum;
}

function normOf({ images, size }: ImagePool, image: number): number {
  let sum = 0;
  for (let i = image * size; i < (image + 1) * size; i++) sum += images[i]! * images[i]!;
  return sum;
}

function checkPool({ images, size, sets }: ImagePool): void {
  if (Number.isInteger(size) && size > 0 && sets.length > 0 && images.length === sets.length * size) return;
  throw new SelvedgeError(
    'evaluation/images',
    `Cannot look for duplicates: expected ${sets.length} images of ${size} bytes, one or more, got ${images.length} bytes`,
  );
}
