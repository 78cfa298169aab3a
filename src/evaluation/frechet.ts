// The Fréchet distance between two sets of feature rows, as if each were normal: what FID is, in features of any network (Heusel et al. 2017).
// Not here: the features. Invariant: double precision and exact arithmetic alone, so that every engine gives the same bits.
import { SelvedgeError } from '../core/errors.ts';
import { eigenOf } from './eigen.ts';

/** Rows of features. */
export interface FeatureRows {
  /** `[count, size]`. */
  readonly values: ArrayLike<number>;
  readonly size: number;
}

/**
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with unbiased covariances as in the reference implementation. It falls with the number of rows:
 * compare sets of one size.
 *
 * @param first Two rows or more
 * @param second The same number of features
 * @throws SelvedgeError `evaluation/features`
 * @example
 * ```ts
 * import { frechetDistance } from 'selvedge';
 * const rows = { values: [0, 1, 2, 1], size: 2 };
 * console.assert(frechetDistance(rows, rows) < 1e-9);
 * ```
 */
export function frechetDistance(first: FeatureRows, second: FeatureRows): number {
  checkRows(first, second);
  const { size } = first;
  const [a, b] = [momentsOf(first), momentsOf(second)];
  let distance = 0;
  for (let i = 0; i < size; i++) {
    const difference = a.mean[i]! - b.mean[i]!;
    distance += difference * difference + a.covariance[i * size + i]! + b.covariance[i * size + i]!;
  }
  // (C1 C2)^(1/2) has the trace of (S C2 S)^(1/2), where S is the root of C1: that is symmetric.
  const root = rootOf(a.covariance, size);
  const product = multiply(multiply(root, b.covariance, size), root, size);
  const { values } = eigenOf(symmetric(product, size), size);
  const trace = values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return Math.max(0, distance - 2 * trace);
}

function checkRows(first: FeatureRows, second: FeatureRows): void {
  const { size } = first;
  const isWhole = ({ values }: FeatureRows): boolean => values.length % size === 0 && values.length >= 2 * size;
  const areFinite = ({ values }: FeatureRows): boolean => Array.prototype.every.call(values, Number.isFinite);
  if (Number.isInteger(size) && size > 0 && second.size === size && [first, second].every(isWhole)) {
    if (areFinite(first) && areFinite(second)) return;
    throw new SelvedgeError('evaluation/features', 'Cannot compare features: expected finite numbers, got others');
  }
  throw new SelvedgeError(
    'evaluation/features',
    `Cannot compare features: expected two rows or more of one size, got ${first.values.length} values of ${size} and ${second.values.length} of ${second.size}`,
  );
}

function momentsOf({ values, size }: FeatureRows): { mean: Float64Array; covariance: Float64Array } {
  const count = values.length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < values.length; i++) mean[i % size]! += values[i]!;
  for (let i = 0; i < size; i++) mean[i]! /= count;
  const covariance = new Float64Array(size * size);
  const centred = new Float64Array(size);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) centred[i] = values[row * size + i]! - mean[i]!;
    for (let i = 0; i < size; i++) {
      const value = centred[i]!;
      if (value === 0) continue;
      for (let k = 0; k <= i; k++) covariance[i * size + k]! += value * centred[k]!;
    }
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k <= i; k++) {
      covariance[i * size + k]! /= count - 1;
      covariance[k * size + i] = covariance[i * size + k]!;
    }
  }
  return { mean, covariance };
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k]!;
      for (let j = 0; j < size; j++) product[i * size + j]! += factor * b[k * size + j]!;
    }
  }
  return product;
}

const symmetric = (matrix: Float64Array, size: number): Float64Array =>
  matrix.map((value, i) => (value + matrix[(i % size) * size + Math.floor(i / size)]!) / 2);

/** The symmetric root of a matrix that is symmetric and not negative. */
function rootOf(matrix: Float64Array, size: number): Float64Array {
  const { values, vectors } = eigenOf(matrix, size);
  const scaled = vectors.map((value, i) => value * Math.sqrt(Math.max(0, values[i % size]!)));
  return multiply(scaled, transposed(vectors, size), size);
}

const transposed = (matrix: Float64Array, size: number): Float64Array =>
  matrix.map((_, i) => matrix[(i % size) * size + Math.floor(i / size)]!);
