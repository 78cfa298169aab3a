// Training speed of our trainer on the real data, shuffled, the loss read each step: `selvedge bench training`.
// Not an accuracy run: the weights are thrown away. The first updates, in which engines still compile, are not counted.
import { SelvedgeError } from '../src/core/errors.ts';
import { placeDataset } from '../src/data/batches.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { buildModel, initializeWeights } from '../src/models/index.ts';
import { platform } from '../src/platform/index.ts';
import { fit, fitDefaults } from '../src/training/index.ts';
import type { Benchmark } from './benchmark.ts';
import { spreadOf } from './statistics.ts';

const WARM_UP_UPDATES = 40;
/** Updates that one measurement covers: long enough that a clock tick does not matter. */
const UPDATES_A_SAMPLE = 20;
const SAMPLES = 15;

export const training: Benchmark = {
  name: 'training',
  async run({ engine, model: name = 'dropout', batchSize = fitDefaults.batchSize, data }) {
    const { train, source } = await loadFashionMnist({ folder: data });
    const updates = WARM_UP_UPDATES + UPDATES_A_SAMPLE * SAMPLES;
    const model = buildModel(name, {
      inputShape: [train.height, train.width, train.channels],
      classes: train.classNames.length,
    });
    initializeWeights(model, 1);
    const resident = placeDataset(train);
    const stop = new AbortController();
    const samples: number[] = [];
    let done = 0;
    let sampleStart = 0;
    await fit(model, {
      training: resident.examples(),
      settings: { ...fitDefaults, batchSize, epochs: 1_000 },
      signal: stop.signal,
      onProgress: () => {
        done++;
        const counted = done - WARM_UP_UPDATES;
        if (counted >= 0 && counted % UPDATES_A_SAMPLE === 0) {
          const now = platform.now();
          if (counted > 0) samples.push((1000 * UPDATES_A_SAMPLE * batchSize) / (now - sampleStart));
          sampleStart = now;
        }
        if (done === updates) stop.abort();
      },
    });
    resident.dispose();
    model.dispose();
    if (samples.length === 0)
      throw new SelvedgeError('bench/no-samples', 'Cannot measure: the training ended too soon');
    const spread = spreadOf(samples);
    const json = {
      benchmark: 'training',
      model: name,
      batchSize,
      threads: engine.threads,
      imagesPerSecond: Math.round(spread.median),
      spread: { unit: 'images/s', ...spread },
      updates: done,
      data: { source: source.kind, isSample: source.isSample, images: train.count },
    };
    return {
      json,
      text:
        `training ${name}, batch ${batchSize}, ${engine.threads} threads: ${json.imagesPerSecond} images/s ` +
        `(median of ${samples.length}; ${Math.round(spread.minimum)} to ${Math.round(spread.maximum)})`,
    };
  },
};
