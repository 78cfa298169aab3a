// What the application of a layer comes to: its operations, in order, or why only the layer itself can compute it.
// Not here: which attributes are known (layer-attributes.ts), the order of layers (read-model.ts).
import type { OutputActivation } from '../backend/kernels/output-activation.ts';
import type { SmoothActivation } from '../backend/kernels/smooth-activation.ts';
import * as tf from '../backend/tfjs.ts';
import { unknownOf } from './layer-attributes.ts';
import type { Convolution, Ending, ModelOperation, OwnNormalization, TensorShape } from './read-model.ts';

/** Layers that give back their input outside of training. */
const TRAINING_LAYERS: readonly string[] = [
  'AlphaDropout',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'SpatialDropout1D',
];

/** An application of a layer. */
export interface Application {
  readonly layer: tf.layers.Layer;
  readonly layerNumber: number;
  readonly inputShapes: readonly TensorShape[];
  readonly shape: TensorShape;
  /** The activation that is left out. */
  readonly ending: Ending | undefined;
}

/** Kinds of layers with windows of weights. */
const WEIGHTED_WINDOWS = {
  Conv2D: 'convolution',
  Conv2DTranspose: 'transposedConvolution',
  DepthwiseConv2D: 'depthwise',
} as const;

type Config = tf.serialization.ConfigDict;
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** Operations that make up an application, one after the other; none: it gives back its input. */
export type Part = Without<ModelOperation, 'inputs' | 'outputs' | 'layer'> & {
  readonly layer?: tf.layers.Layer;
  /** Of its output, where it is not that of the layer. */
  readonly shape?: TensorShape;
};

export function partsOf(application: Application): Part[] {
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
    case 'Conv2DTranspose':
    case 'DepthwiseConv2D': {
      const [kernel, bias] = weights;
      const kind = WEIGHTED_WINDOWS[className];
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
    case 'LayerNormalization': {
      const axes = [config.axis].flat() as number[];
      const isLastAxis = axes.length === 1 && (axes[0] === -1 || axes[0] === shape.length - 1);
      return isLastAxis
        ? [{ kind: 'layerNormalization', ...ownNormalizationOf(layer, config) }]
        : opaque('has another axis');
    }
    case 'GroupNormalization':
      return [{ kind: 'groupNormalization', groups: config.groups as number, ...ownNormalizationOf(layer, config) }];
    case 'UpSampling2D':
      return [
        { kind: 'upSampling', size: pair(config.size), interpolation: config.interpolation as 'nearest' | 'bilinear' },
      ];
    case 'Embedding':
      return config.maskZero ? opaque('has a mask') : [{ kind: 'embedding', table: weights[0] }];
    case 'Reshape':
      return shape.slice(1).some((extent) => extent === null) ? opaque('has an open shape') : [{ kind: 'reshape' }];
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
    case 'Add': {
      if (inputShapes.every((other) => other.join() === shape.join())) return [{ kind: 'add' }];
      const vector = vectorOf(inputShapes, shape);
      return vector < 0 ? opaque('adds different shapes') : [{ kind: 'shift', vector }];
    }
    case 'Multiply': {
      const factors = vectorOf(inputShapes, shape);
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

/** Which of two inputs is a vector with a number for each channel of the other, which has the shape of the output; -1: none. */
function vectorOf(inputShapes: readonly TensorShape[], shape: TensorShape): number {
  const channels = shape.at(-1);
  if (inputShapes.length !== 2 || channels === null) return -1;
  return inputShapes.findLastIndex((vector, i) => {
    const isVector = vector.slice(1, -1).every((extent) => extent === 1) && [2, 4].includes(vector.length);
    return isVector && vector.at(-1) === channels && inputShapes[1 - i]!.join() === shape.join();
  });
}

/** What a layer's activation comes to; one that is not known is a layer of its own. */
function activationParts({ layer, ending }: Application): Part[] {
  const config = layer.getConfig();
  const className = layer.getClassName();
  const name = (config.activation ?? 'linear') as string;
  if (ending !== undefined && name === ending) return [];
  const smooth = smoothActivations[name];
  if (smooth) return [{ kind: 'smoothActivation', name: smooth }];
  const known = activationOf(className, config, name);
  if (typeof known !== 'string') return known.name === 'linear' ? [] : [{ kind: 'activation', activation: known }];
  const own = 'activation' in config && className !== 'Activation';
  const caller = own ? { layer: tf.layers.activation({ name: layer.name, activation: name as 'selu' }) } : {};
  return [{ kind: 'opaque', reason: known, isForTraining: false, ...caller }];
}

/** By their names in tfjs. */
const smoothActivations: Readonly<Record<string, SmoothActivation>> = {
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'geluTanh',
};

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

function ownNormalizationOf(layer: tf.layers.Layer, config: Config): OwnNormalization {
  // In the order in which the layer makes them.
  const weights = [...layer.weights];
  const gamma = config.scale ? weights.shift() : undefined;
  const beta = config.center ? weights.shift() : undefined;
  return { gamma, beta, epsilon: config.epsilon as number };
}
