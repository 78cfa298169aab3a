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

/** Filters that Winograd's tiles do not take: strides, dilation, 1x1, few channels; depthwise and separable ones. */
const convolutions = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.zeroPadding2d({
        inputShape: [11, 12, 3],
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
      layers.conv2d({ filters: 10, kernelSize: [2, 3], strides: [1, 2], activation: 'tanh' }),
      layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu6' }),
      layers.conv2d({ filters: 13, kernelSize: 3, dilationRate: 2, padding: 'same', useBias: false }),
      layers.leakyReLU({ alpha: 0.2 }),
      layers.separableConv2d({ filters: 9, kernelSize: 3, activation: 'elu' }),
      layers.conv2d({ filters: 12, kernelSize: 1, activation: 'sigmoid' }),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: 6, activation: 'softmax' }),
    ],
  });

/** Branches that are added and joined, normalised and pooled in every way. */
function branches(): tf.LayersModel {
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(x) as tf.SymbolicTensor;
  const normalised = (x: tf.SymbolicTensor, filters: number): tf.SymbolicTensor => {
    const settings = { filters, kernelSize: 3, padding: 'same', useBias: false } as const;
    return apply(layers.batchNormalization(), apply(layers.conv2d(settings), x));
  };
  const input = tf.input({ shape: [9, 10, 4] });
  const trunk = apply(layers.reLU(), normalised(input, 16));
  const sum = apply(layers.reLU(), apply(layers.add(), [normalised(trunk, 16), trunk]));
  const joined = apply(layers.concatenate(), [
    apply(layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), sum),
    apply(layers.averagePooling2d({ poolSize: 2, padding: 'same' }), sum),
    apply(layers.conv2d({ filters: 7, kernelSize: 2, strides: 2, padding: 'same' }), trunk),
  ]);
  const vector = apply(layers.flatten(), apply(layers.dropout({ rate: 0.2 }), joined));
  return tf.model({ inputs: input, outputs: apply(layers.dense({ units: 5, activation: 'softmax' }), vector) });
}

/** Squeeze and excitation, of images and of one pixel, with the factors first and last. */
function excitations(): tf.LayersModel {
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(x) as tf.SymbolicTensor;
  const input = tf.input({ shape: [9, 7, 3] });
  const image = apply(layers.conv2d({ filters: 14, kernelSize: 3, activation: 'elu' }), input);
  const squeezed = apply(layers.globalAveragePooling2d({}), image);
  const narrow = apply(layers.dense({ units: 5, activation: 'relu' }), squeezed);
  const factors = apply(layers.dense({ units: 14, activation: 'sigmoid' }), narrow);
  const excited = apply(layers.multiply(), [image, factors]);
  // What is left of it is used in part.
  const strided = apply(layers.conv2d({ filters: 6, kernelSize: 1, strides: 3 }), excited);
  const pixel = apply(layers.maxPooling2d({ poolSize: [7, 5] }), image);
  const again = apply(layers.multiply(), [apply(layers.activation({ activation: 'sigmoid' }), pixel), excited]);
  const vectors = [strided, apply(layers.reLU(), again)].map((value) => apply(layers.flatten(), value));
  const joined = apply(layers.concatenate(), [...vectors, narrow]);
  return tf.model({ inputs: input, outputs: apply(layers.dense({ units: 5, activation: 'softmax' }), joined) });
}

/** By what they try. */
export const plannedModels: Readonly<Record<string, () => tf.LayersModel>> = {
  'a network with dropout': dropoutNetwork,
  'winograd on 9x9': () => winograd(9),
  'winograd on 12x12': () => winograd(12),
  'dense layers': dense,
  'convolutions of other kinds': convolutions,
  'branches with batch norm': branches,
  'squeeze and excitation': excitations,
};

/** A model with its seeded weights. */
export function plannedModel(name: keyof typeof plannedModels, seed = 1): tf.LayersModel {
  const model = plannedModels[name]!();
  initializeWeights(model, seed);
  return model;
}
