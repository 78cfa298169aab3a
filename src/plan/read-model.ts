// The one reading of a tf.LayersModel: which operations on which values it comes to, in order of computation. The plan, the export and
// the executor of single operations all begin with it.
// Not here: which attributes are known (layer-attributes.ts), what a layer comes to (layer-parts.ts), what a plan can do (graph.ts),
// running (training/forward.ts).
// Invariant: an application of a layer that is not known to its last attribute is opaque: only the layer itself can compute it.
import type { OutputActivation } from '../backend/kernels/output-activation.ts';
import type { SmoothActivation } from '../backend/kernels/smooth-activation.ts';
import type * as tf from '../backend/tfjs.ts';
import { unknownOf } from './layer-attributes.ts';
import { partsOf } from './layer-parts.ts';

/** Extents, null where the model leaves one open. The first is the batch. */
export type TensorShape = readonly (number | null)[];

interface WindowSettings {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: 'valid' | 'same';
}

export interface Convolution extends WindowSettings {
  readonly dilations: readonly [number, number];
  readonly kernel: tf.LayerVariable;
  readonly bias: tf.LayerVariable | undefined;
}

export interface BatchNormalization {
  readonly gamma: tf.LayerVariable | undefined;
  readonly beta: tf.LayerVariable | undefined;
  readonly movingMean: tf.LayerVariable;
  readonly movingVariance: tf.LayerVariable;
  readonly epsilon: number;
  readonly momentum: number;
  /** Does not train: it normalises by its moving averages, and they stay as they are, as in Keras. */
  readonly isFrozen: boolean;
}

/** By the statistics of an image itself, over its last axis alone or over pixels and groups of channels. */
export interface OwnNormalization {
  readonly gamma: tf.LayerVariable | undefined;
  readonly beta: tf.LayerVariable | undefined;
  readonly epsilon: number;
}

/** What is known of an operation besides its activation; images are NHWC. */
export type Computation =
  | ({ readonly kind: 'convolution' } & Convolution)
  | ({ readonly kind: 'depthwise' } & Convolution)
  /** The gradient of a convolution by its input; its kernel is `[height, width, outChannels, inChannels]`. */
  | ({ readonly kind: 'transposedConvolution' } & Convolution)
  | {
      readonly kind: 'dense';
      readonly kernel: tf.LayerVariable;
      readonly bias: tf.LayerVariable | undefined;
    }
  | ({ readonly kind: 'batchNormalization' } & BatchNormalization)
  | ({ readonly kind: 'groupNormalization'; readonly groups: number } & OwnNormalization)
  | ({ readonly kind: 'layerNormalization' } & OwnNormalization)
  | { readonly kind: 'smoothActivation'; readonly name: SmoothActivation }
  | {
      readonly kind: 'upSampling';
      readonly size: readonly [number, number];
      readonly interpolation: 'nearest' | 'bilinear';
    }
  /** Rows of a table `[rows, channels]` by number. */
  | { readonly kind: 'embedding'; readonly table: tf.LayerVariable }
  | ({ readonly kind: 'maxPooling' } & WindowSettings)
  | ({ readonly kind: 'averagePooling' } & WindowSettings)
  | { readonly kind: 'dropout'; readonly rate: number; readonly layerNumber: number }
  | {
      readonly kind: 'zeroPadding';
      readonly top: number;
      readonly bottom: number;
      readonly left: number;
      readonly right: number;
    }
  /** Each pixel of an image by a vector that has a factor for each channel, and is the input of that position. */
  | { readonly kind: 'multiply'; readonly factors: number }
  /** The same sums: a vector that is added to each pixel, and is the input of that position. */
  | { readonly kind: 'shift'; readonly vector: number }
  /** `reshape`: other extents for the same values in the same order. */
  | { readonly kind: 'globalAveragePooling' | 'flatten' | 'reshape' | 'add' | 'concatenate' };

/** A layer's own call. */
export interface OpaqueComputation {
  readonly kind: 'opaque';
  /** Why it is not read, in words that go on from the layer's name. */
  readonly reason: string;
  /** Whether it gives back its input outside of training. */
  readonly isForTraining: boolean;
}

export type ModelOperation = {
  readonly layer: tf.layers.Layer;
  readonly inputs: readonly number[];
  /** One, but of opaque ones. */
  readonly outputs: readonly number[];
} & (Computation | { readonly kind: 'activation'; readonly activation: OutputActivation } | OpaqueComputation);

/** Operations from the values that are inputs to those that are outputs. */
export interface ModelGraph {
  readonly operations: readonly ModelOperation[];
  /** In the order of the model's. */
  readonly inputs: readonly number[];
  /** In the order of the model's; without the activation that was asked to be left out, where there was one: logits, say. */
  readonly outputs: readonly number[];
  readonly shapes: ReadonlyMap<number, TensorShape>;
}

/** Why a model cannot be read, or planned. */
export interface Unsupported {
  readonly reason: string;
}

/**
 * Reads a classifier.
 *
 * @param model One input, one output `[batch, classes]` that ends in a softmax: a dense layer's activation or a layer of its own
 * @returns The operations without the final softmax, or the reason why the model is none of these
 */
export function readModel(model: tf.LayersModel): ModelGraph | Unsupported {
  const { inputs, outputs } = model;
  if (inputs.length !== 1 || outputs.length !== 1) {
    return { reason: `expected one input and one output, got ${inputs.length} and ${outputs.length}` };
  }
  const output = outputs[0]!;
  const last = output.sourceLayer;
  const className = last.getClassName();
  const { activation, axis = -1 } = last.getConfig();
  const isSoftmax =
    unknownOf(last) === undefined &&
    (className === 'Softmax' || (['Activation', 'Dense'].includes(className) && activation === 'softmax'));
  if (!isSoftmax) return { reason: `expected it to end in a softmax, got layer "${last.name}"` };
  const { shape } = output;
  if (shape.length !== 2) {
    return { reason: `expected an output of shape [batch, classes], got [${shape.join(', ')}]` };
  }
  if (axis !== -1 && axis !== 1) return { reason: `expected a softmax over classes, got axis ${axis}` };
  return new ModelReader(inputs).read([output], ['softmax']);
}

/** An activation that a loss undoes. */
export type Ending = 'softmax' | 'sigmoid';

/** The activation in which an output ends, if it is one that a loss undoes. */
export function endingOf({ sourceLayer: layer, shape }: tf.SymbolicTensor): Ending | undefined {
  if (unknownOf(layer) !== undefined) return undefined;
  const { activation, axis = -1 } = layer.getConfig();
  if (layer.getClassName() === 'Softmax') return axis === -1 || axis === shape.length - 1 ? 'softmax' : undefined;
  return activation === 'softmax' || activation === 'sigmoid' ? activation : undefined;
}

/**
 * Reads any model.
 *
 * @param endings Of each output: the activation that is left out where the output ends in it, since a loss has it
 * @param outputs Default: the model's own
 * @returns The operations, or the reason why an activation cannot be left out
 */
export function readNetwork(
  model: tf.LayersModel,
  endings: readonly (Ending | undefined)[],
  outputs: readonly tf.SymbolicTensor[] = model.outputs,
): ModelGraph | Unsupported {
  const left = outputs.map((output, i) =>
    endings[i] !== undefined && endingOf(output) === endings[i] ? endings[i] : undefined,
  );
  const shared = outputs.find((output, i) => left[i] !== undefined && isShared(output, i, outputs));
  if (shared)
    return { reason: `output "${shared.name}" is read by others, too: expected its activation in a layer of its own` };
  return new ModelReader(model.inputs).read(outputs, left);
}

/** Whether an output is read by something that one of the outputs is made of, or is twice an output. */
function isShared(output: tf.SymbolicTensor, at: number, outputs: readonly tf.SymbolicTensor[]): boolean {
  if (outputs.indexOf(output) !== at || outputs.lastIndexOf(output) !== at) return true;
  const seen = new Set<number>();
  const reads = (tensor: tf.SymbolicTensor): boolean => {
    if (seen.has(tensor.id)) return false;
    seen.add(tensor.id);
    return tensor.inputs.some((input) => input.id === output.id || reads(input));
  };
  return outputs.some(reads);
}

class ModelReader {
  readonly #operations: ModelOperation[] = [];
  readonly #shapes = new Map<number, TensorShape>();
  /** Symbolic tensor to value. */
  readonly #values = new Map<number, number>();
  /** Position of a layer in the order of computation, which its dropout masks depend on. */
  readonly #layerNumbers = new Map<tf.layers.Layer, number>();
  readonly #inputs: readonly number[];
  /** Symbolic tensors whose activation is left out. */
  readonly #endings = new Map<number, Ending>();

  constructor(inputs: readonly tf.SymbolicTensor[]) {
    this.#inputs = inputs.map((input) => {
      const value = this.#value(input.shape);
      this.#values.set(input.id, value);
      return value;
    });
  }

  read(outputs: readonly tf.SymbolicTensor[], endings: readonly (Ending | undefined)[]): ModelGraph {
    outputs.forEach(({ id }, i) => {
      if (endings[i]) this.#endings.set(id, endings[i]);
    });
    const values = outputs.map((output) => this.#visit(output));
    return { operations: this.#operations, inputs: this.#inputs, outputs: values, shapes: this.#shapes };
  }

  #value(shape: TensorShape): number {
    const id = this.#shapes.size;
    this.#shapes.set(id, shape);
    return id;
  }

  #visit(tensor: tf.SymbolicTensor): number {
    const known = this.#values.get(tensor.id);
    if (known !== undefined) return known;
    const ending = this.#endings.get(tensor.id);
    const layer = tensor.sourceLayer;
    const inputs = tensor.inputs.map((source) => this.#visit(source));
    // A layer that is nothing but the activation has no number.
    if (ending !== undefined && ['Softmax', 'Activation'].includes(layer.getClassName())) return inputs[0]!;
    if (!this.#layerNumbers.has(layer)) this.#layerNumbers.set(layer, this.#layerNumbers.size);
    const inputShapes = inputs.map((id) => this.#shapes.get(id)!);
    const layerNumber = this.#layerNumbers.get(layer)!;
    const parts = partsOf({ layer, layerNumber, inputShapes, shape: tensor.shape, ending });
    const produced = [layer.inboundNodes[tensor.nodeIndex]!.outputTensors].flat();
    let values = inputs;
    parts.forEach(({ shape, ...part }, i) => {
      const isEnd = i === parts.length - 1;
      const shapes = isEnd ? produced.map((output) => output.shape) : [shape ?? tensor.shape];
      const outputs = shapes.map((extents) => this.#value(extents));
      this.#operations.push({ layer, inputs: values, outputs, ...part });
      values = outputs;
    });
    produced.forEach(({ id }, i) => {
      this.#values.set(id, values[i]!);
    });
    return this.#values.get(tensor.id)!;
  }
}
