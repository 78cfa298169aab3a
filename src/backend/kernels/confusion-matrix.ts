// Binding of the kernel that counts a confusion matrix from scores in the backend's memory. Not a tfjs kernel: called directly.
// Not here: checking of labels (evaluation/confusion-matrix.ts); an unchecked label would write outside the table.
// Invariant: everything allocated here is freed, also when the kernel traps.
import type { SelvedgeBackend } from '../selvedge-backend.ts';

/** What one pass over the scores yields. */
export interface ConfusionCounts {
  /** `[classes, classes]`, row-major, true class first. */
  readonly counts: Int32Array;
  /** Class of the greatest score of each row, the first of equals; -1 for a row with a NaN. */
  readonly predicted: Int32Array;
}

/** Rows that a thread takes at once: some ten microseconds of work at 10 classes. */
const ROWS_PER_UNIT = 512;
/** Room for the units' count tables; many classes get fewer, longer units. */
const TABLE_BYTES = 1 << 20;

const views = (backend: SelvedgeBackend, offset: number, length: number): Int32Array => {
  const bytes = backend.bytes(offset, length * 4);
  return new Int32Array(bytes.buffer, bytes.byteOffset, length);
};

/**
 * Counts (true class, predicted class) pairs on all threads.
 *
 * @param backend The started backend
 * @param scores `[rows, classes]` in JavaScript's memory (copied), or the byte offset of such float32 in the backend's
 * @param labels True classes, each in [0, classes)
 * @param classes Number of classes, at least 1
 */
export function countConfusion(
  backend: SelvedgeBackend,
  scores: Float32Array | number,
  labels: ArrayLike<number>,
  classes: number,
): ConfusionCounts {
  const rows = labels.length;
  const tableWords = classes * classes;
  const unitsThatFit = Math.max(1, Math.floor(TABLE_BYTES / (tableWords * 4)));
  const rowsPerUnit = Math.max(ROWS_PER_UNIT, Math.ceil(rows / unitsThatFit));
  const units = Math.ceil(rows / rowsPerUnit);
  if (units === 0) return { counts: new Int32Array(tableWords), predicted: new Int32Array(0) };

  const scoreWords = typeof scores === 'number' ? 0 : scores.length;
  return backend.withMemory((rows * 2 + units * tableWords + scoreWords) * 4, (labelsAt) => {
    const predictedAt = labelsAt + rows * 4;
    const countsAt = predictedAt + rows * 4;
    const scoresAt = typeof scores === 'number' ? scores : countsAt + units * tableWords * 4;
    // Views are made after the last allocation: growth detaches the ones before.
    views(backend, labelsAt, rows).set(labels);
    if (typeof scores !== 'number') {
      const bytes = backend.bytes(scoresAt, scoreWords * 4);
      new Float32Array(bytes.buffer, bytes.byteOffset, scoreWords).set(scores);
    }
    const args = [scoresAt, labelsAt, predictedAt, countsAt, rows, classes, rowsPerUnit];
    backend.pool.run('confusionMatrix', units, args);
    const tables = views(backend, countsAt, units * tableWords);
    const counts = new Int32Array(tableWords);
    for (let word = 0; word < tables.length; word++) counts[word % tableWords]! += tables[word]!;
    return { counts, predicted: views(backend, predictedAt, rows).slice() };
  });
}
