// Measures what helps where classes are uneven: training sets whose classes fall off exponentially, ten and a hundred to one, and each
// remedy, three seeds, on the study's validation images, which are nearly even. Writes docs/results/imbalance.json. Not the test set: nothing
// here is a result of the study.
//
//   node --import tsx scripts/short-runs/imbalance.ts [--minutes N]
//
// An interrupted call goes on from runs/imbalance.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import { shuffledIndices } from '../../src/core/philox.ts';
import { exampleOptionsOf } from '../../src/data/example-options.ts';
import { loadFashionMnist, type ResamplingName, resampleClasses, splitTrainValidation } from '../../src/data/index.ts';
import { buildNetwork, initializeWeights } from '../../src/models/index.ts';
import type { FitSettings } from '../../src/training/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, recallsOf, trainAndPredict } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
const RATIOS = [10, 100] as const;
const LARGEST_CLASS = 2000;
/** Images that a training sees, over all its epochs: as many, to whole epochs, whatever the remedy makes of the set. */
const IMAGES_SEEN = 20_000;

/** A training, by what it does about uneven classes. */
interface Arm {
  readonly resampling?: ResamplingName;
  readonly loss?: Pick<FitSettings, 'classWeights' | 'focalGamma' | 'logitAdjustment'>;
  /** Also divides the probabilities by the shares, which subtracts their logarithms from the logits (Menon et al. 2021), as this remedy. */
  readonly adjusted?: string;
}

const arms: Readonly<Record<string, Arm>> = {
  nothing: { adjusted: 'logit adjustment' },
  oversampling: { resampling: 'oversample' },
  undersampling: { resampling: 'undersample' },
  'class weights': { loss: { classWeights: 'balanced' } },
  'focal loss': { loss: { focalGamma: 2 } },
  'logit-adjusted loss': { loss: { logitAdjustment: 1 } },
};

const { train: set } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(set.count);
const labels = split.validation.map((index) => set.labels[index]!);
const classes = set.classNames.length;
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/imbalance.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

/** Counts that fall off exponentially, over classes in an order by the seed (Cui et al. 2019 have the classes' own). */
function unevenCounts(ratio: number, seed: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const [rank, label] of shuffledIndices(classes, { seed, epoch: 0 }).entries()) {
    counts[label] = Math.round(LARGEST_CLASS * ratio ** (-rank / (classes - 1)));
  }
  return counts;
}

/** Each probability divided by the share of its class. */
const adjust = (probabilities: Float32Array, shares: readonly number[]): Float32Array =>
  probabilities.map((probability, i) => probability / shares[i % classes]!);

/** Recalls of each class, as the model says and adjusted by the shares. */
async function measure({ resampling, loss = {} }: Arm, ratio: number, seed: number) {
  const uneven = unevenCounts(ratio, seed);
  const total = uneven.reduce((sum, count) => sum + count, 0);
  const shares = uneven.map((count) => count / total);
  const drawn = resampleClasses(split.train, set.labels, { counts: uneven, seed });
  const { resampling: options } = exampleOptionsOf({ resampling, seed });
  const indices = options ? resampleClasses(drawn, set.labels, options) : drawn;
  const model = buildNetwork({ family: 'dropout' }, { inputShape: [set.height, set.width, set.channels], classes });
  initializeWeights(model, seed);
  const epochs = Math.round(IMAGES_SEEN / indices.length);
  const probabilities = await trainAndPredict({
    ...{ model, training: set, indices, test: set, testIndices: split.validation },
    settings: { epochs, seed, ...loss },
  });
  model.dispose();
  return {
    ...{ examples: indices.length, epochs },
    plain: recallsOf(probabilities, labels, classes),
    adjusted: recallsOf(adjust(probabilities, shares), labels, classes),
  };
}

const balanced = (recalls: readonly number[]): number => recalls.reduce((sum, recall) => sum + recall, 0) / classes;
const worst = (recalls: readonly number[]): number => Math.min(...recalls);

/** Balanced accuracy and the worst class of each seed, and their gains. */
function summarize(recalls: readonly (readonly number[])[], baseline?: readonly (readonly number[])[]) {
  const gainOf = (measureOf: (each: readonly number[]) => number) =>
    ofSeeds(recalls.map((each, i) => measureOf(each) - measureOf(baseline![i]!)));
  return {
    seeds: recalls.map((each) => Number(balanced(each).toFixed(5))),
    balancedAccuracy: ofSeeds(recalls.map(balanced)),
    ...(baseline ? { gain: gainOf(balanced) } : {}),
    worstClass: ofSeeds(recalls.map(worst)),
    ...(baseline ? { worstClassGain: gainOf(worst) } : {}),
    recalls: recalls.map((each) => each.map((recall) => Number(recall.toFixed(4)))),
  };
}

const results: object[] = [];
let isWhole = true;
for (const ratio of RATIOS) {
  let baseline: (readonly number[])[] = [];
  for (const [remedy, arm] of Object.entries(arms)) {
    const runs: Awaited<ReturnType<typeof measure>>[] = [];
    for (const seed of SEEDS) {
      const run = `${ratio} to 1, ${IMAGES_SEEN} images, ${remedy}, seed ${seed}`;
      const found = await journal.resultOf(
        run,
        () => measure(arm, ratio, seed),
        ({ plain, adjusted }) => `${balanced(plain).toFixed(4)}, adjusted ${balanced(adjusted).toFixed(4)}`,
      );
      if (found) runs.push(found);
    }
    isWhole &&= runs.length === SEEDS.length;
    if (!isWhole) break;
    const recalls = runs.map(({ plain }) => plain);
    if (remedy === 'nothing') baseline = recalls;
    const { examples, epochs } = runs[0]!;
    const compared = remedy === 'nothing' ? undefined : baseline;
    results.push({ ratio, remedy, examples, epochs, ...summarize(recalls, compared) });
    if (arm.adjusted === undefined) continue;
    const adjusted = runs.map((each) => each.adjusted);
    results.push({ ratio, remedy: arm.adjusted, examples, epochs, ...summarize(adjusted, baseline) });
  }
}
await engine.stop();
if (isWhole) {
  const command = 'node --import tsx scripts/short-runs/imbalance.ts';
  const settings = { network: 'dropout', largestClass: LARGEST_CLASS, imagesSeen: IMAGES_SEEN, seeds: SEEDS };
  const counts = RATIOS.map((ratio) => ({ ratio, counts: SEEDS.map((seed) => unevenCounts(ratio, seed)) }));
  const rest = { validationExamples: labels.length, classNames: set.classNames, trainingCounts: counts, results };
  mkdirSync('docs/results', { recursive: true });
  writeFileSync('docs/results/imbalance.json', `${JSON.stringify({ command, ...settings, ...rest }, null, 2)}\n`);
  log('docs/results/imbalance.json is written');
} else {
  log('Not finished: the same command goes on');
}
