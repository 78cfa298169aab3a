// What the training loop needs of a tf.LayersModel besides its passes: its weights, in and out, and what its regularisers add.
// Invariant: order and names of weights are those of `model.weights`.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { CheckpointTensor } from './checkpoint.ts';

/** Values of all weights, as a checkpoint holds them. */
export function readWeights(model: tf.LayersModel): CheckpointTensor[] {
  return model.weights.map((weight) => {
    const value = weight.read();
    return { name: weight.originalName, shape: value.shape, values: value.dataSync<'float32'>() };
  });
}

/** What the regularisers of all layers add to the loss. `calculateLosses` of a tf.Sequential forgets its layers. */
export function penaltiesOf(layer: tf.layers.Layer): tf.Scalar[] {
  return layer instanceof tf.LayersModel ? layer.layers.flatMap(penaltiesOf) : layer.calculateLosses();
}

/** Puts values in the place of all weights. */
export function restoreWeights(model: tf.LayersModel, tensors: readonly CheckpointTensor[]): void {
  tf.tidy(() => {
    model.weights.forEach((weight, i) => {
      const { values, shape } = tensors[i]!;
      weight.write(tf.tensor(values, [...shape]));
    });
  });
}

/**
 * The variables that training moves.
 *
 * @throws SelvedgeError `training/unsupported-model`
 */
export function trainableVariables(model: tf.LayersModel): tf.Variable[] {
  const refuse = (reason: string): SelvedgeError =>
    new SelvedgeError('training/unsupported-model', `Cannot train model "${model.name}": ${reason}`);
  if (model.trainableWeights.length === 0) throw refuse('it has no trainable weights');
  return model.trainableWeights.map((weight) => {
    if (weight.constraint) throw refuse(`weight "${weight.originalName}" has a constraint`);
    return weight.read() as tf.Variable;
  });
}
