// Which layers, and which of their attributes, the reading of a model knows. An attribute that is in no list here, since tfjs or a
// subclass added it, makes a layer unknown: what nobody looks at is never ignored.
// Not here: what the attributes mean (graph.ts). Invariant: a layer that passes is tfjs's own or ours, and is read to its last attribute.
import * as tf from '../backend/tfjs.ts';
import { GroupNormalization } from '../models/group-normalization.ts';

interface KnownLayer {
  /** An instance, to know tfjs's own class from another of its name. Named, so that it takes no number from a user's layers. */
  readonly make: (name: string) => tf.layers.Layer;
  /** Keys of `getConfig()` that are read, or that do not change what is computed. */
  readonly attributes: readonly string[];
}

/** Of every layer. Names and shapes are in the symbolic tensors, `trainable` in the lists of weights. */
const EVERY_LAYER = ['name', 'trainable', 'batchInputShape', 'dtype'];
const WINDOW = ['padding', 'strides', 'dataFormat'];
const ACTIVATED = ['activation', 'activityRegularizer'];
const weightOf = (...names: string[]): string[] =>
  names.flatMap((name) => [`${name}Initializer`, `${name}Regularizer`, `${name}Constraint`]);

const CONVOLUTION = [...WINDOW, ...ACTIVATED, 'kernelSize', 'dilationRate', 'useBias', ...weightOf('bias')];
const POOLING = [...WINDOW, 'poolSize'];
const { layers } = tf;

const knownLayers: Readonly<Record<string, KnownLayer>> = {
  Activation: { make: (name) => layers.activation({ name, activation: 'relu' }), attributes: ['activation'] },
  Add: { make: (name) => layers.add({ name }), attributes: [] },
  AlphaDropout: { make: (name) => layers.alphaDropout({ name, rate: 0.5 }), attributes: ['rate'] },
  AveragePooling2D: { make: (name) => layers.averagePooling2d({ name }), attributes: POOLING },
  BatchNormalization: {
    make: (name) => layers.batchNormalization({ name }),
    attributes: [
      ...['axis', 'momentum', 'epsilon', 'center', 'scale', 'movingMeanInitializer', 'movingVarianceInitializer'],
      ...weightOf('beta', 'gamma'),
    ],
  },
  Concatenate: { make: (name) => layers.concatenate({ name }), attributes: ['axis'] },
  Conv2D: {
    make: (name) => layers.conv2d({ name, filters: 1, kernelSize: 1 }),
    attributes: [...CONVOLUTION, 'filters', ...weightOf('kernel')],
  },
  Conv2DTranspose: {
    make: (name) => layers.conv2dTranspose({ name, filters: 1, kernelSize: 1 }),
    attributes: [...CONVOLUTION, 'filters', ...weightOf('kernel')],
  },
  Dense: {
    make: (name) => layers.dense({ name, units: 1 }),
    attributes: ['units', ...ACTIVATED, 'useBias', ...weightOf('kernel', 'bias')],
  },
  DepthwiseConv2D: {
    make: (name) => layers.depthwiseConv2d({ name, kernelSize: 1 }),
    attributes: [...CONVOLUTION, 'depthMultiplier', ...weightOf('depthwise')],
  },
  Dropout: { make: (name) => layers.dropout({ name, rate: 0.5 }), attributes: ['rate', 'noiseShape', 'seed'] },
  ELU: { make: (name) => layers.elu({ name }), attributes: ['alpha'] },
  Embedding: {
    make: (name) => layers.embedding({ name, inputDim: 1, outputDim: 1 }),
    attributes: [
      ...['inputDim', 'outputDim', 'activityRegularizer', 'maskZero', 'inputLength'],
      ...weightOf('embeddings'),
    ],
  },
  Flatten: { make: (name) => layers.flatten({ name }), attributes: ['dataFormat'] },
  GaussianDropout: { make: (name) => layers.gaussianDropout({ name, rate: 0.5 }), attributes: ['rate'] },
  GaussianNoise: { make: (name) => layers.gaussianNoise({ name, stddev: 1 }), attributes: ['stddev'] },
  GlobalAveragePooling2D: {
    make: (name) => layers.globalAveragePooling2d({ name, dataFormat: 'channelsLast' }),
    attributes: ['dataFormat'],
  },
  GlobalMaxPooling2D: {
    make: (name) => layers.globalMaxPooling2d({ name, dataFormat: 'channelsLast' }),
    attributes: ['dataFormat'],
  },
  GroupNormalization: {
    make: (name) => new GroupNormalization({ name, groups: 1 }),
    attributes: ['groups', 'epsilon', 'center', 'scale', 'betaInitializer', 'gammaInitializer'],
  },
  LayerNormalization: {
    make: (name) => layers.layerNormalization({ name }),
    attributes: ['axis', 'epsilon', 'center', 'scale', ...weightOf('beta', 'gamma')],
  },
  LeakyReLU: { make: (name) => layers.leakyReLU({ name }), attributes: ['alpha'] },
  MaxPooling2D: { make: (name) => layers.maxPooling2d({ name }), attributes: POOLING },
  Multiply: { make: (name) => layers.multiply({ name }), attributes: [] },
  ReLU: { make: (name) => layers.reLU({ name }), attributes: ['maxValue'] },
  Reshape: { make: (name) => layers.reshape({ name, targetShape: [1] }), attributes: ['targetShape'] },
  SeparableConv2D: {
    make: (name) => layers.separableConv2d({ name, filters: 1, kernelSize: 1 }),
    attributes: [...CONVOLUTION, 'filters', ...weightOf('depthwise', 'pointwise')],
  },
  Softmax: { make: (name) => layers.softmax({ name }), attributes: ['axis'] },
  SpatialDropout1D: {
    make: (name) => layers.spatialDropout1d({ name, rate: 0.5 }),
    attributes: ['rate', 'noiseShape', 'seed'],
  },
  UpSampling2D: {
    make: (name) => layers.upSampling2d({ name }),
    attributes: ['size', 'dataFormat', 'interpolation'],
  },
  ZeroPadding2D: { make: (name) => layers.zeroPadding2d({ name }), attributes: ['padding', 'dataFormat'] },
};

/** Names of the classes of layers that are read. */
export const layerClasses: readonly string[] = Object.keys(knownLayers);

const stockClasses = new Map<string, unknown>();

/** tfjs's own class of a name in the table. */
function stockClassOf(className: string): unknown {
  const known = stockClasses.get(className) ?? knownLayers[className]!.make('stock').constructor;
  stockClasses.set(className, known);
  return known;
}

/**
 * Why a layer is none that is known to its last attribute, if so.
 *
 * @returns Words that go on from the layer's name
 */
export function unknownOf(layer: tf.layers.Layer): string | undefined {
  const className = layer.getClassName();
  if (!Object.hasOwn(knownLayers, className)) return `is a ${className}`;
  if (layer.constructor !== stockClassOf(className)) return `is another class by the name of ${className}`;
  if (Object.hasOwn(layer, 'call')) return 'has a call of its own';
  const config = layer.getConfig();
  const { attributes } = knownLayers[className]!;
  const other = Object.keys(config).find((key) => !EVERY_LAYER.includes(key) && !attributes.includes(key));
  if (other !== undefined) return `has an attribute "${other}", which is not known of a ${className}`;
  const dtype = config.dtype ?? 'float32';
  return dtype === 'float32' ? undefined : `computes in ${dtype}`;
}
