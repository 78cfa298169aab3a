// Small models, one for each way that a plan computes: what tests of threads, weights and memory train.
// Not here: random shapes. Invariant: each is planned, and is a function of nothing but its name.
import * as tf from '@tensorflow/tfjs';
import { initializeWeights } from '../../src/models/index.ts';

const { layers } = tf;

/** Two convolutions, the second by Winograd's tiles, with pooling, dropout and dense layers: the study's network, small. */
const dropoutNetwork = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [14, 14, 1], filters: 16, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0.25 }),
      layers.conv2d({ filters: 20, kernelSize: 3, activation: 'relu' }),
      layers.dropout({ rate: 0.4 }),
      layers.flatten(),
      layers.dense({ units: 30, activation: 'relu' }),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });

/** Winograd's tiles of a side of their own, on outputs that they do not divide, under overlapping pooling. */
const winograd = (side: number): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [side, side, 16], filters: 24, kernelSize: 3, padding: 'same', activation: 'elu' }),
      layers.conv2d({ filters: 16, kernelSize: 3 }),
      layers.maxPooling2d({ poolSize: 3, strides: 2 }),
      layers.reLU({ maxValue: 6 }),
      layers.flatten(),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });

const dense = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.flatten({ inputShape: [3, 5, 2] }),
      layers.dense({ units: 77, activation: 'tanh' }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 65, activation: 'sigmoid', useBias: false }),
      layers.dense({ units: 7 }),
      layers.softmax(),
    ],
  });

/** By what they try. */
export const plannedModels: Readonly<Record<string, () => tf.LayersModel>> = {
  'a network with dropout': dropoutNetwork,
  'winograd on 9x9': () => winograd(9),
  'winograd on 12x12': () => winograd(12),
  'dense layers': dense,
};

/** A model with its seeded weights. */
export function plannedModel(name: keyof typeof plannedModels, seed = 1): tf.LayersModel {
  const model = plannedModels[name]!();
  initializeWeights(model, seed);
  return model;
}
