// Networks for the images of a data set. Not here: what a network is (src/models). Invariant: images of which a network would leave nothing are
// refused, since it would train all the same and see nothing.
import type * as tf from '../backend/tfjs.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { fashionMnistClassNames, fashionMnistImageShape } from '../data/fashion-mnist.ts';
import { buildNetwork, initializeWeights, type ModelConfig, type NetworkSettings } from '../models/index.ts';

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
  const model = buildWhole(network, config);
  initializeWeights(model, seed);
  return model;
}

/** Refuses images of which poolings and convolutions leave nothing: tfjs does so only where less than nothing would be left. */
function buildWhole(network: NetworkSettings, config: ModelConfig): tf.LayersModel {
  const tooSmall = (got: string, cause?: unknown): SelvedgeError =>
    new SelvedgeError(
      'train/image-size',
      `Cannot build network "${network.family}" for images of ${config.inputShape.join('x')}: expected larger ones, got ${got}`,
      { cause },
    );
  let model: tf.LayersModel;
  try {
    model = buildNetwork(network, config);
  } catch (cause) {
    throw cause instanceof SelvedgeError ? cause : tooSmall(messageOf(cause), cause);
  }
  const empty = model.layers.find(({ outputShape }) => (outputShape as (number | null)[]).includes(0));
  if (empty === undefined) return model;
  model.dispose();
  throw tooSmall(`nothing left of them behind layer ${empty.name}`);
}
