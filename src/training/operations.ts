// The differentiable operations that our trainer puts in place of what tfjs composes from many kernels: convolution and
// dense layers with bias and relu fused in both directions, seeded dropout, softmax cross-entropy.
// Not layers: they take tensors and settings. Invariant: each is one or two kernel runs forward and backward.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../backend/index.ts';
import { matMul } from '../backend/kernels/batch-mat-mul.ts';
import { biasReluGrad } from '../backend/kernels/bias-relu-grad.ts';
import { conv2dForward } from '../backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../backend/kernels/conv-2d-backprop-input.ts';
import { type DropoutKey, dropout, dropoutGrad } from '../backend/kernels/dropout.ts';
import { softmaxCrossEntropy } from '../backend/kernels/softmax-cross-entropy.ts';

/** What is applied to the sum before it is stored. */
export type FusedActivation = 'linear' | 'relu';

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

export interface ConvolutionSettings {
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly padding: 'valid' | 'same';
  readonly activation: FusedActivation;
  /** False for the first layer: nobody asks for the gradient of the images. */
  readonly needsInputGradient: boolean;
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
  const { strides, dilations, padding, activation, needsInputGradient } = settings;
  const convInfo = tf.backend_util.computeConv2DInfo(x.shape, filter.shape, strides, dilations, padding);
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const y = track(conv2dForward(backend, { x, filter, bias, activation, convInfo }));
    save([x, filter, y]);
    return y;
  };
  const gradients = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
    const [input, weights, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const { dSum, dBias } = sumGradients(dy, y, activation);
    const dFilter = track(conv2dBackpropFilter(backend, { x: input, dy: dSum, convInfo }));
    const dInput = needsInputGradient
      ? [track(conv2dBackpropInput(backend, { dy: dSum, filter: weights, convInfo }))]
      : [];
    return [...dInput, dFilter, ...(bias ? [dBias] : [])];
  };
  return differentiate(
    [...(needsInputGradient ? [x] : []), filter, ...(bias ? [bias] : [])],
    value,
    gradients,
  ) as tf.Tensor4D;
}

export interface DenseSettings {
  readonly activation: FusedActivation;
  readonly needsInputGradient: boolean;
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
  const { activation, needsInputGradient } = settings;
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const y = track(matMul(backend, { a: x, b: kernel, bias, activation }));
    save([x, kernel, y]);
    return y;
  };
  const gradients = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
    const [input, weights, y] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
    const { dSum, dBias } = sumGradients(dy, y, activation);
    const dKernel = track(matMul(backend, { a: input, b: dSum, transposeA: true }));
    const dInput = needsInputGradient ? [track(matMul(backend, { a: dSum, b: weights, transposeB: true }))] : [];
    return [...dInput, dKernel, ...(bias ? [dBias] : [])];
  };
  return differentiate(
    [...(needsInputGradient ? [x] : []), kernel, ...(bias ? [bias] : [])],
    value,
    gradients,
  ) as tf.Tensor2D;
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

/** Losses and hits of one batch, read back. */
export interface BatchLoss {
  /** Sum of the losses of the examples, in their order, in double precision. */
  readonly lossSum: number;
  /** Examples whose largest logit is at their label. */
  readonly hits: number;
}

/**
 * Mean categorical cross-entropy of logits.
 *
 * @param logits [batch, classes]
 * @param labels One-hot [batch, classes]
 * @param onResult Told the sums of the batch
 * @param labelSmoothing Share of each label that is spread evenly over all classes, from 0 up to, not including, 1
 * @returns Scalar
 */
export function crossEntropy(
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
  onResult: (loss: BatchLoss) => void,
  labelSmoothing = 0,
): tf.Scalar {
  const backend = currentBackend();
  const value = (save: tf.GradSaveFunc): tf.Tensor => {
    const result = softmaxCrossEntropy(backend, logits, labels, labelSmoothing);
    const losses = track(result.losses).dataSync<'float32'>();
    const hits = track(result.hits).dataSync<'int32'>();
    save([track(result.gradient)]);
    let lossSum = 0;
    for (const loss of losses) lossSum += loss;
    onResult({ lossSum, hits: hits.reduce((sum, hit) => sum + hit, 0) });
    return tf.scalar(lossSum / losses.length);
  };
  const gradients = (dy: tf.Tensor, [gradient]: tf.Tensor[]): tf.Tensor[] => [gradient!.mul(dy)];
  return differentiate([logits], value, gradients) as tf.Scalar;
}

/** Gradients of the sum that an activation is applied to, and of its bias. */
function sumGradients(dy: tf.Tensor, y: tf.Tensor, activation: FusedActivation): { dSum: tf.Tensor; dBias: tf.Tensor } {
  const { dz, biasGradient } = biasReluGrad(currentBackend(), { dy, y: activation === 'relu' ? y : undefined });
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
