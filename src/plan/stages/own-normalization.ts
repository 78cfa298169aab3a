// Normalisation by the statistics of an image itself, and what follows: group norm with a factor and a shift of the image's own for each
// channel, layer norm, and an activation, in training and out of it. See assembly/plan/group-norm.ts. Invariant: nothing depends on the batch.
import { float32Bits } from '../../backend/index.ts';
import type * as tf from '../../backend/tfjs.ts';
import { emptyStage, PARTITION_IMAGES, type PlanContext, type StageLayout, type UpdateJob } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { OwnNormalization } from '../read-model.ts';
import { ofImages } from './image-calls.ts';
import { layoutPartialSums } from './partial-sums.ts';

/** Lines of as many floats as there are channels that the kernels need, pixels of a block, and bytes of other scratch. */
const LINES = 5;
const BLOCK_PIXELS = 32;
const ROOM_BYTES = 128;

/** Lays out group normalisation, or, of 0 groups, layer normalisation. */
export function layoutOwnNormalization(group: Group, head: OwnNormalization, groups: number): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const [height, width, channels] = input.shape;
    const [rows, pixels, groupsOfRow] = groups === 0 ? [height * width, 1, 1] : [1, height * width, groups];
    const [x, y] = [context.buffersOf(input), context.buffersOf(group.output)];
    const statistics = context.memory.floats(context.capacity * rows * groupsOfRow * 2);
    const { code, alpha } = group.finish.activation;
    const sizes = [rows, pixels, channels, groupsOfRow, float32Bits(head.epsilon), code, float32Bits(alpha)];
    const { factors, shifts } = group.modulation ?? {};
    const vectors = [factors, shifts].map((vector) => (vector ? context.buffersOf(vector).value : 0));
    const words = [x.value, y.value, statistics, 0, 0, ...vectors, ...sizes];
    const weights = { ...(head.gamma && { 3: head.gamma }), ...(head.beta && { 4: head.beta }) };
    const scratchBytes = (LINES * (channels + 3) + Math.min(pixels, BLOCK_PIXELS) * channels) * 4 + ROOM_BYTES;
    const forward = ofImages('planGroupNorm', context.args(words, weights));
    if (!context.isTraining) return () => ({ ...emptyStage, forward, scratchBytes });
    const [gamma, beta] = [head.gamma, head.beta].map((weight) => layoutSums(context, weight)) as [Sums, Sums];
    return (batch, gradients) => {
      const targets = [input, factors, shifts].flatMap((value) => {
        const isWanted = value !== undefined && context.needsGradient(value);
        const { at, adds } = isWanted ? gradients.target(value, true) : { at: 0, adds: false };
        return [at, adds ? 1 : 0];
      });
      const places = [y.gradient, ...targets];
      const sums = [gamma.at, beta.at, gamma.pitch, beta.pitch, PARTITION_IMAGES];
      const backward = ofImages('planGroupNormGradient', context.args([...words, ...places, ...sums], weights));
      return {
        ...emptyStage,
        forward,
        backward,
        updates: [[...gamma.update(batch), ...beta.update(batch)]],
        scratchBytes,
      };
    };
  };
}

/** Sums of partitions of the gradient of gamma or beta. */
interface Sums {
  /** Byte offset, or 0 where there is nothing to train. */
  readonly at: number;
  /** Floats from one partition to the next. */
  readonly pitch: number;
  update(batch: number): UpdateJob[];
}

function layoutSums(context: PlanContext, variable: tf.LayerVariable | undefined): Sums {
  const weight = variable && context.weight(variable);
  if (!weight || weight.gradient === undefined) return { at: 0, pitch: 0, update: () => [] };
  const partials = layoutPartialSums(context, weight);
  return {
    at: partials.of(0),
    pitch: (partials.of(1) - partials.of(0)) / 4,
    update: (batch) => [
      {
        gradient: partials.add(batch)(0, weight.size),
        update: weight.update(0, weight.size),
        cost: batch * weight.size,
      },
    ],
  };
}
