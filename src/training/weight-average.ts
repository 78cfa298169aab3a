// An exponential moving average of the weights over the updates, and the model with the averages in place of its weights.
// Batch norm has no moving averages of averaged weights: they are made anew, from batches (Izmailov et al. 2018, section 3.2).
// Not here: when. Invariant: a model that had its averages in place gets the very bits of its weights back.

import { currentBackend } from '../backend/index.ts';
import { averageWeights } from '../backend/kernels/average-weights.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { CheckpointTensor } from './checkpoint.ts';

/** How weights are averaged. */
export interface Averaging {
  /**
   * What of the average remains in an update; early on less does, (1 + updates) / (10 + updates), so that the initial weights are soon
   * forgotten, as in TensorFlow's ExponentialMovingAverage.
   */
  readonly decay: number;
}

/** What a training must lend: passes over batches in training mode, which write the moving averages of batch norm. */
export type ObserveBatch = (batch: number) => void;

export interface WeightAverage {
  /** Tensors that `save` gives. */
  readonly count: number;
  /** Takes in the weights after an update; `updates` is how many there were before it. */
  update(updates: number): void;
  /** Puts the averages in place of the weights. */
  apply(observe: ObserveBatch, batches: number): void;
  /** Puts the weights back that `apply` replaced. */
  revert(): void;
  save(): CheckpointTensor[];
  restore(tensors: readonly CheckpointTensor[]): void;
  dispose(): void;
}

/**
 * Begins an average with the present weights.
 *
 * @returns The average, which the caller disposes
 */
export function createWeightAverage(model: tf.LayersModel, { decay }: Averaging): WeightAverage {
  const trained = model.trainableWeights;
  const averages = trained.map((weight) => tf.keep(tf.tensor(valuesOf(weight), weight.read().shape)));
  let replaced: Float32Array[] | undefined;
  return {
    count: averages.length,
    update(updates) {
      const backend = currentBackend();
      const share = 1 - Math.min(decay, (1 + updates) / (10 + updates));
      trained.forEach((weight, i) => {
        const average = averages[i]!;
        averageWeights(backend, { weights: weight.read(), average, elements: average.size, share });
      });
    },
    apply(observe, batches) {
      replaced = model.weights.map(valuesOf);
      writeAll(
        trained,
        averages.map((average) => average.dataSync<'float32'>()),
      );
      observeStatistics(model, observe, batches);
    },
    revert() {
      writeAll(model.weights, replaced!);
      replaced = undefined;
    },
    save: () =>
      averages.map((average, i) => ({
        name: `${trained[i]!.originalName}/average`,
        shape: average.shape,
        values: average.dataSync<'float32'>(),
      })),
    restore(tensors) {
      const backend = currentBackend();
      averages.forEach((average, i) => {
        const values = tensors[i]?.values;
        if (values?.length !== average.size) {
          throw new SelvedgeError(
            'training/average-state',
            `Cannot restore the averages of weights: expected ${average.size} values, got ${values?.length ?? 'none'}`,
          );
        }
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        backend.bytes(backend.offset(average), bytes.length).set(bytes);
      });
    },
    dispose: () => tf.dispose(averages),
  };
}

/** Mean of the statistics of batch norm over some batches: a moving average that starts at zero is a known share of those of one batch. */
function observeStatistics(model: tf.LayersModel, observe: ObserveBatch, batches: number): void {
  const statistics = batchNormsOf(model).flatMap((layer) =>
    layer.nonTrainableWeights.map((weight) => ({ weight, share: 1 - (layer.getConfig().momentum as number) })),
  );
  if (statistics.length === 0) return;
  const sums = statistics.map(({ weight }) => new Float64Array(valuesOf(weight).length));
  for (let batch = 0; batch < batches; batch++) {
    writeAll(
      statistics.map(({ weight }) => weight),
      sums.map(({ length }) => new Float32Array(length)),
    );
    observe(batch);
    statistics.forEach(({ weight, share }, i) => {
      valuesOf(weight).forEach((value, k) => {
        sums[i]![k]! += value / share;
      });
    });
  }
  writeAll(
    statistics.map(({ weight }) => weight),
    sums.map((values) => Float32Array.from(values, (sum) => sum / batches)),
  );
}

/** Batch norms whose moving averages move, those of nested models among them. */
function batchNormsOf(layer: tf.layers.Layer): tf.layers.Layer[] {
  if (layer instanceof tf.LayersModel) return layer.layers.flatMap(batchNormsOf);
  const isMoving = layer.getClassName() === 'BatchNormalization' && layer.trainable && layer.getConfig().momentum !== 1;
  return isMoving ? [layer] : [];
}

/** A copy of a weight's values. */
const valuesOf = (weight: tf.LayerVariable): Float32Array => weight.read().dataSync<'float32'>().slice();

function writeAll(weights: readonly tf.LayerVariable[], values: readonly Float32Array[]): void {
  tf.tidy(() => {
    weights.forEach((weight, i) => {
      weight.write(tf.tensor(values[i]!, weight.read().shape));
    });
  });
}
