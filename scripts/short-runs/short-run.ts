// A short training and its accuracy on images that it did not see, for comparisons of many of them. Not here: what is compared.
// Invariant: an accuracy is a function of (model, images, epochs, seed, settings, kernels).
import type * as tf from '../../src/backend/tfjs.ts';
import { exampleOptionsOf } from '../../src/data/example-options.ts';
import { type AugmentationSettings, type Dataset, placeDataset } from '../../src/data/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { type FitSettings, fit, fitDefaults } from '../../src/training/index.ts';

const PREDICT_BATCH = 250;

export interface ShortRun {
  /** Trained in place. */
  readonly model: tf.LayersModel;
  readonly training: Dataset;
  /** Which of its images. */
  readonly indices: Int32Array;
  /** Images to measure on, of the same or another set. */
  readonly test: Dataset;
  readonly testIndices: Int32Array;
  readonly settings: Partial<FitSettings> & Pick<FitSettings, 'epochs' | 'seed'>;
  /** How training images are changed, by the seed of the settings; default: not at all. */
  readonly augmentation?: AugmentationSettings;
}

/** Trains, and gives the share of test images that the last epoch's weights have right. */
export async function trainAndTest(run: ShortRun): Promise<number> {
  const { test, testIndices } = run;
  const probabilities = await trainAndPredict(run);
  const classes = probabilities.length / testIndices.length;
  const hits = testIndices.filter((index, i) => {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((most, value) => Math.max(most, value))) === test.labels[index];
  });
  return hits.length / testIndices.length;
}

/** Trains, and gives the probabilities `[test images, classes]` by the last epoch's weights. */
export async function trainAndPredict(run: ShortRun): Promise<Float32Array> {
  const { model, training, indices, test, testIndices, settings, augmentation } = run;
  const resident = placeDataset(training);
  const other = test === training ? resident : placeDataset(test);
  try {
    const examples = resident.examples({ indices, ...exampleOptionsOf({ augmentation, seed: settings.seed }) });
    await fit(model, { training: examples, settings: { ...fitDefaults, ...settings } });
    const predictor = createPredictor(model, { batchSize: PREDICT_BATCH });
    const tested = other.examples({ indices: testIndices });
    const probabilities = predictor.predictExamples(tested, 0, testIndices.length);
    predictor.dispose();
    return probabilities;
  } finally {
    resident.dispose();
    if (other !== resident) other.dispose();
  }
}

/** Share of right answers of each class; the first of equal scores wins. */
export function recallsOf(scores: Float32Array, labels: ArrayLike<number>, classes: number): number[] {
  const hits = new Array<number>(classes).fill(0);
  const support = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    support[labels[i]!]! += 1;
    if (row.indexOf(row.reduce((most, value) => Math.max(most, value))) === labels[i]) hits[labels[i]!]! += 1;
  }
  return hits.map((count, label) => count / support[label]!);
}

/** Two-sided 95% point of Student's t with two degrees of freedom: three seeds. */
const T_95 = 4.302652729911275;

/** Mean of three seeds and its 95% interval. */
export function ofSeeds(values: readonly number[]): { mean: number; low: number; high: number } {
  if (values.length !== 3) throw new TypeError(`expected three seeds, got ${values.length}`);
  const mean = values.reduce((sum, value) => sum + value, 0) / 3;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2;
  const half = T_95 * Math.sqrt(variance / 3);
  const rounded = (value: number): number => Number(value.toFixed(5));
  return { mean: rounded(mean), low: rounded(mean - half), high: rounded(mean + half) };
}
