// The generator's network: from a noisy picture, a time and a mixture of classes to the velocity of the flow, a U-Net of two levels over
// pictures whose 2x2 pixels are channels. Not here: how it is trained (train.ts) or integrated (flow.ts).
// Invariant: one order of weights, `weightShapes`, which files and checkpoints keep; an example's output depends on that example alone.
import * as tf from '../../backend/tfjs.ts';
import { cosineOfHalfTurn } from '../../core/cosine.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import { type ConvolutionSettings, convolution, dense } from '../../training/operations.ts';
import { normalizeAndModulate, silu } from './operations.ts';

/** Sizes of a generator. */
export interface GeneratorShape {
  /** Height and width of pictures: a multiple of 2, half of which may be odd no further down. */
  readonly side: number;
  /** Classes that it can be asked for; one more stands for "any". */
  readonly classes: number;
  /** Channels at half the side; twice as many at a quarter. A multiple of 4. */
  readonly width: number;
  /** Length of the row that time and class become. */
  readonly condition: number;
  /** Residual blocks: before the way down, at the bottom, after the way up. */
  readonly blocks: readonly [before: number, bottom: number, after: number];
}

/** Values of a picture's 2x2 pixels. */
export const PATCH = 4;
/** Cosines of the time, and as many sines. */
const FREQUENCIES = 16;

interface WeightShape {
  readonly name: string;
  readonly shape: readonly number[];
  /** Standard deviation of the initial values; 0: they are zeros. */
  readonly deviation: number;
}

/** The weights by name, as tensors or variables. */
export type GeneratorWeights = Readonly<Record<string, tf.Tensor>>;

/** Names, shapes and initial deviations of all weights, in the order of files. */
export function weightShapes({ classes, width, condition, blocks }: GeneratorShape): WeightShape[] {
  const wide = 2 * width;
  const linear = (name: string, shape: number[], gain = 1): WeightShape[] => {
    const inputs = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
    return [
      { name: `${name}/kernel`, shape, deviation: gain / Math.sqrt(inputs) },
      { name: `${name}/bias`, shape: shape.slice(-1), deviation: 0 },
    ];
  };
  const norm = (name: string, channels: number): WeightShape[] =>
    linear(`${name}/condition`, [condition, 2 * channels], 0);
  const block = (name: string, channels: number): WeightShape[] => [
    ...norm(`${name}/first`, channels),
    ...linear(`${name}/first`, [3, 3, channels, channels]),
    ...norm(`${name}/second`, channels),
    ...linear(`${name}/second`, [3, 3, channels, channels], 0),
  ];
  const blocksOf = (name: string, count: number, channels: number): WeightShape[] =>
    Array.from({ length: count }, (_, i) => block(`${name}-${i + 1}`, channels)).flat();
  return [
    { name: 'classes/kernel', shape: [classes + 1, condition], deviation: 1 },
    ...linear('time', [2 * FREQUENCIES, condition]),
    ...linear('condition', [condition, condition]),
    ...linear('in', [3, 3, PATCH, width]),
    ...blocksOf('before', blocks[0], width),
    ...linear('down', [3, 3, width, wide]),
    ...blocksOf('bottom', blocks[1], wide),
    ...linear('up', [1, 1, wide, PATCH * width]),
    ...blocksOf('after', blocks[2], width),
    ...norm('out', width),
    ...linear('out', [3, 3, width, PATCH], 0),
  ];
}

/** Weights of a shape together. */
export const countWeights = (shape: GeneratorShape): number =>
  weightShapes(shape).reduce((sum, { shape: extents }) => sum + extents.reduce((product, n) => product * n, 1), 0);

/** Seeded initial values, in the order of `weightShapes`. The last layer of each block and of the network is zero: it begins as nothing. */
export function initialWeights(shape: GeneratorShape, seed: number): Float32Array[] {
  return weightShapes(shape).map(({ shape: extents, deviation }, index) => {
    const values = new Float32Array(extents.reduce((product, n) => product * n, 1));
    if (deviation === 0) return values;
    const draws = createPhilox({ seed, stream: randomStreams.generation, substream: [0, index] });
    return values.map(() => draws.nextTruncatedNormal() * deviation);
  });
}

/**
 * Features of times: cosines and sines of their multiples.
 *
 * @param times From 0 to 1
 * @returns `[times, 2 FREQUENCIES]`
 */
export function timeFeatures(times: ArrayLike<number>): Float32Array {
  const features = new Float32Array(times.length * 2 * FREQUENCIES);
  for (let row = 0; row < times.length; row++) {
    for (let k = 0; k < FREQUENCIES; k++) {
      const halfTurns = times[row]! * (k + 1) * 0.5;
      features[row * 2 * FREQUENCIES + k] = cosine(halfTurns);
      features[row * 2 * FREQUENCIES + FREQUENCIES + k] = cosine(halfTurns + 1.5);
    }
  }
  return features;
}

/** cos(pi x) for x from 0. */
function cosine(x: number): number {
  const turned = x - 2 * Math.floor(x / 2);
  return cosineOfHalfTurn(turned > 1 ? 2 - turned : turned);
}

const same: ConvolutionSettings = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: 'same',
  activation: { name: 'linear' },
  needsInputGradient: true,
};

/** What the network is asked about. */
export interface GeneratorInputs {
  /** `[batch, side / 2, side / 2, 4]`: pictures from -1 to 1 and noise, mixed. */
  readonly x: tf.Tensor4D;
  /** `[batch, 32]`, of `timeFeatures`. */
  readonly time: tf.Tensor2D;
  /** `[batch, classes + 1]`: shares of classes; the last is "any". */
  readonly classes: tf.Tensor2D;
}

/**
 * The velocity of the flow. Differentiable by the weights; call it in `tf.tidy`.
 *
 * @returns As x
 */
export function velocityOf(shape: GeneratorShape, weights: GeneratorWeights, inputs: GeneratorInputs): tf.Tensor4D {
  const { x, time, classes } = inputs;
  const filter = (name: string): [tf.Tensor4D, tf.Tensor1D] => [
    weights[`${name}/kernel`] as tf.Tensor4D,
    weights[`${name}/bias`] as tf.Tensor1D,
  ];
  const linear = (name: string, row: tf.Tensor2D, needsInputGradient = true): tf.Tensor2D =>
    dense(row, weights[`${name}/kernel`] as tf.Tensor2D, weights[`${name}/bias`] as tf.Tensor1D, {
      activation: { name: 'linear' },
      needsInputGradient,
    });
  const ofClass = tf.matMul(classes, weights['classes/kernel'] as tf.Tensor2D);
  const condition = silu(linear('condition', silu(tf.add(ofClass, linear('time', time, false)))));
  const modulated = (name: string, images: tf.Tensor4D): tf.Tensor4D =>
    normalizeAndModulate(images, linear(`${name}/condition`, condition));
  const convolve = (name: string, images: tf.Tensor4D, changes: Partial<ConvolutionSettings> = {}): tf.Tensor4D =>
    convolution(images, ...filter(name), { ...same, ...changes });
  const block = (name: string, images: tf.Tensor4D): tf.Tensor4D => {
    const first = convolve(`${name}/first`, modulated(`${name}/first`, images));
    return tf.add(images, convolve(`${name}/second`, modulated(`${name}/second`, first)));
  };
  const run = (name: string, count: number, images: tf.Tensor4D): tf.Tensor4D =>
    Array.from({ length: count }).reduce<tf.Tensor4D>((h, _, i) => block(`${name}-${i + 1}`, h), images);

  const [before, bottom, after] = shape.blocks;
  const top = run('before', before, convolve('in', x, { needsInputGradient: false }));
  const low = run('bottom', bottom, convolve('down', top, { strides: [2, 2] }));
  const raised = toPixels(convolve('up', low), shape.width, shape.side / 2);
  const last = run('after', after, tf.add(top, raised));
  return convolve('out', modulated('out', last));
}

/** `[batch, h, w, 4 channels]` as `[batch, side, side, channels]`, without the last row and column where side is odd. */
function toPixels(x: tf.Tensor4D, channels: number, side: number): tf.Tensor4D {
  const [batch, height, width] = x.shape;
  const split = tf.transpose(tf.reshape(x, [batch, height, width, 2, 2, channels]), [0, 1, 3, 2, 4, 5]);
  const whole = tf.reshape(split, [batch, 2 * height, 2 * width, channels]) as tf.Tensor4D;
  return 2 * height === side ? whole : tf.slice(whole, [0, 0, 0, 0], [batch, side, side, channels]);
}

/** Pictures `[count, side, side]` as `[count, side / 2, side / 2, 4]`. */
export function toPatches(pictures: Float32Array, side: number): Float32Array {
  return rearrange(pictures, side, (patches, pixel, patch) => {
    patches[patch] = pictures[pixel]!;
  });
}

/** The inverse of `toPatches`. */
export function fromPatches(patches: Float32Array, side: number): Float32Array {
  return rearrange(patches, side, (pictures, pixel, patch) => {
    pictures[pixel] = patches[patch]!;
  });
}

function rearrange(
  from: Float32Array,
  side: number,
  move: (to: Float32Array, pixel: number, patch: number) => void,
): Float32Array {
  const to = new Float32Array(from.length);
  const half = side / 2;
  for (let start = 0; start < from.length; start += side * side) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const patch = ((y >> 1) * half + (x >> 1)) * PATCH + (y & 1) * 2 + (x & 1);
        move(to, start + y * side + x, start + patch);
      }
    }
  }
  return to;
}
