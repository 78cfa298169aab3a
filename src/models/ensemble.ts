// Several trained classifiers as one model: a weighted sum of their logits, then one softmax. It is a tf.LayersModel like any other,
// so it is planned, exported, saved and served as one, and stock tfjs runs it.
// Not here: training members, choosing weights. Invariant: the members stay the caller's and keep their weights.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import {
  buildFromJson,
  copyLayerWeights,
  describeModel,
  type LayerJson,
  type NodeEnd,
  weightedLayers,
} from './rebuild.ts';

export interface EnsembleOptions {
  /** Share of each member, summing to 1. Default: all the same. */
  readonly weights?: readonly number[];
  /** In place of shares: any factor a member, and what is added to the logit of each class; see `fitStack`. */
  readonly stack?: { readonly factors: readonly number[]; readonly bias: readonly number[] };
}

/** What a sum of shares may be away from 1. */
const SUM_TOLERANCE = 1e-6;

/**
 * Makes one model of several. Its probabilities are the normalised geometric mean of those of its members.
 *
 * @param members Two or more, each of one input of the same shape, ending in a dense layer with softmax over the same number of classes
 * @returns A model of its own, which the caller disposes
 * @throws SelvedgeError `models/ensemble`
 * @see Hinton, Training Products of Experts by Minimizing Contrastive Divergence (2002), for the mean of logits
 * @example
 * ```ts
 * import { averageModels, buildModel, initializeWeights, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const members = [1, 2].map((seed) => {
 *   const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 *   initializeWeights(model, seed);
 *   return model;
 * });
 * const ensemble = await averageModels(members);
 * console.assert(ensemble.countParams() === 2 * 241546);
 * await engine.stop();
 * ```
 */
export async function averageModels(
  members: readonly tf.LayersModel[],
  { weights, stack }: EnsembleOptions = {},
): Promise<tf.LayersModel> {
  const shares = stack?.factors ?? weights ?? members.map(() => 1 / members.length);
  if (stack === undefined) checkShares(shares, members.length);
  else checkStack(stack, members);
  const parts = members.map((model, position) => partOf(model, position));
  const [first] = parts as [Part];
  const other = parts.find(({ ends }) => ends !== first.ends);
  if (other) throw ensembleError('members of the same images and classes', `${first.ends} and ${other.ends}`);
  const sum = layerOf('Add', { name: 'mean_logits' }, [parts.map(({ logits }) => logits)]);
  const output = layerOf('Activation', { name: 'probabilities', activation: 'softmax' }, [[[sum.name, 0, 0, {}]]]);
  const model = await buildFromJson({
    name: 'ensemble',
    layers: [first.input, ...parts.flatMap(({ layers }) => layers), sum, output],
    input_layers: [[first.input.name, 0, 0]],
    output_layers: [[output.name, 0, 0]],
  });
  members.forEach((member, position) => {
    for (const layer of weightedLayers(member)) {
      // The share of a member is in the weights of its last layer.
      const factor = layer === member.outputs[0]!.sourceLayer ? shares[position]! : 1;
      copyLayerWeights(layer, model.getLayer(nameInEnsemble(layer.name, position)), factor);
    }
  });
  if (stack) addToBias(model.getLayer(parts[0]!.logits[0]), stack.bias);
  return model;
}

function addToBias({ weights }: tf.layers.Layer, added: readonly number[]): void {
  const bias = weights.at(-1)!;
  const values = bias.read().dataSync<'float32'>().slice();
  bias.write(tf.tensor1d(values.map((value, label) => value + added[label]!)));
}

function checkStack(
  { factors, bias }: NonNullable<EnsembleOptions['stack']>,
  members: readonly tf.LayersModel[],
): void {
  const classes = members[0]?.outputs[0]?.shape.at(-1);
  if (members.length < 2) throw ensembleError('two or more members', `${members.length}`);
  if (factors.length !== members.length || bias.length !== classes || ![...factors, ...bias].every(Number.isFinite)) {
    throw ensembleError(
      `${members.length} factors and ${classes} numbers to add`,
      `[${factors.join(', ')}] and [${bias.join(', ')}]`,
    );
  }
  const last = members[0]!.outputs[0]!.sourceLayer;
  if (last.getConfig().useBias === false)
    throw ensembleError('a first member whose last layer has a bias', `"${last.name}"`);
}

function checkShares(shares: readonly number[], count: number): void {
  if (count < 2) throw ensembleError('two or more members', `${count}`);
  const sum = shares.reduce((total, share) => total + share, 0);
  const areShares = shares.every((share) => share > 0) && Math.abs(sum - 1) <= SUM_TOLERANCE;
  if (shares.length !== count || !areShares) {
    throw ensembleError(`${count} weights above 0 that sum to 1`, `[${shares.join(', ')}]`);
  }
}

const layerOf = (
  class_name: string,
  config: LayerJson['config'] & { readonly name: string },
  inbound_nodes: LayerJson['inbound_nodes'],
): LayerJson => ({ class_name, name: config.name, config, inbound_nodes });

/** A member within the ensemble. */
interface Part {
  /** Shapes of images and of probabilities, for comparison and for people. */
  readonly ends: string;
  readonly input: LayerJson;
  /** All layers but the input. */
  readonly layers: readonly LayerJson[];
  readonly logits: NodeEnd;
}

const INPUT_NAME = 'images';
const nameInEnsemble = (name: string, position: number): string => `member_${position + 1}_${name}`;

function partOf(member: tf.LayersModel, position: number): Part {
  const { inputs, outputs } = member;
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw ensembleError('members of one input and one output', `${inputs.length} and ${outputs.length}`);
  }
  const last = outputs[0]!.sourceLayer;
  if (last.getClassName() !== 'Dense' || last.getConfig().activation !== 'softmax') {
    throw ensembleError('members that end in a dense layer with softmax', `layer "${last.name}"`);
  }
  const config = describeModel(member);
  const inputName = config.input_layers[0]![0];
  const renamed = (name: string): string => (name === inputName ? INPUT_NAME : nameInEnsemble(name, position));
  const renamedEnd = ([name, ...rest]: NodeEnd): NodeEnd => [renamed(name), ...rest];
  const layers = config.layers.map((layer): LayerJson => {
    const name = renamed(layer.name);
    const linear = layer.name === last.name ? { activation: 'linear' } : {};
    const nodes = layer.inbound_nodes.map((ends) => ends.map(renamedEnd));
    return { ...layer, name, config: { ...layer.config, name, ...linear }, inbound_nodes: nodes };
  });
  return {
    ends: [inputs[0]!, outputs[0]!].map(({ shape }) => `[${shape.slice(1).join(', ')}]`).join(' to '),
    input: layers.find(({ name }) => name === INPUT_NAME)!,
    layers: layers.filter(({ name }) => name !== INPUT_NAME),
    logits: renamedEnd(config.output_layers[0]!),
  };
}

const ensembleError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('models/ensemble', `Cannot average models: expected ${expected}, got ${got}`);
