// A model file of src/edge/ as a tf.LayersModel again, for what a file that only answers cannot do: to be explained, or trained on.
// The reverse of export-model.ts. Not here: the file's bytes (src/edge/). Invariant: weights are those that the file's classifier
// computes with: int8 levels times their scales.
import * as v from 'valibot';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { decodeModelFile, dequantise, type ModelDescription, type NetworkWeights } from '../edge/index.ts';
import { sizeOfWeights } from '../edge/network.ts';
import { averageModels, buildNetwork, modelNames, type NetworkSettings, networkSchema } from '../models/index.ts';
import { type PlacedWeight, recordNetwork } from './recorded-network.ts';

/** A model from a file, and what the file tells of it. */
export interface RestoredModel {
  /** The caller disposes it. */
  readonly model: tf.LayersModel;
  readonly description: ModelDescription;
}

/**
 * Builds the network that a model file was made of, and gives it the file's weights. Needs a started backend.
 *
 * @param file As `selvedge export` writes it
 * @throws SelvedgeError `edge/…` for what is no model file, `restore/network` for a network that the file does not tell, or another
 * @example
 * ```ts
 * import { readShippedFile, restoreModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model, description } = await restoreModel(await readShippedFile('dropout'));
 * console.assert(model.countParams() === 241_546 && description.labels[9] === 'Ankle boot');
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function restoreModel(file: Uint8Array | ArrayBuffer): Promise<RestoredModel> {
  const { description, network } = await decodeModelFile(file);
  const { name } = description;
  const model = await buildDescribed(description);
  try {
    const recorded = recordNetwork(model);
    if ('reason' in recorded)
      throw networkError(name, `a network that an inference plan takes, but ${recorded.reason}`);
    const places = recorded.weights;
    const shape = (weights: readonly (readonly [number, number])[]): string => weights.flat().join(' ');
    const [expected, got] = [shape(places.map(shapeOfPlace)), shape(network.weights.map(shapeOfWeights))];
    if (expected !== got) throw networkError(name, 'the weights of the network that it tells of, got others');
    places.forEach(({ variable }, i) => {
      write(variable, network.weights[i]!);
    });
    model.name = name;
    return { model, description };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Elements, and output channels of filters, which alone are quantised. */
const shapeOfPlace = ({ variable, channels }: PlacedWeight): [number, number] => [
  (variable.shape as number[]).reduce((product, extent) => product * extent, 1),
  channels ?? 0,
];

const shapeOfWeights = (weights: NetworkWeights): [number, number] => [
  sizeOfWeights(weights),
  'values' in weights ? 0 : weights.quantised.scales.length,
];

/** The network of the file, or, of an ensemble, those of its members as one. */
async function buildDescribed({ settings, name, inputShape, labels }: ModelDescription): Promise<tf.LayersModel> {
  const config = { inputShape, classes: labels.length };
  const { members } = settings;
  if (!v.is(membersSchema, members)) return buildNetwork(networkOf({ settings, name }), config);
  const models: tf.LayersModel[] = [];
  try {
    for (const member of members) models.push(buildNetwork(networkOf({ settings: member.settings, name }), config));
    return await averageModels(models);
  } finally {
    for (const model of models) model.dispose();
  }
}

/** As `selvedge ensemble` describes them. */
const membersSchema = v.pipe(v.array(v.object({ settings: v.record(v.string(), v.unknown()) })), v.minLength(2));

/** Of settings: a network, or those of the members of an ensemble. */
export interface ToldNetwork {
  readonly network?: NetworkSettings;
  readonly members?: readonly { readonly settings: ToldNetwork }[];
}

/**
 * Of a model's settings, what `restoreModel` builds its network by, without how it was trained: for settings of what begins with its
 * weights. Nothing where they do not tell.
 */
export function networkSettingsOf(settings: Readonly<Record<string, unknown>>): ToldNetwork {
  const { network, model, members } = settings;
  if (v.is(membersSchema, members))
    return { members: members.map((member) => ({ settings: networkSettingsOf(member.settings) })) };
  if (v.is(networkSchema, network)) return { network };
  const family = modelNames.find((known) => known === model);
  return family ? { network: { family } } : {};
}

function networkOf({ settings, name }: Pick<ModelDescription, 'settings' | 'name'>): NetworkSettings {
  const { network } = networkSettingsOf(settings);
  if (network) return network;
  throw networkError(name, `settings with a network, or the name of one of ${modelNames.join(', ')}`);
}

function write(variable: tf.LayerVariable, weights: NetworkWeights): void {
  const values = 'values' in weights ? weights.values : new Float32Array(sizeOfWeights(weights));
  if (!('values' in weights)) dequantise(weights.quantised, values);
  const tensor = tf.tensor(values, variable.shape as number[]);
  variable.write(tensor);
  tensor.dispose();
}

const networkError = (name: string, expected: string): SelvedgeError =>
  new SelvedgeError('restore/network', `Cannot restore model "${name}" from its file: expected ${expected}`);
