// The one place where the benchmarks run a model forward: whatever path of prediction is the best that users have.
// Not a measurement. Invariant: floats of images in, floats of probabilities out, both in the memory of JavaScript.
import * as tf from '../src/backend/tfjs.ts';

export interface Predictor {
  /**
   * @param images Values from 0 to 1, `[count, height, width, channels]`
   * @returns Probabilities `[count, classes]`
   */
  predict(images: Float32Array): Float32Array;
  dispose(): void;
}

/**
 * Makes a model ready to predict on the running backend.
 *
 * @param model One input, one output; it stays the caller's
 */
export function createPredictor(model: tf.LayersModel): Predictor {
  const shape = model.inputs[0]!.shape.slice(1) as [number, number, number];
  const imageSize = tf.util.sizeFromShape(shape);
  return {
    predict: (images) =>
      tf.tidy(() => {
        const x = tf.tensor4d(images, [images.length / imageSize, ...shape]);
        return (model.predict(x, { batchSize: x.shape[0] }) as tf.Tensor).dataSync<'float32'>();
      }),
    dispose: () => {},
  };
}
