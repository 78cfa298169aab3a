// Residual networks for small images: K. He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2.
// Shortcuts are option B of the paper: a 1x1 convolution where the shape changes, the identity elsewhere.
// Batch norm follows every convolution (section 3.4), so convolutions have no bias.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { exciteChannels } from './squeeze.ts';

export interface ResidualSettings {
  /** Filters of each stage; a stage has half the height and width of the one before. */
  readonly widths: readonly number[];
  /** Residual blocks of a stage, of two convolutions each: n of the paper. */
  readonly depth: number;
  /** Reduction of the squeeze and excitation that ends each block before the sum; left out: none. */
  readonly squeeze?: number | undefined;
}

interface ConvolutionOptions {
  readonly name: string;
  readonly filters: number;
  readonly kernelSize: 1 | 3;
  readonly strides: 1 | 2;
}

/** The 20-layer network of the paper: n = 3. */
export const resnet20 = (config: ModelConfig): tf.LayersModel =>
  residual({ widths: [16, 32, 64], depth: 3 }, config, 'resnet20');

/**
 * A 3x3 convolution, stages of residual blocks, global average pooling, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function residual(
  { widths, depth, squeeze }: ResidualSettings,
  { inputShape, classes }: ModelConfig,
  name = 'residual',
): tf.LayersModel {
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = normalise(input, { name: 'stem', filters: widths[0]!, kernelSize: 3, strides: 1 });
  x = relu(x, 'stem');
  widths.forEach((filters, stage) => {
    for (let block = 0; block < depth; block++) {
      const strides = stage > 0 && block === 0 ? 2 : 1;
      x = residualBlock(x, `stage_${stage + 1}_block_${block + 1}`, { filters, strides, squeeze });
    }
  });
  const pooled = tf.layers.globalAveragePooling2d({ name: 'global_average_pooling' }).apply(x);
  const dense = tf.layers.dense({
    name: 'dense',
    units: classes,
    activation: 'softmax',
    kernelInitializer: 'heNormal',
  });
  return tf.model({ name, inputs: input, outputs: dense.apply(pooled) as tf.SymbolicTensor });
}

/** Two 3x3 convolutions beside a shortcut; the first one and the shortcut have the strides. */
function residualBlock(
  x: tf.SymbolicTensor,
  name: string,
  { filters, strides, squeeze }: { filters: number; strides: 1 | 2; squeeze: number | undefined },
): tf.SymbolicTensor {
  const first = normalise(x, { name: `${name}_1`, filters, kernelSize: 3, strides });
  const second = normalise(relu(first, `${name}_1`), { name: `${name}_2`, filters, kernelSize: 3, strides: 1 });
  const excited = squeeze === undefined ? second : exciteChannels(second, name, squeeze);
  const isSameShape = strides === 1 && x.shape.at(-1) === filters;
  const shortcut = isSameShape ? x : normalise(x, { name: `${name}_shortcut`, filters, kernelSize: 1, strides });
  const sum = tf.layers.add({ name: `${name}_add` }).apply([excited, shortcut]) as tf.SymbolicTensor;
  return relu(sum, name);
}

/** A convolution and batch norm. */
function normalise(x: tf.SymbolicTensor, { name, ...options }: ConvolutionOptions): tf.SymbolicTensor {
  const convolution = tf.layers.conv2d({
    name: `${name}_conv`,
    ...options,
    padding: 'same',
    useBias: false,
    kernelInitializer: 'heNormal',
  });
  return tf.layers.batchNormalization({ name: `${name}_bn` }).apply(convolution.apply(x)) as tf.SymbolicTensor;
}

const relu = (x: tf.SymbolicTensor, name: string): tf.SymbolicTensor =>
  tf.layers.activation({ name: `${name}_relu`, activation: 'relu' }).apply(x) as tf.SymbolicTensor;
