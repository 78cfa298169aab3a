// Networks for images of some size. Not here: what a network is (network.ts). Invariant: images of which a network would leave nothing are
// refused, since it would train all the same and see nothing.
import type * as tf from '../backend/tfjs.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { buildNetwork, type NetworkSettings } from './network.ts';

/**
 * Builds a network. Refuses images of which poolings and convolutions leave nothing: tfjs does so only where less than nothing would be left.
 *
 * @throws SelvedgeError `train/image-size`
 */
export function buildForImages(network: NetworkSettings, config: ModelConfig): tf.LayersModel {
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
