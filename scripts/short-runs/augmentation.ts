// Measures what each change of training images does for accuracy, and for which classes: one by one, all together, and mixup, on the whole
// training split, on 10,000 of its examples and on 2,400, 5% of it, three seeds, on the study's validation images. Writes docs/results/augmentation.json. Not the
// test set: nothing here is a result of the study.
//
//   node --import tsx scripts/short-runs/augmentation.ts [--minutes N]
//
// An interrupted call goes on from runs/augmentation.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import {
  type AugmentationSettings,
  defaultAugmentation,
  loadFashionMnist,
  splitTrainValidation,
} from '../../src/data/index.ts';
import { buildNetwork, initializeWeights } from '../../src/models/index.ts';
import type { FitSettings } from '../../src/training/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, recallsOf, trainAndPredict } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
/** Examples and epochs. */
const REGIMES = [
  { trainingExamples: 48_000, epochs: 6 },
  { trainingExamples: 10_000, epochs: 3 },
  { trainingExamples: 2_400, epochs: 10 },
] as const;

/** What an arm changes. */
interface Arm {
  readonly augmentation?: AugmentationSettings;
  readonly mixing?: NonNullable<FitSettings['mixing']>;
}

const { flip, shift, rotate, scale, noise, erase } = defaultAugmentation;
const still: AugmentationSettings = {
  flip: { ...flip, probability: 0 },
  shift: { ...shift, probability: 0 },
  rotate: { ...rotate, probability: 0 },
  scale: { ...scale, probability: 0 },
  noise: { ...noise, probability: 0 },
  erase: { ...erase, probability: 0 },
};
const alone = (change: Partial<AugmentationSettings>): Arm => ({ augmentation: { ...still, ...change } });

const arms: Readonly<Record<string, Arm>> = {
  none: {},
  flip: alone({ flip }),
  'alternating flip': alone({ flip: { ...flip, alternating: true } }),
  shift: alone({ shift }),
  crop: alone({ shift: { ...shift, probability: 1 } }),
  rotate: alone({ rotate }),
  scale: alone({ scale }),
  noise: alone({ noise }),
  erase: alone({ erase }),
  all: { augmentation: defaultAugmentation },
  mixup: { mixing: { mixupAlpha: 0.2, cutMixAlpha: 0, probability: 1 } },
};

const { train: set } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(set.count);
const labels = split.validation.map((index) => set.labels[index]!);
const { classNames } = set;
const support = classNames.map((_, label) => labels.filter((other) => other === label).length);
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const journal = openJournal('runs/augmentation.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

const accuracyOf = (recalls: readonly number[]): number =>
  recalls.reduce((sum, recall, label) => sum + recall * support[label]!, 0) / labels.length;

/** Recall of each class. */
async function measure({ augmentation, mixing }: Arm, examples: number, epochs: number, seed: number) {
  const model = buildNetwork(
    { family: 'dropout' },
    { inputShape: [set.height, set.width, set.channels], classes: classNames.length },
  );
  initializeWeights(model, seed);
  const probabilities = await trainAndPredict({
    ...{ model, training: set, indices: split.train.subarray(0, examples) },
    ...{ test: set, testIndices: split.validation },
    settings: { epochs, seed, ...(mixing ? { mixing } : {}) },
    ...(augmentation ? { augmentation } : {}),
  });
  model.dispose();
  return recallsOf(probabilities, labels, classNames.length);
}

/** Recalls of the three seeds, by regime and arm; undefined once the time is up. */
async function measureAll(): Promise<number[][][][] | undefined> {
  const byArm: number[][][][] = [];
  for (const [name, arm] of Object.entries(arms)) {
    const byRegime: number[][][] = [];
    for (const { trainingExamples, epochs } of REGIMES) {
      const recalls: number[][] = [];
      for (const seed of SEEDS) {
        const found = await journal.resultOf(
          `${trainingExamples} examples, ${epochs} epochs, ${name}, seed ${seed}`,
          () => measure(arm, trainingExamples, epochs, seed),
          (each) => accuracyOf(each).toFixed(4),
        );
        if (!found) return undefined;
        recalls.push(found);
      }
      byRegime.push(recalls);
    }
    byArm.push(byRegime);
  }
  return REGIMES.map((_, regime) => byArm.map((byRegime) => byRegime[regime]!));
}

function summarize(change: string, recalls: number[][], baseline: number[][]) {
  const ofClasses = (pick: (each: number[], label: number, seed: number) => number) =>
    classNames.map((_, label) => ofSeeds(recalls.map((each, seed) => pick(each, label, seed))));
  const seeds = recalls.map((each) => Number(accuracyOf(each).toFixed(5)));
  const classAccuracies = ofClasses((each, label) => each[label]!).map(({ mean }) => mean);
  const measured = { change, seeds, accuracy: ofSeeds(seeds), classAccuracies };
  if (change === 'none') return measured;
  return {
    ...measured,
    gain: ofSeeds(recalls.map((each, seed) => accuracyOf(each) - accuracyOf(baseline[seed]!))),
    classGains: ofClasses((each, label, seed) => each[label]! - baseline[seed]![label]!),
  };
}

const measured = await measureAll();
await engine.stop();
if (measured) {
  const results = REGIMES.flatMap(({ trainingExamples }, regime) =>
    Object.keys(arms).map((name, arm) => ({
      trainingExamples,
      ...summarize(name, measured[regime]![arm]!, measured[regime]![0]!),
    })),
  );
  const settings = { network: 'dropout', regimes: REGIMES, validationExamples: labels.length, seeds: SEEDS };
  const command = 'node --import tsx scripts/short-runs/augmentation.ts';
  mkdirSync('docs/results', { recursive: true });
  writeFileSync(
    'docs/results/augmentation.json',
    `${JSON.stringify({ command, ...settings, classNames, arms, results }, null, 2)}\n`,
  );
  log('docs/results/augmentation.json is written');
} else {
  log('Not finished: the same command goes on');
}
