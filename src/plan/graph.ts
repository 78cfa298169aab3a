// What a tf.LayersModel computes, as a list of simple operations on NHWC images in order of computation.
// Not here: fusing and running. Invariant: an operation that the plan does not know makes the whole model unsupported, with a reason.
import type * as tf from '../backend/tfjs.ts';
import { unknownOf } from './layer-attributes.ts';

/** Codes of activations: as in assembly/simd/activation.ts. */
export const activationCodes = { linear: 0, relu: 1, relu6: 2, leakyRelu: 3, elu: 4, sigmoid: 5, tanh: 6 } as const;

/** Height, width, channels. A vector of n features is [1, 1, n]. */
export type ImageShape = readonly [height: number, width: number, channels: number];

export interface Activation {
  readonly code: number;
  readonly alpha: number;
}

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
}

export type Operation = { readonly inputs: readonly number[]; readonly output: number; readonly shape: ImageShape } & (
  | ({ readonly kind: 'convolution' } & Convolution)
  | ({ readonly kind: 'depthwise' } & Convolution)
  | {
      readonly kind: 'dense';
      readonly kernel: tf.LayerVariable;
      readonly bias: tf.LayerVariable | undefined;
    }
  | ({ readonly kind: 'batchNormalization' } & BatchNormalization)
  | ({ readonly kind: 'activation' } & Activation)
  | ({ readonly kind: 'maxPooling' } & WindowSettings)
  | ({ readonly kind: 'averagePooling' } & WindowSettings)
  | { readonly kind: 'dropout'; readonly rate: number; readonly layerNumber: number }
  | { readonly kind: 'zeroPadding'; readonly top: number; readonly left: number }
  | { readonly kind: 'globalAveragePooling' | 'flatten' | 'add' | 'concatenate' }
);

/** Operations from value `input` to value `logits`. */
export interface Graph {
  readonly operations: readonly Operation[];
  readonly input: number;
  readonly inputShape: ImageShape;
  readonly logits: number;
  readonly shapes: ReadonlyMap<number, ImageShape>;
}

/** Why a model cannot be planned. */
export interface Unsupported {
  readonly reason: string;
}

class NotPlanned extends Error {}

/** Layers that do nothing but in training. */
const TRAINING_LAYERS: readonly string[] = [
  'AlphaDropout',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'SpatialDropout1D',
];

/**
 * Lists the operations of a model.
 *
 * @param isTraining False leaves out what only training does: dropout, noise, regularisers
 * @param model One image input `[batch, height, width, channels]`, one output `[batch, classes]` that ends in a softmax
 * @returns The graph without the final softmax, or the reason why there is none
 */
export function graphOf(model: tf.LayersModel, isTraining = true): Graph | Unsupported {
  try {
    return new GraphReader(model, isTraining).read();
  } catch (error) {
    if (error instanceof NotPlanned) return { reason: error.message };
    throw error;
  }
}

class GraphReader {
  readonly #model: tf.LayersModel;
  readonly #operations: Operation[] = [];
  readonly #shapes = new Map<number, ImageShape>();
  /** Symbolic tensor to value. */
  readonly #values = new Map<number, number>();
  /** Position of a layer in the order of computation: dropout masks depend on it, as they do op by op. */
  readonly #layerNumbers = new Map<tf.layers.Layer, number>();
  readonly #isTraining: boolean;
  #next = 0;

  constructor(model: tf.LayersModel, isTraining: boolean) {
    this.#model = model;
    this.#isTraining = isTraining;
  }

  read(): Graph {
    const { inputs, outputs } = this.#model;
    if (inputs.length !== 1 || outputs.length !== 1) throw new NotPlanned('it has several inputs or outputs');
    const inputShape = imageShape(inputs[0]!, 'its input');
    const input = this.#value(inputShape);
    this.#values.set(inputs[0]!.id, input);
    const output = outputs[0]!;
    const last = output.sourceLayer;
    const unknown = unknownOf(last);
    if (unknown !== undefined) throw new NotPlanned(`layer "${last.name}" ${unknown}`);
    const className = last.getClassName();
    const isSoftmax = className === 'Softmax' || last.getConfig().activation === 'softmax';
    if (!isSoftmax || !['Activation', 'Dense', 'Softmax'].includes(className)) {
      throw new NotPlanned(`layer "${last.name}", its last, is no softmax`);
    }
    const isSoftmaxLayer = className !== 'Dense';
    const logits = this.#visit(isSoftmaxLayer ? output.inputs[0]! : output, output);
    const shapes = this.#shapes;
    if (this.#shapes.get(logits)!.slice(0, 2).join() !== '1,1') throw new NotPlanned('its output is an image');
    const axis = (last.getConfig().axis as number | undefined) ?? -1;
    if (axis !== -1 && axis !== output.shape.length - 1) throw new NotPlanned(`layer "${last.name}" has another axis`);
    return { operations: this.#operations, input, inputShape, logits, shapes };
  }

  #value(shape: ImageShape): number {
    const id = this.#next++;
    this.#shapes.set(id, shape);
    return id;
  }

  #visit(tensor: tf.SymbolicTensor, modelOutput: tf.SymbolicTensor): number {
    const known = this.#values.get(tensor.id);
    if (known !== undefined) return known;
    const inputs = tensor.inputs.map((source) => this.#visit(source, modelOutput));
    const layer = tensor.sourceLayer;
    if (!this.#layerNumbers.has(layer)) this.#layerNumbers.set(layer, this.#layerNumbers.size);
    if (layer.inboundNodes.length > 1) throw new NotPlanned(`layer "${layer.name}" is used several times`);
    const value = this.#add(layer, inputs, tensor, tensor === modelOutput);
    this.#values.set(tensor.id, value);
    return value;
  }

  #emit(operation: OperationParts, inputs: readonly number[], shape: ImageShape): number {
    const output = this.#value(shape);
    this.#operations.push({ ...operation, inputs, output, shape });
    return output;
  }

  #add(layer: tf.layers.Layer, inputs: readonly number[], tensor: tf.SymbolicTensor, isLast: boolean): number {
    const config = layer.getConfig();
    const className = layer.getClassName();
    const unknown = unknownOf(layer);
    if (unknown !== undefined) throw new NotPlanned(`layer "${layer.name}" ${unknown}`);
    const shape = imageShape(tensor, `layer "${layer.name}"`);
    if (!this.#isTraining && TRAINING_LAYERS.includes(className)) return inputs[0]!;
    if (this.#isTraining && (layer.losses.length > 0 || hasRegularizer(config)))
      throw new NotPlanned(`layer "${layer.name}" has a regulariser`);
    const activate = (value: number): number => {
      if (isLast && config.activation === 'softmax') return value;
      const activation = activationOf(config.activation as string | undefined, layer.name);
      return activation.code === activationCodes.linear
        ? value
        : this.#emit({ kind: 'activation', ...activation }, [value], shape);
    };
    switch (className) {
      case 'Conv2D':
      case 'DepthwiseConv2D': {
        const settings = convolutionOf(layer, config);
        const [kernel, bias] = layer.weights;
        const kind = className === 'Conv2D' ? 'convolution' : 'depthwise';
        return activate(this.#emit({ kind, ...settings, kernel: kernel!, bias }, inputs, shape));
      }
      case 'SeparableConv2D': {
        const settings = convolutionOf(layer, config);
        const [depthwise, pointwise, bias] = layer.weights;
        const [, , inChannels, multiplier] = depthwise!.shape as number[];
        const middle: ImageShape = [shape[0], shape[1], inChannels! * multiplier!];
        const spread = { kind: 'depthwise', ...settings, kernel: depthwise!, bias: undefined } as const;
        const between = this.#emit(spread, inputs, middle);
        const one = { size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' } as const;
        return activate(this.#emit({ kind: 'convolution', ...one, kernel: pointwise!, bias }, [between], shape));
      }
      case 'Dense': {
        const [height, width] = this.#shapes.get(inputs[0]!)!;
        if (height !== 1 || width !== 1) throw new NotPlanned(`dense layer "${layer.name}" takes images`);
        const [kernel, bias] = layer.weights;
        return activate(this.#emit({ kind: 'dense', kernel: kernel!, bias }, inputs, shape));
      }
      case 'BatchNormalization':
        return this.#emit(batchNormalizationOf(layer, config, tensor), inputs, shape);
      case 'Activation':
        return activate(inputs[0]!);
      case 'ReLU':
      case 'LeakyReLU':
      case 'ELU': {
        const activation = activationOfLayer(className, config, layer.name);
        return this.#emit({ kind: 'activation', ...activation }, inputs, shape);
      }
      case 'MaxPooling2D':
      case 'AveragePooling2D': {
        requireChannelsLast(config, layer.name);
        const kind = className === 'MaxPooling2D' ? 'maxPooling' : 'averagePooling';
        const size = pair(config.poolSize);
        const window = {
          size,
          strides: pair(config.strides ?? config.poolSize),
          padding: paddingOf(config, layer.name),
        };
        return this.#emit({ kind, ...window }, inputs, shape);
      }
      case 'ZeroPadding2D': {
        requireChannelsLast(config, layer.name);
        const [[top], [left]] = config.padding as [[number, number], [number, number]];
        return this.#emit({ kind: 'zeroPadding', top, left }, inputs, shape);
      }
      // Of equal maxima the first gets the gradient, as in any max pooling; tfjs, op by op, gives it to all of them.
      case 'GlobalMaxPooling2D': {
        requireChannelsLast(config, layer.name);
        const [height, width] = this.#shapes.get(inputs[0]!)!;
        const window = { size: [height, width], strides: [1, 1], padding: 'valid' } as const;
        return this.#emit({ kind: 'maxPooling', ...window }, inputs, shape);
      }
      case 'GlobalAveragePooling2D':
        requireChannelsLast(config, layer.name);
        return this.#emit({ kind: 'globalAveragePooling' }, inputs, shape);
      case 'Dropout': {
        const rate = config.rate as number;
        if (config.noiseShape) throw new NotPlanned(`dropout layer "${layer.name}" has a noise shape`);
        if (rate === 0) return inputs[0]!;
        const layerNumber = this.#layerNumbers.get(layer)!;
        return this.#emit({ kind: 'dropout', rate, layerNumber }, inputs, shape);
      }
      case 'Flatten':
        // Channels first: the first axis becomes the last, which changes nothing where one of the two parts has one element.
        if (config.dataFormat === 'channelsFirst') {
          const [first, ...rest] = this.#shapes.get(inputs[0]!)!;
          if (first > 1 && rest[0] * rest[1] > 1) throw new NotPlanned(`layer "${layer.name}" has channels first`);
        }
        return this.#emit({ kind: 'flatten' }, inputs, shape);
      case 'Add':
        if (inputs.some((id) => this.#shapes.get(id)!.join() !== shape.join())) {
          throw new NotPlanned(`layer "${layer.name}" adds different shapes`);
        }
        return this.#emit({ kind: 'add' }, inputs, shape);
      case 'Concatenate': {
        const rank = tensor.shape.length;
        const axis = config.axis as number;
        if (axis !== -1 && axis !== rank - 1)
          throw new NotPlanned(`layer "${layer.name}" does not concatenate channels`);
        return this.#emit({ kind: 'concatenate' }, inputs, shape);
      }
      default:
        throw new NotPlanned(`layer "${layer.name}" is a ${className}`);
    }
  }
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type OperationParts = Without<Operation, 'inputs' | 'output' | 'shape'>;
type Config = tf.serialization.ConfigDict;

function imageShape(tensor: tf.SymbolicTensor, what: string): ImageShape {
  const [, ...extents] = tensor.shape;
  if (extents.some((extent) => extent === null || extent < 1)) throw new NotPlanned(`${what} has an open shape`);
  if (extents.length === 3) return extents as unknown as ImageShape;
  if (extents.length === 1) return [1, 1, extents[0]!];
  throw new NotPlanned(`${what} has rank ${tensor.shape.length}`);
}

const pair = (value: unknown): [number, number] =>
  Array.isArray(value) ? [value[0] as number, (value[1] ?? value[0]) as number] : [value as number, value as number];

function paddingOf(config: Config, name: string): 'valid' | 'same' {
  if (config.padding !== 'valid' && config.padding !== 'same')
    throw new NotPlanned(`layer "${name}" has other padding`);
  return config.padding;
}

function requireChannelsLast(config: Config, name: string): void {
  if (config.dataFormat !== 'channelsLast') throw new NotPlanned(`layer "${name}" has channels first`);
}

function convolutionOf(layer: tf.layers.Layer, config: Config): Omit<Convolution, 'kernel' | 'bias'> {
  requireChannelsLast(config, layer.name);
  const [filterHeight, filterWidth] = layer.weights[0]!.shape as number[];
  return {
    size: [filterHeight!, filterWidth!],
    strides: pair(config.strides),
    // tfjs's depthwise layer has the setting, and convolves without.
    dilations: layer.getClassName() === 'DepthwiseConv2D' ? [1, 1] : pair(config.dilationRate ?? 1),
    padding: paddingOf(config, layer.name),
  };
}

function batchNormalizationOf(
  layer: tf.layers.Layer,
  config: Config,
  tensor: tf.SymbolicTensor,
): BatchNormalization & { kind: 'batchNormalization' } {
  const axis = config.axis as number;
  if (axis !== -1 && axis !== tensor.shape.length - 1) throw new NotPlanned(`layer "${layer.name}" has another axis`);
  const weights = [...layer.weights];
  const gamma = config.scale ? weights.shift() : undefined;
  const beta = config.center ? weights.shift() : undefined;
  const [movingMean, movingVariance] = weights;
  return {
    kind: 'batchNormalization',
    gamma,
    beta,
    movingMean: movingMean!,
    movingVariance: movingVariance!,
    epsilon: config.epsilon as number,
    momentum: config.momentum as number,
  };
}

function activationOf(name: string | undefined, layerName: string): Activation {
  if (name === undefined || name === null || name === 'linear') return { code: activationCodes.linear, alpha: 0 };
  if (name === 'elu') return { code: activationCodes.elu, alpha: 1 };
  if (name === 'relu' || name === 'relu6' || name === 'sigmoid' || name === 'tanh') {
    return { code: activationCodes[name], alpha: 0 };
  }
  throw new NotPlanned(`layer "${layerName}" has activation "${name}"`);
}

function activationOfLayer(className: 'ReLU' | 'LeakyReLU' | 'ELU', config: Config, name: string): Activation {
  const alpha = Number(config.alpha ?? 0);
  if (className === 'ReLU') {
    const maximum = config.maxValue as number | null | undefined;
    if (maximum === undefined || maximum === null) return { code: activationCodes.relu, alpha: 0 };
    if (maximum === 6) return { code: activationCodes.relu6, alpha: 0 };
    throw new NotPlanned(`layer "${name}" has a maximum of ${maximum}`);
  }
  if (!(alpha >= 0)) throw new NotPlanned(`layer "${name}" has a negative slope`);
  return { code: className === 'ELU' ? activationCodes.elu : activationCodes.leakyRelu, alpha };
}

const hasRegularizer = (config: Config): boolean =>
  Object.entries(config).some(([key, value]) => key.endsWith('Regularizer') && value !== null && value !== undefined);
