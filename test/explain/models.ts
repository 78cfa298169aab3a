// Small models, one for each way that a score depends on an image, and what tests ask of them.
import * as tf from '@tensorflow/tfjs';
import { buildNetwork } from '../../src/models/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

const { layers } = tf;
const config = { inputShape: [10, 9, 2], classes: 4 } as const;
const inputShape = [...config.inputShape];

/** Smooth everywhere, so that differences tell slopes; every kind of layer that a plan knows, and two branches. */
const smooth = (): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const apply = (layer: tf.layers.Layer, ...x: tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(x.length === 1 ? x[0]! : x) as tf.SymbolicTensor;
  const first = apply(layers.conv2d({ filters: 4, kernelSize: 3, activation: 'tanh' }), input);
  const padded = apply(layers.zeroPadding2d({ padding: 1 }), first);
  const deep = apply(layers.depthwiseConv2d({ kernelSize: 3, strides: 2 }), padded);
  const normal = apply(layers.activation({ activation: 'sigmoid' }), apply(layers.batchNormalization(), deep));
  const separable = apply(layers.separableConv2d({ filters: 4, kernelSize: 3, padding: 'same' }), normal);
  const sum = apply(layers.add(), separable, normal);
  const joined = apply(layers.concatenate(), sum, deep);
  const pooled = apply(layers.averagePooling2d({ poolSize: 2 }), joined);
  const flat = apply(layers.flatten(), pooled);
  const hidden = apply(layers.dropout({ rate: 0.5 }), apply(layers.dense({ units: 6, activation: 'elu' }), flat));
  return tf.model({
    inputs: input,
    outputs: apply(layers.dense({ units: config.classes, activation: 'softmax' }), hidden),
  });
};

const study = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ name: 'first', inputShape, filters: 4, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0.3 }),
      layers.conv2d({ name: 'second', filters: 5, kernelSize: 2, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 7, activation: 'relu' }),
      layers.dense({ units: config.classes, activation: 'softmax' }),
    ],
  });

/** Layers that only their own call computes, a model within, and a softmax of its own. */
const foreign = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      tf.sequential({
        layers: [layers.conv2d({ inputShape, filters: 3, kernelSize: 2, activation: 'softplus' })],
      }),
      layers.gaussianNoise({ stddev: 2 }),
      layers.activation({ activation: 'selu' }),
      layers.flatten(),
      layers.dense({ units: config.classes }),
      layers.softmax(),
    ],
  });

const flat = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.flatten({ inputShape }),
      layers.dense({ units: 5, activation: 'tanh' }),
      layers.dense({ units: config.classes, activation: 'softmax' }),
    ],
  });

export const builders = {
  smooth,
  study,
  foreign,
  flat,
  plain: () => buildNetwork({ family: 'plain', stem: 4, widths: [4, 6], depth: 2 }, config),
  residual: () => buildNetwork({ family: 'residual', widths: [4, 6], depth: 1 }, config),
} as const;

export type Built = keyof typeof builders;

/** A model with weights of noise, small where many are summed; variances are not negative. */
export function modelOf(name: Built, seed = 3): tf.LayersModel {
  const model = builders[name]();
  tf.tidy(() => {
    model.setWeights(
      model.weights.map(({ shape, originalName }, i) => {
        const size = tf.util.sizeFromShape(shape as number[]);
        const terms = shape.length < 2 ? 4 : size / shape.at(-1)!;
        const values = tf.tensor(noise(size, i + seed), shape as number[]).mul(2 / Math.sqrt(terms));
        return originalName.includes('variance') ? values.abs().add(0.5) : values;
      }),
    );
  });
  return model;
}

export const SIZE = 10 * 9 * 2;
export const CLASSES = config.classes;

/** Images of noise, and a class for each. */
export const requestOf = (count: number, seed = 5): { images: Float32Array; labels: number[] } => ({
  images: noise(count * SIZE, seed),
  labels: Array.from({ length: count }, (_, i) => i % CLASSES),
});
