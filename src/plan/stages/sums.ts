// What becomes of values that are summed pixel by pixel, the first normalised or not: sum, activation, pooling, dropout, and the way
// back. Not a stage of its own: batch normalisation and addition are. Without pooling and dropout all of it is one pass.
import { float32Bits } from '../../backend/index.ts';
import { activationCodes } from '../../backend/kernels/output-activation.ts';
import { floatsOf, type GradientTargets, type PlanContext, type Range } from '../context.ts';
import type { Group, Value } from '../fuse.ts';
import type { Call } from '../program.ts';
import { layoutFinish } from './finish.ts';

type Calls = (range: Range) => Call[];

/** Code and bits of alpha. */
export type ActivationWords = readonly [code: number, alphaBits: number];

/** Sums for one batch size. */
export interface Sums {
  readonly forward: Calls;
  /** Makes the gradient of the sums, and gives it to what was added. */
  readonly backward: Calls;
  /** Byte offset of the gradient of the sums, `[batch, height, width, channels]` of the first input. */
  readonly gradientAt: number;
  /** What is yet to be undone where the gradient is read, and what it is undone by. */
  readonly activation: ActivationWords;
  readonly y: number;
}

const NO_ACTIVATION: ActivationWords = [activationCodes.linear, 0];

/**
 * Lays out the sums of a group.
 *
 * @param normalisation Byte offsets of `[channels]` each: the first input is scaled and shifted, and what becomes of its gradient is
 *   the caller's to do. Without it, the first input is one of those that are added
 */
export function layoutSums(
  context: PlanContext,
  group: Group,
  normalisation?: { readonly scale: number; readonly shift: number },
): (gradients: GradientTargets) => Sums {
  const { output, finish, inputs, gradientTwin } = group;
  if (gradientTwin) context.shareGradient(output, gradientTwin);
  const first = inputs[0]!;
  const isCropped = floatsOf(first) !== group.sumsUsed[0] * group.sumsUsed[1] * first.shape[2];
  const isPooled = finish.pooling.size.some((extent) => extent > 1) || finish.pooling.strides.some((step) => step > 1);
  const isPlain = !isPooled && !finish.dropout && !(normalisation && isCropped);
  if (isPlain) return layoutPlain(context, group, normalisation);
  // The gradient has the pixels of the first input where that is normalised: it needs all of them.
  const pixels = normalisation ? first.used : group.sumsUsed;
  const isFirstAlone = normalisation !== undefined && inputs.length === 1;
  const room = ([height, width]: readonly [number, number]): number =>
    context.memory.floats(context.capacity * height * width * first.shape[2]);
  const at = room(pixels);
  // Of another size, the sums of one partition would lie where another has its gradient.
  const sums = isFirstAlone
    ? { at: context.buffersOf(first).value, used: first.used }
    : { at: normalisation && isCropped ? room(group.sumsUsed) : at, used: group.sumsUsed };
  const finishing = isFirstAlone ? { scaleAt: normalisation.scale, biasAt: normalisation.shift } : {};
  const { args, draw } = layoutFinish(context, group, finishing);
  const add = isFirstAlone ? () => [] : layoutAddition(context, group, { ...sums, normalisation });
  const forward = context.args([args, sums.at, ...sums.used, 0, 1, 0]);
  const backward = context.args([args, at, ...pixels, 0, 1, 1]);
  return (gradients) => {
    const spread = layoutSpread(context, group, { at, pixels, isNormalised: normalisation !== undefined }, gradients);
    return {
      forward: (range) => [...draw(range), ...add(range), ofImages('planFinish', forward, range)],
      backward: (range) => [ofImages('planUnfinish', backward, range), ...spread(range)],
      gradientAt: at,
      activation: NO_ACTIVATION,
      y: 0,
    };
  };
}

/** Nothing but an activation follows: sums go to the output at once, and their gradient takes the place of the output's. */
function layoutPlain(
  context: PlanContext,
  group: Group,
  normalisation: { readonly scale: number; readonly shift: number } | undefined,
): (gradients: GradientTargets) => Sums {
  const { output, inputs, finish } = group;
  const { value: y, gradient: gradientAt } = context.buffersOf(output);
  const activation: ActivationWords = [finish.activation.code, float32Bits(finish.activation.alpha)];
  if (normalisation && inputs.length === 1) {
    const [height, width] = output.used;
    const rows = height * width;
    const x = context.buffersOf(inputs[0]!).value;
    const { scale, shift } = normalisation;
    const sizes = [context.capacity * rows, output.shape[2], rows];
    const args = context.args([x, y, scale, shift, ...sizes, ...activation]);
    const forward: Calls = (range) => [ofImages('batchNormApply', args, range)];
    return () => ({ forward, backward: () => [], gradientAt, activation, y });
  }
  const forward = layoutAddition(context, group, { at: y, used: output.used, normalisation, activation });
  const floats = floatsOf(output);
  const undo = context.args([gradientAt, y, gradientAt, context.capacity * floats, floats, ...activation]);
  const isLinear = finish.activation.code === activationCodes.linear;
  return (gradients) => {
    const isNormalised = normalisation !== undefined;
    const spread = layoutSpread(context, group, { at: gradientAt, pixels: output.used, isNormalised }, gradients);
    return {
      forward,
      backward: (range) => [...(isLinear ? [] : [ofImages('activationGrad', undo, range)]), ...spread(range)],
      gradientAt,
      activation: NO_ACTIVATION,
      y,
    };
  };
}

const ofImages = (kernel: string, args: number, { first: start, last: end }: Range): Call => ({
  kernel,
  args,
  start,
  end,
});

/** Adds the inputs up, two at a time. */
function layoutAddition(
  context: PlanContext,
  { inputs, output }: Group,
  options: {
    at: number;
    used: readonly [number, number];
    normalisation: { readonly scale: number; readonly shift: number } | undefined;
    activation?: ActivationWords;
  },
): Calls {
  const { at, used, normalisation, activation = NO_ACTIVATION } = options;
  const placeOf = (value: Value) => ({ at: context.buffersOf(value).value, used: value.used });
  const [first, ...others] = inputs.map(placeOf);
  let sum = first!;
  const args = others.map((other, i) => {
    const factors = i === 0 && normalisation ? [normalisation.scale, normalisation.shift] : [0, 0];
    const applied = i === others.length - 1 ? activation : NO_ACTIVATION;
    const sizes = [...sum.used, ...other.used, ...used, output.shape[2]];
    const words = context.args([sum.at, other.at, at, ...factors, ...sizes, ...applied]);
    sum = { at, used };
    return words;
  });
  return (range) => args.map((words) => ofImages('planSum', words, range));
}

/** Gives the gradient of the sums to what was added. */
function layoutSpread(
  context: PlanContext,
  { inputs, gradientTwin }: Group,
  from: { at: number; pixels: readonly [number, number]; isNormalised: boolean },
  gradients: GradientTargets,
): Calls {
  const added = (from.isNormalised ? inputs.slice(1) : inputs).filter(
    (input) => input !== gradientTwin && context.needsGradient(input),
  );
  const args = added.map((input) => {
    const { at, adds } = gradients.target(input, true);
    return context.args([from.at, at, ...from.pixels, ...input.used, input.shape[2], adds ? 1 : 0]);
  });
  return (range) => args.map((words) => ofImages('planSpread', words, range));
}
