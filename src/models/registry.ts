// Models by name. Invariant: a name builds the same network in every release; a changed network gets a new name.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { baseline, dropout, type ModelConfig } from './fashion-cnn.ts';
import { resnet20 } from './resnet.ts';

const builders = { baseline, dropout, resnet20 } as const satisfies Record<
  string,
  (config: ModelConfig) => tf.LayersModel
>;

export type ModelName = keyof typeof builders;

/** Names that `buildModel` takes. */
export const modelNames = Object.keys(builders) as readonly ModelName[];

/**
 * Builds an uncompiled model. Needs a started backend: tfjs draws weights that `initializeWeights` then replaces.
 *
 * @param name One of `modelNames`
 * @throws SelvedgeError `models/unknown`
 *
 * @example
 * ```ts
 * import { buildModel, startBackend } from 'selvedge';
 * const engine = await startBackend();
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * console.assert(model.countParams() === 241_546);
 * await engine.stop();
 * ```
 */
export function buildModel(name: string, config: ModelConfig): tf.LayersModel {
  if (!Object.hasOwn(builders, name)) {
    throw new SelvedgeError('models/unknown', `Cannot build model "${name}": expected one of ${modelNames.join(', ')}`);
  }
  return builders[name as ModelName](config);
}
