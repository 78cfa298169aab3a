// Layers that families of networks share: convolutions that batch norm follows or comes before, and the end of a network.
// Not a network. Invariant: a convolution has no bias where batch norm has one.
import * as tf from '../backend/tfjs.ts';

export interface ConvolutionSettings {
  /** Of the layer, which is called `<name>_conv`. */
  readonly name: string;
  readonly filters: number;
  readonly kernelSize: 1 | 3 | 5;
  /** Default: 1. */
  readonly strides?: 1 | 2;
}

/** A convolution of 'same' padding, without bias. */
export function convolve(x: tf.SymbolicTensor, { name, ...settings }: ConvolutionSettings): tf.SymbolicTensor {
  const layer = tf.layers.conv2d({
    name: `${name}_conv`,
    ...settings,
    padding: 'same',
    useBias: false,
    kernelInitializer: 'heNormal',
  });
  return layer.apply(x) as tf.SymbolicTensor;
}

/** Batch norm of a short memory, whose statistics follow weights that move fast, and relu. */
export function normaliseAndActivate(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  const normalised = tf.layers.batchNormalization({ name: `${name}_bn`, momentum: 0.9 }).apply(x);
  return tf.layers.activation({ name: `${name}_relu`, activation: 'relu' }).apply(normalised) as tf.SymbolicTensor;
}

/** Global average pooling, dense softmax. */
export function classify(x: tf.SymbolicTensor, classes: number): tf.SymbolicTensor {
  const pooled = tf.layers.globalAveragePooling2d({ name: 'global_average_pooling' }).apply(x);
  const dense = tf.layers.dense({
    name: 'dense',
    units: classes,
    activation: 'softmax',
    kernelInitializer: 'glorotUniform',
  });
  return dense.apply(pooled) as tf.SymbolicTensor;
}
