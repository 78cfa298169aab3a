// The two networks of the study: three 3x3 convolutions and two dense layers, without and with dropout.
// Layers and rates follow the study's notebook (241,546 parameters each for 28x28x1 and ten classes).
import * as tf from '../backend/tfjs.ts';

/** What a builder must know of the data. */
export interface ModelConfig {
  /** Height, width, channels of an image. */
  readonly inputShape: readonly [number, number, number];
  readonly classes: number;
}

/** Dropout rates after first pooling, second pooling, third convolution, first dense layer. */
const DROPOUT_RATES = [0.25, 0.25, 0.4, 0.3] as const;

/**
 * Conv 32, pool, conv 64, pool, conv 128, dense 128, dense softmax; every convolution 3x3, valid, relu.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function baseline(config: ModelConfig): tf.Sequential {
  return fashionCnn('baseline', config, false);
}

/** `baseline` with dropout of .25, .25, .4 and .3 behind the poolings, the last convolution and the dense layer. */
export function dropout(config: ModelConfig): tf.Sequential {
  return fashionCnn('dropout', config, true);
}

function fashionCnn(name: string, config: ModelConfig, withDropout: boolean): tf.Sequential {
  const convolution = (position: number, filters: number): tf.layers.Layer =>
    tf.layers.conv2d({
      name: `conv2d_${position}`,
      filters,
      kernelSize: 3,
      activation: 'relu',
      kernelInitializer: position === 1 ? 'heNormal' : 'glorotUniform',
      ...(position === 1 ? { inputShape: [...config.inputShape] } : {}),
    });
  // Keras' default; that of tfjs is the Glorot normal.
  const dense = (position: number, units: number, activation: 'relu' | 'softmax'): tf.layers.Layer =>
    tf.layers.dense({ name: `dense_${position}`, units, activation, kernelInitializer: 'glorotUniform' });
  const pooling = (position: number): tf.layers.Layer =>
    tf.layers.maxPooling2d({ name: `max_pooling2d_${position}`, poolSize: 2 });
  const drop = (position: number): tf.layers.Layer[] =>
    withDropout ? [tf.layers.dropout({ name: `dropout_${position}`, rate: DROPOUT_RATES[position - 1]! })] : [];
  return tf.sequential({
    name,
    layers: [
      convolution(1, 32),
      pooling(1),
      ...drop(1),
      convolution(2, 64),
      pooling(2),
      ...drop(2),
      convolution(3, 128),
      ...drop(3),
      tf.layers.flatten({ name: 'flatten' }),
      dense(1, 128, 'relu'),
      ...drop(4),
      dense(2, config.classes, 'softmax'),
    ],
  });
}
