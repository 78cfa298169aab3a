// Precision, recall, F1 and support of every class from a confusion matrix, as `classification_report` of scikit-learn 1.9.1.
// Not here: counting (confusion-matrix.ts). Pure and synchronous.
// Invariant: the text is what scikit-learn 1.9.1 on NumPy 2 prints for the same counts, byte for byte; a quotient by zero is 0,
// as there. Versions before 1.3 print other digits: they take F1 from the rounded precision and recall.
import { SelvedgeError } from '../core/errors.ts';

/** One row of the report; the keys are scikit-learn's. */
export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly 'f1-score': number;
  readonly support: number;
}

/**
 * scikit-learn's `output_dict`, with the classes in a list of their own, so that a class called "accuracy" is no problem and the
 * order survives names such as "7", which JavaScript objects would sort first.
 */
export interface ClassificationReport {
  readonly classes: readonly ({ readonly name: string } & ClassScores)[];
  readonly accuracy: number;
  readonly macro: ClassScores;
  readonly weighted: ClassScores;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/**
 * Scores of every class and their averages.
 *
 * @param confusion Counts `[true class][predicted class]`
 * @param classNames One name for each row
 * @returns The scores, unrounded
 * @throws {SelvedgeError} `report/shape` where the matrix is not square or does not fit the names; `report/empty` where it counts nothing
 * @see https://scikit-learn.org/stable/modules/generated/sklearn.metrics.classification_report.html
 * @example
 * ```ts
 * import { classificationReport } from 'selvedge';
 * const report = classificationReport([[8, 2], [1, 9]], ['cat', 'dog']);
 * console.assert(report.accuracy === 0.85);
 * ```
 */
export function classificationReport(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): ClassificationReport {
  const count = classNames.length;
  if (confusion.length !== count || confusion.some((row) => row.length !== count)) {
    throw new SelvedgeError(
      'report/shape',
      `Cannot report on the confusion matrix: expected ${count} rows of ${count} counts, got rows of ${confusion.map((row) => row.length).join(', ')}`,
    );
  }
  const supports = confusion.map((row) => row.reduce((sum, value) => sum + value, 0));
  const total = supports.reduce((sum, value) => sum + value, 0);
  if (total === 0) {
    throw new SelvedgeError(
      'report/empty',
      'Cannot report on the confusion matrix: expected at least one sample, got 0',
    );
  }
  const classes = classNames.map((name, label) => {
    const hits = confusion[label]![label]!;
    const support = supports[label]!;
    const predicted = confusion.reduce((sum, row) => sum + row[label]!, 0);
    return {
      name,
      precision: ratio(hits, predicted),
      recall: ratio(hits, support),
      'f1-score': ratio(2 * hits, support + predicted),
      support,
    };
  });
  const hits = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  return {
    classes,
    accuracy: hits / total,
    macro: average(classes, undefined, total),
    weighted: average(classes, supports, total),
  };
}

/** Means as `np.average` takes them: without weights the values themselves are added, with weights their products. */
function average(
  classes: readonly ClassScores[],
  weights: readonly number[] | undefined,
  support: number,
): ClassScores {
  const whole = weights === undefined ? classes.length : pairwiseSum(weights);
  const of = (key: 'precision' | 'recall' | 'f1-score'): number =>
    pairwiseSum(classes.map((row, label) => row[key] * (weights?.[label] ?? 1))) / whole;
  return { precision: of('precision'), recall: of('recall'), 'f1-score': of('f1-score'), support };
}

/**
 * The sum in the order of NumPy's `pairwise_sum`: fewer than 8 in turn; up to 128 in eight running sums, added in pairs, then
 * the rest in turn; more than that in halves, the first a multiple of eight.
 *
 * @see https://github.com/numpy/numpy/blob/main/numpy/_core/src/umath/loops_utils.h.src
 */
function pairwiseSum(values: readonly number[]): number {
  const count = values.length;
  if (count < 8) return values.reduce((sum, value) => sum + value, 0);
  if (count > 128) {
    const half = Math.floor(count / 2);
    const cut = half - (half % 8);
    return pairwiseSum(values.slice(0, cut)) + pairwiseSum(values.slice(cut));
  }
  const lanes = values.slice(0, 8);
  const whole = count - (count % 8);
  for (let at = 8; at < whole; at++) lanes[at % 8]! += values[at]!;
  const [a, b, c, d, e, f, g, h] = lanes as [number, number, number, number, number, number, number, number];
  return values.slice(whole).reduce((sum, value) => sum + value, a + b + (c + d) + (e + f + (g + h)));
}

/**
 * The report under scikit-learn's own keys, as `classification_report(…, output_dict=True)` gives it.
 *
 * @param report From `classificationReport`
 * @returns Class names, "accuracy", "macro avg" and "weighted avg"; an average shadows a class of the same name, as there
 * @example
 * ```ts
 * import { classificationReport, toOutputDict } from 'selvedge';
 * const dict = toOutputDict(classificationReport([[8, 2], [1, 9]], ['cat', 'dog']));
 * console.assert(dict.accuracy === 0.85);
 * ```
 */
export function toOutputDict(report: ClassificationReport): Record<string, ClassScores | number> {
  return {
    ...Object.fromEntries(report.classes.map(({ name, ...scores }) => [name, scores])),
    accuracy: report.accuracy,
    'macro avg': report.macro,
    'weighted avg': report.weighted,
  };
}

/**
 * A number as Python's `format(value, '.2f')` writes it: exact ties go to the even digit, where JavaScript's `toFixed` goes up.
 *
 * @param value A finite number in [0, 1e21)
 * @param digits Digits after the point, 1 to 20
 * @returns The text
 * @example
 * ```ts
 * console.assert(formatFixed(0.125, 2) === '0.12' && formatFixed(0.375, 2) === '0.38');
 * ```
 */
export function formatFixed(value: number, digits: number): string {
  const up = value.toFixed(digits);
  // An exact tie ends in a 5 and nothing else; a double of this size with more digits shows them within 60 places.
  const tail = value.toFixed(digits + 60).slice(-60);
  const isTie = tail[0] === '5' && /^50*$/.test(tail);
  if (!isTie || Number(up.at(-1)) % 2 === 0) return up;
  // The tie went up to an odd digit: its even neighbour is one unit below, and no borrow follows from an odd digit.
  return up.slice(0, -1) + String(Number(up.at(-1)) - 1);
}

/**
 * The report as scikit-learn prints it.
 *
 * @param report From `classificationReport`
 * @param digits Digits after the point; scikit-learn's default is 2
 * @returns Lines, each ended by a newline
 * @example
 * ```ts
 * import { classificationReport, formatClassificationReport } from 'selvedge';
 * console.log(formatClassificationReport(classificationReport([[8, 2], [1, 9]], ['cat', 'dog'])));
 * ```
 */
export function formatClassificationReport(report: ClassificationReport, digits = 2): string {
  // Python counts code points where JavaScript counts UTF-16 units.
  const lengthOf = (text: string): number => [...text].length;
  const width = Math.max(...report.classes.map(({ name }) => lengthOf(name)), 'weighted avg'.length, digits);
  const name = (text: string): string => `${' '.repeat(width - lengthOf(text))}${text} `;
  const cell = (text: string): string => ` ${text.padStart(9)}`;
  // Where not a single sample is right, scikit-learn's counts are floats, and Python prints those with their point.
  const count = (support: number): string => (report.accuracy === 0 ? support.toFixed(1) : String(support));
  const line = (title: string, scores: ClassScores): string =>
    name(title) +
    [scores.precision, scores.recall, scores['f1-score']].map((value) => cell(formatFixed(value, digits))).join('') +
    cell(count(scores.support));
  const accuracy = cell('') + cell('') + cell(formatFixed(report.accuracy, digits)) + cell(count(report.macro.support));
  return [
    name('') + ['precision', 'recall', 'f1-score', 'support'].map(cell).join(''),
    '',
    ...report.classes.map((row) => line(row.name, row)),
    '',
    name('accuracy') + accuracy,
    line('macro avg', report.macro),
    line('weighted avg', report.weighted),
    '',
  ].join('\n');
}
