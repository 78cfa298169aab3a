// Batch normalisation by the statistics of the whole batch, with what is added to it, activation, pooling and dropout.
// See assembly/batch-norm.ts for the statistics; their chunks are the partitions.
import { float32Bits } from '../../backend/index.ts';
import { activationCodes } from '../../backend/kernels/output-activation.ts';
import {
  emptyStage,
  PARTITION_IMAGES,
  type PlanContext,
  partitionsOf,
  type Range,
  type StageLayout,
  type UpdateJob,
} from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call } from '../program.ts';
import type { BatchNormalization } from '../read-model.ts';
import { layoutMovingAverages, movingAverages } from './moving-averages.ts';
import { layoutSums, type Sums } from './sums.ts';

/** Rows of the statistics: mean, variance, 1 / sqrt(variance + epsilon), scale, shift. */
const STATISTICS = 5;
const SCALE_ROW = 3;
const SHIFT_ROW = 4;
/** Private memory of a thread that sums moments. */
const SCRATCH_BYTES = 256;

/** Memory of a layer. */
interface Statistics {
  readonly channels: number;
  /** Rows of an image. */
  readonly pixels: number;
  readonly x: number;
  readonly partials: number;
  readonly statistics: number;
  readonly scale: number;
  readonly shift: number;
}

/** Lays out batch normalisation of the first input of a group; what the others hold is added. */
export function layoutBatchNorm(group: Group, head: BatchNormalization): StageLayout {
  return (context) => {
    if (!context.isTraining) return layoutMovingAverages(context, group, head);
    if (head.isFrozen) return layoutFrozen(context, group, head);
    const { memory, capacity } = context;
    const input = group.inputs[0]!;
    const channels = input.shape[2];
    const statistics = memory.floats(STATISTICS * channels);
    const s: Statistics = {
      channels,
      pixels: input.used[0] * input.used[1],
      x: context.buffersOf(input).value,
      partials: memory.floats(partitionsOf(capacity) * 2 * channels),
      statistics,
      scale: statistics + SCALE_ROW * channels * 4,
      shift: statistics + SHIFT_ROW * channels * 4,
    };
    context.writesVariable(head.movingMean);
    context.writesVariable(head.movingVariance);
    const sums = layoutSums(context, group, { scale: s.scale, shift: s.shift });
    const coefficients = memory.floats(2 * channels);
    return (batch, gradients) => {
      const made = sums(gradients);
      const forward = momentsCalls(context, s, head, batch);
      const needsGradient = context.needsGradient(input);
      const inPlace = { at: made.gradientAt, after: (): Call[] => [] };
      const target = group.gradientTwin === input || !needsGradient ? inPlace : gradients.target(input);
      const backward = gradientCalls(context, s, { head, coefficients, batch, made, to: target.at });
      return {
        forward: [
          { kind: 'partitions', calls: forward.moments },
          { kind: 'once', calls: forward.combine },
          { kind: 'partitions', calls: made.forward },
        ],
        backward: [
          { kind: 'partitions', calls: (range) => [...made.backward(range), ...backward.moments(range)] },
          { kind: 'once', calls: backward.combine },
          ...(needsGradient
            ? [
                {
                  kind: 'partitions' as const,
                  calls: (range: Range) => [...backward.apply(range), ...target.after(range)],
                },
              ]
            : []),
        ],
        updates: [updatesOf(context, head)],
        derivations: [],
        scratchBytes: SCRATCH_BYTES,
      };
    };
  };
}

/** Lays out batch normalisation by the moving averages, in training: its gradient is scaled, and no weight of it changes. */
function layoutFrozen(context: PlanContext, group: Group, head: BatchNormalization): ReturnType<StageLayout> {
  const { memory } = context;
  const input = group.inputs[0]!;
  const channels = input.shape[2];
  const scale = memory.floats(channels);
  const shift = memory.floats(channels);
  const derivation = movingAverages(context, head, { channels, scale, shift });
  const sums = layoutSums(context, group, { scale, shift });
  // Batch statistics would add slope x + offset to the gradient.
  const coefficients = memory.floats(2 * channels);
  memory.view(coefficients, 2 * channels).fill(0);
  const pixels = input.used[0] * input.used[1];
  return (batch, gradients) => {
    const made = sums(gradients);
    const needsGradient = context.needsGradient(input);
    const isInPlace = group.gradientTwin === input || !needsGradient;
    const target = isInPlace ? { at: made.gradientAt, after: (): Call[] => [] } : gradients.target(input);
    const x = context.buffersOf(input).value;
    const sizes = [batch * pixels, channels, PARTITION_IMAGES * pixels];
    const { gradientAt, y, activation } = made;
    const apply = context.args([gradientAt, y, x, target.at, scale, coefficients, ...sizes, ...activation]);
    const backward = (range: Range): Call[] =>
      needsGradient ? [ofPartition('batchNormGrad', apply, range), ...target.after(range)] : [];
    return {
      ...emptyStage,
      forward: [{ kind: 'partitions', calls: made.forward }],
      backward: [{ kind: 'partitions', calls: (range) => [...made.backward(range), ...backward(range)] }],
      derivations: [[derivation]],
      scratchBytes: SCRATCH_BYTES,
    };
  };
}

/** A call whose units are partitions. */
const ofPartition = (kernel: string, args: number, { first }: Range): Call => {
  const start = first / PARTITION_IMAGES;
  return { kernel, args, start, end: start + 1 };
};

function momentsCalls(
  context: PlanContext,
  { x, partials, statistics, pixels, channels }: Statistics,
  head: BatchNormalization,
  batch: number,
): { moments: (range: Range) => Call[]; combine: Call[] } {
  const sizes = [batch * pixels, channels, PARTITION_IMAGES * pixels];
  const moments = context.args([x, partials, ...sizes]);
  const constants = [float32Bits(head.epsilon), float32Bits(1 - head.momentum)];
  const combine = context.args([partials, statistics, 0, 0, 0, 0, ...sizes, ...constants], {
    ...(head.gamma && { 2: head.gamma }),
    ...(head.beta && { 3: head.beta }),
    4: head.movingMean,
    5: head.movingVariance,
  });
  return {
    moments: (range) => [ofPartition('batchNormMoments', moments, range)],
    combine: [{ kernel: 'batchNormCombine', args: combine, start: 0, end: channels }],
  };
}

function gradientCalls(
  context: PlanContext,
  { x, partials, statistics, scale, pixels, channels }: Statistics,
  options: {
    head: BatchNormalization;
    coefficients: number;
    batch: number;
    made: Sums;
    to: number;
  },
): { moments: (range: Range) => Call[]; combine: Call[]; apply: (range: Range) => Call[] } {
  const { head, coefficients, batch, made, to } = options;
  const { gradientAt, activation } = made;
  // A relu's outputs need not be read: they follow from the inputs, which are.
  const y = activation[0] === activationCodes.relu ? 0 : made.y;
  const rows = batch * pixels;
  const chunk = PARTITION_IMAGES * pixels;
  const moments = context.args([gradientAt, y, x, statistics, partials, rows, channels, chunk, ...activation]);
  const [dGamma, dBeta] = [head.gamma, head.beta].map((weight) => (weight && context.weight(weight).gradient) ?? 0);
  const combine = context.args([partials, statistics, coefficients, dGamma!, dBeta!, rows, channels, chunk]);
  const sizes = [rows, channels, chunk];
  const apply = context.args([gradientAt, y, x, to, scale, coefficients, ...sizes, ...activation]);
  return {
    moments: (range) => [ofPartition('batchNormGradMoments', moments, range)],
    combine: [{ kernel: 'batchNormGradCombine', args: combine, start: 0, end: channels }],
    apply: (range) => [ofPartition('batchNormGrad', apply, range)],
  };
}

const updatesOf = (context: PlanContext, { gamma, beta }: BatchNormalization): UpdateJob[] =>
  [gamma, beta].flatMap((variable) => {
    if (!variable) return [];
    const { gradient, size, update } = context.weight(variable);
    return gradient === undefined ? [] : [{ gradient: [], update: update(0, size), cost: size }];
  });
