// Initial weights as Keras draws them, from our own seeded streams: tfjs uses Math.random and engine-dependent logarithms.
// Invariant: a weight is a function of (seed, position of its layer, position in the layer) and of its initialiser.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, type Philox, randomStreams } from '../core/philox.ts';

/** Standard deviation of a standard normal cut off at two: Keras divides by it to keep the variance asked for. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

interface VarianceScalingConfig {
  readonly scale: number;
  readonly mode: 'fanIn' | 'fanOut' | 'fanAvg';
  readonly distribution: 'normal' | 'uniform' | 'truncatedNormal';
}

/** A serialised initialiser in a layer's configuration. */
interface SerializedInitializer {
  readonly className: string;
  readonly config: object;
}

/**
 * Sets all weights of a model to seeded initial values, by the initialisers its layers name.
 *
 * @param seed Whole number from 0 to 2^32 - 1
 * @param isDrawn Which layers; default: all
 * @throws SelvedgeError `models/initializer` for one that we do not draw ourselves
 */
export function initializeWeights(
  model: tf.LayersModel,
  seed: number,
  isDrawn: (layer: tf.layers.Layer) => boolean = () => true,
): void {
  tf.tidy(() => {
    model.layers.forEach((layer, layerIndex) => {
      if (layer.weights.length === 0 || !isDrawn(layer)) return;
      const config = layer.getConfig();
      const values = layer.weights.map((weight, weightIndex) => {
        const initializer = initializerOf(config, weight.originalName);
        const draws = createPhilox({ seed, stream: randomStreams.initialiser, substream: [layerIndex, weightIndex] });
        const shape = weight.shape as number[];
        return tf.tensor(draw(initializer, shape, draws, layer.name), shape);
      });
      layer.setWeights(values);
    });
  });
}

/** The setting of `kernelInitializer`, `movingMeanInitializer`, …; that of a `depthwise_kernel` is `depthwiseInitializer`. */
function initializerOf(config: tf.serialization.ConfigDict, weightName: string): SerializedInitializer | undefined {
  const role = weightName
    .split('/')
    .pop()!
    .replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const found = config[`${role}Initializer`] ?? config[`${role.replace(/Kernel$/, '')}Initializer`];
  return found as unknown as SerializedInitializer | undefined;
}

function draw(
  initializer: SerializedInitializer | undefined,
  shape: readonly number[],
  draws: Philox,
  layerName: string,
): Float32Array {
  const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  switch (initializer?.className) {
    case 'Zeros':
      return values;
    case 'Ones':
      return values.fill(1);
    // What embeddings begin with.
    case 'RandomUniform': {
      const { minval, maxval } = initializer.config as { minval: number; maxval: number };
      return values.map(() => minval + draws.nextUniform() * (maxval - minval));
    }
    case 'VarianceScaling':
    case 'GlorotUniform':
    case 'GlorotNormal':
      return scaleVariance(values, shape, initializer.config as VarianceScalingConfig, draws);
    default:
      throw new SelvedgeError(
        'models/initializer',
        `Cannot initialise layer "${layerName}": got initializer "${initializer?.className}", ` +
          'expected Zeros, Ones, Glorot, He, LeCun, VarianceScaling or RandomUniform',
      );
  }
}

function scaleVariance(
  values: Float32Array,
  shape: readonly number[],
  config: VarianceScalingConfig,
  draws: Philox,
): Float32Array {
  const receptiveField = shape.slice(0, -2).reduce((product, extent) => product * extent, 1);
  const fanIn = receptiveField * (shape.at(-2) ?? shape[0]!);
  const fanOut = receptiveField * shape.at(-1)!;
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[config.mode];
  const variance = config.scale / Math.max(1, fan);
  if (config.distribution === 'uniform') {
    const limit = Math.sqrt(3 * variance);
    return values.map(() => (2 * draws.nextUniform() - 1) * limit);
  }
  const deviation = Math.sqrt(variance) / TRUNCATED_DEVIATION;
  return values.map(() => draws.nextTruncatedNormal() * deviation);
}
