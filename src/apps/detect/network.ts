// The detector's network: convolutions that halve a picture three times, and back up once; at every fourth pixel a score a class and the
// distances to the four edges of a box. Fully convolutional: any picture whose sides are multiples of 8.
// Not here: what the outputs mean (detector.ts), the loss (loss.ts). Invariant: the same bits at any number of threads.
//
//   picture [h, w, 1]
//     stem    3x3 /2   a          h/2
//     fine    3x3      a
//     quarter 3x3 /2   b          h/4 ──────────── residual block ──┐
//     eighth  3x3 /2   c          h/8 ── residual blocks ── 1x1 b ──┤ doubled, added
//     head    3x3      b          h/4                             ──┘
//     output  1x1      classes + 4
//
// Sources: Z. Tian et al., "FCOS: fully convolutional one-stage object detection", ICCV 2019; X. Zhou et al., "Objects as points", 2019;
// K. He et al., "Deep residual learning", CVPR 2016; T.-Y. Lin et al., "Feature pyramid networks", CVPR 2017.
import * as tf from '../../backend/tfjs.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import { activation, batchNormalization, convolution } from '../../training/operations.ts';

/** Pixels from one place of the output to the next. */
export const STRIDE = 4;
/** Sides of a picture must be multiples of it. */
export const SIDE_MULTIPLE = 8;
/** Left, top, right, bottom. */
export const EDGES = 4;

/** Channels at a half, a quarter and an eighth of the picture, and residual blocks at an eighth. */
export interface DetectorWidths {
  readonly half: number;
  readonly quarter: number;
  readonly eighth: number;
  readonly blocks: number;
}

export const defaultWidths: DetectorWidths = { half: 16, quarter: 48, eighth: 128, blocks: 2 };

/** One convolution without the batch norm after it. */
export interface ConvolutionShape {
  readonly name: string;
  readonly size: 1 | 3;
  readonly stride: 1 | 2;
  readonly inputs: number;
  readonly outputs: number;
}

/** What the network computes, in any of its two forms. `y = x + branch` and all activations are the walk's own. */
export type Convolve = (name: string, x: tf.Tensor4D, activate: boolean) => tf.Tensor4D;

/** The convolutions of a network, in the order in which they are computed. */
export function listConvolutions(widths: DetectorWidths, classes: number): ConvolutionShape[] {
  const { half, quarter, eighth, blocks } = widths;
  const three = (name: string, inputs: number, outputs: number, stride: 1 | 2 = 1): ConvolutionShape => ({
    name,
    size: 3,
    stride,
    inputs,
    outputs,
  });
  const block = (name: string, width: number): ConvolutionShape[] => [
    three(`${name}/first`, width, width),
    three(`${name}/second`, width, width),
  ];
  return [
    three('stem', 1, half, 2),
    three('fine', half, half),
    three('quarter', half, quarter, 2),
    ...block('quarter-block', quarter),
    three('eighth', quarter, eighth, 2),
    ...Array.from({ length: blocks }, (_, i) => block(`eighth-block-${i + 1}`, eighth)).flat(),
    { name: 'up', size: 1, stride: 1, inputs: eighth, outputs: quarter },
    three('head', quarter, quarter),
    { name: 'output', size: 1, stride: 1, inputs: quarter, outputs: classes + EDGES },
  ];
}

/**
 * Computes the network by convolutions that somebody else makes.
 *
 * @param x `[batch, height, width, 1]`
 * @returns `[batch, height / 4, width / 4, classes + 4]`
 */
export function walk(x: tf.Tensor4D, blocks: number, convolve: Convolve): tf.Tensor4D {
  const residual = (name: string, input: tf.Tensor4D): tf.Tensor4D => {
    const branch = convolve(`${name}/second`, convolve(`${name}/first`, input, true), false);
    return activation(tf.add(input, branch) as tf.Tensor4D, { name: 'relu' });
  };
  const half = convolve('fine', convolve('stem', x, true), true);
  const quarter = residual('quarter-block', convolve('quarter', half, true));
  let eighth = convolve('eighth', quarter, true);
  for (let i = 1; i <= blocks; i++) eighth = residual(`eighth-block-${i}`, eighth);
  const up = double(convolve('up', eighth, false));
  const joined = activation(tf.add(quarter, up) as tf.Tensor4D, { name: 'relu' });
  return convolve('output', convolve('head', joined, true), false);
}

/** Each place four times. The gradient of a place is the sum of the four. */
function double(x: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  const operation = tf.customGrad((input) => ({
    value: tf.image.resizeNearestNeighbor(input as tf.Tensor4D, [2 * height, 2 * width]),
    gradFunc: (dy: tf.Tensor) => tf.mul(tf.avgPool(dy as tf.Tensor4D, 2, 2, 'valid'), 4),
  }));
  return operation(x) as tf.Tensor4D;
}

/** A network whose weights can be trained. */
export interface TrainableDetector {
  readonly widths: DetectorWidths;
  readonly classes: number;
  readonly convolutions: readonly ConvolutionShape[];
  /** Trained by gradients, in a fixed order. */
  readonly variables: readonly tf.Variable[];
  /** Means and variances that batch norm follows, in a fixed order. */
  readonly averages: readonly tf.Variable[];
  /** Outputs in training, by the statistics of the batch; to be called inside a tape. */
  forward(x: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

const EPSILON = 1e-3;
const MOMENTUM = 0.97;
/** So that a fresh network gives every class this score everywhere: the many places without an item do not drown the few with one. */
const FIRST_LOGIT = -4.59511985013459;
/** Half a usual item, as a logarithm, in pixels. */
const FIRST_EDGE = 2.8;

/**
 * Makes a network with seeded weights.
 *
 * @param seed Whole number from 0 to 2^32 - 1
 */
export function createTrainable(
  classes: number,
  seed: number,
  widths: DetectorWidths = defaultWidths,
): TrainableDetector {
  const convolutions = listConvolutions(widths, classes);
  const byName = new Map(convolutions.map((shape, i) => [shape.name, variablesOf(shape, i, seed, classes)]));
  const all = [...byName.values()];
  return {
    widths,
    classes,
    convolutions,
    variables: all.flatMap(({ kernel, norm, bias }) => [
      kernel,
      ...(norm ? [norm.gamma, norm.beta] : []),
      ...(bias ? [bias] : []),
    ]),
    averages: all.flatMap(({ norm }) => (norm ? [norm.movingMean, norm.movingVariance] : [])),
    forward: (x) =>
      walk(x, widths.blocks, (name, input, activate) => {
        const { shape, kernel, norm, bias } = byName.get(name)!;
        const y = convolution(input, kernel as tf.Tensor4D, bias as tf.Tensor1D | undefined, {
          strides: [shape.stride, shape.stride],
          dilations: [1, 1],
          padding: 'same',
          activation: { name: 'linear' },
          needsInputGradient: name !== 'stem',
        });
        if (!norm) return y;
        const { gamma, beta, movingMean, movingVariance } = norm;
        const settings = { epsilon: EPSILON, momentum: MOMENTUM, movingMean, movingVariance };
        const normal = batchNormalization(y, gamma as unknown as tf.Tensor1D, beta as unknown as tf.Tensor1D, settings);
        return activate ? activation(normal, { name: 'relu' }) : normal;
      }),
    dispose: () =>
      tf.dispose(
        all.flatMap(({ kernel, norm, bias }) => [kernel, ...Object.values(norm ?? {}), ...(bias ? [bias] : [])]),
      ),
  };
}

interface Norm {
  readonly gamma: tf.Variable;
  readonly beta: tf.Variable;
  readonly movingMean: tf.Variable;
  readonly movingVariance: tf.Variable;
}

interface ConvolutionVariables {
  readonly shape: ConvolutionShape;
  readonly kernel: tf.Variable;
  /** Of all but the output. */
  readonly norm?: Norm;
  /** Of the output. */
  readonly bias?: tf.Variable;
}

/** He et al. 2015: normal, of variance 2 over inputs; the output's is small. Second convolutions of blocks start at a gamma of 0. */
function variablesOf(shape: ConvolutionShape, index: number, seed: number, classes: number): ConvolutionVariables {
  const { name, size, inputs, outputs } = shape;
  const isOutput = name === 'output';
  const draws = createPhilox({ seed, stream: randomStreams.initialiser, substream: [index] });
  const deviation = isOutput ? 0.01 : Math.sqrt(2 / (size * size * inputs));
  const values = Float32Array.from({ length: size * size * inputs * outputs }, () => deviation * draws.nextNormal());
  const kernel = variable(`${name}/kernel`, values, [size, size, inputs, outputs]);
  if (isOutput) {
    const bias = Float32Array.from({ length: outputs }, (_, i) => (i < classes ? FIRST_LOGIT : FIRST_EDGE));
    return { shape, kernel, bias: variable(`${name}/bias`, bias, [outputs]) };
  }
  const filled = (role: string, value: number, isTrained = true): tf.Variable =>
    variable(`${name}/${role}`, new Float32Array(outputs).fill(value), [outputs], isTrained);
  const norm = {
    gamma: filled('gamma', name.endsWith('/second') ? 0 : 1),
    beta: filled('beta', 0),
    movingMean: filled('moving_mean', 0, false),
    movingVariance: filled('moving_variance', 1, false),
  };
  return { shape, kernel, norm };
}

let made = 0;

/** tfjs wants names that no other variable has; the number goes first, since roles are told by how names end. */
function variable(name: string, values: Float32Array, shape: number[], isTrained = true): tf.Variable {
  const value = tf.tensor(values, shape);
  const result = tf.variable(value, isTrained, `detector-${made++}/${name}`);
  value.dispose();
  return result;
}

/** A convolution ready to run: batch norm is in its weights. */
export interface FoldedConvolution extends ConvolutionShape {
  /** `[size, size, inputs, outputs]` */
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

/** The weights that do what those of training do with the averages that batch norm has followed. */
export function fold({ convolutions, variables, averages }: TrainableDetector): FoldedConvolution[] {
  const known = new Map(
    [...variables, ...averages].map((found) => [
      found.name.slice(found.name.indexOf('/') + 1),
      found.dataSync<'float32'>(),
    ]),
  );
  return convolutions.map((shape) => {
    const of = (role: string): Float32Array => known.get(`${shape.name}/${role}`)!;
    const kernel = of('kernel').slice();
    if (shape.name === 'output') return { ...shape, kernel, bias: of('bias').slice() };
    const factors = of('moving_variance').map((variance, i) => of('gamma')[i]! / Math.sqrt(variance + EPSILON));
    const bias = of('beta').map((beta, i) => beta - of('moving_mean')[i]! * factors[i]!);
    return { ...shape, kernel: kernel.map((value, i) => value * factors[i % shape.outputs]!), bias };
  });
}
