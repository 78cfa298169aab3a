// Squeeze and excitation: J. Hu et al., "Squeeze-and-Excitation Networks", 2018, section 3: every channel is multiplied by a number
// between 0 and 1 that two dense layers make of the means of all channels. Part of other networks. Invariant: no biases, so that it
// has 2 C^2 / r weights, as equation 5 of the paper says.
import * as tf from '../backend/tfjs.ts';

/**
 * Weighs the channels of an image by what is in it.
 *
 * @param x `[batch, height, width, channels]`
 * @param reduction By how much the layer between has fewer units than there are channels: r of the paper
 */
export function exciteChannels(x: tf.SymbolicTensor, name: string, reduction: number): tf.SymbolicTensor {
  const channels = x.shape.at(-1)!;
  const means = tf.layers.globalAveragePooling2d({ name: `${name}_squeeze` }).apply(x);
  const narrow = tf.layers.dense({
    name: `${name}_reduce`,
    units: Math.max(1, Math.floor(channels / reduction)),
    activation: 'relu',
    useBias: false,
    kernelInitializer: 'heNormal',
  });
  const factors = tf.layers.dense({
    name: `${name}_excite`,
    units: channels,
    activation: 'sigmoid',
    useBias: false,
    kernelInitializer: 'glorotUniform',
  });
  const weights = factors.apply(narrow.apply(means)) as tf.SymbolicTensor;
  return tf.layers.multiply({ name: `${name}_scale` }).apply([x, weights]) as tf.SymbolicTensor;
}
