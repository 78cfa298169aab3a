// A tf.LayersModel as plain data that any framework can be built from: nodes in order of computation, and where the weights are.
// Not an executor. Invariant: shapes and weights are as tfjs has them (channels last); who computes with channels first permutes.
import type * as tf from '@tensorflow/tfjs';
import { SelvedgeError } from '../../src/core/errors.ts';

type Pair = readonly [number, number];

/** One operation; `inputs` and `output` are names of values. */
export interface NodePlace {
  readonly inputs: readonly string[];
  readonly output: string;
  /** Of the output, without the batch: `[height, width, channels]` or `[features]`. */
  readonly shape: readonly number[];
}

/** What an operation is. Weights are named as in `Graph.weights`. */
export type Operation =
  | {
      readonly op: 'convolution';
      /** `[height, width, inChannels, outChannels]` */
      readonly kernel: string;
      readonly bias?: string;
      readonly strides: Pair;
      readonly padding: 'same' | 'valid';
    }
  | {
      readonly op: 'dense';
      /** `[features, units]` */
      readonly kernel: string;
      readonly bias?: string;
      /** `[height, width, channels]` where the features are those of a flattened image. */
      readonly flattened?: readonly number[];
    }
  | {
      readonly op: 'batchNormalization';
      readonly gamma?: string;
      readonly beta?: string;
      readonly mean: string;
      readonly variance: string;
      readonly epsilon: number;
      /** Share of the old average that is kept. */
      readonly momentum: number;
    }
  | {
      readonly op: 'maxPool' | 'averagePool';
      readonly size: Pair;
      readonly strides: Pair;
      readonly padding: 'same' | 'valid';
    }
  | { readonly op: 'activation'; readonly function: 'relu' | 'softmax' }
  | { readonly op: 'dropout'; readonly rate: number }
  | { readonly op: 'zeroPadding'; readonly rows: Pair; readonly columns: Pair }
  | { readonly op: 'flatten' | 'globalAveragePool' | 'globalMaxPool' | 'add' | 'concatenate' };

export type GraphNode = NodePlace & Operation;

export interface Graph {
  readonly input: string;
  /** `[height, width, channels]` */
  readonly inputShape: readonly number[];
  /** Probabilities `[classes]`. */
  readonly output: string;
  readonly nodes: readonly GraphNode[];
  /** Place of each weight in one array of floats. */
  readonly weights: Readonly<Record<string, { readonly offset: number; readonly shape: readonly number[] }>>;
}

/** A graph and the numbers of its weights, as they are now. */
export interface GraphWithWeights {
  readonly graph: Graph;
  readonly values: Float32Array;
}

/**
 * Describes a model.
 *
 * @param model One input, one output; no layers within layers
 * @returns Nodes in order of computation and a copy of the weights
 * @throws SelvedgeError `bench/unsupported-layer`, naming the layer
 */
export function describeGraph(model: tf.LayersModel): GraphWithWeights {
  const input = model.inputs[0]!;
  const output = model.outputs[0]!;
  const nodes: GraphNode[] = [];
  const weights = new WeightList();
  const names = new Map<number, string>([[input.id, input.name]]);
  const visit = (tensor: tf.SymbolicTensor): void => {
    if (names.has(tensor.id)) return;
    for (const source of tensor.inputs) visit(source);
    const layer = tensor.sourceLayer;
    const inputs = tensor.inputs.map((source) => names.get(source.id)!);
    const shape = tensor.shape.slice(1) as number[];
    const operations = operationsOf(layer, { weights, flattened: flattenedShape(nodes, inputs[0]!) });
    operations.forEach((operation, index) => {
      const isLast = index === operations.length - 1;
      const from = index === 0 ? inputs : [nodes.at(-1)!.output];
      nodes.push({
        inputs: from,
        output: isLast ? tensor.name : `${tensor.name}/${operation.op}`,
        shape,
        ...operation,
      });
    });
    names.set(tensor.id, tensor.name);
  };
  visit(output);
  return {
    graph: {
      input: input.name,
      inputShape: input.shape.slice(1) as number[],
      output: output.name,
      nodes,
      weights: weights.places,
    },
    values: weights.join(),
  };
}

/** The weights met so far. */
class WeightList {
  readonly places: Record<string, { offset: number; shape: readonly number[] }> = {};
  readonly #parts: Float32Array[] = [];
  #length = 0;

  add(weight: tf.LayerVariable): string {
    const value = weight.read();
    const name = weight.originalName;
    if (!this.places[name]) {
      this.places[name] = { offset: this.#length, shape: value.shape };
      this.#parts.push(value.dataSync<'float32'>().slice());
      this.#length += value.size;
    }
    return name;
  }

  join(): Float32Array {
    const all = new Float32Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/** Shape of the image that a value is the flattened form of, if it is. */
function flattenedShape(nodes: readonly GraphNode[], name: string): readonly number[] | undefined {
  const node = nodes.find(({ output }) => output === name);
  if (node?.op === 'dropout' || node?.op === 'activation') return flattenedShape(nodes, node.inputs[0]!);
  if (node?.op !== 'flatten') return undefined;
  return nodes.find(({ output }) => output === node.inputs[0])?.shape;
}

interface Context {
  readonly weights: WeightList;
  readonly flattened: readonly number[] | undefined;
}

/** What a layer does: its operation and, of its own, its activation. */
function operationsOf(layer: tf.layers.Layer, context: Context): Operation[] {
  const config = layer.getConfig();
  const strides = config.strides as unknown as Pair;
  const padding = config.padding as 'same' | 'valid';
  switch (layer.getClassName()) {
    case 'Conv2D': {
      refuseUnless(layer, config.dataFormat === 'channelsLast' && isOnes(config.dilationRate), 'NHWC and no dilation');
      return [{ op: 'convolution', ...kernelAndBias(layer, context), strides, padding }, ...activationsOf(layer)];
    }
    case 'Dense': {
      const { flattened } = context;
      const place = flattened && flattened.length === 3 ? { flattened } : {};
      return [{ op: 'dense', ...kernelAndBias(layer, context), ...place }, ...activationsOf(layer)];
    }
    case 'BatchNormalization':
      return [batchNormalization(layer, context)];
    case 'MaxPooling2D':
      return [{ op: 'maxPool', size: config.poolSize as unknown as Pair, strides, padding }];
    case 'AveragePooling2D':
      return [{ op: 'averagePool', size: config.poolSize as unknown as Pair, strides, padding }];
    case 'Activation':
      return activationsOf(layer);
    case 'ReLU':
      refuseUnless(layer, config.maxValue === undefined || config.maxValue === null, 'no maximum');
      return [{ op: 'activation', function: 'relu' }];
    case 'Softmax':
      return [{ op: 'activation', function: 'softmax' }];
    case 'Dropout':
      return [{ op: 'dropout', rate: config.rate as number }];
    case 'Flatten':
      return [{ op: 'flatten' }];
    case 'GlobalAveragePooling2D':
      return [{ op: 'globalAveragePool' }];
    case 'GlobalMaxPooling2D':
      return [{ op: 'globalMaxPool' }];
    case 'Add':
      return [{ op: 'add' }];
    case 'Concatenate':
      return [{ op: 'concatenate' }];
    case 'ZeroPadding2D': {
      const [rows, columns] = config.padding as unknown as [Pair, Pair];
      return [{ op: 'zeroPadding', rows, columns }];
    }
    default:
      throw unsupported(layer, 'a layer that the peers have too');
  }
}

function kernelAndBias(layer: tf.layers.Layer, { weights }: Context): { kernel: string; bias?: string } {
  const [kernel, bias] = layer.weights;
  return { kernel: weights.add(kernel!), ...(bias ? { bias: weights.add(bias) } : {}) };
}

function batchNormalization(layer: tf.layers.Layer, { weights }: Context): Operation {
  const config = layer.getConfig();
  const named = Object.fromEntries(
    layer.weights.map((weight) => [weight.originalName.split('/').pop()!, weights.add(weight)]),
  );
  return {
    op: 'batchNormalization',
    ...(named.gamma ? { gamma: named.gamma } : {}),
    ...(named.beta ? { beta: named.beta } : {}),
    mean: named.moving_mean!,
    variance: named.moving_variance!,
    epsilon: config.epsilon as number,
    momentum: config.momentum as number,
  };
}

function activationsOf(layer: tf.layers.Layer): Operation[] {
  const { activation } = layer.getConfig();
  if (activation === 'linear' || activation === undefined) return [];
  if (activation === 'relu' || activation === 'softmax') return [{ op: 'activation', function: activation }];
  throw unsupported(layer, 'relu or softmax');
}

const isOnes = (value: unknown): boolean => [value].flat().every((each) => each === 1);

function refuseUnless(layer: tf.layers.Layer, holds: boolean, expected: string): void {
  if (!holds) throw unsupported(layer, expected);
}

function unsupported(layer: tf.layers.Layer, expected: string): SelvedgeError {
  return new SelvedgeError(
    'bench/unsupported-layer',
    `Cannot describe layer "${layer.name}" (${layer.getClassName()}) for the peers: expected ${expected}`,
  );
}
