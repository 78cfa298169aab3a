// Weights of a graph in the order that frameworks with channels first take them.
// Not here: what is done with them. Invariant: the numbers are the same, only their places differ.
import type { Graph, GraphNode } from './graph.ts';

/** A graph and its weights. */
export interface Layout {
  readonly graph: Graph;
  readonly values: Float32Array;
}

/** The floats of a weight, as tfjs has them. A view, not a copy. */
export function weightOf({ graph, values }: Layout, name: string): { shape: readonly number[]; values: Float32Array } {
  const { offset, shape } = graph.weights[name]!;
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, values: values.subarray(offset, offset + size) };
}

/** `[height, width, in, out]` as `[out, in, height, width]`. */
export function channelsFirstKernel(layout: Layout, name: string): { shape: number[]; values: Float32Array } {
  const { shape, values } = weightOf(layout, name);
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const permuted = new Float32Array(values.length);
  let at = 0;
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let tap = 0; tap < height * width; tap++) {
        permuted[at++] = values[(tap * inputs + input) * outputs + output]!;
      }
    }
  }
  return { shape: [outputs, inputs, height, width], values: permuted };
}

/** `[features, units]` for features that were flattened with the channels first. */
export function denseKernel(layout: Layout, node: GraphNode & { readonly op: 'dense' }): Float32Array {
  const { shape, values } = weightOf(layout, node.kernel);
  if (!node.flattened) return values.slice();
  const [height, width, channels] = node.flattened as [number, number, number];
  const units = shape[1]!;
  const permuted = new Float32Array(values.length);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (pixel * channels + channel) * units;
      permuted.set(values.subarray(from, from + units), (channel * height * width + pixel) * units);
    }
  }
  return permuted;
}
