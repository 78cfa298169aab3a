// Measures what several networks as one are worth beside one network of equal cost: averaged, weighted, stacked, snapshots of one run; three
// seeds, on half of the study's validation images; the other half is what shares and stacks are learnt from, but for the one that is learnt
// from the training images out of fold. Writes docs/results/ensembles.json. Not the test set.
//
//   node --import tsx scripts/short-runs/ensembles.ts [--minutes N]
//
// An interrupted call goes on from runs/ensembles.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import { loadFashionMnist, placeDataset, splitTrainValidation, subsetOf } from '../../src/data/index.ts';
import { fitStack, measureCalibration } from '../../src/evaluation/index.ts';
import { predictOutOfFold } from '../../src/experiments/index.ts';
import { buildNetwork, initializeWeights } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { type FitSettings, fit, fitDefaults, scheduleDefaults } from '../../src/training/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
const EXAMPLES = 20_000;
/** Of one network; three of as many epochs are three times the cost. */
const EPOCHS = 9;
const MEMBERS = 3;
/** Of Wolpert's stack: what each image is predicted by has learnt from two thirds of the others. */
const FOLDS = 3;
const NETWORK = { family: 'dropout' } as const;

const { train: set } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(set.count);
const classes = set.classNames.length;
const half = split.validation.length / 2;
const taught = subsetOf(set, split.train.subarray(0, EXAMPLES), 'train');
const halves = { learning: split.validation.slice(0, half), measuring: split.validation.slice(half) };
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/ensembles.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

/** Probabilities of the images to learn from and of those to measure on. */
interface Predicted {
  readonly learning: Float32Array;
  readonly measuring: Float32Array;
}

/** A falling rate. */
const settingsOf = (seed: number, epochs: number, cycles = 1): FitSettings => ({
  ...fitDefaults,
  epochs,
  seed,
  schedule: { ...scheduleDefaults.cosine, warmUp: 0, ...(cycles > 1 ? { cycles } : {}) },
});

/** Trains, and predicts at the end of each cycle. */
async function train(seed: number, epochs: number, cycles = 1): Promise<Predicted[]> {
  const model = buildNetwork(NETWORK, { inputShape: [set.height, set.width, set.channels], classes });
  initializeWeights(model, seed);
  const resident = placeDataset(set);
  const predictor = createPredictor(model);
  const found: Predicted[] = [];
  const predict = async (): Promise<void> => {
    const of = (indices: Int32Array) => predictor.predictExamples(resident.examples({ indices }), 0, indices.length);
    found.push({ learning: of(halves.learning), measuring: of(halves.measuring) });
  };
  try {
    await fit(model, {
      training: resident.examples({ indices: split.train.slice(0, EXAMPLES) }),
      settings: settingsOf(seed, epochs, cycles),
      onCycle: predict,
    });
    if (cycles === 1) await predict();
    return found;
  } finally {
    predictor.dispose();
    resident.dispose();
    model.dispose();
  }
}

const labelsOf = (indices: Int32Array): Int32Array => indices.map((index) => set.labels[index]!);

/** Accuracy and calibration of a sum of logits, on one of the halves. */
function measure(
  members: readonly Predicted[],
  factors: readonly number[],
  bias: readonly number[] = new Array<number>(classes).fill(0),
  on: keyof Predicted = 'measuring',
) {
  const probabilities = new Float32Array(half * classes);
  for (let image = 0; image < half; image++) {
    const logits = bias.map((start, label) =>
      members.reduce(
        (sum, { [on]: p }, m) => sum + factors[m]! * Math.log(Math.max(1e-45, p[image * classes + label]!)),
        start,
      ),
    );
    const most = Math.max(...logits);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
    logits.forEach((logit, label) => {
      probabilities[image * classes + label] = Math.exp(logit - most) / sum;
    });
  }
  const { accuracy, ece, nll } = measureCalibration({ probabilities, labels: labelsOf(halves[on]), classes });
  return { accuracy, ece, logLoss: nll.mean };
}

const mean = (members: readonly Predicted[]) =>
  measure(
    members,
    members.map(() => 1 / members.length),
  );

/** Shares of three members, in tenths, each of one at least. */
const shares: readonly (readonly number[])[] = Array.from({ length: 8 }, (_, i) => i + 1).flatMap((first) =>
  Array.from({ length: 9 - first }, (_, i) => i + 1).map((second) => [
    first / 10,
    second / 10,
    (10 - first - second) / 10,
  ]),
);

/** By the shares of least log loss on the images to learn from. */
function weighted(members: readonly Predicted[]) {
  const losses = shares.map((each) => measure(members, each, undefined, 'learning').logLoss);
  return measure(members, shares[losses.indexOf(Math.min(...losses))]!);
}

function stacked(members: readonly Predicted[]) {
  const each = members.map(({ learning: probabilities }) => probabilities);
  const { factors, bias } = fitStack({ members: each, labels: labelsOf(halves.learning), classes });
  return measure(members, factors, bias);
}

/** The stack is learnt from what networks like the members say of training images that they have not seen. */
async function stackedOutOfFold(members: readonly Predicted[], seeds: readonly number[]) {
  const each: Float32Array[] = [];
  for (const seed of seeds) {
    const settings = settingsOf(seed, EPOCHS);
    each.push((await predictOutOfFold(taught, { network: NETWORK, settings, folds: FOLDS }))!);
  }
  const { factors, bias } = fitStack({ members: each, labels: taught.labels, classes });
  return measure(members, factors, bias);
}

/** Members have seeds of their own. */
const memberSeedsOf = (seed: number): number[] => Array.from({ length: MEMBERS }, (_, i) => 10 * seed + i);

/** All arms of a seed but the last. */
async function measureSeed(seed: number) {
  const memberSeeds = memberSeedsOf(seed);
  const short: Predicted[] = [];
  const long: Predicted[] = [];
  for (const each of memberSeeds) short.push(...(await train(each, EPOCHS / MEMBERS)));
  for (const each of memberSeeds) long.push(...(await train(each, EPOCHS)));
  const snapshots = await train(memberSeeds[0]!, EPOCHS, MEMBERS);
  return {
    'one network': mean(long.slice(0, 1)),
    'three of a third of the epochs, averaged': mean(short),
    'three of a third of the epochs, weighted': weighted(short),
    'three of a third of the epochs, stacked': stacked(short),
    'three snapshots of one run, averaged': mean(snapshots),
    'three snapshots of one run, weighted': weighted(snapshots),
    'three snapshots of one run, stacked': stacked(snapshots),
    'three at three times the cost, averaged': mean(long),
    'three at three times the cost, weighted': weighted(long),
    'three at three times the cost, stacked': stacked(long),
  };
}

/** The last arm of a seed. */
async function measureOutOfFold(seed: number) {
  const memberSeeds = memberSeedsOf(seed);
  const long: Predicted[] = [];
  for (const each of memberSeeds) long.push(...(await train(each, EPOCHS)));
  return { 'three at three times the cost, stacked out of fold': await stackedOutOfFold(long, memberSeeds) };
}
type Found = Awaited<ReturnType<typeof measureSeed>> & Awaited<ReturnType<typeof measureOutOfFold>>;

const runs: Found[] = [];
for (const seed of SEEDS) {
  const describe = (found: Partial<Found>): string =>
    Object.values(found)
      .map(({ accuracy }) => accuracy.toFixed(4))
      .join(' ');
  const most = await journal.resultOf(`seed ${seed}, weighted too`, () => measureSeed(seed), describe);
  const last = await journal.resultOf(`seed ${seed}, out of fold`, () => measureOutOfFold(seed), describe);
  if (most && last) runs.push({ ...most, ...last });
}
await engine.stop();
if (runs.length === SEEDS.length) {
  const [one] = runs as [Found];
  const results = (Object.keys(one) as (keyof Found)[]).map((arm) => {
    const of = (name: 'accuracy' | 'ece' | 'logLoss') => ofSeeds(runs.map((run) => run[arm][name]));
    const gain = ofSeeds(runs.map((run) => run[arm].accuracy - run['one network'].accuracy));
    return {
      arm,
      accuracy: of('accuracy'),
      ...(arm === 'one network' ? {} : { gain }),
      ece: of('ece'),
      logLoss: of('logLoss'),
    };
  });
  const command = 'node --import tsx scripts/short-runs/ensembles.ts';
  const settings = { network: 'dropout', examples: EXAMPLES, epochs: EPOCHS, seeds: SEEDS, measuredOn: half };
  mkdirSync('docs/results', { recursive: true });
  writeFileSync('docs/results/ensembles.json', `${JSON.stringify({ command, ...settings, results }, null, 2)}\n`);
  log('docs/results/ensembles.json is written');
} else {
  log('Not finished: the same command goes on');
}
