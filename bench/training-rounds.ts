// Training by our trainer in rounds that can be interrupted: what the benchmarks `training`, `scaling`, `memory` and `peers` time.
// Not an accuracy run. Invariant: a round trains on, with the weights of the round before; what it times holds whole updates,
// from shuffled indices to the loss in JavaScript, and not the first ones of a call, in which a trainer prepares.
import type * as tf from '@tensorflow/tfjs';
import { SelvedgeError } from '../src/core/errors.ts';
import type { Examples } from '../src/data/index.ts';
import { platform } from '../src/platform/index.ts';
import { fit, fitDefaults } from '../src/training/index.ts';

/** What a round of training did. */
export interface TrainingRound {
  /** Images and time of the updates that were timed. */
  readonly images: number;
  readonly elapsedMs: number;
  /** Of the first update of the round. */
  readonly firstLoss: number;
  /** Mean of the last epoch of the round. */
  readonly loss: number;
}

export interface TrainingRounds {
  /** Trains for at least so many milliseconds, one update at least. */
  round(milliseconds: number): Promise<TrainingRound>;
}

/** Updates at the start of a round that are not timed. */
const UNTIMED_UPDATES = 2;
/** So that no round runs out of epochs. */
const EPOCHS = 1_000_000;

/**
 * Prepares training in rounds.
 *
 * @param model Updated in place; it stays the caller's
 * @param examples Resident examples
 * @param batchSize Images an update
 */
export function trainingRounds(model: tf.LayersModel, examples: Examples, batchSize: number): TrainingRounds {
  let rounds = 0;
  return {
    async round(milliseconds) {
      rounds++;
      const stop = new AbortController();
      let updates = 0;
      let images = 0;
      let start = 0;
      let elapsedMs = 0;
      let firstLoss = Number.NaN;
      let loss = Number.NaN;
      await fit(model, {
        training: examples,
        // Each round shuffles anew.
        settings: { ...fitDefaults, batchSize, epochs: EPOCHS, seed: rounds },
        signal: stop.signal,
        onProgress: (progress) => {
          const now = platform.now();
          updates++;
          loss = progress.loss;
          if (updates === 1) firstLoss = loss;
          if (updates === UNTIMED_UPDATES) start = now;
          if (updates > UNTIMED_UPDATES) {
            const { step, steps } = progress;
            // The last batch of an epoch is what is left.
            images += step < steps ? batchSize : examples.count - (steps - 1) * batchSize;
            elapsedMs = now - start;
            if (elapsedMs >= milliseconds) stop.abort();
          }
        },
      });
      if (images === 0) throw new SelvedgeError('bench/no-samples', 'Cannot measure: the training ended too soon');
      return { images, elapsedMs, firstLoss, loss };
    },
  };
}
