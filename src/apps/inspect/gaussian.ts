// How far features are from a Gaussian that was fitted to good ones: Mahalanobis distances with a shrunk covariance.
// Not here: several classes (evaluation/outliers.ts). Invariant: plain numbers in, plain numbers out; the fit can be stored.
import { SelvedgeError } from '../../core/errors.ts';
import { choleskyOf, solveLower } from '../../evaluation/outliers.ts';

/** A fitted Gaussian. */
export interface Gaussian {
  /** `[width]`. */
  readonly mean: Float64Array;
  /** Lower triangle of the covariance's Cholesky factor, `[width, width]`. */
  readonly factor: Float64Array;
}

/**
 * Fits a Gaussian; to the diagonal of the covariance a share of the mean variance is added.
 *
 * @param rows `[count, width]`, at least one row
 * @param shrinkage The share, above 0, so that few rows, or values that never vary, do no harm
 * @throws SelvedgeError `inspect/rows`
 * @example
 * ```ts
 * import { fitGaussian, gaussianDistances } from 'selvedge';
 * const fit = fitGaussian(Float32Array.of(-1, 1), 1, 1);
 * console.assert(Math.abs(gaussianDistances(fit, Float32Array.of(2))[0]! - Math.SQRT2) < 1e-9);
 * ```
 */
export function fitGaussian(rows: Float32Array, width: number, shrinkage: number): Gaussian {
  const count = rows.length / width;
  if (!Number.isInteger(count) || count < 1 || !(shrinkage > 0)) {
    throw new SelvedgeError(
      'inspect/rows',
      `Cannot fit a Gaussian: expected rows of ${width} values and a shrinkage above 0, got ${rows.length} values, ${shrinkage}`,
    );
  }
  const mean = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) mean[i % width]! += rows[i]! / count;
  const covariance = new Float64Array(width * width);
  const point = new Float64Array(width);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) point[i] = rows[row * width + i]! - mean[i]!;
    for (let i = 0; i < width; i++) {
      const value = point[i]! / count;
      for (let j = 0; j <= i; j++) covariance[i * width + j]! += value * point[j]!;
    }
  }
  let trace = 0;
  for (let i = 0; i < width; i++) trace += covariance[i * (width + 1)]!;
  // What never varies at all has a variance all the same.
  for (let i = 0; i < width; i++) covariance[i * (width + 1)]! += (shrinkage * trace) / width + 1e-12;
  return { mean, factor: choleskyOf(covariance, width) };
}

/**
 * Mahalanobis distances, not squared.
 *
 * @param rows `[count, width]`
 * @returns `[count]`
 */
export function gaussianDistances({ mean, factor }: Gaussian, rows: Float32Array): Float64Array {
  const width = mean.length;
  const point = new Float64Array(width);
  return Float64Array.from({ length: rows.length / width }, (_, row) => {
    for (let i = 0; i < width; i++) point[i] = rows[row * width + i]! - mean[i]!;
    const solved = solveLower(factor, width, point);
    return Math.sqrt(solved.reduce((sum, value) => sum + value * value, 0));
  });
}
