// A model that starts from the weights of another: with a head for other classes where those differ, and with layers that stay.
// Not here: training, finding the source. Invariant: the source stays as it is; a weight that is not copied is a seeded draw.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { initializeWeights } from './initialize.ts';
import { copyLayerWeights, rebuildModel, shapesOf, weightedLayers } from './rebuild.ts';
import { STANDARDIZE_INPUT } from './standardize-input.ts';

export interface TransferOptions {
  /** Height, width and channels of the images to come. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Draws what is not copied. */
  readonly seed: number;
  /** Makes the head anew even where it has as many classes, since they are others. Default: false. */
  readonly otherClasses?: boolean;
  /** Network that takes the weights; default: that of the source. Its weights are replaced. */
  readonly target?: tf.LayersModel | undefined;
}

export interface Transferred {
  /** The caller disposes it, unless it is the target that was given. */
  readonly model: tf.LayersModel;
  /** Layer that was made anew, and why. */
  readonly newHead?: { readonly layer: string; readonly reason: string };
}

/**
 * Makes a model that starts from the weights of another. All of its layers train, but one that standardises the input.
 *
 * @param source One input, one output
 * @throws SelvedgeError `models/transfer-input` for images of another shape, `models/transfer-head` where the head must be made anew and
 *   is no dense layer or one of several, `models/transfer-network` where the target is another network
 * @see J. Yosinski et al., "How transferable are features in deep neural networks?", NeurIPS 2014
 * @example
 * ```ts
 * import { loadShippedModel, startBackend, transferModel } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model: source } = await loadShippedModel();
 * const { model, newHead } = await transferModel(source, { inputShape: [28, 28, 1], classes: 3, seed: 1 });
 * console.assert(newHead?.layer === 'dense_2' && model.outputs[0]?.shape[1] === 3);
 * await engine.stop();
 * ```
 */
export async function transferModel(source: tf.LayersModel, options: TransferOptions): Promise<Transferred> {
  const { inputShape, classes, seed, otherClasses = false } = options;
  checkInput(source, inputShape);
  const head = weightedLayers(source).at(-1)!;
  const had = source.outputs[0]!.shape.at(-1)!;
  const reason =
    had !== classes ? `it tells ${had} classes, not ${classes}` : otherClasses ? 'it tells other classes' : undefined;
  if (reason !== undefined && head.getClassName() !== 'Dense') {
    throw new SelvedgeError(
      'models/transfer-head',
      `Cannot start from model "${source.name}": ${reason}, and its last layer with weights, "${head.name}", is a ` +
        `${head.getClassName()}, expected a Dense`,
    );
  }
  const heads = headsOf(source.outputs[0]!);
  if (reason !== undefined && heads.length > 1) {
    throw new SelvedgeError(
      'models/transfer-head',
      `Cannot start from model "${source.name}": ${reason}, and it is an average of ${heads.length} heads, expected one; ` +
        'start from one of its members',
    );
  }
  const model = options.target ?? (await likeSource(source, head.name, classes));
  try {
    const newest = weightedLayers(model).at(-1);
    if (reason !== undefined) initializeWeights(model, seed, (layer) => layer === newest);
    copyWeights(source, model, reason !== undefined);
  } catch (error) {
    if (model !== options.target) model.dispose();
    throw error;
  }
  return { model, ...(reason === undefined ? {} : { newHead: { layer: weightedLayers(model).at(-1)!.name, reason } }) };
}

/** The layers with weights that the output comes from without another between: several in an average of models. */
function headsOf({ sourceLayer, inputs }: tf.SymbolicTensor): tf.layers.Layer[] {
  if (sourceLayer.weights.length > 0) return [sourceLayer];
  return [...new Set(inputs.flatMap(headsOf))];
}

function checkInput(source: tf.LayersModel, inputShape: readonly number[]): void {
  const { inputs, outputs } = source;
  const shapes = inputs.map(({ shape }) => shape.slice(1).join(', '));
  if (inputs.length === 1 && outputs.length === 1 && shapes[0] === inputShape.join(', ')) return;
  throw new SelvedgeError(
    'models/transfer-input',
    `Cannot start from model "${source.name}": expected one input of images [${inputShape.join(', ')}] and one output, ` +
      `got ${shapes.map((shape) => `[${shape}]`).join(' and ')} and ${outputs.length}`,
  );
}

/** The network of the source, all of it trainable, whatever was frozen when it was trained. */
function likeSource(source: tf.LayersModel, headName: string, classes: number): Promise<tf.LayersModel> {
  return rebuildModel(source, ({ layers }) =>
    layers.map((layer) => ({
      ...layer,
      config: {
        ...layer.config,
        trainable: layer.name !== STANDARDIZE_INPUT,
        ...(layer.name === headName && layer.class_name === 'Dense' ? { units: classes } : {}),
      },
    })),
  );
}

function copyWeights(source: tf.LayersModel, target: tf.LayersModel, isHeadNew: boolean): void {
  const from = weightedLayers(source);
  const to = weightedLayers(target);
  const refuse = (expected: string, got: string): SelvedgeError =>
    new SelvedgeError(
      'models/transfer-network',
      `Cannot start from model "${source.name}" in network "${target.name}": expected ${expected}, got ${got}`,
    );
  if (from.length !== to.length) throw refuse(`${to.length} layers with weights`, `${from.length}`);
  from.forEach((layer, i) => {
    if (isHeadNew && i === from.length - 1) return;
    const [expected, got] = [shapesOf(to[i]!), shapesOf(layer)];
    if (got !== expected) throw refuse(`weights ${expected} for layer "${to[i]!.name}"`, `${got} of "${layer.name}"`);
    copyLayerWeights(layer, to[i]!);
  });
}

/** Freezes every layer with weights but the last. */
export const ALL_BUT_LAST = 'all-but-last';

/**
 * Freezes layers: their weights stay, and batch norms among them normalise by their moving averages, which stay too.
 *
 * @param layers `'all-but-last'`, or names of layers with weights
 * @returns Names of the layers that are frozen now
 * @throws SelvedgeError `models/freeze` for names that no layer with weights has, for a last layer that is several, and where nothing
 *   would be left to train
 * @example
 * ```ts
 * import { buildModel, freezeLayers, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * console.assert(freezeLayers(model, 'all-but-last').length === 4 && model.trainableWeights.length === 2);
 * await engine.stop();
 * ```
 */
export function freezeLayers(model: tf.LayersModel, layers: typeof ALL_BUT_LAST | readonly string[]): string[] {
  const weighted = weightedLayers(model);
  const heads = headsOf(model.outputs[0]!);
  if (layers === ALL_BUT_LAST && heads.length > 1) {
    const named = heads.map(({ name }) => name).join(', ');
    throw new SelvedgeError(
      'models/freeze',
      `Cannot freeze ${ALL_BUT_LAST} of "${model.name}": it has ${heads.length} last layers, ${named}; expected names of layers`,
    );
  }
  const names = layers === ALL_BUT_LAST ? weighted.slice(0, -1).map(({ name }) => name) : layers;
  const known = weighted.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined || names.length === 0) {
    const got = unknown === undefined ? 'none' : `"${unknown}"`;
    throw new SelvedgeError(
      'models/freeze',
      `Cannot freeze layers of "${model.name}": expected ${ALL_BUT_LAST}, or some of ${known.join(', ')}, got ${got}`,
    );
  }
  if (known.every((name) => names.includes(name) || name === STANDARDIZE_INPUT)) {
    throw new SelvedgeError(
      'models/freeze',
      `Cannot freeze layers of "${model.name}": expected one with weights to train, got all of ${known.join(', ')}`,
    );
  }
  const frozen = weighted.filter(({ name }) => names.includes(name));
  for (const layer of frozen) layer.trainable = false;
  return frozen.map(({ name }) => name);
}
