// A short training and its accuracy on images that it did not see, for comparisons of many of them. Not here: what is compared.
// Invariant: an accuracy is a function of (model, images, epochs, seed, settings, kernels).
import type * as tf from '../../src/backend/tfjs.ts';
import { type Dataset, placeDataset } from '../../src/data/index.ts';
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
}

/** Trains, and gives the share of test images that the last epoch's weights have right. */
export async function trainAndTest(run: ShortRun): Promise<number> {
  const { model, training, indices, test, testIndices, settings } = run;
  const resident = placeDataset(training);
  const other = test === training ? resident : placeDataset(test);
  try {
    await fit(model, { training: resident.examples({ indices }), settings: { ...fitDefaults, ...settings } });
    const predictor = createPredictor(model, { batchSize: PREDICT_BATCH });
    const examples = other.examples({ indices: testIndices });
    const probabilities = predictor.predictExamples(examples, 0, testIndices.length);
    predictor.dispose();
    const { classes } = predictor;
    const hits = testIndices.filter((index, i) => {
      const row = probabilities.subarray(i * classes, (i + 1) * classes);
      return row.indexOf(row.reduce((most, value) => Math.max(most, value))) === test.labels[index];
    });
    return hits.length / testIndices.length;
  } finally {
    resident.dispose();
    if (other !== resident) other.dispose();
  }
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
