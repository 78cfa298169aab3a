// Densely connected networks with bottlenecks and compression: G. Huang et al., "Densely Connected Convolutional Networks", 2017,
// DenseNet-BC of section 3: every layer reads what all layers of its block before it made. With three blocks and a depth of n, the paper
// counts 6n + 4 layers: L = 100 is a depth of 16.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { classify, convolve, normaliseAndActivate } from './layers.ts';

export interface DenseNetSettings {
  /** Channels that a layer adds: k of the paper. */
  readonly growth: number;
  /** A block has half the height and width of the one before. */
  readonly blocks: number;
  /** Layers of a block, of a 1x1 and a 3x3 convolution each. */
  readonly depth: number;
}

/** Filters of a bottleneck, in growths. */
const BOTTLENECK = 4;
/** Share of the channels that a transition leaves. */
const COMPRESSION = 0.5;

/**
 * A 3x3 convolution of twice the growth, dense blocks with transitions between them, batch norm and relu, global average pooling, dense
 * softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function densenet(settings: DenseNetSettings, { inputShape, classes }: ModelConfig): tf.LayersModel {
  const { growth, blocks, depth } = settings;
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = convolve(input, { name: 'stem', filters: 2 * growth, kernelSize: 3 });
  for (let block = 1; block <= blocks; block++) {
    if (block > 1) x = transition(x, `transition_${block - 1}`);
    for (let layer = 1; layer <= depth; layer++) x = denseLayer(x, `block_${block}_${layer}`, growth);
  }
  return tf.model({ name: 'densenet', inputs: input, outputs: classify(normaliseAndActivate(x, 'last'), classes) });
}

/** What comes in, and `growth` channels made of all of it. */
function denseLayer(x: tf.SymbolicTensor, name: string, growth: number): tf.SymbolicTensor {
  const narrow = convolve(normaliseAndActivate(x, `${name}_1`), {
    name: `${name}_1`,
    filters: BOTTLENECK * growth,
    kernelSize: 1,
  });
  const made = convolve(normaliseAndActivate(narrow, `${name}_2`), {
    name: `${name}_2`,
    filters: growth,
    kernelSize: 3,
  });
  return tf.layers.concatenate({ name: `${name}_concatenate` }).apply([x, made]) as tf.SymbolicTensor;
}

/** Half the channels at half the height and width. */
function transition(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  const filters = Math.floor(COMPRESSION * x.shape.at(-1)!);
  const compressed = convolve(normaliseAndActivate(x, name), { name, filters, kernelSize: 1 });
  return tf.layers.averagePooling2d({ name: `${name}_pool`, poolSize: 2 }).apply(compressed) as tf.SymbolicTensor;
}
