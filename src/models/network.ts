// Networks as data: a family and its settings, as recipes name them.
// Invariant: equal data builds equal networks in every release.
import * as v from 'valibot';
import type * as tf from '../backend/tfjs.ts';
import { type DenseNetSettings, densenet } from './densenet.ts';
import { type DepthwiseSettings, depthwise } from './depthwise.ts';
import type { ModelConfig } from './fashion-cnn.ts';
import { type InceptionSettings, inception } from './inception.ts';
import { linear } from './linear.ts';
import { type PlainSettings, plain } from './plain.ts';
import { type PreactivationSettings, preactivation } from './preactivation.ts';
import { buildModel, type ModelName, modelNames } from './registry.ts';
import { type ResidualSettings, residual } from './resnet.ts';

/** A network that has a name of its own, or a family with settings. */
export type NetworkSettings =
  | { readonly family: ModelName }
  | { readonly family: 'linear' }
  | ({ readonly family: 'plain' } & PlainSettings)
  | ({ readonly family: 'residual' } & ResidualSettings)
  | ({ readonly family: 'preactivation' } & PreactivationSettings)
  | ({ readonly family: 'depthwise' } & DepthwiseSettings)
  | ({ readonly family: 'densenet' } & DenseNetSettings)
  | ({ readonly family: 'inception' } & InceptionSettings);

const count = (from: number, to: number) => v.pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));
const filters = count(1, 4096);
/** Four halvings make one pixel of 28. */
const widths = v.pipe(v.array(filters), v.minLength(1), v.maxLength(4));

/** Whole shares for each branch. */
const inceptionWidths = v.pipe(v.array(v.pipe(filters, v.multipleOf(16))), v.minLength(1), v.maxLength(4));

const families = v.variant('family', [
  v.strictObject({ family: v.picklist(modelNames) }),
  v.strictObject({ family: v.literal('linear') }),
  v.strictObject({ family: v.literal('plain'), stem: filters, widths, depth: count(1, 20) }),
  v.strictObject({
    family: v.literal('residual'),
    widths,
    depth: count(1, 50),
    squeeze: v.exactOptional(count(1, 4096)),
  }),
  v.strictObject({ family: v.literal('preactivation'), stem: filters, widths, depth: count(1, 50) }),
  v.strictObject({ family: v.literal('depthwise'), stem: filters, widths, depth: count(1, 50) }),
  v.strictObject({ family: v.literal('densenet'), growth: filters, blocks: count(1, 4), depth: count(1, 60) }),
  v.strictObject({ family: v.literal('inception'), stem: filters, widths: inceptionWidths, depth: count(1, 20) }),
]);

/** With gradients, moments and copies that kernels derive, more do not fit into the 4 GB that WebAssembly has. */
const MOST_WEIGHTS = 50_000_000;

/** Schema of a network, for recipes; one that is far too large for the memory is refused before it is built. */
export const networkSchema: v.GenericSchema<NetworkSettings> = v.pipe(
  families,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const weights = fewestWeights(dataset.value as NetworkSettings);
    if (weights <= MOST_WEIGHTS) return;
    const expected = `at most ${MOST_WEIGHTS} weights`;
    addIssue({ message: expected, expected, received: `at least ${weights}` });
  }),
);

/** A lower bound of what a network has to learn: kernels of its blocks alone. */
function fewestWeights(network: NetworkSettings): number {
  switch (network.family) {
    case 'plain':
      return weightsOfStages([network.stem, ...network.widths], network.depth, 9);
    case 'residual':
      return weightsOfStages([network.widths[0]!, ...network.widths], 2 * network.depth, 9);
    case 'preactivation':
      return weightsOfStages([network.stem, ...network.widths], 2 * network.depth, 9);
    case 'depthwise':
      return weightsOfStages([network.stem, ...network.widths], network.depth, 1);
    case 'densenet':
      // A bottleneck of four times the growth, and nine taps of it.
      return 36 * network.growth * network.growth * network.blocks * network.depth;
    case 'inception':
      // Half of the filters have nine taps of six sixteenths as many.
      return 9 * 0.5 * 0.375 * network.depth * network.widths.reduce((sum, width) => sum + width * width, 0);
    default:
      return 0;
  }
}

/** Weights of convolutions, `depth` a stage, the first of which reads what the stage before made. */
const weightsOfStages = ([stem, ...widths]: readonly number[], depth: number, taps: number): number =>
  widths.reduce((sum, width, i) => sum + taps * width * ((widths[i - 1] ?? stem!) + (depth - 1) * width), 0);

/**
 * Builds an uncompiled model. Needs a started backend: tfjs draws weights that `initializeWeights` then replaces.
 *
 * @param network A name, or a family and its settings
 * @example
 * ```ts
 * import { buildNetwork, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const network = { family: 'plain', stem: 8, widths: [16, 32], depth: 2 } as const;
 * const model = buildNetwork(network, { inputShape: [28, 28, 1], classes: 10 });
 * console.assert(model.countParams() === 18_098);
 * await engine.stop();
 * ```
 */
export function buildNetwork(network: NetworkSettings, config: ModelConfig): tf.LayersModel {
  switch (network.family) {
    case 'linear':
      return linear(config);
    case 'plain':
      return plain(network, config);
    case 'residual':
      return residual(network, config);
    case 'preactivation':
      return preactivation(network, config);
    case 'depthwise':
      return depthwise(network, config);
    case 'densenet':
      return densenet(network, config);
    case 'inception':
      return inception(network, config);
    default:
      return buildModel(network.family, config);
  }
}
