// What every measure of probabilities asks first: rows that fit the labels, and no number that is none.
// Not here: measuring. Invariant: what passes has at least one row, and each row a finite number a class.
import { SelvedgeError } from '../core/errors.ts';

/** Probabilities of samples and what they truly are. */
export interface LabelledProbabilities {
  /** `[samples, classes]`. */
  readonly probabilities: Float32Array;
  /** True class of each sample. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/**
 * Refuses probabilities that cannot be measured.
 *
 * @param action What cannot be done, such as "measure calibration"
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/label`, `evaluation/nan`
 */
export function checkProbabilities({ probabilities, labels, classes }: LabelledProbabilities, action: string): void {
  const refuse = (code: 'empty' | 'shape' | 'label' | 'nan', expected: string): SelvedgeError =>
    new SelvedgeError(`evaluation/${code}`, `Cannot ${action}: expected ${expected}`);
  if (labels.length === 0) throw refuse('empty', 'at least one sample, got 0');
  if (!Number.isInteger(classes) || classes < 1 || probabilities.length !== labels.length * classes) {
    throw refuse('shape', `${labels.length} rows of ${classes} probabilities, got ${probabilities.length} numbers`);
  }
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw refuse('label', `labels from 0 to ${classes - 1}, got ${label} at sample ${sample}`);
  }
  const broken = probabilities.findIndex((value) => !(value >= 0 && value <= 1));
  if (broken >= 0) {
    throw refuse(
      'nan',
      `probabilities from 0 to 1, got ${probabilities[broken]} at sample ${Math.floor(broken / classes)}`,
    );
  }
}

/** The likeliest class of a row, the first of equals. */
export function likeliestOf(probabilities: Float32Array, sample: number, classes: number): number {
  const start = sample * classes;
  let best = 0;
  for (let label = 1; label < classes; label++) {
    if (probabilities[start + label]! > probabilities[start + best]!) best = label;
  }
  return best;
}
