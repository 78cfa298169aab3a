// The small U-Net of `selvedge bench unet`: 28x28x1, conditioned on a class and a time by FiLM, group norm and SiLU before convolutions.
// peers/unet.py has the same layer by layer. Not a model that ships. Invariant: 3 resolutions, 5 blocks of two convolutions.
import * as tf from '@tensorflow/tfjs';
import { groupNormalization } from '../src/models/index.ts';

const WIDTH = 32;
const CONDITION = 64;
export const TIME = 16;
export const CLASSES = 10;
const { layers } = tf;

type Symbolic = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, ...x: Symbolic[]): Symbolic => layer.apply(x.length > 1 ? x : x[0]!) as Symbolic;
const silu = (x: Symbolic): Symbolic => apply(layers.activation({ activation: 'swish' as 'relu' }), x);
const normed = (x: Symbolic): Symbolic => apply(groupNormalization({ groups: 8, epsilon: 1e-5 }), x);
const dense = (units: number, x: Symbolic): Symbolic => apply(layers.dense({ units }), x);

const convolved = (x: Symbolic, filters: number, kernelSize = 3, strides = 1): Symbolic =>
  apply(layers.conv2d({ filters, kernelSize, strides, padding: 'same', kernelInitializer: 'heNormal' }), x);

/** Two convolutions around a scale and a shift by the condition, and what goes past them. */
function block(x: Symbolic, condition: Symbolic, filters: number): Symbolic {
  const first = normed(convolved(silu(normed(x)), filters));
  const scaled = apply(layers.multiply(), first, dense(filters, condition));
  const second = convolved(silu(apply(layers.add(), scaled, dense(filters, condition))), filters);
  const past = x.shape.at(-1) === filters ? x : convolved(x, filters, 1);
  return apply(layers.add(), past, second);
}

/** Inputs: image, class number `[1]`, time `[TIME]`. Output: an image. */
export function unet(): tf.LayersModel {
  const image = tf.input({ shape: [28, 28, 1] });
  const label = tf.input({ shape: [1] });
  const time = tf.input({ shape: [TIME] });
  const table = layers.embedding({ inputDim: CLASSES, outputDim: WIDTH });
  const named = apply(layers.flatten(), apply(table, label));
  const condition = silu(dense(CONDITION, apply(layers.concatenate(), named, time)));
  const high = block(convolved(image, WIDTH), condition, WIDTH);
  const middle = block(convolved(high, 2 * WIDTH, 3, 2), condition, 2 * WIDTH);
  const low = block(convolved(middle, 2 * WIDTH, 3, 2), condition, 2 * WIDTH);
  const up = (x: Symbolic, filters: number): Symbolic => convolved(apply(layers.upSampling2d({}), x), filters);
  const back = block(apply(layers.concatenate(), up(low, 2 * WIDTH), middle), condition, 2 * WIDTH);
  const whole = block(apply(layers.concatenate(), up(back, WIDTH), high), condition, WIDTH);
  return tf.model({ inputs: [image, label, time], outputs: convolved(silu(normed(whole)), 1) });
}
