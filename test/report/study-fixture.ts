// A small run of the study, made up but shaped as a real one, for the tests of the report.
import { classificationReport, formatClassificationReport } from '../../src/evaluation/classification-report.ts';
import { mostConfusedPairs, weakestClasses } from '../../src/evaluation/confusions.ts';
import { mcNemar, wilsonInterval95 } from '../../src/evaluation/statistics.ts';
import type { LayerSummary, ModelSummary } from '../../src/report/model-graph.ts';
import type { GrayImage } from '../../src/report/png.ts';
import type { ReportModel, ReportPrediction, StudyReportInput } from '../../src/report/study-report-input.ts';

export const studyClassNames = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

const blank: GrayImage = { width: 28, height: 28, pixels: new Uint8Array(784).fill(128) };

/** How the fixture gets its pictures; the preview hands in real ones. */
export type PictureOf = (set: 'training' | 'test', label: number, index: number) => GrayImage;

/** A chain of layers, each taking the one before. */
export function chain(rows: readonly Omit<LayerSummary, 'name' | 'inputs'>[]): LayerSummary[] {
  return rows.map((row, index) => ({
    ...row,
    name: `layer${index}`,
    inputs: index === 0 ? [] : [`layer${index - 1}`],
  }));
}

function studySummary(name: string, withDropout: boolean): ModelSummary {
  const layer = (type: string, config: string, shape: string, parameters = 0) => [
    { type, config, outputShape: shape.split(' × ').map(Number), parameters },
  ];
  const drop = (rate: number, shape: string) => (withDropout ? layer('Dropout', `rate ${rate}`, shape) : []);
  const layers = chain([
    ...layer('InputLayer', '', '28 × 28 × 1'),
    ...layer('Conv2D', '32 filters 3 × 3, relu, he_normal', '26 × 26 × 32', 320),
    ...layer('MaxPooling2D', '2 × 2', '13 × 13 × 32'),
    ...drop(0.25, '13 × 13 × 32'),
    ...layer('Conv2D', '64 filters 3 × 3, relu', '11 × 11 × 64', 18_496),
    ...layer('MaxPooling2D', '2 × 2', '5 × 5 × 64'),
    ...drop(0.25, '5 × 5 × 64'),
    ...layer('Conv2D', '128 filters 3 × 3, relu', '3 × 3 × 128', 73_856),
    ...drop(0.4, '3 × 3 × 128'),
    ...layer('Flatten', '', '1152'),
    ...layer('Dense', '128 units, relu', '128', 147_584),
    ...drop(0.3, '128'),
    ...layer('Dense', '10 units, softmax', '10', 1290),
  ]);
  return { name, layers, totalParameters: 241_546 };
}

function confusionOf(classes: number, support: number): number[][] {
  return Array.from({ length: classes }, (_, truth) => {
    const row = Array.from({ length: classes }, (_, predicted) =>
      predicted === truth ? 0 : (truth * 7 + predicted * 3 + 1) % (truth === 6 ? 41 : 13),
    );
    row[truth] = support - row.reduce((sum, value) => sum + value, 0);
    return row;
  });
}

function studyModel(
  name: string,
  withDropout: boolean,
  classNames: readonly string[],
  picture: PictureOf,
): ReportModel {
  const support = withDropout ? 1000 : 980;
  const confusion = confusionOf(classNames.length, support);
  const scores = classificationReport(confusion, classNames);
  const correct = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  const count = support * classNames.length;
  const prediction = (index: number, wrong: number): ReportPrediction => ({
    image: picture('test', (index * 3) % classNames.length, index),
    trueLabel: (index * 3) % classNames.length,
    predictedLabel: (index * 3 + wrong) % classNames.length,
    probability: 1 - index / 40,
  });
  return {
    name,
    summary: studySummary(name, withDropout),
    settings: [
      { name: 'Loss', value: 'categorical cross-entropy' },
      { name: 'Optimiser', value: 'Adam, learning rate 0.001' },
      { name: 'Batch size', value: '128' },
      { name: 'Seed', value: '1' },
    ],
    history: Array.from({ length: withDropout ? 50 : 8 }, (_, index) => ({
      epoch: index + 1,
      loss: 0.62 / (1 + index * 0.35) + 0.08,
      accuracy: 0.96 - 0.2 / (1 + index * 0.5),
      validationLoss: 0.45 / (1 + index * 0.4) + 0.21 + index * 0.001,
      validationAccuracy: 0.92 - 0.1 / (1 + index * 0.6),
      durationMs: 9000 + index,
    })),
    evaluation: {
      dataset: 'test',
      count,
      loss: 0.2312,
      accuracy: correct / count,
      accuracyInterval95: wilsonInterval95(correct, count),
      correct,
      incorrect: count - correct,
      confusion,
      scores,
      reportText: formatClassificationReport(scores),
      weakestClasses: weakestClasses(scores),
      mostConfusedPairs: mostConfusedPairs(confusion, classNames),
    },
    correct: Array.from({ length: 16 }, (_, index) => prediction(index, 0)),
    incorrect: Array.from({ length: 16 }, (_, index) => prediction(index, 4)),
    trainingMs: 72_000,
    imagesPerSecond: 5321.4,
  };
}

/** Input of a report of both models. */
export function studyFixture(
  options: { classNames?: readonly string[]; runName?: string; picture?: PictureOf } = {},
): StudyReportInput {
  const { classNames = studyClassNames, runName = 'pipeline', picture = () => blank } = options;
  const baseline = studyModel('baseline', false, classNames, picture);
  const dropout = studyModel('dropout', true, classNames, picture);
  const compare = (name: string, first: number, second: number) => ({
    name,
    first,
    second,
    difference: second - first,
  });
  const samples = (set: 'training' | 'test') =>
    classNames.map((_, label) => Array.from({ length: 4 }, (_, index) => picture(set, label, index)));
  return {
    runName,
    finishedAt: '2024-05-01T12:00:00Z',
    classNames,
    source: {
      name: 'the cache',
      isSample: false,
      files: [{ name: 'train-images-idx3-ubyte.gz', sha256: 'b0564c3e'.repeat(8) }],
    },
    training: { count: 60_000, labelCounts: classNames.map(() => 6000), samples: samples('training') },
    test: { count: 10_000, labelCounts: classNames.map((_, label) => 1000 - label), samples: samples('test') },
    split: { training: 48_000, validation: 12_000, seed: 2023 },
    augmentation: {
      description:
        'Each training picture may be flipped, shifted, rotated, scaled, blurred by noise and partly erased.',
      rows: [0, 3, 7].map((label) => ({
        name: classNames[label]!,
        original: picture('training', label, 0),
        augmented: Array.from({ length: 6 }, (_, index) => picture('training', label, index)),
      })),
    },
    models: [baseline, dropout],
    comparison: {
      first: 'baseline',
      second: 'dropout',
      totals: [
        compare('Loss', 0.2612, 0.2312),
        compare('Accuracy', baseline.evaluation.accuracy, dropout.evaluation.accuracy),
        compare('Correct', baseline.evaluation.correct, dropout.evaluation.correct),
      ],
      f1: classNames.map((name, label) =>
        compare(
          name,
          baseline.evaluation.scores.classes[label]!['f1-score'],
          dropout.evaluation.scores.classes[label]!['f1-score'],
        ),
      ),
      bothRight: 8800,
      bothWrong: 400,
      mcNemar: mcNemar(280, 520),
    },
    machine: {
      cpu: 'A processor @ 2.50GHz',
      architecture: 'x64',
      operatingSystem: 'Linux 6.1',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
    },
    runtime: { name: 'node', version: '20.10.0' },
    backend: { backend: 'wasm', build: 'threaded-simd', threads: 2, simd: true, sharedMemory: true },
    versions: { selvedge: '0.1.0', tfjs: '4.22.0' },
    commands: ['npm ci', 'npm run pipeline'],
  };
}
