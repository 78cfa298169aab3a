// How good a generator is, by what others make of its pictures: distances of features, agreement of a classifier, what a classifier learns from
// them, and how near they are to what it was trained on. Not here: which pictures (src/cli/measures/generation.ts).
// Invariant: a function of pictures, models and settings.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { type Dataset, placeDataset } from '../../data/index.ts';
import type { FeatureRows } from '../../evaluation/index.ts';
import { buildNetwork, initializeWeights, lastDenseOf } from '../../models/index.ts';
import { createNetworkPredictor, createPredictor } from '../../plan/index.ts';
import { platform } from '../../platform/index.ts';
import { type EpochRecord, type FitSettings, fit } from '../../training/index.ts';

const BATCH = 250;

/**
 * What the last hidden layer of a classifier makes of pictures.
 *
 * @param classifier Ends with a dense layer
 * @param images Levels from 0 to 255, `[count, height, width, channels]`
 * @throws SelvedgeError `generate/classifier`
 */
export async function hiddenFeatures(classifier: tf.LayersModel, images: Uint8Array): Promise<FeatureRows> {
  const last = lastDenseOf(classifier);
  if (!last || classifier.inputs.length !== 1) {
    throw new SelvedgeError(
      'generate/classifier',
      'Cannot take features: expected a classifier that ends with a dense layer',
    );
  }
  const predictor = createNetworkPredictor(tf.model({ inputs: classifier.inputs, outputs: last.features }));
  try {
    const pixels = tf.util.sizeFromShape(predictor.inputs[0]!.shape as number[]);
    const [count, size] = [images.length / pixels, last.width];
    const values = new Float32Array(count * size);
    for (let first = 0; first < count; first += BATCH) {
      await platform.giveWay();
      const end = Math.min(count, first + BATCH);
      const levels = Float32Array.from(images.subarray(first * pixels, end * pixels), (level) => level / 255);
      values.set(predictor.predict(levels)[0]!, first * size);
    }
    return { values, size };
  } finally {
    predictor.dispose();
  }
}

export interface LearningOptions {
  readonly settings: FitSettings;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (record: EpochRecord) => void;
}

/**
 * Share of right answers on a test set of the small network `dropout`, trained on some pictures alone.
 *
 * @returns Undefined where the signal came before the end
 */
export async function accuracyFrom(
  training: Dataset,
  test: Dataset,
  { settings, signal, onEpoch }: LearningOptions,
): Promise<number | undefined> {
  const { height, width, channels, classNames } = training;
  const model = buildNetwork(
    { family: 'dropout' },
    { inputShape: [height, width, channels], classes: classNames.length },
  );
  const resident = placeDataset(training);
  try {
    initializeWeights(model, settings.seed);
    const { status } = await fit(model, {
      training: resident.examples(),
      settings,
      ...(signal && { signal }),
      ...(onEpoch && { onEpoch }),
    });
    if (status === 'interrupted' || signal?.aborted) return undefined;
    return accuracyOf(model, test);
  } finally {
    resident.dispose();
    model.dispose();
  }
}

function accuracyOf(model: tf.LayersModel, test: Dataset): number {
  const resident = placeDataset(test);
  const predictor = createPredictor(model, { batchSize: BATCH });
  try {
    const probabilities = predictor.predictExamples(resident.examples(), 0, test.count);
    const likeliest = likeliestOf(probabilities, test.classNames.length);
    return likeliest.filter((label, i) => label === test.labels[i]).length / test.count;
  } finally {
    predictor.dispose();
    resident.dispose();
  }
}

/** The likeliest class of each row of probabilities. */
export function likeliestOf(probabilities: Float32Array, classes: number): Uint8Array {
  return Uint8Array.from({ length: probabilities.length / classes }, (_, row) => {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(own.reduce((most, value) => Math.max(most, value)));
  });
}

/**
 * Distances of pictures to the nearest of others, as the root of the mean squared difference of levels. The nearest is found by a product of
 * floats, and measured exactly.
 *
 * @param images `[count, size]`, levels from 0 to 255
 * @param references As images
 * @param size Bytes of a picture
 * @returns One a picture
 */
export async function nearestDistances(
  images: Uint8Array,
  references: Uint8Array,
  size: number,
): Promise<Float64Array> {
  const [count, known] = [images.length / size, references.length / size];
  const norms = Float64Array.from({ length: known }, (_, i) =>
    squaredNorm(references.subarray(i * size, (i + 1) * size)),
  );
  const squared = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const rowsOf = (levels: Uint8Array, first: number, end: number): tf.Tensor2D =>
    tf.tensor2d(Float32Array.from(levels.subarray(first * size, end * size)), [end - first, size]);
  for (let start = 0; start < known; start += REFERENCES) {
    const stop = Math.min(known, start + REFERENCES);
    const right = rowsOf(references, start, stop);
    try {
      for (let first = 0; first < count; first += BATCH) {
        await platform.giveWay();
        const end = Math.min(count, first + BATCH);
        const left = rowsOf(images, first, end);
        const product = tf.matMul(left, right, false, true);
        const products = product.dataSync<'float32'>();
        tf.dispose([left, product]);
        for (let image = first; image < end; image++) {
          const row = products.subarray((image - first) * (stop - start), (image - first + 1) * (stop - start));
          let nearest = 0;
          let least = Number.POSITIVE_INFINITY;
          for (let i = 0; i < row.length; i++) {
            const distance = norms[start + i]! - 2 * row[i]!;
            if (distance < least) [nearest, least] = [start + i, distance];
          }
          squared[image] = Math.min(
            squared[image]!,
            squaredDistance(images, image * size, references, nearest * size, size),
          );
        }
      }
    } finally {
      right.dispose();
    }
  }
  return squared.map((distance) => Math.sqrt(distance / size));
}

/** Pictures that others are compared with at a time. */
const REFERENCES = 8000;

const squaredNorm = (levels: Uint8Array): number => levels.reduce((sum, level) => sum + level * level, 0);

function squaredDistance(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    sum += difference * difference;
  }
  return sum;
}
