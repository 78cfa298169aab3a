// Residual networks whose blocks normalise and activate before they convolve, so that shortcuts carry what was never touched:
// K. He et al., "Identity Mappings in Deep Residual Networks", 2016, figure 4(e). With more filters they are the wide residual networks
// of S. Zagoruyko & N. Komodakis, 2016: WRN-d-k has a stem of 16, widths 16k, 32k and 64k, and a depth of (d - 4) / 6.
import * as tf from '../backend/tfjs.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { classify, convolve, normaliseAndActivate } from './layers.ts';

export interface PreactivationSettings {
  /** Filters of the convolution that comes first. */
  readonly stem: number;
  /** Filters of each stage; a stage has half the height and width of the one before. */
  readonly widths: readonly number[];
  /** Residual blocks of a stage, of two convolutions each. */
  readonly depth: number;
}

/**
 * A 3x3 convolution, stages of residual blocks, batch norm and relu, global average pooling, dense softmax.
 *
 * @returns An uncompiled model; its initial weights are tfjs's own draw, see `initializeWeights`
 */
export function preactivation(settings: PreactivationSettings, { inputShape, classes }: ModelConfig): tf.LayersModel {
  const { stem, widths, depth } = settings;
  const input = tf.input({ name: 'images', shape: [...inputShape] });
  let x = convolve(input, { name: 'stem', filters: stem, kernelSize: 3 });
  widths.forEach((filters, stage) => {
    for (let block = 0; block < depth; block++) {
      const strides = stage > 0 && block === 0 ? 2 : 1;
      x = preactivationBlock(x, `stage_${stage + 1}_block_${block + 1}`, filters, strides);
    }
  });
  const features = normaliseAndActivate(x, 'last');
  return tf.model({ name: 'preactivation', inputs: input, outputs: classify(features, classes) });
}

/** Two 3x3 convolutions beside a shortcut: the identity, or a 1x1 convolution of what was activated where the shape changes. */
function preactivationBlock(x: tf.SymbolicTensor, name: string, filters: number, strides: 1 | 2): tf.SymbolicTensor {
  const activated = normaliseAndActivate(x, `${name}_1`);
  const first = convolve(activated, { name: `${name}_1`, filters, kernelSize: 3, strides });
  const second = convolve(normaliseAndActivate(first, `${name}_2`), { name: `${name}_2`, filters, kernelSize: 3 });
  const isSameShape = strides === 1 && x.shape.at(-1) === filters;
  const shortcut = isSameShape ? x : convolve(activated, { name: `${name}_shortcut`, filters, kernelSize: 1, strides });
  return tf.layers.add({ name: `${name}_add` }).apply([second, shortcut]) as tf.SymbolicTensor;
}
