// Brings a map of a few cells to the size of the image by bilinear interpolation, with the centres of the corner cells inside the
// image (PyTorch's `interpolate` with `align_corners=False`). Not a resampling of pictures (data/prepare-image.ts).

/** A map of numbers, row by row. */
export interface NumberMap {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/**
 * @param map Cells
 * @param height Rows of the result
 * @param width Columns of the result
 * @example
 * ```ts
 * import { resizeMap } from 'selvedge';
 * const wide = resizeMap({ height: 1, width: 2, values: Float32Array.of(0, 4) }, 1, 4);
 * console.assert(wide.join() === '0,1,3,4');
 * ```
 */
export function resizeMap(map: NumberMap, height: number, width: number): Float32Array {
  const rows = weightsOf(map.height, height);
  const columns = weightsOf(map.width, width);
  const resized = new Float32Array(height * width);
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      const at = (from: number): number =>
        map.values[from * map.width + column.first]! * (1 - column.share) +
        map.values[from * map.width + column.second]! * column.share;
      resized[y * width + x] = at(row.first) * (1 - row.share) + at(row.second) * row.share;
    });
  });
  return resized;
}

/** The two cells that each place lies between, and the share of the second. */
function weightsOf(cells: number, places: number): { first: number; second: number; share: number }[] {
  return Array.from({ length: places }, (_, place) => {
    const position = Math.max(0, ((place + 0.5) * cells) / places - 0.5);
    const first = Math.min(Math.floor(position), cells - 1);
    const second = Math.min(first + 1, cells - 1);
    return { first, second, share: position - first };
  });
}
