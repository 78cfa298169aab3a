// A few rows that stand for many: those found one after the other as the farthest from all that were taken before (Gonzalez 1985), as
// PatchCore keeps its patches (Roth et al. 2022). Invariant: a function of rows and count, the same on every engine.
import { SelvedgeError } from '../../core/errors.ts';

/**
 * Chooses rows that cover the others.
 *
 * @param rows `[many, width]`
 * @param count How many to choose, at most; fewer where all others equal one that is chosen
 * @returns Numbers of rows, in the order they were taken; the first is row 0
 * @throws SelvedgeError `inspect/rows`
 * @example
 * ```ts
 * import { chooseCoreset } from 'selvedge';
 * console.assert(chooseCoreset(Float32Array.of(0, 1, 9, 5), 1, 3).join() === '0,2,3');
 * ```
 */
export function chooseCoreset(rows: Float32Array, width: number, count: number): Int32Array {
  const many = rows.length / width;
  if (!Number.isInteger(many) || many < 1 || count < 1) {
    throw new SelvedgeError(
      'inspect/rows',
      `Cannot choose ${count} rows: expected rows of ${width} values, got ${rows.length} values`,
    );
  }
  const chosen: number[] = [0];
  const squares = new Float64Array(many).fill(Number.POSITIVE_INFINITY);
  while (chosen.length < Math.min(count, many)) {
    const last = chosen.at(-1)! * width;
    let farthest = 0;
    for (let row = 0; row < many; row++) {
      let square = 0;
      const limit = squares[row]!;
      for (let i = 0; i < width && square < limit; i++) {
        const difference = rows[row * width + i]! - rows[last + i]!;
        square += difference * difference;
      }
      if (square < limit) squares[row] = square;
      if (squares[row]! > squares[farthest]!) farthest = row;
    }
    if (squares[farthest] === 0) break;
    chosen.push(farthest);
  }
  return Int32Array.from(chosen);
}
