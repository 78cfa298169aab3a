// The one reading of a tf.LayersModel: which operations on which values it comes to, in order of computation. The plan, the export and
// the executor of single operations all begin with it.
// Not here: which attributes are known (layer-attributes.ts), what a plan can do (graph.ts), running (training/forward.ts).
// Invariant: an application of a layer that is not known to its last attribute is opaque: only the layer itself can compute it.
import type { OutputActivation } from '../backend/kernels/output-activation.ts';
import * as tf from '../backend/tfjs.ts';
import { unknownOf } from './layer-attributes.ts';

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

/** What is known of an operation besides its activation; images are NHWC. */
export type Computation =
  | ({ readonly kind: 'convolution' } & Convolution)
  | ({ readonly kind: 'depthwise' } & Convolution)
  | {
      readonly kind: 'dense';
      readonly kernel: tf.LayerVariable;
      readonly bias: tf.LayerVariable | undefined;
    }
  | ({ readonly kind: 'batchNormalization' } & BatchNormalization)
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
  | { readonly kind: 'globalAveragePooling' | 'flatten' | 'add' | 'concatenate' };

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

/** Operations from value `input` to value `logits`. */
export interface ModelGraph {
  readonly operations: readonly ModelOperation[];
  readonly input: number;
  /** `[batch, classes]`, before the softmax that ends the model. */
  readonly logits: number;
  readonly shapes: ReadonlyMap<number, TensorShape>;
}

/** Why a model cannot be read, or planned. */
export interface Unsupported {
  readonly reason: string;
}

/** Layers that give back their input outside of training. */
const TRAINING_LAYERS: readonly string[] = [
  'AlphaDropout',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'SpatialDropout1D',
];

/**
 * Reads a model.
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
  return new ModelReader(inputs[0]!).read(className === 'Dense' ? output : output.inputs[0]!, output);
}

class ModelReader {
  readonly #operations: ModelOperation[] = [];
  readonly #shapes = new Map<number, TensorShape>();
  /** Symbolic tensor to value. */
  readonly #values = new Map<number, number>();
  /** Position of a layer in the order of computation, which its dropout masks depend on. */
  readonly #layerNumbers = new Map<tf.layers.Layer, number>();
  readonly #input: number;

  constructor(input: tf.SymbolicTensor) {
    this.#input = this.#value(input.shape);
    this.#values.set(input.id, this.#input);
  }

  /** `modelOutput` is the softmax that is left out. */
  read(logits: tf.SymbolicTensor, modelOutput: tf.SymbolicTensor): ModelGraph {
    const value = this.#visit(logits, modelOutput);
    return { operations: this.#operations, input: this.#input, logits: value, shapes: this.#shapes };
  }

  #value(shape: TensorShape): number {
    const id = this.#shapes.size;
    this.#shapes.set(id, shape);
    return id;
  }

  #visit(tensor: tf.SymbolicTensor, modelOutput: tf.SymbolicTensor): number {
    const known = this.#values.get(tensor.id);
    if (known !== undefined) return known;
    const inputs = tensor.inputs.map((source) => this.#visit(source, modelOutput));
    const layer = tensor.sourceLayer;
    if (!this.#layerNumbers.has(layer)) this.#layerNumbers.set(layer, this.#layerNumbers.size);
    const inputShapes = inputs.map((id) => this.#shapes.get(id)!);
    const parts = partsOf({
      layer,
      layerNumber: this.#layerNumbers.get(layer)!,
      inputShapes,
      shape: tensor.shape,
      isLast: tensor === modelOutput,
    });
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

/** An application of a layer. */
interface Application {
  readonly layer: tf.layers.Layer;
  readonly layerNumber: number;
  readonly inputShapes: readonly TensorShape[];
  readonly shape: TensorShape;
  /** Whether its softmax ends the model. */
  readonly isLast: boolean;
}

type Config = tf.serialization.ConfigDict;
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** Operations that make up an application, one after the other; none: it gives back its input. */
type Part = Without<ModelOperation, 'inputs' | 'outputs' | 'layer'> & {
  readonly layer?: tf.layers.Layer;
  /** Of its output, where it is not that of the layer. */
  readonly shape?: TensorShape;
};

function partsOf(application: Application): Part[] {
  const { layer, layerNumber, inputShapes, shape } = application;
  const className = layer.getClassName();
  const config = layer.getConfig();
  const opaque = (reason: string): Part[] => [
    { kind: 'opaque', reason, isForTraining: TRAINING_LAYERS.includes(className) },
  ];
  const unknown = unknownOf(layer);
  if (unknown !== undefined) return [{ kind: 'opaque', reason: unknown, isForTraining: false }];
  if (config.dataFormat === 'channelsFirst' && className !== 'Flatten') return opaque('has channels first');
  const weights = layer.weights as [tf.LayerVariable, ...tf.LayerVariable[]];
  const [input] = inputShapes as [TensorShape];
  switch (className) {
    case 'Conv2D':
    case 'DepthwiseConv2D': {
      const [kernel, bias] = weights;
      const kind = className === 'Conv2D' ? 'convolution' : 'depthwise';
      return [{ kind, ...windowOfWeights(layer, config), kernel, bias }, ...activationParts(application)];
    }
    case 'SeparableConv2D': {
      const [depthwise, pointwise, bias] = weights;
      const [, , channels, multiplier] = depthwise.shape as number[];
      const between = [...shape.slice(0, 3), channels! * multiplier!];
      const window = windowOfWeights(layer, config);
      const one = { size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' } as const;
      return [
        { kind: 'depthwise', ...window, kernel: depthwise, bias: undefined, shape: between },
        { kind: 'convolution', ...one, kernel: pointwise!, bias },
        ...activationParts(application),
      ];
    }
    case 'Dense': {
      if (shape.length !== 2) return opaque(shape.length === 4 ? 'takes images' : 'takes more than vectors');
      const [kernel, bias] = weights;
      return [{ kind: 'dense', kernel, bias }, ...activationParts(application)];
    }
    case 'BatchNormalization': {
      const isLastAxis = config.axis === -1 || config.axis === shape.length - 1;
      return isLastAxis ? [batchNormalizationOf(layer, config)] : opaque('has another axis');
    }
    case 'Activation':
    case 'ReLU':
    case 'LeakyReLU':
    case 'ELU':
      return activationParts(application);
    case 'MaxPooling2D':
    case 'AveragePooling2D': {
      const kind = className === 'MaxPooling2D' ? 'maxPooling' : 'averagePooling';
      const size = pair(config.poolSize);
      return [{ kind, size, strides: pair(config.strides ?? config.poolSize), padding: paddingOf(config) }];
    }
    case 'ZeroPadding2D': {
      const [[top, bottom], [left, right]] = config.padding as [[number, number], [number, number]];
      return [{ kind: 'zeroPadding', top, bottom, left, right }];
    }
    // Of equal maxima the first gets the gradient, as in any max pooling; the layer's own call gives it to all of them.
    case 'GlobalMaxPooling2D': {
      const [, height, width] = input;
      if (height === null || width === null) return opaque('has an open shape');
      return [{ kind: 'maxPooling', size: [height!, width!], strides: [1, 1], padding: 'valid' }];
    }
    case 'GlobalAveragePooling2D':
      return [{ kind: 'globalAveragePooling' }];
    case 'Dropout': {
      const rate = config.rate as number;
      if (config.noiseShape) return opaque('has a noise shape');
      if (rate >= 1) return opaque(`has a rate of ${rate}, expected below 1`);
      return rate === 0 ? [] : [{ kind: 'dropout', rate, layerNumber }];
    }
    case 'Flatten':
      return keepsOrder(config, input) ? [{ kind: 'flatten' }] : opaque('has channels first');
    case 'Add':
      return inputShapes.some((other) => other.join() !== shape.join())
        ? opaque('adds different shapes')
        : [{ kind: 'add' }];
    case 'Multiply': {
      const factors = factorsOf(inputShapes, shape);
      return factors < 0 ? opaque('multiplies other than an image by a vector') : [{ kind: 'multiply', factors }];
    }
    case 'Concatenate': {
      const isLastAxis = config.axis === -1 || config.axis === shape.length - 1;
      return isLastAxis ? [{ kind: 'concatenate' }] : opaque('does not concatenate channels');
    }
    default:
      return opaque(`is a ${className}`);
  }
}

/** Which of two inputs is a vector of factors for the channels of the other, which has the shape of the product; -1: none. */
function factorsOf(inputShapes: readonly TensorShape[], shape: TensorShape): number {
  const channels = shape.at(-1);
  if (inputShapes.length !== 2 || channels === null) return -1;
  return inputShapes.findLastIndex((factors, i) => {
    const isVector = factors.slice(1, -1).every((extent) => extent === 1) && [2, 4].includes(factors.length);
    return isVector && factors.at(-1) === channels && inputShapes[1 - i]!.join() === shape.join();
  });
}

/** What a layer's activation comes to; one that is not known is a layer of its own. */
function activationParts({ layer, isLast }: Application): Part[] {
  const config = layer.getConfig();
  const className = layer.getClassName();
  const name = (config.activation ?? 'linear') as string;
  if (isLast && name === 'softmax') return [];
  const known = activationOf(className, config, name);
  if (typeof known !== 'string') return known.name === 'linear' ? [] : [{ kind: 'activation', activation: known }];
  const own = 'activation' in config && className !== 'Activation';
  const caller = own ? { layer: tf.layers.activation({ name: layer.name, activation: name as 'selu' }) } : {};
  return [{ kind: 'opaque', reason: known, isForTraining: false, ...caller }];
}

/** The activation, or why it is none of ours. */
function activationOf(className: string, config: Config, name: string): OutputActivation | string {
  const alpha = Number(config.alpha ?? 0);
  switch (className) {
    case 'ReLU': {
      const maximum = config.maxValue as number | null | undefined;
      if (maximum === undefined || maximum === null) return { name: 'relu' };
      return maximum === 6 ? { name: 'relu6' } : `has a maximum of ${maximum}`;
    }
    case 'LeakyReLU':
    case 'ELU':
      // With a negative slope the output does not tell the sign of the input.
      if (!(alpha >= 0)) return 'has a negative slope';
      return { name: className === 'ELU' ? 'elu' : 'leakyRelu', alpha };
  }
  switch (name) {
    case 'elu':
      return { name, alpha: 1 };
    case 'linear':
    case 'relu':
    case 'relu6':
    case 'sigmoid':
    case 'tanh':
      return { name };
  }
  return `has activation "${name}"`;
}

/** Channels first: the first axis becomes the last, which changes nothing where one of the two parts has one element. */
function keepsOrder(config: Config, [, first, ...rest]: TensorShape): boolean {
  if (config.dataFormat !== 'channelsFirst' || rest.length === 0) return true;
  return first === 1 || rest.every((extent) => extent === 1);
}

const pair = (value: unknown): [number, number] =>
  Array.isArray(value) ? [value[0] as number, (value[1] ?? value[0]) as number] : [value as number, value as number];

/** tfjs itself takes no other for these layers. */
const paddingOf = (config: Config): 'valid' | 'same' => config.padding as 'valid' | 'same';

function windowOfWeights(layer: tf.layers.Layer, config: Config): Omit<Convolution, 'kernel' | 'bias'> {
  const [filterHeight, filterWidth] = layer.weights[0]!.shape as number[];
  return {
    size: [filterHeight!, filterWidth!],
    strides: pair(config.strides),
    // tfjs's depthwise layer has the setting, and convolves without.
    dilations: layer.getClassName() === 'DepthwiseConv2D' ? [1, 1] : pair(config.dilationRate ?? 1),
    padding: paddingOf(config),
  };
}

function batchNormalizationOf(layer: tf.layers.Layer, config: Config): Part {
  // In the order in which the layer makes them.
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
    isFrozen: !layer.trainable,
  };
}
