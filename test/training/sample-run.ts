// What tests of whole trainings share: models and examples of the shipped sample, and a digest of the weights.
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import {
  type AugmentationSettings,
  type Dataset,
  type Examples,
  loadFashionMnistSample,
  placeDataset,
  type ResidentDataset,
} from '../../src/data/index.ts';
import { buildModel, initializeWeights, type ModelName } from '../../src/models/index.ts';
import { type FitSettings, fitDefaults } from '../../src/training/index.ts';

/** sha256 of all weights, in order. */
export function weightsDigest(model: tf.LayersModel): string {
  const hash = createHash('sha256');
  for (const weight of model.getWeights()) hash.update(new Uint8Array(weight.dataSync().buffer));
  return hash.digest('hex');
}

/** A model of the study with its seeded initial weights. */
export function studyModel(name: ModelName, seed = 1): tf.LayersModel {
  const model = buildModel(name, { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, seed);
  return model;
}

/** A small model with every kind of weight: convolution, batch norm, dropout, dense. */
export function smallModel(seed = 1): tf.LayersModel {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 4, kernelSize: 3, strides: 2, activation: 'relu' }),
      layers.batchNormalization(),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0.25 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  initializeWeights(model, seed);
  return model;
}

export interface SampleExamples {
  readonly resident: ResidentDataset;
  readonly training: Examples;
  readonly validation: Examples;
}

let sample: Dataset | undefined;

/** The first `count` training images of the sample, and `validationCount` after them, in the memory of the running backend. */
export async function placeSample(options: {
  readonly count: number;
  readonly validationCount?: number;
  readonly augmentation?: { readonly seed: number; readonly settings: AugmentationSettings };
}): Promise<SampleExamples> {
  const { count, validationCount = 50, augmentation } = options;
  sample ??= (await loadFashionMnistSample()).train;
  const resident = placeDataset(sample);
  const range = (from: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => from + i);
  const training = resident.examples({ indices: range(0, count), ...(augmentation ? { augmentation } : {}) });
  return { resident, training, validation: resident.examples({ indices: range(count, validationCount) }) };
}

/** Settings of a short run. */
export const settingsOf = (changes: Partial<FitSettings> = {}): FitSettings => ({
  ...fitDefaults,
  epochs: 2,
  batchSize: 16,
  ...changes,
});
