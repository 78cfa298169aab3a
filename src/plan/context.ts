// What the stages of a plan share while it is laid out: memory of values and gradients, weights, and the collected calls.
// Not here: what a stage computes. Invariant: buffers are for the largest batch; calls are made anew for each batch size.
import type * as tf from '../backend/tfjs.ts';
import type { Value } from './fuse.ts';
import type { Call, Job, PlanMemory } from './program.ts';

/** Images that one thread takes through the network at a time. Part of the numerical definition: partial sums are per partition. */
export const PARTITION_IMAGES = 8;

export const partitionsOf = (batch: number): number => Math.ceil(batch / PARTITION_IMAGES);

/** A range of images of one partition. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Part of a pass: calls that each partition makes, or calls that one thread makes when all partitions have come so far. */
export type Step =
  | { readonly kind: 'partitions'; readonly calls: (range: Range) => readonly Call[] }
  | { readonly kind: 'once'; readonly calls: readonly Call[] };

/** A job and about how many multiply-adds it takes: the dear ones start first. */
export interface UpdateJob {
  /** Makes part of the gradient of a weight, or what later rounds make it of. */
  readonly gradient: Job;
  /** Updates that part of the weight, and makes anew what is derived from it. May have to wait for the gradients of all weights. */
  readonly update: Job;
  readonly cost: number;
}

/** A stage for one batch size. Steps run in order, those of the backward pass from the last stage to the first. */
export interface Stage {
  readonly forward: readonly Step[];
  readonly backward: readonly Step[];
  /** After the backward pass: weight gradients, updates, and what is derived from weights. Rounds of all stages run together. */
  readonly updates: readonly (readonly UpdateJob[])[];
  /** Makes what is derived from weights, before the first step and after somebody else wrote them. */
  readonly derivations: readonly Job[];
  /** Bytes of scratch that its calls need. */
  readonly scratchBytes: number;
}

export const emptyStage: Stage = { forward: [], backward: [], updates: [], derivations: [], scratchBytes: 0 };

/** Float32 memory of a value `[batch, used height, used width, channels]` and of its gradient. */
export interface Buffers {
  readonly value: number;
  readonly gradient: number;
}

/** A trainable weight in the plan's sight. */
export interface Weight {
  readonly variable: tf.LayerVariable;
  /** Byte offset of the gradient; undefined where the weight is frozen. */
  readonly gradient: number | undefined;
  readonly size: number;
  /** Calls that update elements [first, last), multiples of four but for the end; none where the weight is frozen. */
  update: (first: number, last: number) => readonly Call[];
}

export interface PlanContext {
  readonly memory: PlanMemory;
  /** Images of the largest batch. */
  readonly capacity: number;
  buffersOf(value: Value): Buffers;
  /** Lets a value lie where another lies. */
  shareBuffers(value: Value, other: Value): void;
  /** Lets the gradient of a value, whose buffers nobody has asked for yet, lie where that of another lies. */
  shareGradient(value: Value, other: Value): void;
  /** Whether somebody asks for the gradient of a value. */
  needsGradient(value: Value): boolean;
  weight(variable: tf.LayerVariable): Weight;
  /** Stores argument words; `weights` says which of them are places of weights. */
  args(words: readonly number[], weights?: Readonly<Record<number, tf.LayerVariable>>): number;
  /** Says that calls write a variable that no optimiser updates. */
  writesVariable(variable: tf.LayerVariable): void;
  /** Argument words of dropout masks, whose word 7 is the number of the update. */
  readonly maskArgs: { add(args: number): void };
  readonly seed: number;
  /** False: stages keep nothing for a backward pass, nobody asks for gradients, and `forward` and `derivations` alone are used. */
  readonly isTraining: boolean;
}

/** Memory, laid out once and shared by all batch sizes. */
export type StageLayout = (context: PlanContext) => (batch: number, gradients: GradientTargets) => Stage;

/** Where stages put the gradients of their inputs: the first reader writes, later ones add. */
export interface GradientTargets {
  /**
   * Where a stage writes the gradient of an input, and the call that then adds it to what others wrote.
   *
   * @param value Read by the stage
   * @param canAdd The stage is able to add to what is there: asked to by `adds`, it need not write elsewhere first
   */
  target(value: Value, canAdd?: boolean): GradientTarget;
}

export interface GradientTarget {
  readonly at: number;
  readonly adds: boolean;
  after(range: Range): readonly Call[];
}

export const floatsOf = (value: Value): number => value.used[0] * value.used[1] * value.shape[2];
