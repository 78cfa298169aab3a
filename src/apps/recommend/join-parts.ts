// Features and probabilities of images as one direction each. Not here: what computes them (embedder.ts, edge-embedder.ts).
// Invariant: a vector has length 1, or is shorter where all features of a hidden layer are 0.
import { SelvedgeError } from '../../core/errors.ts';

/**
 * Share of a cosine that is of probabilities, the rest of the hidden layer. Chosen on validation images: 0 finds fewer of the class far down the
 * ranking, 1 forgets looks and finds fewer of the class among the first; see docs/recommend.md.
 */
const KIND_SHARE = 0.5;

/** Rows of each part one after the other, each part with its share of the length, which is 1. The last part is of probabilities. */
export function joinParts(parts: readonly Float32Array[], widths: readonly number[], into: Float32Array): void {
  const dimension = widths.reduce((sum, width) => sum + width, 0);
  const rows = into.length / dimension;
  const share = Math.sqrt((1 - KIND_SHARE) / (parts.length - 1));
  for (let row = 0; row < rows; row++) {
    let at = row * dimension;
    for (const [i, part] of parts.entries()) {
      const width = widths[i]!;
      const own = part.subarray(row * width, (row + 1) * width);
      const length = lengthOf(own);
      const factor = length === 0 ? 0 : (i === parts.length - 1 ? Math.sqrt(KIND_SHARE) : share) / length;
      for (const value of own) into[at++] = value * factor;
    }
  }
}

function lengthOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** @throws SelvedgeError `embedding/not-finite` */
export function checkFinite(vectors: Float32Array, modelName: string): void {
  if (vectors.every(Number.isFinite)) return;
  throw new SelvedgeError(
    'embedding/not-finite',
    `Cannot embed by model "${modelName}": expected finite features, got NaN or infinity; are its weights finite`,
  );
}
