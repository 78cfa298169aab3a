// What a network makes of images before its last layer, and its logits. Not here: scores of either.
// Invariant: the model stays as it was, and no tensor is left once a view is disposed.
import { hiddenLayers } from '../../apps/recommend/embedder.ts';
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { lastDenseOf, type ReplacedDense, replaceLastDense } from '../../models/index.ts';
import { createNetworkPredictor } from '../../plan/index.ts';
import { platform } from '../../platform/index.ts';

const BATCH = 500;

export interface NetworkView {
  /** Features of an image. */
  readonly width: number;
  readonly classes: number;
  /** Of images `[count, height, width, channels]`, levels from 0 to 255. */
  look(images: Uint8Array): Promise<{ readonly features: Float32Array; readonly logits: Float32Array }>;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Looks into a network whose last layer is dense, or into an ensemble of such: features of all members, and the mean of their logits.
 *
 * @returns A view, which the caller disposes
 * @throws SelvedgeError `measure/no-features`
 */
export function viewNetwork(model: tf.LayersModel): NetworkView {
  const { network, dispose } = openEnd(model);
  const predictor = createNetworkPredictor(network);
  const widths = network.outputs.map(({ shape }) => shape.at(-1)!);
  const classes = widths.pop()!;
  const width = widths.reduce((sum, own) => sum + own, 0);
  const size = tf.util.sizeFromShape(predictor.inputs[0]!.shape as number[]);
  return {
    width,
    classes,
    async look(images) {
      const count = images.length / size;
      const features = new Float32Array(count * width);
      const logits = new Float32Array(count * classes);
      for (let first = 0; first < count; first += BATCH) {
        await platform.giveWay();
        const levels = Float32Array.from(images.subarray(first * size, (first + BATCH) * size), (level) => level / 255);
        const parts = predictor.predict(levels);
        logits.set(parts.pop()!, first * classes);
        let at = first * width;
        for (let row = 0; row < parts[0]!.length / widths[0]!; row++) {
          parts.forEach((part, i) => {
            features.set(part.subarray(row * widths[i]!, (row + 1) * widths[i]!), at);
            at += widths[i]!;
          });
        }
      }
      return { features, logits };
    },
    dispose() {
      predictor.dispose();
      dispose();
    },
  };
}

/** A network that gives the features, `[batch, width]` a member, and then the logits. */
function openEnd(model: tf.LayersModel): ReplacedDense {
  const dense = lastDenseOf(model);
  if (dense) return replaceLastDense(model, dense);
  const last = model.layers.at(-1)!;
  const { input: logits } = last;
  if (last.getClassName() === 'Activation' && !Array.isArray(logits)) {
    const network = tf.model({ inputs: model.inputs, outputs: [...hiddenLayers(model), logits] });
    return { network, dispose() {} };
  }
  throw new SelvedgeError(
    'measure/no-features',
    `Cannot measure outliers by "${model.name}": expected a dense layer at its end, got ${last.getClassName()}`,
  );
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
