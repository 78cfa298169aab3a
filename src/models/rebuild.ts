// Models as descriptions of their layers, to be built anew with some of it changed, or several as one; initial weights are tfjs's own draw
// until they are copied over. Not here: what is changed, and which weights are copied. Invariant: the given model stays as it is.
import * as tf from '../backend/tfjs.ts';

/** A layer as tfjs writes it to JSON. */
export interface LayerJson {
  readonly name: string;
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inbound_nodes: readonly (readonly NodeEnd[])[];
}

/** An output of a layer. */
export type NodeEnd = readonly [layer: string, node: number, tensor: number, ...rest: unknown[]];

export interface ModelJson {
  readonly name: string;
  readonly layers: readonly LayerJson[];
  readonly input_layers: readonly NodeEnd[];
  readonly output_layers: readonly NodeEnd[];
}

/**
 * Builds a model like another.
 *
 * @param change Gives the layers of the new model
 * @returns A graph, also where the other is a sequence of layers; the caller disposes it
 */
export async function rebuildModel(
  model: tf.LayersModel,
  change: (json: ModelJson) => readonly LayerJson[],
): Promise<tf.LayersModel> {
  const json = describeModel(model);
  return buildFromJson({ ...json, layers: change(json) });
}

/** A model as a graph, whether it was made as one or as a sequence of layers. */
export function describeModel({ name, inputs, outputs }: tf.LayersModel): ModelJson {
  const graph = tf.model({ name, inputs, outputs });
  return (graph.toJSON(undefined, false) as unknown as { readonly config: ModelJson }).config;
}

/** The reverse; the caller disposes the model. */
export function buildFromJson(config: ModelJson): Promise<tf.LayersModel> {
  return tf.models.modelFromJSON({ modelTopology: { class_name: 'Model', config } } as unknown as tf.io.ModelJSON);
}

/** Layers that have weights, in the order of the model. */
export const weightedLayers = (model: tf.LayersModel): tf.layers.Layer[] =>
  model.layers.filter(({ weights }) => weights.length > 0);

/**
 * Copies the weights of a layer, in the order in which it made them, whether or not it trains. Both have memory of their own.
 *
 * @param factor Multiplies them
 */
export function copyLayerWeights(from: tf.layers.Layer, to: tf.layers.Layer, factor = 1): void {
  tf.tidy(() => {
    from.weights.forEach((weight, i) => {
      const values = weight.read().dataSync<'float32'>().slice();
      if (factor !== 1) for (let at = 0; at < values.length; at++) values[at]! *= factor;
      to.weights[i]!.write(tf.tensor(values, weight.shape as number[]));
    });
  });
}

/** Shapes of a layer's weights, for comparison and for people. */
export const shapesOf = ({ weights }: tf.layers.Layer): string =>
  weights.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
