// Measures what preprocessing does for accuracy: each of them at the same small budget, three seeds, on the study's validation images.
// Writes docs/results/preprocessing.json. Not the test set: nothing here is a result of the study.
//
//   node --import tsx scripts/short-runs/preprocessing.ts [--minutes N]
//
// An interrupted call goes on from runs/preprocessing.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import {
  inputStatistics,
  loadFashionMnist,
  type PreprocessingName,
  preprocessDataset,
  preprocessingNames,
  splitTrainValidation,
} from '../../src/data/index.ts';
import { readRecipe } from '../../src/experiments/index.ts';
import { buildNetwork, initializeWeights, type NetworkSettings, standardizeInput } from '../../src/models/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, trainAndTest } from './short-run.ts';

const EXAMPLES = 10_000;
const EPOCHS = 5;
const SEEDS = [1, 2, 3] as const;

const { recipe } = await readRecipe('hog-linear', '.');
const { epochs, batchSize, optimizer, schedule } = recipe;

/** A network, its regime, and the preprocessings that are compared. */
const comparisons = [
  {
    network: { family: 'dropout' } as NetworkSettings,
    regime: { epochs: EPOCHS },
    names: ['none', ...preprocessingNames.filter((name) => name !== 'hog')] as const,
  },
  {
    network: { family: 'linear' } as NetworkSettings,
    regime: { epochs, batchSize, optimizer, schedule },
    names: ['none', 'standardize', 'lbp', 'hog'] as const,
  },
];

const { train: raw } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(raw.count);
const indices = split.train.subarray(0, EXAMPLES);
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/preprocessing.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

async function measure(network: NetworkSettings, regime: object, name: PreprocessingName | 'none', seed: number) {
  const set = name === 'none' ? raw : preprocessDataset(raw, name);
  const plain = buildNetwork(network, {
    inputShape: [set.height, set.width, set.channels],
    classes: set.classNames.length,
  });
  initializeWeights(plain, seed);
  const statistics = name === 'none' ? undefined : inputStatistics(name, set, indices);
  const model = statistics ? await standardizeInput(plain, statistics) : plain;
  const settings = { epochs: EPOCHS, ...regime, seed };
  const accuracy = await trainAndTest({
    ...{ model, training: set, indices, settings },
    test: set,
    testIndices: split.validation,
  });
  model.dispose();
  if (model !== plain) plain.dispose();
  return accuracy;
}

const results: object[] = [];
let isWhole = true;
for (const { network, regime, names } of comparisons) {
  let baseline: number[] = [];
  for (const name of names) {
    const seeds: number[] = [];
    for (const seed of SEEDS) {
      const run = `${network.family}, ${name}, seed ${seed}`;
      const accuracy = await journal.accuracyOf(run, () => measure(network, regime, name, seed));
      if (accuracy !== undefined) seeds.push(accuracy);
    }
    isWhole &&= seeds.length === SEEDS.length;
    if (!isWhole) break;
    if (name === 'none') baseline = seeds;
    const difference = name === 'none' ? {} : { gain: ofSeeds(seeds.map((value, i) => value - baseline[i]!)) };
    results.push({ network: network.family, preprocessing: name, seeds, accuracy: ofSeeds(seeds), ...difference });
  }
}
await engine.stop();
if (isWhole) {
  const settings = { trainingExamples: EXAMPLES, validationExamples: split.validation.length, seeds: SEEDS };
  const regimes = comparisons.map(({ network, regime }) => ({ network: network.family, ...regime }));
  mkdirSync('docs/results', { recursive: true });
  writeFileSync(
    'docs/results/preprocessing.json',
    `${JSON.stringify({ command: 'node --import tsx scripts/short-runs/preprocessing.ts', ...settings, regimes, results }, null, 2)}\n`,
  );
  log('docs/results/preprocessing.json is written');
} else {
  log('Not finished: the same command goes on');
}
