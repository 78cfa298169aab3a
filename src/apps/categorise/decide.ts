// What becomes of an answer: taken, or given to a person. Not here: how thresholds are chosen (calibration.ts).
// Invariant: a decision is a function of confidence, strangeness and thresholds alone.

/** When to ask a person. */
export interface Thresholds {
  /** Below, an answer is given to a person. */
  readonly confidence: number;
  /** Above, a picture shows none of the classes; absent where the categoriser does not tell. */
  readonly outlier?: number | undefined;
}

/** `sure`: the class is taken. `unsure`, `strange`: a person is asked, of the class, or whether it is one at all. */
export type Decision = 'sure' | 'unsure' | 'strange';

/**
 * Decides what becomes of an answer.
 *
 * @param confidence Of the answer, 0 to 1
 * @param outlier How strange the picture is, where that is told
 * @param thresholds What is enough
 * @example
 * ```ts
 * import { decide } from 'selvedge/apps';
 * console.assert(decide(0.6, undefined, { confidence: 0.8 }) === 'unsure');
 * ```
 */
export function decide(confidence: number, outlier: number | undefined, thresholds: Thresholds): Decision {
  if (outlier !== undefined && thresholds.outlier !== undefined && outlier > thresholds.outlier) return 'strange';
  return confidence >= thresholds.confidence ? 'sure' : 'unsure';
}
