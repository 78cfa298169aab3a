// The differentiable operations that our trainer puts in place of what tfjs composes from many kernels: convolution and dense
// layers with bias and activation fused in both directions, activations, batch normalisation, seeded dropout, softmax cross-entropy.
// Not layers: they take tensors and settings. Invariant: each is a few kernel runs forward and backward, the same bits on any
// engine and number of threads.

import { currentBackend } from '../backend/index.ts';
import type { ClampActivation } from '../backend/kernels/activation.ts';
import { matMul } from '../backend/kernels/batch-mat-mul.ts';
import { batchNorm, batchNormGrad } from '../backend/kernels/batch-norm.ts';
import { biasActivationGrad } from '../backend/kernels/bias-activation-grad.ts';
import { conv2dForward } from '../backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../backend/kernels/conv-2d-backprop-input.ts';
import { type DropoutKey, dropout, dropoutGrad } from '../backend/kernels/dropout.ts';
import { ownMemory } from '../backend/kernels/optimizer-update.ts';
import {
  activate,
  activateGrad,
  activateInPlace,
  type OutputActivation,
} from '../backend/kernels/output-activation.ts';
import { type OutputLoss, outputLoss } from '../backend/kernels/output-loss.ts';
import { type SmoothActivation, smoothActivate, smoothActivateGrad } from '../backend/kernels/smooth-activation.ts';
import { type LossOptions, weightedCrossEntropy } from '../backend/kernels/weighted-cross-entropy.ts';
import * as tf from '../backend/tfjs.ts';
import type { BatchLoss } from '../plan/index.ts';

export type { OutputActivation };

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

export interface ConvolutionSettings {
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly padding: 'valid' | 'same';
  readonly activation: OutputActivation;
  /** False for the first layer: nobody asks for the gradient of the images. */
  readonly needsInputGradient: boolean;
  /** False where the images are what is asked about. Default: true. */
  readonly needsWeightGradients?: boolean;
}

/**
 * 2-D convolution with bias and activation.
 *
 * @param x [batch, height, width, inChannels]
 * @param filter [filterHeight, filterWidth, inChannels, outChannels]
 * @param bias [outChannels], if the layer has one
 * @returns [batch, outHeight, outWidth, outChannels]
 */
export function convolution(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D | undefined,
  settings: ConvolutionSettings,
): tf.Tensor4D {
  const backend = currentBackend();
  const { strides, dilations, padding, activation, needsInputGradient, needsWeightGradients = true } = settings;
  const convInfo = tf.backend_util.computeConv2DInfo(x.shape, filter.shape, strides, dilations, padding);
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const clamp = clampOf(activation);
    const y = activateRest(conv2dForward(backend, { x, filter, bias, activation: clamp, convInfo }), activation);
    save([x, filter, y]);
    return y;
  };
  const gradients = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
    const [input, weights, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const { dSum, dBias } = sumGradients(dy, y, activation);
    const dFilter = needsWeightGradients
      ? [track(conv2dBackpropFilter(backend, { x: input, dy: dSum, convInfo }))]
      : [];
    const dInput = needsInputGradient
      ? [track(conv2dBackpropInput(backend, { dy: dSum, filter: weights, convInfo }))]
      : [];
    return [...dInput, ...dFilter, ...(bias && needsWeightGradients ? [dBias] : [])];
  };
  const weights = needsWeightGradients ? [filter, ...(bias ? [bias] : [])] : [];
  return differentiate([...(needsInputGradient ? [x] : []), ...weights], value, gradients) as tf.Tensor4D;
}

export interface DenseSettings {
  readonly activation: OutputActivation;
  readonly needsInputGradient: boolean;
  /** Default: true. */
  readonly needsWeightGradients?: boolean;
}

/**
 * Dense layer with bias and activation.
 *
 * @param x [batch, inputs]
 * @param kernel [inputs, units]
 * @param bias [units], if the layer has one
 * @returns [batch, units]
 */
export function dense(
  x: tf.Tensor2D,
  kernel: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  settings: DenseSettings,
): tf.Tensor2D {
  const backend = currentBackend();
  const { activation, needsInputGradient, needsWeightGradients = true } = settings;
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const y = activateRest(matMul(backend, { a: x, b: kernel, bias, activation: clampOf(activation) }), activation);
    save([x, kernel, y]);
    return y;
  };
  const gradients = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
    const [input, weights, y] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
    const { dSum, dBias } = sumGradients(dy, y, activation);
    const dKernel = needsWeightGradients ? [track(matMul(backend, { a: input, b: dSum, transposeA: true }))] : [];
    const dInput = needsInputGradient ? [track(matMul(backend, { a: dSum, b: weights, transposeB: true }))] : [];
    return [...dInput, ...dKernel, ...(bias && needsWeightGradients ? [dBias] : [])];
  };
  const weights = needsWeightGradients ? [kernel, ...(bias ? [bias] : [])] : [];
  return differentiate([...(needsInputGradient ? [x] : []), ...weights], value, gradients) as tf.Tensor2D;
}

/**
 * An activation of its own. The slope follows from the output: at inputs of exactly 6, that of relu6 is 0, where tfjs has 1.
 *
 * @param x Any shape, float32
 */
export function activation<T extends tf.Tensor>(x: T, settings: OutputActivation): T {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const y = track(activate(backend, x, settings));
    save([y]);
    return y;
  };
  const gradients = (dy: tf.Tensor, [y]: tf.Tensor[]): tf.Tensor[] => [
    track(activateGrad(backend, { dy, y: y! }, settings)),
  ];
  return differentiate([x], value, gradients) as T;
}

/**
 * An activation whose slope follows from its input.
 *
 * @param x Any shape, float32
 */
export function smoothActivation<T extends tf.Tensor>(x: T, name: SmoothActivation): T {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    save([x]);
    return track(smoothActivate(backend, x, name));
  };
  const gradients = (dy: tf.Tensor, [input]: tf.Tensor[]): tf.Tensor[] => [
    track(smoothActivateGrad(backend, { dy, x: input! }, name)),
  ];
  return differentiate([x], value, gradients) as T;
}

export interface BatchNormalizationSettings {
  readonly epsilon: number;
  /** Share of the old moving average that stays. */
  readonly momentum: number;
  /** [channels], updated in place. */
  readonly movingMean: tf.Variable;
  readonly movingVariance: tf.Variable;
}

/**
 * Batch normalisation over the last axis by mean and biased variance of the batch, as `tf.layers.batchNormalization` has it in
 * training. Moves the averages.
 *
 * @param x […, channels]
 * @param gamma [channels], if the layer scales
 * @param beta [channels], if the layer centres
 */
export function batchNormalization<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D | undefined,
  beta: tf.Tensor1D | undefined,
  { epsilon, momentum, movingMean, movingVariance }: BatchNormalizationSettings,
): T {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    for (const average of [movingMean, movingVariance]) ownMemory(backend, average);
    const moving = { mean: movingMean, variance: movingVariance, momentum };
    const { y, statistics } = batchNorm(backend, { x, gamma, beta, moving, epsilon });
    save([x, track(statistics)]);
    return track(y);
  };
  const gradients = (dy: tf.Tensor, [input, statistics]: tf.Tensor[]): tf.Tensor[] => {
    const { dx, dGamma, dBeta } = batchNormGrad(backend, { dy, x: input!, statistics: statistics! });
    const [scaleGradient, shiftGradient] = [track(dGamma), track(dBeta)];
    return [track(dx), ...(gamma ? [scaleGradient] : []), ...(beta ? [shiftGradient] : [])];
  };
  return differentiate([x, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])], value, gradients) as T;
}

/**
 * Inverted dropout with the mask of a key.
 *
 * @param rate Share of elements to drop, from 0 up to, not including, 1
 */
export function seededDropout<T extends tf.Tensor>(x: T, rate: number, key: DropoutKey): T {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const dropped = dropout(backend, x, rate, key);
    save([track(dropped.mask)]);
    return track(dropped.y);
  };
  const gradients = (dy: tf.Tensor, [mask]: tf.Tensor[]): tf.Tensor[] => [track(dropoutGrad(backend, dy, mask!, rate))];
  return differentiate([x], value, gradients) as T;
}

/**
 * Mean categorical cross-entropy of logits, weighted as options say.
 *
 * @param logits [batch, classes]
 * @param labels [batch, classes]: one-hot, or shares of several classes
 * @param onResult Told the sums of the batch
 * @param teacher Its probabilities [batch, classes], where there is a distillation
 * @returns Scalar
 */
export function crossEntropy(
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
  onResult: (loss: BatchLoss) => void,
  options: LossOptions = {},
  teacher?: tf.Tensor2D,
): tf.Scalar {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const result = weightedCrossEntropy(backend, logits, labels, options, teacher);
    const losses = track(result.losses).dataSync<'float32'>();
    const hits = track(result.hits).dataSync<'int32'>();
    save([track(result.gradient)]);
    let lossSum = 0;
    for (const loss of losses) lossSum += loss;
    onResult({ lossSum, hits: hits.reduce((sum, hit) => sum + hit, 0) });
    return tf.scalar(lossSum / losses.length);
  };
  const gradients = (dy: tf.Tensor, [gradient]: tf.Tensor[]): tf.Tensor[] => [tf.mul(gradient!, dy)];
  return differentiate([logits], value, gradients) as tf.Scalar;
}

/**
 * Mean loss of an output against its targets.
 *
 * @param output `[batch, …, channels]`
 * @param targets The same shape
 * @param onResult Told the sums of the batch
 * @param weights `[batch, …]`: of each row of channels; default: 1
 * @returns Scalar
 */
export function lossOfOutput(
  output: tf.Tensor,
  targets: tf.Tensor,
  loss: OutputLoss,
  onResult: (loss: BatchLoss) => void,
  weights?: tf.Tensor,
): tf.Scalar {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const result = outputLoss(backend, output, targets, loss, weights);
    const losses = track(result.losses).dataSync<'float32'>();
    const hits = track(result.hits).dataSync<'float32'>();
    save([track(result.gradient)]);
    const sum = (values: Float32Array): number => values.reduce((all, each) => all + each, 0);
    const lossSum = sum(losses);
    onResult({ lossSum, hits: sum(hits) });
    return tf.scalar(lossSum / losses.length);
  };
  const gradients = (dy: tf.Tensor, [gradient]: tf.Tensor[]): tf.Tensor[] => [tf.mul(gradient!, dy)];
  return differentiate([output], value, gradients) as tf.Scalar;
}

/** What a product applies while it stores. */
const clampOf = ({ name }: OutputActivation): ClampActivation =>
  name === 'relu' || name === 'relu6' ? name : 'linear';

/** Applies, to a product that nobody else holds, the activations that are no clamp. */
function activateRest(product: tf.TensorInfo, activation: OutputActivation): tf.Tensor {
  if (clampOf(activation) !== activation.name) activateInPlace(currentBackend(), product, activation);
  return track(product);
}

/** Gradients of the sum that an activation is applied to, and of its bias. */
function sumGradients(
  dy: tf.Tensor,
  y: tf.Tensor,
  activation: OutputActivation,
): { dSum: tf.Tensor; dBias: tf.Tensor } {
  const { dz, biasGradient } = biasActivationGrad(currentBackend(), { dy, y, activation });
  return { dSum: dz ? track(dz) : dy, dBias: track(biasGradient) };
}

/** One operation of the tape: `value` runs now, `gradients` gives one tensor an input when asked. */
function differentiate(
  inputs: tf.Tensor[],
  value: (save: tf.GradSaveFunc) => tf.Tensor,
  gradients: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  const operation = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => ({
    value: value(args.at(-1) as tf.GradSaveFunc),
    gradFunc: gradients,
  }));
  return operation(...inputs);
}
