// The dense layer at the end of a network: what it takes, which are the network's features, and another dense layer in its place.
// Not here: running either (createNetworkPredictor of src/plan). Invariant: the network and its weights stay as they are.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';

/** Weights of a dense layer. */
export interface DenseColumns {
  /** f32 `[width, columns]`, row-major. */
  readonly kernel: Float32Array;
  /** f32 `[columns]`. */
  readonly bias: Float32Array;
}

/** The last layer of a network, where that is dense. */
export interface LastDense extends DenseColumns {
  /** What it takes: `[batch, width]`. */
  readonly features: tf.SymbolicTensor;
  /** Features of an image. */
  readonly width: number;
  /** Its columns. */
  readonly classes: number;
}

/**
 * The last dense layer of a network.
 *
 * @returns Copies of its weights, zeros for a bias that it has not; undefined for a network that ends otherwise, as ensembles do
 * @example
 * ```ts
 * import { lastDenseOf, loadShippedModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * console.assert(lastDenseOf(model)?.width === 128);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function lastDenseOf(model: tf.LayersModel): LastDense | undefined {
  const last = model.layers.at(-1)!;
  const { input: features } = last;
  if (last.getClassName() !== 'Dense' || Array.isArray(features) || features.shape.length !== 2) return undefined;
  const [kernel, bias] = last.getWeights();
  const [width, classes] = kernel!.shape as [number, number];
  return {
    features,
    width,
    classes,
    kernel: kernel!.dataSync<'float32'>().slice(),
    bias: bias ? bias.dataSync<'float32'>().slice() : new Float32Array(classes),
  };
}

/** A network that shares all layers but the last with another. */
export interface ReplacedDense {
  /** Its outputs: the features `[batch, width]`, and the columns of them `[batch, columns]`. */
  readonly network: tf.LayersModel;
  /** Gives back the columns; the other network stays. */
  dispose(): void;
}

/**
 * A network with columns of one's own in place of its last dense layer, which nothing follows: logits, projections.
 *
 * @param model One whose `lastDenseOf` is there; it stays the caller's
 * @param columns Of its features
 * @throws SelvedgeError `models/columns` where the columns do not fit
 * @example
 * ```ts
 * import { createNetworkPredictor, lastDenseOf, loadShippedModel, replaceLastDense, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const { network, dispose } = replaceLastDense(model, lastDenseOf(model)!);
 * const predictor = createNetworkPredictor(network);
 * const [features, logits] = predictor.predict(new Float32Array(2 * 784));
 * console.assert(features!.length === 256 && logits!.length === 20);
 * predictor.dispose();
 * dispose();
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function replaceLastDense(model: tf.LayersModel, { kernel, bias }: DenseColumns): ReplacedDense {
  const last = lastDenseOf(model);
  const columns = bias.length;
  if (!last || columns === 0 || kernel.length !== last.width * columns) {
    throw new SelvedgeError(
      'models/columns',
      `Cannot replace the last layer of "${model.name}": expected a dense layer at its end and ${last?.width ?? 'its'} x ${columns} ` +
        `weights, got ${kernel.length}`,
    );
  }
  const head = tf.layers.dense({ units: columns, name: `columns_${columns}` });
  const output = head.apply(last.features) as tf.SymbolicTensor;
  const weights = [tf.tensor(kernel, [last.width, columns]), tf.tensor(bias, [columns])];
  head.setWeights(weights);
  for (const weight of weights) weight.dispose();
  return {
    network: tf.model({ inputs: model.inputs, outputs: [last.features, output] }),
    dispose() {
      for (const variable of head.weights) variable.dispose();
    },
  };
}
