// Adam, AdamW and SGD over the variables of a model, updated in place. Not a tf.Optimizer: it takes gradients, not losses.
// Invariant: an update is a function of weights, gradients, slots, settings and the number of updates before it.

import { currentBackend, float32Bits } from '../backend/index.ts';
import { type OptimizerKernel, updateVariable, type VariableUpdate } from '../backend/kernels/optimizer-update.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { CheckpointTensor } from './checkpoint.ts';
import type { AdamConfig, AdamWConfig, OptimizerConfig, SgdConfig, WeightRole } from './optimizer-config.ts';

/** An optimiser that owns its slots; `dispose` releases them. */
export interface Optimizer {
  /** How each variable is updated, in the order given: for whoever runs the kernels himself, after `countUpdate`. */
  readonly updates: readonly VariableUpdate[];
  /**
   * Counts an update that is about to be made.
   *
   * @param rateFactor What a schedule makes of the learning rate in this update
   * @returns The words that end the arguments of the kernels in that update, those of `updates[i]` at i
   */
  countUpdate(rateFactor?: number): readonly (readonly number[])[];
  /** Counts an update and makes it of every variable that has a gradient. */
  apply(gradients: Readonly<Record<string, tf.Tensor>>, rateFactor?: number): void;
  /** The slots, for a checkpoint: by variable, those of one variable in the kernel's order. */
  save(): CheckpointTensor[];
  /**
   * Takes slots of `save` and the number of updates that made them.
   *
   * @throws SelvedgeError `training/optimizer-state` if they are those of other variables or of another optimiser
   */
  restore(tensors: readonly CheckpointTensor[], updates: number): void;
  dispose(): void;
}

/** A kernel, the names of its slots and its settings. */
interface Rule {
  readonly kernel: OptimizerKernel;
  readonly slotNames: readonly string[];
  readonly constants: readonly number[];
}

/** What changes from update to update. */
interface StepWords {
  /** The words of an update at each of these learning rates. */
  next(learningRates: readonly number[]): number[][];
  restart(updates: number): void;
}

/**
 * Makes an optimiser for variables of the running backend.
 *
 * @param variables Updated in the order given
 */
export function createOptimizer(variables: readonly tf.Variable[], config: OptimizerConfig): Optimizer {
  const ruleOf = config.name === 'sgd' ? sgdRule(config) : adamRule(config);
  const stepWords = config.name === 'sgd' ? sgdStepWords() : adamStepWords(config);
  const rules = variables.map(ruleOf);
  const rates = variables.map(
    (variable) => config.learningRate * (config.learningRateFactors?.[roleOf(variable)] ?? 1),
  );
  const countUpdate = (rateFactor = 1): number[][] => stepWords.next(rates.map((rate) => rate * rateFactor));
  const updates = variables.map((variable, i): VariableUpdate => {
    const { kernel, slotNames, constants } = rules[i]!;
    return { variable, kernel, constants, slots: slotNames.map(() => tf.keep(tf.zeros(variable.shape))) };
  });
  const slots = updates.flatMap((update) => update.slots);
  return {
    updates,
    countUpdate,
    apply(gradients, rateFactor) {
      const backend = currentBackend();
      const words = countUpdate(rateFactor);
      updates.forEach((update, i) => {
        const gradient = gradients[update.variable.name];
        if (gradient) updateVariable(backend, update, gradient, words[i]!);
      });
    },
    save: () =>
      updates.flatMap(({ variable: { name, shape }, slots: own }, i) =>
        own.map((slot, k) => ({
          name: `${name}/${rules[i]!.slotNames[k]}`,
          shape,
          values: slot.dataSync<'float32'>(),
        })),
      ),
    restore(tensors, updatesDone) {
      writeSlots(slots, tensors);
      stepWords.restart(updatesDone);
    },
    dispose: () => tf.dispose(slots),
  };
}

function writeSlots(slots: readonly tf.Tensor[], tensors: readonly CheckpointTensor[]): void {
  const expected = slots.map(({ size }) => size).join(', ') || 'no';
  const got = tensors.map(({ values }) => values.length).join(', ') || 'no';
  if (expected !== got) {
    throw new SelvedgeError(
      'training/optimizer-state',
      `Cannot restore the optimiser: expected slots of ${expected} values, got ${got}`,
    );
  }
  const backend = currentBackend();
  slots.forEach((slot, i) => {
    const { buffer, byteOffset, byteLength } = tensors[i]!.values;
    backend.bytes(backend.offset(slot), byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  });
}

/**
 * What a variable is, by the name that its layer gave it. Weight decay applies to kernels alone: slopes of a PReLU are no vectors, and
 * it asks for none all the same (He et al. 2015, section 2.1).
 */
function roleOf({ rank, name }: tf.Variable): WeightRole {
  const role = /\/(alpha|beta|gamma)(_\d+)?$/.exec(name)?.[1] as WeightRole | undefined;
  return role ?? (rank >= 2 ? 'kernel' : 'bias');
}

function adamRule(config: AdamConfig | AdamWConfig): (variable: tf.Variable) => Rule {
  const constants = [config.beta1, config.beta2, config.epsilon].map(float32Bits);
  return (variable) => ({
    kernel: config.name === 'adamw' && roleOf(variable) === 'kernel' ? 'adamW' : 'adam',
    slotNames: ['m', 'v'],
    constants,
  });
}

function sgdRule({ momentum, nesterov, weightDecay = 0 }: SgdConfig): (variable: tf.Variable) => Rule {
  const decayOf = (variable: tf.Variable): number => float32Bits(roleOf(variable) === 'kernel' ? weightDecay : 0);
  if (momentum === 0) {
    return (variable) => ({ kernel: 'sgd', slotNames: [], constants: [decayOf(variable)] });
  }
  const kernel = nesterov ? 'sgdNesterov' : 'sgdMomentum';
  return (variable) => ({
    kernel,
    slotNames: ['velocity'],
    constants: [decayOf(variable), float32Bits(momentum)],
  });
}

function adamStepWords(config: AdamConfig | AdamWConfig): StepWords {
  const { beta1, beta2 } = config;
  const weightDecay = config.name === 'adamw' ? config.weightDecay : 0;
  // Powers by repeated multiplication: Math.pow differs between engines.
  let beta1Power = 1;
  let beta2Power = 1;
  const count = (): void => {
    beta1Power *= beta1;
    beta2Power *= beta2;
  };
  return {
    next(learningRates) {
      count();
      return learningRates.map((rate) => {
        const stepSize = (rate * Math.sqrt(1 - beta2Power)) / (1 - beta1Power);
        return [stepSize, rate * weightDecay].map(float32Bits);
      });
    },
    restart(updates) {
      beta1Power = 1;
      beta2Power = 1;
      for (let i = 0; i < updates; i++) count();
    },
  };
}

const sgdStepWords = (): StepWords => ({
  next: (learningRates) => learningRates.map((rate) => [float32Bits(rate)]),
  restart: () => undefined,
});
