// Evaluates a model on a labelled set: loss, accuracy, confusions, report, and which samples to show. A plain serialisable result.
// Not here: how the probabilities come about; the caller hands in a function that gives them.
// Invariant: everything in an `Evaluation` follows from the probabilities and labels alone.
import { SelvedgeError } from '../core/errors.ts';
import {
  type ClassificationReport,
  type ClassScores,
  classificationReport,
  formatClassificationReport,
  toOutputDict,
} from './classification-report.ts';
import { confusionMatrix } from './confusion-matrix.ts';
import { type ConfusedPair, mostConfusedPairs, type WeakClass, weakestClasses } from './confusions.ts';
import { type Interval, wilsonInterval95 } from './statistics.ts';

/** Keras' `epsilon()`: probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm. */
const CLIP = 1e-7;
/** Right and wrong samples to show: the 4x4 grids of the study. */
const GALLERY = 16;

/** Probabilities `[end - start, classes]` of samples [start, end). */
export type Predict = (start: number, end: number) => Float32Array | Promise<Float32Array>;

/** What is evaluated on. */
export interface EvaluationSet {
  /** Name for people, such as "test". */
  readonly name: string;
  readonly classNames: readonly string[];
  /** True class of each sample. */
  readonly labels: ArrayLike<number>;
}

export interface EvaluationOptions {
  /** Name of the model, for people. */
  readonly model: string;
  /** Samples per call of `predict`. Default 500. */
  readonly batchSize?: number;
  /** Hears the number of samples done after each batch. */
  readonly onBatch?: (done: number) => void;
}

/** Result of an evaluation; JSON holds it whole. */
export interface Evaluation {
  readonly model: string;
  readonly dataset: string;
  readonly classNames: readonly string[];
  readonly count: number;
  /** Mean categorical cross-entropy in nats. */
  readonly loss: number;
  readonly accuracy: number;
  readonly accuracyInterval95: Interval;
  readonly correct: number;
  readonly incorrect: number;
  /** Counts `[true class][predicted class]`. */
  readonly confusion: readonly (readonly number[])[];
  /** Scores in the order of the classes. */
  readonly scores: ClassificationReport;
  /** The same scores as scikit-learn's `output_dict`. */
  readonly report: Readonly<Record<string, ClassScores | number>>;
  /** The same scores as scikit-learn prints them. */
  readonly reportText: string;
  readonly weakestClasses: readonly WeakClass[];
  readonly mostConfusedPairs: readonly ConfusedPair[];
  /** Indices of the first samples predicted right, ascending. */
  readonly firstCorrect: readonly number[];
  /** Indices of the first samples predicted wrong, ascending. */
  readonly firstIncorrect: readonly number[];
  /** Each sample's true class, predicted class and the probability given to the latter, to 6 digits. */
  readonly predictions: {
    readonly truth: readonly number[];
    readonly label: readonly number[];
    readonly probability: readonly number[];
  };
}

/**
 * Evaluates a model. Needs a started backend.
 *
 * @param predict Gives the probabilities of a range of samples
 * @param set Names and true classes
 * @param options Name of the model, batch size, progress
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/label`, `evaluation/nan`
 * @example
 * ```ts
 * import { evaluateModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const set = { name: 'test', classNames: ['cat', 'dog'], labels: [0, 1] };
 * const evaluation = await evaluateModel(() => Float32Array.of(0.9, 0.1, 0.4, 0.6), set, { model: 'tiny' });
 * console.assert(evaluation.accuracy === 1);
 * await engine.stop();
 * ```
 */
export async function evaluateModel(
  predict: Predict,
  set: EvaluationSet,
  options: EvaluationOptions,
): Promise<Evaluation> {
  if (set.labels.length === 0) {
    throw new SelvedgeError(
      'evaluation/empty',
      `Cannot evaluate on "${set.name}": expected at least one sample, got 0`,
    );
  }
  const probabilities = await collectProbabilities(predict, set, options);
  return summarise(probabilities, set, options.model);
}

async function collectProbabilities(
  predict: Predict,
  set: EvaluationSet,
  { model, batchSize = 500, onBatch }: EvaluationOptions,
): Promise<Float32Array> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new SelvedgeError(
      'evaluation/shape',
      `Cannot evaluate "${model}": expected a batch size from 1, got ${batchSize}`,
    );
  }
  const classes = set.classNames.length;
  const count = set.labels.length;
  const probabilities = new Float32Array(count * classes);
  for (let start = 0; start < count; start += batchSize) {
    const end = Math.min(start + batchSize, count);
    const batch = await predict(start, end);
    if (batch.length !== (end - start) * classes) {
      throw new SelvedgeError(
        'evaluation/shape',
        `Cannot evaluate "${model}": expected ${end - start} rows of ${classes} probabilities, got ${batch.length} numbers`,
      );
    }
    probabilities.set(batch, start * classes);
    onBatch?.(end);
  }
  return probabilities;
}

function summarise(probabilities: Float32Array, set: EvaluationSet, model: string): Evaluation {
  const { classNames, labels } = set;
  const classes = classNames.length;
  const count = labels.length;
  const { counts, predicted } = confusionMatrix(probabilities, labels, classes);
  const scores = classificationReport(counts, classNames);
  const correct = counts.reduce((sum, row, label) => sum + row[label]!, 0);
  const truth = Array.from(labels);
  const indicesWhere = (isRight: boolean): number[] => {
    const found: number[] = [];
    for (let sample = 0; sample < count && found.length < GALLERY; sample++) {
      if ((predicted[sample] === truth[sample]) === isRight) found.push(sample);
    }
    return found;
  };
  return {
    model,
    dataset: set.name,
    classNames: [...classNames],
    count,
    loss: categoricalCrossentropy(probabilities, labels, classes),
    accuracy: correct / count,
    accuracyInterval95: wilsonInterval95(correct, count),
    correct,
    incorrect: count - correct,
    confusion: counts,
    scores,
    report: toOutputDict(scores),
    reportText: formatClassificationReport(scores),
    weakestClasses: weakestClasses(scores),
    mostConfusedPairs: mostConfusedPairs(counts, classNames),
    firstCorrect: indicesWhere(true),
    firstIncorrect: indicesWhere(false),
    predictions: {
      truth,
      label: [...predicted],
      probability: truth.map((_, sample) => Number(probabilities[sample * classes + predicted[sample]!]!.toFixed(6))),
    },
  };
}

/**
 * Mean categorical cross-entropy as Keras computes it from probabilities: rows scaled to sum to 1, clipped by 1e-7, natural logarithm.
 *
 * @param probabilities `[samples, classes]`
 * @param labels True classes
 * @param classes Number of classes
 * @returns Nats per sample
 * @see https://github.com/keras-team/keras/blob/v2.12.0/keras/backend.py `categorical_crossentropy`
 * @example
 * ```ts
 * import { categoricalCrossentropy } from 'selvedge';
 * console.assert(Math.abs(categoricalCrossentropy(Float32Array.of(0.5, 0.5), [0], 2) - Math.LN2) < 1e-7);
 * ```
 */
export function categoricalCrossentropy(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): number {
  let sum = 0;
  for (let sample = 0; sample < labels.length; sample++) {
    const row = probabilities.subarray(sample * classes, (sample + 1) * classes);
    const whole = row.reduce((total, value) => total + value, 0);
    const share = row[labels[sample]!]! / whole;
    sum -= Math.log(Math.min(Math.max(share, CLIP), 1 - CLIP));
  }
  return sum / labels.length;
}
