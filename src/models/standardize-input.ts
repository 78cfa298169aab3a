// Standardisation as the first layer of a model: what it subtracts and divides by is saved, exported and loaded with its weights.
// Not here: finding the numbers (data/preprocessing.ts). Invariant: the layer never trains, and all other weights are those of the model.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { copyLayerWeights, rebuildModel, weightedLayers } from './rebuild.ts';

/** Name of the layer. */
export const STANDARDIZE_INPUT = 'standardize_input';
/** Small against the variance of any bytes that differ. */
const EPSILON = 1e-7;

/**
 * Puts a layer before a model that subtracts a mean from each value and divides it by a standard deviation.
 *
 * @param model One input; not changed, and not disposed
 * @param statistics Of values from 0 to 1; the deviation is above 0
 * @returns A model of its own with the same weights, which the caller disposes
 * @throws SelvedgeError `models/standardize`
 * @example
 * ```ts
 * import { buildModel, standardizeInput, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const plain = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * const model = await standardizeInput(plain, { mean: 0.29, deviation: 0.35 });
 * console.assert(model.layers[1]?.name === 'standardize_input');
 * await engine.stop();
 * ```
 */
export async function standardizeInput(
  model: tf.LayersModel,
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
): Promise<tf.LayersModel> {
  if (!Number.isFinite(mean) || !(deviation > 0 && deviation < Infinity)) {
    throw refusal('a finite mean and a deviation above 0', `${mean} and ${deviation}`);
  }
  if (model.inputs.length !== 1) throw refusal('a model of one input', `${model.inputs.length}`);
  if (model.layers.some(({ name }) => name === STANDARDIZE_INPUT)) {
    throw refusal('a model that does not standardise yet', `one with a layer "${STANDARDIZE_INPUT}"`);
  }
  const made = await rebuildModel(model, ({ layers, input_layers: [input] }) => {
    const inputName = input![0];
    const renamed = layers.map((layer) => ({
      ...layer,
      inbound_nodes: layer.inbound_nodes.map((ends) =>
        ends.map(([name, ...rest]) => [name === inputName ? STANDARDIZE_INPUT : name, ...rest] as const),
      ),
    }));
    const at = renamed.findIndex(({ name }) => name === inputName) + 1;
    const layer = {
      class_name: 'BatchNormalization',
      name: STANDARDIZE_INPUT,
      config: { name: STANDARDIZE_INPUT, trainable: false, epsilon: EPSILON, scale: false, center: false },
      inbound_nodes: [[[inputName, 0, 0, {}] as const]],
    };
    return renamed.toSpliced(at, 0, layer);
  });
  const layers = weightedLayers(model);
  const [first, ...others] = weightedLayers(made);
  others.forEach((layer, i) => {
    copyLayerWeights(layers[i]!, layer);
  });
  const values = [mean, deviation * deviation];
  tf.tidy(() => {
    first!.weights.forEach((weight, i) => {
      weight.write(tf.fill(weight.shape as number[], values[i]!));
    });
  });
  return made;
}

const refusal = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('models/standardize', `Cannot standardise the input of a model: expected ${expected}, got ${got}`);
