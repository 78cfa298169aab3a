// Networks of depthwise separable convolutions: A. Howard et al., "MobileNets", 2017, section 3.1 and table 1, for small images: the
// first convolution keeps their size. Invariant: batch norm and relu follow both halves of a block, as in figure 3 of the paper.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { classify, convolve, normaliseAndActivate } from './layers.ts';

export interface DepthwiseSettings {
  /** Filters of the convolution that comes first. */
  readonly stem: number;
  /** Filters of each stage; a stage has half the height and width of the one before. */
  readonly widths: readonly number[];
  /** Separable convolutions of a stage. */
  readonly depth: number;
}

/**
 * A 3x3 convolution, stages of depthwise separable convolutions, global average pooling, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function depthwise(settings: DepthwiseSettings, { inputShape, classes }: ModelConfig): tf.LayersModel {
  const { stem, widths, depth } = settings;
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = normaliseAndActivate(convolve(input, { name: 'stem', filters: stem, kernelSize: 3 }), 'stem');
  widths.forEach((filters, stage) => {
    for (let block = 0; block < depth; block++) {
      const strides = stage > 0 && block === 0 ? 2 : 1;
      x = separableBlock(x, `stage_${stage + 1}_block_${block + 1}`, filters, strides);
    }
  });
  return tf.model({ name: 'depthwise', inputs: input, outputs: classify(x, classes) });
}

/** A 3x3 filter for each channel, then a 1x1 convolution that mixes them. */
function separableBlock(x: tf.SymbolicTensor, name: string, filters: number, strides: 1 | 2): tf.SymbolicTensor {
  const filtered = tf.layers
    .depthwiseConv2d({
      name: `${name}_depthwise`,
      kernelSize: 3,
      strides,
      padding: 'same',
      useBias: false,
      // Nine weights reach an output, where Keras counts nine by all channels: He's normal of the nine.
      depthwiseInitializer: tf.initializers.varianceScaling({
        scale: 2 * x.shape.at(-1)!,
        mode: 'fanIn',
        distribution: 'normal',
      }),
    })
    .apply(x) as tf.SymbolicTensor;
  const activated = normaliseAndActivate(filtered, `${name}_depthwise`);
  return normaliseAndActivate(
    convolve(activated, { name: `${name}_pointwise`, filters, kernelSize: 1 }),
    `${name}_pointwise`,
  );
}
