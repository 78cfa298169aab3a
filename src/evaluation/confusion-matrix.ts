// How often each true class was taken for each class. Counted by the kernel of the same name on all threads.
// Not here: what follows from the counts (classification-report.ts, confusions.ts).
// Invariant: the counts of a matrix add up to the number of samples; a NaN among the scores is an error, not a guess.
import { currentBackend } from '../backend/index.ts';
import { countConfusion } from '../backend/kernels/confusion-matrix.ts';
import { SelvedgeError } from '../core/errors.ts';

/** Counts and the predictions that were counted. */
export interface ConfusionMatrix {
  /** `[true class][predicted class]`. */
  readonly counts: number[][];
  /** Predicted class of each sample. */
  readonly predicted: Int32Array;
}

/**
 * Predicted classes and their confusion matrix. Needs a started backend.
 *
 * @param scores Probabilities or logits `[samples, classes]`; the first of equal scores wins
 * @param labels True class of each sample, in [0, classes)
 * @param classes Number of classes
 * @returns Counts `[true class][predicted class]` and the predicted classes
 * @throws {SelvedgeError} `evaluation/shape`, `evaluation/label`, `evaluation/nan`
 * @example
 * ```ts
 * import { confusionMatrix, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { counts } = confusionMatrix(Float32Array.of(0.9, 0.1, 0.2, 0.8), [0, 0], 2);
 * console.assert(counts[0]![0] === 1 && counts[0]![1] === 1);
 * await engine.stop();
 * ```
 */
export function confusionMatrix(scores: Float32Array, labels: ArrayLike<number>, classes: number): ConfusionMatrix {
  if (!Number.isInteger(classes) || classes < 1 || scores.length !== labels.length * classes) {
    throw new SelvedgeError(
      'evaluation/shape',
      `Cannot count confusions: expected ${labels.length} rows of ${classes} scores, got ${scores.length} numbers`,
    );
  }
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new SelvedgeError(
        'evaluation/label',
        `Cannot count confusions: expected labels from 0 to ${classes - 1}, got ${label} at sample ${sample}`,
      );
    }
  }
  const { counts, predicted } = countConfusion(currentBackend(), scores, labels, classes);
  const broken = predicted.indexOf(-1);
  if (broken >= 0) {
    throw new SelvedgeError(
      'evaluation/nan',
      `Cannot count confusions: the scores of sample ${broken} hold a NaN; the model's weights are likely not finite`,
    );
  }
  return {
    counts: Array.from({ length: classes }, (_, label) => [...counts.subarray(label * classes, (label + 1) * classes)]),
    predicted,
  };
}
