// Speed of prediction at several batch sizes: `selvedge bench inference`. Images/s, and milliseconds a call.
// Not an accuracy run. Invariant: a call begins with floats of images and ends with floats of probabilities in JavaScript.
import { loadFashionMnist } from '../src/data/sources.ts';
import { initializeWeights } from '../src/models/index.ts';
import { alternate, disturbanceOf, meanOf, sampleCalls, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { barChart } from './charts.ts';
import { disturbanceNotice } from './disturbance.ts';
import { buildBenchModel } from './model.ts';
import { createPredictor } from './predictor.ts';
import { type Spread, shortNumber, spreadOf, spreadText } from './statistics.ts';

const BATCH_SIZES = [1, 32, 128, 1024] as const;
const ROUNDS = 11;
const ROUND_MS = 300;

interface BatchResult {
  readonly batchSize: number;
  readonly imagesPerSecond: Spread;
  /** Of every call of every round. */
  readonly msACall: Spread;
}

export const inference: Benchmark = {
  name: 'inference',
  description: 'Images/s and ms a call of prediction at batch 1, 32, 128, 1024',
  usesModel: true,
  async run({ engine, model: name = 'dropout', batchSize, data, rounds = ROUNDS, onProgress }) {
    const { test } = await loadFashionMnist({ folder: data });
    const { height, width, channels } = test;
    const imageSize = height * width * channels;
    const model = await buildBenchModel(name, {
      inputShape: [height, width, channels],
      classes: test.classNames.length,
    });
    initializeWeights(model, 1);
    const predictor = createPredictor(model);
    try {
      const sizes = batchSize === undefined ? BATCH_SIZES : [batchSize];
      const batches = sizes.map((size) => {
        const images = Float32Array.from({ length: size * imageSize }, (_, i) => {
          return test.images[i % test.images.length]! / 255;
        });
        return { size, callMs: [] as number[], run: () => predictor.predict(images) };
      });
      for (const { run } of batches) await sampleCalls(run, ROUND_MS);
      const entrants = batches.map(({ size, callMs, run }) => ({
        name: `batch ${size}`,
        round: async () => {
          const samples = await sampleCalls(run, ROUND_MS);
          callMs.push(...samples);
          return { value: (1000 * size) / meanOf(samples) };
        },
      }));
      const measured = await alternate(entrants, {
        rounds,
        onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
      });
      const results = batches.map(({ size, callMs }, index): BatchResult => {
        return {
          batchSize: size,
          imagesPerSecond: spreadOf(valuesOf(measured[index]!)),
          msACall: spreadOf(callMs),
        };
      });
      const disturbance = disturbanceOf(measured);
      const title = `Inference of ${name} on ${engine.threads} threads`;
      return {
        json: { benchmark: 'inference', model: name, threads: engine.threads, results, disturbance },
        text: [
          `inference ${name}, ${engine.threads} threads`,
          ...results.map(lineOf),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
        figures: [
          await barChart({
            name: 'inference',
            title,
            unit: 'images/s',
            bars: results.map(({ batchSize: size, imagesPerSecond, msACall }) => ({
              label: `batch ${size}`,
              spread: imagesPerSecond,
              isOurs: true,
              note: `${shortNumber(msACall.median)} ms a call`,
            })),
          }),
        ],
      };
    } finally {
      predictor.dispose();
      model.dispose();
    }
  },
};

function lineOf({ batchSize, imagesPerSecond, msACall }: BatchResult): string {
  return `batch ${String(batchSize).padStart(5)}  ${spreadText(imagesPerSecond).padEnd(28)} images/s  ${spreadText(msACall)} ms a call`;
}
