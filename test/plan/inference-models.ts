// Small models, one for each way that a plan infers: what tests of inference plans predict with.
// Not here: what is expected. Invariant: each is planned, and its moving averages are away from zero and one.
import * as tf from '@tensorflow/tfjs';
import { initializeWeights } from '../../src/models/index.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { plannedModel, plannedModels } from './planned-models.ts';
import { activate, add, convolve, drop, modelOf, normalise, pool, relu } from './stages/models.ts';
import { apply, classifier } from './stages/op-by-op.ts';

const { layers } = tf;
type Symbolic = tf.SymbolicTensor;

/** A 3x3 convolution of a stride, and batch norm. */
const block = (x: Symbolic, filters: number, strides: number): Symbolic =>
  normalise(apply(x, layers.conv2d({ filters, kernelSize: 3, strides, padding: 'same' })));

const residual = (): tf.LayersModel =>
  modelOf([11, 9, 3], (image) => {
    const stem = relu(block(image, 16, 1));
    const same = relu(add(block(relu(block(stem, 16, 1)), 16, 1), stem));
    const shortcut = normalise(apply(same, layers.conv2d({ filters: 24, kernelSize: 1, strides: 2 })));
    const half = relu(add(block(relu(block(same, 24, 2)), 24, 1), shortcut));
    return apply(half, layers.globalAveragePooling2d({ name: 'average' }));
  });

/** Batch norm where there is nothing to fold it into: first, behind a pooling, behind a sum, and of a value that two read. */
const unfolded = (): tf.LayersModel =>
  modelOf([12, 12, 4], (image) => {
    const first = normalise(image);
    const pooled = normalise(pool(convolve(first)));
    const sum = normalise(add(pooled, convolve(pooled)), { scale: false });
    const read = convolve(sum);
    return add(activate(normalise(read, { center: false }), 'tanh'), read);
  });

const separable = (): tf.LayersModel =>
  modelOf([13, 10, 3], (image) => {
    const first = apply(image, layers.separableConv2d({ filters: 10, kernelSize: 3, depthMultiplier: 2 }));
    const second = apply(relu(normalise(first)), layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }));
    return drop(pool(relu(normalise(second))));
  });

const branches = (): tf.LayersModel =>
  modelOf([14, 14, 2], (image) => {
    const one = apply(image, layers.conv2d({ filters: 5, kernelSize: 5, strides: 2, padding: 'same' }));
    const two = apply(image, layers.averagePooling2d({ poolSize: 2 }));
    const three = apply(
      image,
      layers.conv2d({ filters: 7, kernelSize: 1, activation: 'sigmoid' }),
      layers.maxPooling2d({ poolSize: 2 }),
    );
    return layers.concatenate().apply([normalise(one), two, three]) as Symbolic;
  });

/** What only training does. */
const noisy = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.gaussianNoise({ stddev: 3, inputShape: [6, 6, 2] }),
      layers.flatten(),
      layers.dense({ units: 12, kernelRegularizer: tf.regularizers.l2({ l2: 1 }), activation: 'relu' }),
      layers.batchNormalization(),
      layers.alphaDropout({ rate: 0.5 }),
      layers.dense({ units: 10, useBias: false }),
      layers.batchNormalization(),
      layers.activation({ activation: 'softmax' }),
    ],
  });

/** A first layer of one channel, as the study's, under each finish that it can have. */
const single = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [15, 13, 1], filters: 8, kernelSize: 3, useBias: false }),
      layers.batchNormalization(),
      layers.reLU(),
      layers.maxPooling2d({ poolSize: 2 }),
      ...classifier(),
    ],
  });

const builders: Readonly<Record<string, () => tf.LayersModel>> = {
  residual,
  unfolded,
  separable,
  branches,
  noisy,
  single,
};

/** By what they try. */
export const inferenceModels: readonly string[] = [...Object.keys(plannedModels), ...Object.keys(builders)];

/** A model with its seeded weights. */
export function inferenceModel(name: string, seed = 1): tf.LayersModel {
  const build = builders[name];
  if (!build) return plannedModel(name, seed);
  const model = build();
  initializeWeights(model, seed);
  scatterAverages(model, seed);
  return model;
}

/** Moves gamma, beta and moving averages away from zero and one. */
export function scatterAverages(model: tf.LayersModel, seed: number): void {
  tf.tidy(() => {
    model.weights.forEach((weight, i) => {
      if (!/gamma|beta|moving/.test(weight.name)) return;
      const change = tf.tensor1d(noise(weight.shape[0]!, i + seed)).mul(0.6);
      weight.write(weight.read().add(change));
    });
  });
}
