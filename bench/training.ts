// Training speed of our trainer on the real data, shuffled, the loss read each step: `selvedge bench training`.
// Not an accuracy run: the weights are thrown away. The first updates, in which engines still compile, are not counted.
import { placeDataset } from '../src/data/batches.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { initializeWeights } from '../src/models/index.ts';
import { fitDefaults } from '../src/training/index.ts';
import { alternate, disturbanceOf, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { buildBenchModel } from './model.ts';
import { shortNumber, spreadOf, spreadText } from './statistics.ts';
import { trainingRounds } from './training-rounds.ts';

const ROUNDS = 15;
/** Long enough that a clock tick, and the shorter last batch of an epoch, do not matter. */
const ROUND_MS = 500;
const WARM_UP_MS = 1_000;

export const training: Benchmark = {
  name: 'training',
  description: 'Images/s of our trainer on real data',
  usesModel: true,
  async run({ engine, model: name = 'dropout', batchSize = fitDefaults.batchSize, data, rounds = ROUNDS, onProgress }) {
    const { train, source } = await loadFashionMnist({ folder: data });
    const model = await buildBenchModel(name, {
      inputShape: [train.height, train.width, train.channels],
      classes: train.classNames.length,
    });
    initializeWeights(model, 1);
    const resident = placeDataset(train);
    try {
      const trainer = trainingRounds(model, resident.examples(), batchSize);
      await trainer.round(WARM_UP_MS);
      let loss = Number.NaN;
      const round = async () => {
        const { images, elapsedMs, loss: mean } = await trainer.round(ROUND_MS);
        loss = mean;
        return { value: (1000 * images) / elapsedMs };
      };
      const [measured] = await alternate([{ name, round }], {
        rounds,
        onRound: (number, all) => onProgress?.(`round ${number} of ${all}`),
      });
      const spread = spreadOf(valuesOf(measured!));
      const disturbance = disturbanceOf([measured!]);
      return {
        json: {
          benchmark: 'training',
          model: name,
          batchSize,
          threads: engine.threads,
          imagesPerSecond: Math.round(spread.median),
          spread: { unit: 'images/s', ...spread },
          loss,
          data: { source: source.kind, isSample: source.isSample, images: train.count },
          disturbance,
        },
        text: [
          `training ${name}, batch ${batchSize}, ${engine.threads} threads: ${spreadText(spread)} images/s; ` +
            `${shortNumber(spread.minimum)} to ${shortNumber(spread.maximum)} in ${spread.samples} rounds`,
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      resident.dispose();
      model.dispose();
    }
  },
};
