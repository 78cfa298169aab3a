// A linear classifier: logistic regression on all values of an image, or on features that came as one.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';

/**
 * Flatten, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function linear({ inputShape, classes }: ModelConfig): tf.Sequential {
  return tf.sequential({
    name: 'linear',
    layers: [
      tf.layers.flatten({ name: 'flatten', inputShape: [...inputShape] }),
      tf.layers.dense({
        name: 'dense_1',
        units: classes,
        activation: 'softmax',
        kernelInitializer: 'glorotUniform',
      }),
    ],
  });
}
