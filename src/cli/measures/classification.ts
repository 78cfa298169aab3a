// selvedge measure classification: accuracy, every class with its interval, and what the model is worth that may abstain.
import { classificationReport } from '../../evaluation/classification-report.ts';
import { confusionMatrix } from '../../evaluation/confusion-matrix.ts';
import { mostConfusedPairs } from '../../evaluation/confusions.ts';
import { coverageAt, riskCoverage, thresholdFor } from '../../evaluation/selective.ts';
import { type Interval, wilsonInterval95 } from '../../evaluation/statistics.ts';
import { type Anchor, isStudied, type Measured, type MeasuredModel, type Subject } from './subject.ts';

/** Accuracies that answers may be promised to have. */
const PROMISES = [0.95, 0.98, 0.99, 0.995];

const anchors: readonly Anchor[] = [
  { figure: 'accuracy of the study’s model with dropout', value: 0.9258, source: 'the study, test set' },
];

/** Measures on the test set; thresholds of abstention are chosen on the validation set. */
export async function measureClassification(subject: Subject): Promise<Measured> {
  const model = await subject.model();
  const { test } = subject.data;
  const { classNames } = test;
  const probabilities = await model.probabilitiesOf(test);
  const { counts, predicted } = confusionMatrix(probabilities, test.labels, classNames.length);
  const report = classificationReport(counts, classNames);
  const correct = counts.reduce((sum, row, label) => sum + row[label]!, 0);
  const answers = answersOf(probabilities, predicted, test.labels);
  const selective = riskCoverage(answers.confidences, answers.isRight);
  const result = {
    count: test.count,
    correct,
    accuracy: report.accuracy,
    accuracyInterval95: wilsonInterval95(correct, test.count),
    macroF1: report.macro['f1-score'],
    classes: report.classes.map((row, label) => {
      const taken = counts.reduce((sum, of) => sum + of[label]!, 0);
      return {
        ...row,
        recallInterval95: wilsonInterval95(counts[label]![label]!, row.support),
        precisionInterval95: taken === 0 ? { low: 0, high: 1 } : wilsonInterval95(counts[label]![label]!, taken),
      };
    }),
    confusion: counts,
    mostConfusedPairs: mostConfusedPairs(counts, classNames, 5),
    riskCoverage: selective,
    promises: await promisesOf(model, answers),
    anchors: isStudied(subject.data) ? anchors : [],
  };
  return { result, text: describe(result) };
}

interface Answers {
  readonly confidences: Float32Array;
  readonly isRight: readonly boolean[];
}

function answersOf(probabilities: Float32Array, predicted: Int32Array, labels: Uint8Array): Answers {
  const classes = probabilities.length / labels.length;
  return {
    confidences: Float32Array.from(predicted, (label, sample) => probabilities[sample * classes + label]!),
    isRight: Array.from(predicted, (label, sample) => label === labels[sample]),
  };
}

/** Thresholds by the validation set, and what they give on the test set. */
async function promisesOf(model: MeasuredModel, test: Answers) {
  const { validation } = model;
  if ('reason' in validation) return { reason: validation.reason };
  const probabilities = await model.probabilitiesOf(validation);
  const { predicted } = confusionMatrix(probabilities, validation.labels, validation.classNames.length);
  const { confidences, isRight } = answersOf(probabilities, predicted, validation.labels);
  return PROMISES.map((promised) => {
    const threshold = thresholdFor(confidences, isRight, promised);
    // A promise that nothing keeps is left out: infinity is no number of JSON.
    if (!Number.isFinite(threshold)) return { promised, reason: 'no threshold keeps it on the validation set' };
    return { promised, ...coverageAt(test.confidences, test.isRight, threshold) };
  });
}

interface Described {
  readonly count: number;
  readonly accuracy: number;
  readonly accuracyInterval95: Interval;
  readonly classes: readonly { readonly name: string; readonly recall: number; readonly recallInterval95: Interval }[];
  readonly riskCoverage: ReturnType<typeof riskCoverage>;
  readonly promises: Awaited<ReturnType<typeof promisesOf>>;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
const range = ({ low, high }: Interval): string => `${percent(low)} to ${percent(high)}`;

function describe({ count, accuracy, accuracyInterval95, classes, riskCoverage: risk, promises }: Described): string {
  const width = Math.max(...classes.map(({ name }) => name.length));
  return [
    `Accuracy ${percent(accuracy)} on ${count} test images (95% interval ${range(accuracyInterval95)})`,
    '',
    `${'class'.padEnd(width)}  recall   95% interval`,
    ...classes.map(
      ({ name, recall, recallInterval95 }) =>
        `${name.padEnd(width)}  ${percent(recall).padStart(7)}  ${range(recallInterval95)}`,
    ),
    '',
    `Area under risk over coverage ${risk.area.toFixed(5)}; knowing its mistakes it would be ${risk.leastArea.toFixed(5)}`,
    ...('reason' in promises
      ? [`No threshold to abstain by: ${promises.reason}`]
      : promises.map((promise) =>
          'reason' in promise
            ? `Promised ${percent(promise.promised)}: ${promise.reason}`
            : `Promised ${percent(promise.promised)}: answers ${percent(promise.coverage)} of the images, of them right ${percent(promise.accuracy)}`,
        )),
  ].join('\n');
}
