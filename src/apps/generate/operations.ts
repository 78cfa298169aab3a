// The differentiable operations that the generator has beyond a classifier's: normalisation scaled and shifted by a condition, with SiLU, and
// SiLU alone. Not layers: they take tensors. Invariant: the same bits on any engine and number of threads.
import { currentBackend } from '../../backend/index.ts';
import { modulatedNorm, modulatedNormGrad } from '../../backend/kernels/modulated-norm.ts';
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

/** Added to the variance of an example. */
export const NORM_EPSILON = 1e-5;

/**
 * Normalises each example over all its values, scales and shifts by a condition (FiLM), and applies SiLU.
 *
 * @param x `[batch, height, width, channels]`, channels a multiple of 4
 * @param modulation `[batch, 2 channels]`: what is added to scales of 1, then shifts
 * @returns As x
 * @throws SelvedgeError `generate/shape`
 */
export function normalizeAndModulate(x: tf.Tensor4D, modulation: tf.Tensor2D): tf.Tensor4D {
  const [batch, , , channels] = x.shape;
  if (channels % 4 !== 0 || modulation.shape[0] !== batch || modulation.shape[1] !== 2 * channels) {
    throw new SelvedgeError(
      'generate/shape',
      `Cannot modulate images of shape [${x.shape}] by [${modulation.shape}]: expected channels that are a multiple of 4, and twice as many values an image`,
    );
  }
  const backend = currentBackend();
  const operation = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const { y, statistics } = modulatedNorm(backend, { x, modulation }, NORM_EPSILON);
    save([x, modulation, track(statistics)]);
    return {
      value: track(y),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [input, rows, moments] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const { dx, dModulation } = modulatedNormGrad(backend, {
          dy,
          x: input,
          modulation: rows,
          statistics: moments,
        });
        return [track(dx), track(dModulation)];
      },
    };
  });
  return operation(x, modulation) as tf.Tensor4D;
}

/** x times its sigmoid, of the small rows of a condition. */
export const silu = <T extends tf.Tensor>(x: T): T => tf.mul(x, tf.sigmoid(x)) as T;
