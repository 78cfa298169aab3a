// The mean direction of each class of a catalogue. Invariant: sums run in the order of the rows.
import type { Catalogue } from './catalogue.ts';
import { decodeHalf } from './half-floats.ts';

/** @returns float32 `[classes, dimension]`, each of length 1, or 0 for a class without items */
export function classCentres({ vectors, dimension, labels, count, classNames }: Catalogue): Float32Array {
  const sums = new Float64Array(classNames.length * dimension);
  const vector = new Float32Array(dimension);
  for (let row = 0; row < count; row++) {
    decodeHalf(vectors.subarray(row * dimension, (row + 1) * dimension), vector);
    const at = labels[row]! * dimension;
    for (let i = 0; i < dimension; i++) sums[at + i]! += vector[i]!;
  }
  const centres = new Float32Array(sums.length);
  for (let label = 0; label < classNames.length; label++) {
    const own = sums.subarray(label * dimension, (label + 1) * dimension);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < dimension && length > 0; i++) centres[label * dimension + i] = own[i]! / length;
  }
  return centres;
}
