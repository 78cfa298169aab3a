// The sums of sliding windows and what happens to them before they are stored: what convolution and pooling share. Not a stage.
// Invariant: where nothing but a bias happens to the sums they are the output itself.

import { activationCodes } from '../../backend/kernels/output-activation.ts';
import type * as tf from '../../backend/tfjs.ts';
import { PARTITION_IMAGES, type PlanContext, type Range, type Step, type UpdateJob } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import { layoutBias } from './bias.ts';
import { layoutFinish } from './finish.ts';

export interface WindowSums {
  /** f32 `[batch, used height, used width, channels]`, which the head writes. */
  readonly value: number;
  /** Their gradient, which the head reads in the backward pass and in the updates. May be where the sums were. */
  readonly gradient: number;
  /** Before and after the head's own calls. */
  forward(calls: (range: Range) => readonly Call[]): Step[];
  backward(calls: (range: Range) => readonly Call[]): Step[];
  /** Updates of the bias. */
  updates(batch: number): UpdateJob[];
}

/** Scratch of the calls that are made here. */
export const SUMS_SCRATCH_BYTES = 64;

/** Lays out the sums of a group and their finish. */
export function layoutWindowSums(context: PlanContext, group: Group, bias?: tf.LayerVariable): WindowSums {
  if (isPlain(group) && !bias) return layoutPlain(context, group);
  // Exported models, which only infer, have the kernels of the finish.
  if (isPlain(group) && bias && context.isTraining) return layoutBiased(context, group, bias);
  const [height, width] = group.sumsUsed;
  const sums = context.memory.floats(context.capacity * height * width * group.sumsShape[2]);
  const finish = layoutFinish(context, group, { bias });
  const biasGradient = layoutBias(context, bias);
  const words = [
    finish.args,
    sums,
    height,
    width,
    biasGradient.partials,
    PARTITION_IMAGES,
    leavesPixels(group) ? 1 : 0,
  ];
  const args = context.args(words);
  return {
    value: sums,
    gradient: sums,
    forward: (calls) =>
      ofPartitions((range) => [
        ...finish.draw(range),
        ...calls(range),
        { kernel: 'planFinish', args, start: range.first, end: range.last },
      ]),
    backward: (calls) =>
      ofPartitions((range) => [{ kernel: 'planUnfinish', args, start: range.first, end: range.last }, ...calls(range)]),
    updates: (batch) => biasGradient.update(batch),
  };
}

function layoutPlain(context: PlanContext, group: Group): WindowSums {
  const { value, gradient } = context.buffersOf(group.output);
  return { value, gradient, forward: ofPartitions, backward: ofPartitions, updates: () => [] };
}

/** The bias is added where the sums lie, and their gradient is that of the output. */
function layoutBiased(context: PlanContext, group: Group, bias: tf.LayerVariable): WindowSums {
  const { value, gradient } = context.buffersOf(group.output);
  const [height, width] = group.sumsUsed;
  const channels = group.sumsShape[2];
  const { partials, pitch, update } = layoutBias(context, bias);
  const sizes = [height * width, channels, pitch, PARTITION_IMAGES];
  const args = context.args([value, 0, gradient, partials, ...sizes], { 1: bias });
  const call = (kernel: string, { first, last }: Range): Call => ({ kernel, args, start: first, end: last });
  return {
    value,
    gradient,
    forward: (calls) => ofPartitions((range) => [...calls(range), call('planBias', range)]),
    backward: (calls) =>
      ofPartitions((range) => [...(partials === 0 ? [] : [call('planBiasGradient', range)]), ...calls(range)]),
    updates: update,
  };
}

const ofPartitions = (calls: (range: Range) => readonly Call[]): Step[] => [{ kind: 'partitions', calls }];

/** Whether sums are stored as they are, but for a bias. */
const isPlain = ({ finish: { activation, pooling, dropout } }: Group): boolean =>
  activation.code === activationCodes.linear &&
  pooling.size[0] * pooling.size[1] === 1 &&
  !dropout &&
  !isSparse(pooling);

const isSparse = ({ strides }: Group['finish']['pooling']): boolean => strides[0] * strides[1] > 1;

/** Whether the backward pass of the finish adds to the gradient of the sums, or leaves pixels of it, instead of writing all. */
function leavesPixels({ finish: { pooling } }: Group): boolean {
  const { size, strides } = pooling;
  const is = (extent: number): boolean => [...size, ...strides].every((side) => side === extent);
  return !is(1) && !is(2);
}
