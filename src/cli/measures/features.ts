// What a network makes of images before its last layer, and its logits. Not here: scores of either.
// Invariant: the model stays as it was, and no tensor is left.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';

const BATCH = 500;

export interface NetworkView {
  /** Features of an image. */
  readonly width: number;
  readonly classes: number;
  /** Of images `[count, height, width, channels]`, levels from 0 to 255. */
  look(images: Uint8Array): Promise<{ readonly features: Float32Array; readonly logits: Float32Array }>;
}

/**
 * Looks into a network whose last layer is dense.
 *
 * @throws SelvedgeError `measure/no-features`
 */
export function viewNetwork(model: tf.LayersModel): NetworkView {
  const last = model.layers.at(-1)!;
  const input = last.input;
  if (last.getClassName() !== 'Dense' || Array.isArray(input) || input.shape.length !== 2) {
    throw new SelvedgeError(
      'measure/no-features',
      `Cannot measure outliers by "${model.name}": expected a dense layer at its end, got ${last.getClassName()}`,
    );
  }
  const trunk = tf.model({ inputs: model.inputs, outputs: input });
  const [kernel, bias] = last.getWeights();
  const [width, classes] = kernel!.shape as [number, number];
  const shape = model.inputs[0]!.shape.slice(1) as number[];
  const size = shape.reduce((product, extent) => product * extent, 1);
  return {
    width,
    classes,
    async look(images) {
      const count = images.length / size;
      const features = new Float32Array(count * width);
      const logits = new Float32Array(count * classes);
      for (let first = 0; first < count; first += BATCH) {
        await platform.giveWay();
        const end = Math.min(count, first + BATCH);
        tf.tidy(() => {
          const levels = Float32Array.from(images.subarray(first * size, end * size), (level) =>
            Math.fround(level / 255),
          );
          const x = tf.tensor(levels, [end - first, ...shape]);
          const seen = trunk.predictOnBatch(x) as tf.Tensor2D;
          const product = tf.matMul(seen, kernel as tf.Tensor2D);
          features.set(seen.dataSync<'float32'>(), first * width);
          logits.set((bias ? tf.add(product, bias) : product).dataSync<'float32'>(), first * classes);
        });
      }
      return { features, logits };
    },
  };
}

/**
 * The largest cosine of each row with any row of another matrix.
 *
 * @param features `[count, width]`
 * @param others `[many, width]`
 */
export async function nearestCosines(
  features: Float32Array,
  others: Float32Array,
  width: number,
): Promise<Float32Array> {
  const count = features.length / width;
  const nearest = new Float32Array(count);
  const unit = (rows: Float32Array): tf.Tensor2D =>
    tf.tidy(() => {
      const matrix = tf.tensor2d(rows, [rows.length / width, width]);
      // Of features that are all 0 every cosine is 0.
      return tf.div(matrix, tf.maximum(tf.norm(matrix, 2, 1, true), 1e-12)) as tf.Tensor2D;
    });
  const right = unit(others);
  try {
    for (let first = 0; first < count; first += BATCH) {
      await platform.giveWay();
      const end = Math.min(count, first + BATCH);
      tf.tidy(() => {
        const left = unit(features.slice(first * width, end * width));
        nearest.set(tf.max(tf.matMul(left, right, false, true), 1).dataSync<'float32'>(), first);
      });
    }
  } finally {
    right.dispose();
  }
  return nearest;
}
