// Finds images that are equal to the byte. Not here: what comes of it (split-classes.ts, check-parts.ts).
// Invariant: two images share a number exactly if all their bytes are the same: hashes only choose what is compared.

/** Some images of a size. */
export interface ImageBytes {
  readonly images: Uint8Array;
  readonly count: number;
}

/**
 * Numbers images so that equal ones have the number of the first of them.
 *
 * @param sets Images of one size, one set behind the other
 * @param imageBytes Bytes of an image
 * @returns One number an image, from 0, over all sets
 * @example
 * ```ts
 * import { firstEqualImages } from 'selvedge';
 * const set = { images: Uint8Array.of(1, 2, 1), count: 3 };
 * console.assert(firstEqualImages([set], 1).join() === '0,1,0');
 * ```
 */
export function firstEqualImages(sets: readonly ImageBytes[], imageBytes: number): Int32Array {
  const all = sets.flatMap(({ images, count }) =>
    Array.from({ length: count }, (_, i) => images.subarray(i * imageBytes, (i + 1) * imageBytes)),
  );
  const firsts = new Map<number, number[]>();
  return Int32Array.from(all, (image, i) => {
    const hash = hashOf(image);
    const candidates = firsts.get(hash);
    const first = candidates?.find((candidate) => isEqual(all[candidate]!, image));
    if (first !== undefined) return first;
    if (candidates) candidates.push(i);
    else firsts.set(hash, [i]);
    return i;
  });
}

/** FNV-1a of 32 bits. Source: http://www.isthe.com/chongo/tech/comp/fnv/ . */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash;
}

function isEqual(first: Uint8Array, second: Uint8Array): boolean {
  for (let i = 0; i < first.length; i++) if (first[i] !== second[i]) return false;
  return true;
}
