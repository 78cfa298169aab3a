// Networks of Inception blocks: C. Szegedy et al., "Going Deeper with Convolutions", 2015, figure 2(b), with batch norm (Ioffe & Szegedy
// 2015). Branches have the shares of the paper's block 3a: of 256 filters, 64 are 1x1, 128 are 3x3 behind a reduction to 96, 32 are 5x5
// behind a reduction to 16, and 32 project a pooling. Batch norm works channel by channel: one behind the concatenation is that of
// each branch, in one pass.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { type ConvolutionSettings, classify, convolve, normaliseAndActivate } from './layers.ts';

export interface InceptionSettings {
  /** Filters of the convolution that comes first. */
  readonly stem: number;
  /** Filters of the blocks of each stage, multiples of 16; a stage has half the height and width of the one before. */
  readonly widths: readonly number[];
  /** Inception blocks of a stage. */
  readonly depth: number;
}

/**
 * A 3x3 convolution, stages of Inception blocks with max pooling between them, global average pooling, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function inception(settings: InceptionSettings, { inputShape, classes }: ModelConfig): tf.LayersModel {
  const { stem, widths, depth } = settings;
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = normaliseAndActivate(convolve(input, { name: 'stem', filters: stem, kernelSize: 3 }), 'stem');
  widths.forEach((filters, stage) => {
    if (stage > 0) x = pool(x, `pool_${stage}`, 2);
    for (let block = 1; block <= depth; block++) x = inceptionBlock(x, `stage_${stage + 1}_block_${block}`, filters);
  });
  return tf.model({ name: 'inception', inputs: input, outputs: classify(x, classes) });
}

/** Four branches of one input, side by side. */
function inceptionBlock(x: tf.SymbolicTensor, name: string, width: number): tf.SymbolicTensor {
  const part = (share: number): number => (share * width) / 16;
  const reduced = (to: number, settings: ConvolutionSettings): tf.SymbolicTensor => {
    const reduction = { name: `${settings.name}_reduction`, filters: to, kernelSize: 1 } as const;
    return convolve(normaliseAndActivate(convolve(x, reduction), reduction.name), settings);
  };
  const branches = [
    convolve(x, { name: `${name}_1x1`, filters: part(4), kernelSize: 1 }),
    reduced(part(6), { name: `${name}_3x3`, filters: part(8), kernelSize: 3 }),
    reduced(part(1), { name: `${name}_5x5`, filters: part(2), kernelSize: 5 }),
    convolve(pool(x, `${name}_pool`, 1), { name: `${name}_projection`, filters: part(2), kernelSize: 1 }),
  ];
  const joined = tf.layers.concatenate({ name: `${name}_concatenate` }).apply(branches) as tf.SymbolicTensor;
  return normaliseAndActivate(joined, name);
}

const pool = (x: tf.SymbolicTensor, name: string, strides: 1 | 2): tf.SymbolicTensor =>
  tf.layers.maxPooling2d({ name, poolSize: 3, strides, padding: 'same' }).apply(x) as tf.SymbolicTensor;
