// Networks for the images of a data set, with their initial weights. Not here: what a network is (src/models).
import type * as tf from '../backend/tfjs.ts';
import type { Dataset } from '../data/dataset.ts';
import { fashionMnistClassNames, fashionMnistImageShape } from '../data/fashion-mnist.ts';
import { buildForImages, initializeWeights, type ModelConfig, type NetworkSettings } from '../models/index.ts';

/** Of Fashion-MNIST, known before its files are read. */
export const usualConfig: ModelConfig = { inputShape: fashionMnistImageShape, classes: fashionMnistClassNames.length };

export const configOf = ({ height, width, channels, classNames }: Dataset): ModelConfig => ({
  inputShape: [height, width, channels],
  classes: classNames.length,
});

/**
 * A network for images like those of the data, with its initial weights.
 *
 * @throws SelvedgeError `train/image-size`
 */
export function buildFor(network: NetworkSettings, seed: number, config: ModelConfig): tf.LayersModel {
  const model = buildForImages(network, config);
  initializeWeights(model, seed);
  return model;
}
