// A user's module for pages and workers: trains a step, predicts, stops. What is computed does not depend on the threads.

import * as tf from '@tensorflow/tfjs-core';
import { buildModel, createPredictor, initializeWeights, startBackend, weightsDigest } from 'selvedge';

export async function predictWithEngine() {
  const engine = await startBackend({ threads: 2 });
  const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 1);
  model.compile({ optimizer: tf.train.sgd(0.1), loss: 'categoricalCrossentropy' });
  const images = tf.fill([4, 28, 28, 1], 0.5);
  const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 10);
  await model.trainOnBatch(images, labels);
  const predictor = createPredictor(model);
  const probabilities = predictor.predict(new Float32Array(784).fill(0.5));
  predictor.dispose();
  const weights = await weightsDigest(model);
  await engine.stop();
  const { threads, build, fallbackReason } = engine.info;
  return { threads, build, fallbackReason, weights, probabilities: [...probabilities] };
}
