// Tries a first convolution that whitens patches (as airbench has it, Jordan 2024) against one that learns: a small plain network whose first
// filters are the eigenvectors of 3x3 patches, both signs, over the roots of their eigenvalues; frozen, or as a start. Each arm's
// rate is chosen by seed 1, then three seeds; accuracy on 3,000 of the study's validation images. Writes docs/results/whitening.json.
//
//   node --import tsx scripts/short-runs/whitening.ts [--minutes N]
//
// An interrupted call goes on from runs/whitening.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnist, splitTrainValidation } from '../../src/data/index.ts';
import { eigenOf } from '../../src/evaluation/eigen.ts';
import { buildNetwork, freezeLayers, initializeWeights } from '../../src/models/index.ts';
import type { Schedule } from '../../src/training/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, trainAndTest } from './short-run.ts';

const SIDE = 3;
const TAPS = SIDE * SIDE;
const NETWORK = { family: 'plain', stem: 2 * TAPS, widths: [16, 32], depth: 2 } as const;
const STEM = 'stem_conv';
const [EPOCHS, BATCH, EXAMPLES, TESTED] = [4, 128, 6000, 3000];
/** Images whose patches are whitened, and what is added to their eigenvalues. */
const [WHITENED, EPSILON] = [5000, 5e-4];
const SEEDS = [1, 2, 3] as const;
const RATES = [0.06, 0.12, 0.24, 0.48] as const;
const ARMS = ['learnt', 'whitened, frozen', 'whitened, then learnt'] as const;
type Arm = (typeof ARMS)[number];
const SCHEDULE: Schedule = { name: 'linear', warmUp: 0.2, start: 0.2, final: 0 };

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const { train } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(train.count);
const journal = openJournal('runs/whitening.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });

/** Filters `[3, 3, 1, 18]` whose outputs on patches of training images, levels from 0 to 1, have the unit matrix as second moment, not centred. */
function whiteningFilters(): Float32Array {
  const { height, width, images } = train;
  const second = new Float64Array(TAPS * TAPS);
  const patch = new Float64Array(TAPS);
  let patches = 0;
  for (const index of split.train.subarray(0, WHITENED)) {
    for (let top = 0; top <= height - SIDE; top++) {
      for (let left = 0; left <= width - SIDE; left++) {
        for (let tap = 0; tap < TAPS; tap++) {
          const at = (top + Math.floor(tap / SIDE)) * width + left + (tap % SIDE);
          patch[tap] = images[index * height * width + at]! / 255;
        }
        for (let i = 0; i < TAPS; i++)
          for (let j = 0; j < TAPS; j++) second[i * TAPS + j] = second[i * TAPS + j]! + patch[i]! * patch[j]!;
        patches++;
      }
    }
  }
  const { values, vectors } = eigenOf(
    second.map((total) => total / patches),
    TAPS,
  );
  const filters = new Float32Array(TAPS * 2 * TAPS);
  for (let tap = 0; tap < TAPS; tap++) {
    for (let i = 0; i < TAPS; i++) {
      const value = vectors[tap * TAPS + i]! / Math.sqrt(values[i]! + EPSILON);
      filters[tap * 2 * TAPS + i] = value;
      filters[tap * 2 * TAPS + TAPS + i] = -value;
    }
  }
  return filters;
}
const filters = whiteningFilters();

async function run(arm: Arm, rate: number, seed: number): Promise<number> {
  const model = buildNetwork(NETWORK, { inputShape: [train.height, train.width, train.channels], classes: 10 });
  initializeWeights(model, seed);
  if (arm !== 'learnt') {
    const whitening = tf.tensor4d(filters, [SIDE, SIDE, 1, 2 * TAPS]);
    model.getLayer(STEM).setWeights([whitening]);
    whitening.dispose();
  }
  if (arm === 'whitened, frozen') freezeLayers(model, [STEM]);
  try {
    return await trainAndTest({
      model,
      training: train,
      indices: split.train.subarray(0, EXAMPLES),
      test: train,
      testIndices: split.validation.subarray(0, TESTED),
      settings: {
        ...{ epochs: EPOCHS, batchSize: BATCH, seed, labelSmoothing: 0.1, schedule: SCHEDULE },
        optimizer: { name: 'sgd', learningRate: rate, momentum: 0.9, nesterov: true, weightDecay: 0.0005 },
      },
    });
  } finally {
    model.dispose();
  }
}

const accuracyOf = (arm: Arm, rate: number, seed: number): Promise<number | undefined> =>
  journal.accuracyOf(`${arm}, rate ${rate}, seed ${seed}`, () => run(arm, rate, seed));

/** The best rate by seed 1, and all seeds of it; undefined once the time is up. */
async function measure(arm: Arm) {
  const tried: { readonly rate: number; readonly accuracy: number }[] = [];
  for (const rate of RATES) {
    const accuracy = await accuracyOf(arm, rate, 1);
    if (accuracy === undefined) return undefined;
    tried.push({ rate, accuracy });
  }
  const { rate } = tried.reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
  const seeds: number[] = [];
  for (const seed of SEEDS) {
    const accuracy = await accuracyOf(arm, rate, seed);
    if (accuracy === undefined) return undefined;
    seeds.push(accuracy);
  }
  return { arm, tried, rate, seeds, accuracy: ofSeeds(seeds) };
}

const found: NonNullable<Awaited<ReturnType<typeof measure>>>[] = [];
for (const arm of ARMS) {
  const measured = await measure(arm);
  if (measured) found.push(measured);
}
await engine.stop();
if (found.length === ARMS.length) {
  const [learnt, ...whitened] = found as [(typeof found)[number], ...typeof found];
  const gains = whitened.map(({ arm, seeds }) => ({
    arm,
    gain: ofSeeds(seeds.map((accuracy, i) => accuracy - learnt.seeds[i]!)),
  }));
  const regime = { network: NETWORK, epochs: EPOCHS, examples: EXAMPLES, batchSize: BATCH, tested: TESTED };
  const command = 'node --import tsx scripts/short-runs/whitening.ts';
  mkdirSync('docs/results', { recursive: true });
  writeFileSync(
    'docs/results/whitening.json',
    `${JSON.stringify({ command, ...regime, results: found, gains }, null, 2)}\n`,
  );
  for (const { arm, gain } of gains) log(`${arm}: ${(100 * gain.mean).toFixed(1)} points`);
} else {
  log('Not finished: the same command goes on');
}
