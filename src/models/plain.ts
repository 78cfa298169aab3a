// Plain deep networks: blocks of 3x3 convolutions, each block at half the height and width of the one before (Simonyan & Zisserman 2015),
// with batch norm and without fully connected layers but the last. For this machine: maps of 28, 14 and 7, which Winograd's tiles fill,
// pooling before batch norm, which then sees a quarter of the pixels, and no bias where batch norm has one.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';

export interface PlainSettings {
  /** Filters of the convolution at full size, which comes first. */
  readonly stem: number;
  /** Filters of each block. */
  readonly widths: readonly number[];
  /** Convolutions of a block. */
  readonly depth: number;
}

/**
 * A stem, blocks of convolutions of which the first pools, the maximum over the image, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function plain(settings: PlainSettings, { inputShape, classes }: ModelConfig): tf.LayersModel {
  const { stem, widths, depth } = settings;
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = convolve(input, 'stem', stem, false);
  widths.forEach((filters, block) => {
    for (let position = 0; position < depth; position++) {
      x = convolve(x, `block_${block + 1}_${position + 1}`, filters, position === 0);
    }
  });
  const features = tf.layers.globalMaxPooling2d({ name: 'global_max_pooling' }).apply(x);
  const dense = tf.layers.dense({
    name: 'dense',
    units: classes,
    activation: 'softmax',
    kernelInitializer: 'glorotUniform',
  });
  return tf.model({ name: 'plain', inputs: input, outputs: dense.apply(features) as tf.SymbolicTensor });
}

/** Convolution, pooling where asked for, batch norm, relu. */
function convolve(x: tf.SymbolicTensor, name: string, filters: number, isPooled: boolean): tf.SymbolicTensor {
  const layers: tf.layers.Layer[] = [
    tf.layers.conv2d({
      name: `${name}_conv`,
      filters,
      kernelSize: 3,
      padding: 'same',
      useBias: false,
      kernelInitializer: 'heNormal',
    }),
    ...(isPooled ? [tf.layers.maxPooling2d({ name: `${name}_pool`, poolSize: 2 })] : []),
    // A short memory: the statistics follow weights that move fast.
    tf.layers.batchNormalization({ name: `${name}_bn`, momentum: 0.9 }),
    tf.layers.activation({ name: `${name}_relu`, activation: 'relu' }),
  ];
  return layers.reduce((value, layer) => layer.apply(value) as tf.SymbolicTensor, x);
}
