// The sanity check by randomised weights: a map that shows what the model has learnt must change when that is taken away. From the
// output down, layer after layer gets fresh initial weights, and the maps are compared with the trained model's by the rank
// correlation of their magnitudes. Source: J. Adebayo et al., "Sanity checks for saliency maps", 2018, cascading randomisation.
// Invariant: the model has its own weights again afterwards, whatever happens.
import * as tf from '../backend/tfjs.ts';
import { initializeWeights } from '../models/index.ts';
import { readModel } from '../plan/index.ts';

/** Trained weights resemble those that they began as, above all in the last layer: far from the seeds that people train with. */
const AWAY = 0x5a17_c4ec;

/** A model after so many of its layers have fresh weights. */
export interface RandomisationStage {
  /** The layer that was the last to get them; it includes what normalises its output. */
  readonly layer: string;
  /** Layers with fresh weights: this one and all between it and the output. */
  readonly layers: number;
}

/**
 * Runs something on the model at each stage of the cascade.
 *
 * @param model Weights that have initialisers which we draw ourselves; it is changed meanwhile
 * @param seed Of the fresh weights
 * @param visit Called after each stage, from the output down
 * @throws SelvedgeError `models/initializer`
 */
export async function cascadeRandomisation(
  model: tf.LayersModel,
  seed: number,
  visit: (stage: RandomisationStage) => void | Promise<void>,
): Promise<void> {
  const trained = valuesOf(model);
  try {
    initializeWeights(model, (seed ^ AWAY) >>> 0);
    const fresh = valuesOf(model);
    writeAll(model, trained);
    let layers = 0;
    for (const group of randomisedLayers(model)) {
      for (const layer of group) {
        for (const weight of layer.weights) write(weight, fresh[model.weights.indexOf(weight)]!);
      }
      await visit({ layer: group[0]!.name, layers: ++layers });
    }
  } finally {
    writeAll(model, trained);
  }
}

/** Layers with weights, from the output down; what follows a layer with a kernel and has none itself goes with it. */
export function randomisedLayers(model: tf.LayersModel): tf.layers.Layer[][] {
  const graph = readModel(model);
  const ordered = 'reason' in graph ? model.layers : [...new Set(graph.operations.map(({ layer }) => layer))];
  const groups: tf.layers.Layer[][] = [];
  for (const layer of ordered) {
    if (!layer.weights.some((weight) => model.weights.includes(weight))) continue;
    const hasKernel = layer.weights.some(({ shape }) => shape.length > 1);
    if (hasKernel || groups.length === 0) groups.push([layer]);
    else groups.at(-1)!.push(layer);
  }
  return groups.reverse();
}

const valuesOf = (model: tf.LayersModel): Float32Array[] =>
  model.weights.map((weight) => weight.read().dataSync<'float32'>().slice());

function writeAll(model: tf.LayersModel, values: readonly Float32Array[]): void {
  model.weights.forEach((weight, i) => {
    write(weight, values[i]!);
  });
}

function write(weight: tf.LayerVariable, values: Float32Array): void {
  const tensor = tf.tensor(values, weight.shape as number[]);
  weight.write(tensor);
  tensor.dispose();
}
