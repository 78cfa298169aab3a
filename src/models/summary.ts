// What a drawing or a table of a model needs, as plain values. Not a model: it cannot be run.
import type * as tf from '../backend/tfjs.ts';

export interface LayerSummary {
  readonly name: string;
  readonly type: string;
  /** Settings that matter to a reader, for example `32 filters 3x3, relu`. */
  readonly config: string;
  /** Without the batch dimension. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
  /** Names of the layers whose outputs this one takes. */
  readonly inputs: readonly string[];
}

export interface ModelSummary {
  readonly name: string;
  readonly layers: readonly LayerSummary[];
  readonly totalParameters: number;
}

/** Describes each layer of a model in order. */
export function summarizeModel(model: tf.LayersModel): ModelSummary {
  const layers = model.layers
    .filter((layer) => layer.getClassName() !== 'InputLayer')
    .map((layer) => ({
      name: layer.name,
      type: layer.getClassName(),
      config: configOf(layer),
      outputShape: (layer.outputShape as number[]).slice(1),
      parameters: layer.countParams(),
      inputs: layer.inboundNodes.flatMap((node) => node.inboundLayers.map((input) => input.name)),
    }));
  return { name: model.name, layers, totalParameters: model.countParams() };
}

function configOf(layer: tf.layers.Layer): string {
  const config = layer.getConfig();
  const parts: string[] = [];
  if (config.filters) parts.push(`${config.filters} filters ${(config.kernelSize as number[]).join('x')}`);
  if (config.units) parts.push(`${config.units} units`);
  if (config.poolSize) parts.push((config.poolSize as number[]).join('x'));
  if (config.rate) parts.push(`rate ${config.rate}`);
  if (typeof config.activation === 'string' && config.activation !== 'linear') parts.push(config.activation);
  return parts.join(', ');
}
