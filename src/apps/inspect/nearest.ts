// How far rows are from the rows of another matrix that are nearest to them: exact, by products of matrices on the running backend.
// Not an index. Invariant: no tensor is kept, and a row has the same distance in any company and at any number of threads.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';

/** Rows that are compared at once. */
const BATCH = 256;

/** Distances to the nearest row, and which row that is. */
export interface Nearest {
  /** Euclidean distance, the mean over the nearest `neighbours` rows, `[count]`. */
  readonly distances: Float32Array;
  /** The nearest row, `[count]`. */
  readonly rows: Int32Array;
}

export interface NearestOptions {
  /** Values of a row. */
  readonly width: number;
  /** How many of the nearest rows are averaged; default 1. */
  readonly neighbours?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rows to compare with, in the backend's memory. */
export interface StoredRows {
  readonly count: number;
  /** @throws SelvedgeError `inspect/interrupted` when the signal comes */
  nearest(rows: Float32Array): Promise<Nearest>;
  dispose(): void;
}

/**
 * Puts rows into the backend's memory, to be compared with.
 *
 * @param stored `[many, width]`, at least as many as neighbours
 * @throws SelvedgeError `inspect/rows`
 * @example
 * ```ts
 * import { storeRows, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const stored = storeRows(Float32Array.of(0, 0, 3, 4), { width: 2 });
 * const { distances, rows } = await stored.nearest(Float32Array.of(3, 3));
 * console.assert(distances[0] === 1 && rows[0] === 1);
 * stored.dispose();
 * await engine.stop();
 * ```
 */
export function storeRows(stored: Float32Array, { width, neighbours = 1, signal }: NearestOptions): StoredRows {
  const many = stored.length / width;
  if (!Number.isInteger(many) || many < neighbours || neighbours < 1) {
    throw rowsError(`at least ${neighbours} stored rows of ${width} values`, stored.length);
  }
  const matrix = tf.tensor2d(stored, [many, width]);
  const squares = squaresOf(stored, width);
  return {
    count: many,
    async nearest(rows) {
      const count = rows.length / width;
      if (!Number.isInteger(count)) throw rowsError(`rows of ${width} values`, rows.length);
      const own = squaresOf(rows, width);
      const found = { distances: new Float32Array(count), rows: new Int32Array(count) };
      for (let first = 0; first < count; first += BATCH) {
        await platform.giveWay();
        if (signal?.aborted) throw new SelvedgeError('inspect/interrupted', 'Interrupted');
        const end = Math.min(count, first + BATCH);
        const part = tf.tensor2d(rows.subarray(first * width, end * width), [end - first, width]);
        const product = tf.matMul(part, matrix, false, true);
        // Not what tidy() returns: it would look for tensors in every value.
        const products = product.dataSync<'float32'>();
        tf.dispose([part, product]);
        for (let row = first; row < end; row++) {
          const at = products.subarray((row - first) * many, (row - first + 1) * many);
          const { mean, nearest } = smallest(at, squares, own[row]!, neighbours);
          found.distances[row] = mean;
          found.rows[row] = nearest;
        }
      }
      return found;
    },
    dispose: () => matrix.dispose(),
  };
}

function squaresOf(rows: Float32Array, width: number): Float64Array {
  const squares = new Float64Array(rows.length / width);
  for (let i = 0; i < rows.length; i++) squares[Math.floor(i / width)]! += rows[i]! * rows[i]!;
  return squares;
}

/** The mean of the smallest distances; of equal ones the first row is the nearest. */
function smallest(products: Float32Array, squares: Float64Array, own: number, neighbours: number) {
  // Sorted, the largest last.
  const least = new Array<number>(neighbours).fill(Number.POSITIVE_INFINITY);
  let nearest = 0;
  for (let i = 0; i < products.length; i++) {
    const square = squares[i]! - 2 * products[i]!;
    if (!(square < least[neighbours - 1]!)) continue;
    if (square < least[0]!) nearest = i;
    let place = neighbours - 1;
    while (place > 0 && least[place - 1]! > square) {
      least[place] = least[place - 1]!;
      place--;
    }
    least[place] = square;
  }
  // Rounding may bring the square of nothing below 0.
  const mean = least.reduce((sum, square) => sum + Math.sqrt(Math.max(0, square + own)), 0) / neighbours;
  return { mean, nearest };
}

const rowsError = (expected: string, got: number): SelvedgeError =>
  new SelvedgeError('inspect/rows', `Cannot compare rows: expected ${expected}, got ${got} values`);
