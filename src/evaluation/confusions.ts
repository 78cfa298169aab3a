// What a confusion matrix says about where a model errs: its weakest classes and the pairs it confuses most.
// Pure. Invariant: orders are total (ties go to the smaller label), so the same counts give the same lists.
import type { ClassificationReport, ClassScores } from './classification-report.ts';

/** A class and its scores. */
export interface WeakClass extends ClassScores {
  readonly label: number;
  readonly name: string;
}

/** Two classes that are taken for each other. */
export interface ConfusedPair {
  /** The class of the two that is mistaken more often. */
  readonly label: number;
  readonly name: string;
  readonly otherLabel: number;
  readonly otherName: string;
  /** Samples of `label` predicted as `otherLabel`. */
  readonly asOther: number;
  /** Samples of `otherLabel` predicted as `label`. */
  readonly fromOther: number;
  /** Both directions. */
  readonly total: number;
  /** Share of all mistakes, 0 to 1. */
  readonly shareOfMistakes: number;
}

/**
 * The classes of least F1, weakest first.
 *
 * @param report From `classificationReport`
 * @param count How many at most
 * @example
 * ```ts
 * import { classificationReport, weakestClasses } from 'selvedge';
 * const [weakest] = weakestClasses(classificationReport([[5, 5], [0, 10]], ['shirt', 'bag']), 1);
 * console.assert(weakest!.name === 'shirt');
 * ```
 */
export function weakestClasses(report: ClassificationReport, count = 3): WeakClass[] {
  return report.classes
    .map((row, label) => ({ label, ...row }))
    .sort((a, b) => a['f1-score'] - b['f1-score'] || a.label - b.label)
    .slice(0, count);
}

/**
 * The unordered pairs of classes with the most mistakes between them, most first; pairs without a mistake are left out.
 *
 * @param confusion Counts `[true class][predicted class]`
 * @param classNames One name for each row
 * @param count How many at most
 * @example
 * ```ts
 * import { mostConfusedPairs } from 'selvedge';
 * const [pair] = mostConfusedPairs([[5, 5], [1, 9]], ['shirt', 'coat'], 1);
 * console.assert(pair!.name === 'shirt' && pair!.total === 6);
 * ```
 */
export function mostConfusedPairs(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
  count = 5,
): ConfusedPair[] {
  const mistakes = confusion.reduce(
    (sum, row, label) => sum + row.reduce((rowSum, value, predicted) => rowSum + (predicted === label ? 0 : value), 0),
    0,
  );
  const pairs: ConfusedPair[] = [];
  for (let first = 0; first < classNames.length; first++) {
    for (let second = first + 1; second < classNames.length; second++) {
      const forth = confusion[first]![second]!;
      const back = confusion[second]![first]!;
      if (forth + back === 0) continue;
      const [label, otherLabel] = forth >= back ? [first, second] : [second, first];
      pairs.push({
        label,
        name: classNames[label]!,
        otherLabel,
        otherName: classNames[otherLabel]!,
        asOther: Math.max(forth, back),
        fromOther: Math.min(forth, back),
        total: forth + back,
        shareOfMistakes: (forth + back) / mistakes,
      });
    }
  }
  // The sort is stable and the pairs were made in ascending order.
  return pairs.sort((a, b) => b.total - a.total).slice(0, count);
}
