// The generator's network of stock tfjs operations, to hold ours against. Not a test.
import * as tf from '@tensorflow/tfjs';
import type { GeneratorInputs, GeneratorShape } from '../../../src/apps/generate/u-net.ts';

/** silu(normalised x * (1 + scale) + shift). */
export function modulatedNormReference(x: tf.Tensor4D, modulation: tf.Tensor2D): tf.Tensor4D {
  const [batch, , , channels] = x.shape;
  const { mean, variance } = tf.moments(x, [1, 2, 3], true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  const rows = tf.reshape(modulation, [batch, 2, 1, 1, channels]);
  const [scale, shift] = tf.unstack(rows, 1) as [tf.Tensor, tf.Tensor];
  const z = tf.add(tf.mul(normal, tf.add(scale, 1)), shift);
  return tf.mul(z, tf.sigmoid(z)) as tf.Tensor4D;
}

/** `velocityOf`, for any backend. */
export function velocityReference(
  { blocks, side, width }: GeneratorShape,
  weights: Readonly<Record<string, tf.Tensor>>,
  { x, time, classes }: GeneratorInputs,
): tf.Tensor4D {
  const silu = (z: tf.Tensor): tf.Tensor => tf.mul(z, tf.sigmoid(z));
  const linear = (name: string, row: tf.Tensor): tf.Tensor2D =>
    tf.add(tf.matMul(row as tf.Tensor2D, weights[`${name}/kernel`] as tf.Tensor2D), weights[`${name}/bias`]!);
  const convolve = (name: string, images: tf.Tensor4D, stride = 1): tf.Tensor4D =>
    tf.add(tf.conv2d(images, weights[`${name}/kernel`] as tf.Tensor4D, stride, 'same'), weights[`${name}/bias`]!);
  const told = tf.add(tf.matMul(classes, weights['classes/kernel'] as tf.Tensor2D), linear('time', time));
  const condition = silu(linear('condition', silu(told)));
  const norm = (name: string, images: tf.Tensor4D): tf.Tensor4D =>
    modulatedNormReference(images, linear(`${name}/condition`, condition));
  const run = (name: string, count: number, images: tf.Tensor4D): tf.Tensor4D => {
    let h = images;
    for (let i = 1; i <= count; i++) {
      const first = convolve(`${name}-${i}/first`, norm(`${name}-${i}/first`, h));
      h = tf.add(h, convolve(`${name}-${i}/second`, norm(`${name}-${i}/second`, first)));
    }
    return h;
  };
  const top = run('before', blocks[0], convolve('in', x));
  const low = run('bottom', blocks[1], convolve('down', top, 2));
  const raised = tf.slice(interleave(convolve('up', low)), [0, 0, 0, 0], [x.shape[0], side / 2, side / 2, width]);
  return convolve('out', norm('out', run('after', blocks[2], tf.add(top, raised))));
}

/** Four parts of the channels as the four pixels of a place twice as fine; depth to space, which has no gradient. */
function interleave(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const parts = tf.split(x, 4, 3);
  const rows = [0, 2].map((i) =>
    tf.reshape(tf.stack(parts.slice(i, i + 2), 3), [batch, height, 2 * width, channels / 4]),
  );
  return tf.reshape(tf.stack(rows, 2), [batch, 2 * height, 2 * width, channels / 4]);
}
