// Argument words of `Finish` in assembly/plan/finish.ts, and the mask that its dropout needs. Not a stage of its own.

import { float32Bits } from '../../backend/index.ts';
import { activationCodes } from '../../backend/kernels/output-activation.ts';
import type * as tf from '../../backend/tfjs.ts';
import type { PlanContext, Range } from '../context.ts';
import { floatsOf } from '../context.ts';
import type { FinishSettings, Group, Value } from '../fuse.ts';
import type { Call } from '../program.ts';

export interface Finish {
  /** Byte offset of the words. */
  readonly args: number;
  /** Draws the masks of images. */
  draw(range: Range): readonly Call[];
}

const LINEAR: FinishSettings = {
  activation: { code: activationCodes.linear, alpha: 0 },
  pooling: { size: [1, 1], strides: [1, 1] },
  dropout: undefined,
};

/**
 * Lays out the finish of a group.
 *
 * @param options.bias Added to the sums; `scale` multiplies them before
 */
export function layoutFinish(
  context: PlanContext,
  group: Pick<Group, 'finish' | 'output'>,
  options: { bias?: tf.LayerVariable | undefined; biasAt?: number; scaleAt?: number } = {},
): Finish {
  const { output, finish } = group;
  const { activation, pooling, dropout } = finish;
  const [height, width, channels] = output.shape;
  const buffers = context.buffersOf(output);
  const imageElements = height * width * channels;
  const isPooled = pooling.size[0] * pooling.size[1] > 1;
  const isRelu = activation.code === activationCodes.relu;
  const keepsWinners = isPooled || activation.code === activationCodes.relu6 || (dropout !== undefined && !isRelu);
  const winners = keepsWinners && context.isTraining ? context.memory.reserve(context.capacity * floatsOf(output)) : 0;
  const mask = dropout ? context.memory.reserve(context.capacity * imageElements) : 0;
  const words = [
    buffers.value,
    buffers.gradient,
    winners,
    mask,
    imageElements,
    width * channels,
    channels,
    ...output.used,
    ...pooling.size,
    ...pooling.strides,
    activation.code,
    float32Bits(activation.alpha),
    float32Bits(dropout ? 1 / (1 - dropout.rate) : 1),
    options.biasAt ?? 0,
    options.scaleAt ?? 0,
  ];
  const args = context.args(words, options.bias ? { 16: options.bias } : {});
  const draw = dropout ? layoutMask(context, { ...dropout, mask, imageElements }) : () => [];
  return { args, draw };
}

/** A finish that stores sums, with their bias, as they are. */
export const layoutLinear = (context: PlanContext, output: Value, bias: tf.LayerVariable | undefined): Finish =>
  layoutFinish(context, { output, finish: LINEAR }, { bias });

function layoutMask(
  context: PlanContext,
  options: { rate: number; layerNumber: number; mask: number; imageElements: number },
): Finish['draw'] {
  const { rate, layerNumber, mask, imageElements } = options;
  const args = context.args([
    0,
    0,
    mask,
    context.capacity * imageElements,
    Math.min(0xffff, Math.round(rate * 65536)),
    float32Bits(1 / (1 - rate)),
    context.seed,
    0,
    layerNumber,
    imageElements,
  ]);
  context.maskArgs.add(args);
  return ({ first, last }) => [{ kernel: 'dropoutMask', args, start: first, end: last }];
}
