// The eight ways to turn and mirror a square picture, as tables of which pixel comes from where; and sets of pictures whose labels say
// which of them was done, for a network to tell apart. Invariant: bytes are moved, none is changed.
import { SelvedgeError } from '../../core/errors.ts';
import type { Dataset } from '../../data/dataset.ts';

/** Quarter turns, and the same of the mirror image. */
export const TRANSFORMATIONS = 8;

/** For each way, and each pixel of the result, the pixel that it comes from. */
export function transformationTables(side: number): readonly Uint32Array[] {
  return Array.from({ length: TRANSFORMATIONS }, (_, way) => {
    const table = new Uint32Array(side * side);
    for (let place = 0; place < table.length; place++) {
      let [y, x] = [Math.floor(place / side), place % side];
      if (way % 2 === 1) x = side - 1 - x;
      for (let turn = 0; turn < way >> 1; turn++) [y, x] = [x, side - 1 - y];
      table[place] = y * side + x;
    }
    return table;
  });
}

/**
 * Every picture in all eight ways, one behind the other; a label is the number of the way.
 *
 * @param images Levels `[count, side, side]`
 * @throws SelvedgeError `inspect/shape`
 * @example
 * ```ts
 * import { transformImages } from 'selvedge';
 * const { images, labels } = transformImages(Uint8Array.of(1, 2, 3, 4), 2);
 * console.assert(labels.join() === '0,1,2,3,4,5,6,7' && images.slice(4, 8).join() === '2,1,4,3');
 * ```
 */
export function transformImages(images: Uint8Array, side: number): Dataset {
  const size = side * side;
  const count = images.length / size;
  if (!Number.isInteger(count)) {
    throw new SelvedgeError(
      'inspect/shape',
      `Cannot turn pictures: expected a multiple of ${size} levels, got ${images.length}`,
    );
  }
  const tables = transformationTables(side);
  const made = new Uint8Array(images.length * TRANSFORMATIONS);
  let at = 0;
  for (let start = 0; start < images.length; start += size) {
    for (const table of tables) for (let place = 0; place < size; place++) made[at++] = images[start + table[place]!]!;
  }
  return {
    name: 'turned and mirrored',
    images: made,
    labels: Uint8Array.from({ length: count * TRANSFORMATIONS }, (_, i) => i % TRANSFORMATIONS),
    count: count * TRANSFORMATIONS,
    height: side,
    width: side,
    channels: 1,
    classNames: Array.from({ length: TRANSFORMATIONS }, (_, way) => `way ${way}`),
  };
}
