// Scales levels of pixels by averaging areas. Not here: what a level is, which the caller reads from the picture.
// Invariant: sums and products alone, in a fixed order, so every engine gives the same bits; of its own size, a picture stays as it is.
import type { PixelBox } from './ground.ts';

/** Writes the levels of the pixels of row `y`, from `left` on, as many as `into` holds. */
export type ReadLevels = (y: number, left: number, into: Float64Array) => void;

/**
 * Each target pixel is the mean of the area it covers, pixels at the rim by the part covered.
 *
 * @param from The part of the picture to scale
 * @returns `[height, width]` levels
 */
export function averageAreas(readLevels: ReadLevels, from: PixelBox, width: number, height: number): Float64Array {
  const levels = new Float64Array(width * height);
  const columns = coverage(from.width, width);
  const rows = coverage(from.height, height);
  const row = new Float64Array(from.width);
  let read = -1;
  for (let y = 0; y < height; y++) {
    const sums = levels.subarray(y * width, (y + 1) * width);
    for (let i = rows.starts[y]!; i < rows.starts[y + 1]!; i++) {
      // Two target rows may share the source row between them.
      if (rows.sources[i]! !== read) readLevels(from.top + rows.sources[i]!, from.left, row);
      read = rows.sources[i]!;
      addRow(row, rows.lengths[i]!, columns, sums);
    }
    for (let x = 0; x < width; x++) sums[x] = (sums[x]! * width * height) / (from.width * from.height);
  }
  return levels;
}

/** Adds what a source row, covered in part, gives to each target pixel. */
function addRow(row: Float64Array, share: number, { starts, sources, lengths }: Coverage, sums: Float64Array): void {
  for (let x = 0; x < sums.length; x++) {
    let sum = sums[x]!;
    const start = starts[x]!;
    const end = starts[x + 1]!;
    let source = sources[start]!;
    for (let i = start; i < end; i++, source++) sum += share * lengths[i]! * row[source]!;
    sums[x] = sum;
  }
}

/** The source pixels that target pixels cover, and the covered length of each; those of target `t` from `starts[t]` to `starts[t + 1]`. */
interface Coverage {
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  readonly lengths: Float64Array;
}

/** How `to` target pixels cover `from` source pixels. */
function coverage(from: number, to: number): Coverage {
  const starts = new Int32Array(to + 1);
  const sources: number[] = [];
  const lengths: number[] = [];
  for (let target = 0; target < to; target++) {
    const start = (target * from) / to;
    const end = ((target + 1) * from) / to;
    for (let source = Math.floor(start); source < Math.min(from, end); source++) {
      sources.push(source);
      lengths.push(Math.min(end, source + 1) - Math.max(start, source));
    }
    starts[target + 1] = sources.length;
  }
  return { starts, sources: Int32Array.from(sources), lengths: Float64Array.from(lengths) };
}
