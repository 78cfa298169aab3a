// Adam over the variables of a model, updated in place. Not a tf.Optimizer: it takes gradients, not losses.
// Invariant: a variable whose memory somebody else holds too gets memory of its own before it is written.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../backend/index.ts';
import { adam } from '../backend/kernels/adam.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { CheckpointTensor } from './checkpoint.ts';

export interface AdamConfig {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Keras' defaults. */
export const adamDefaults: AdamConfig = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** An optimiser that owns its moments; `dispose` releases them. */
export interface AdamOptimizer {
  /** Updates every variable that has a gradient. */
  apply(gradients: Readonly<Record<string, tf.Tensor>>): void;
  /** The moments, for a checkpoint. */
  save(): CheckpointTensor[];
  /**
   * Takes moments of `save` and the number of updates that made them.
   *
   * @throws SelvedgeError `training/optimizer-state` if they are those of other variables
   */
  restore(tensors: readonly CheckpointTensor[], updates: number): void;
  dispose(): void;
}

interface Slot {
  readonly variable: tf.Variable;
  readonly firstMoment: tf.Tensor;
  readonly secondMoment: tf.Tensor;
}

/**
 * Makes an Adam optimiser for variables of the running backend.
 *
 * @param variables Updated in the order given
 */
export function createAdam(variables: readonly tf.Variable[], config: AdamConfig = adamDefaults): AdamOptimizer {
  const slots: Slot[] = variables.map((variable) => ({
    variable,
    firstMoment: tf.keep(tf.zeros(variable.shape)),
    secondMoment: tf.keep(tf.zeros(variable.shape)),
  }));
  // Powers by repeated multiplication: Math.pow differs between engines.
  let beta1Power = 1;
  let beta2Power = 1;
  const countUpdate = (): void => {
    beta1Power *= config.beta1;
    beta2Power *= config.beta2;
  };
  return {
    apply(gradients) {
      const backend = currentBackend();
      countUpdate();
      const stepSize = (config.learningRate * Math.sqrt(1 - beta2Power)) / (1 - beta1Power);
      for (const { variable, firstMoment, secondMoment } of slots) {
        const gradient = gradients[variable.name];
        if (!gradient) continue;
        if (backend.refCount(variable.dataId) > 1) takeOwnMemory(variable);
        const tensors = { weights: variable, gradient, firstMoment, secondMoment };
        adam(backend, tensors, variable.size, { ...config, stepSize });
      }
    },
    save: () =>
      slots.flatMap(({ variable, firstMoment, secondMoment }) => [
        { name: `${variable.name}/m`, shape: variable.shape, values: firstMoment.dataSync<'float32'>() },
        { name: `${variable.name}/v`, shape: variable.shape, values: secondMoment.dataSync<'float32'>() },
      ]),
    restore(tensors, updates) {
      const backend = currentBackend();
      const moments = slots.flatMap(({ firstMoment, secondMoment }) => [firstMoment, secondMoment]);
      const expected = moments.map(({ size }) => size);
      const got = tensors.map(({ values }) => values.length);
      if (expected.join() !== got.join()) {
        throw new SelvedgeError(
          'training/optimizer-state',
          `Cannot restore Adam: expected moments of ${expected.join(', ')} values, got ${got.join(', ')}`,
        );
      }
      moments.forEach((moment, i) => {
        const { buffer, byteOffset, byteLength } = tensors[i]!.values;
        backend.bytes(backend.offset(moment), byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
      });
      beta1Power = 1;
      beta2Power = 1;
      for (let i = 0; i < updates; i++) countUpdate();
    },
    dispose() {
      for (const { firstMoment, secondMoment } of slots) tf.dispose([firstMoment, secondMoment]);
    },
  };
}

function takeOwnMemory(variable: tf.Variable): void {
  tf.tidy(() => variable.assign(tf.tensor(variable.dataSync(), variable.shape)));
}
