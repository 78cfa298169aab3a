// Tries Muon (Jordan et al. 2024) against SGD with Nesterov's momentum, as `record-30` has it: a small plain network, four epochs of 6,000
// images, accuracy on 3,000 of the study's validation images. Each rule's rate is chosen by seed 1, then three seeds. Writes
// docs/results/muon.json. Not an optimiser of the library: filters alone are orthogonalised, by tf.matMul, between the updates of `fit`.
//
//   node --import tsx scripts/short-runs/muon.ts [--minutes N]
//
// An interrupted call goes on from runs/muon.json; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnist, placeDataset, splitTrainValidation } from '../../src/data/index.ts';
import { buildNetwork, initializeWeights } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { fit, fitDefaults, type Schedule, scheduleFactor } from '../../src/training/index.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds } from './short-run.ts';

const NETWORK = { family: 'plain', stem: 8, widths: [16, 32], depth: 2 } as const;
const [EPOCHS, BATCH, EXAMPLES, TESTED] = [4, 128, 6000, 3000];
const SEEDS = [1, 2, 3] as const;
const RATES = { sgd: [0.03, 0.06, 0.12, 0.24], muon: [0.01, 0.02, 0.04, 0.08] } as const;
type Rule = keyof typeof RATES;
const MOMENTUM = 0.9;
const SGD = { name: 'sgd', momentum: MOMENTUM, nesterov: true, weightDecay: 0.0005 } as const;
const SCHEDULE: Schedule = { name: 'linear', warmUp: 0.2, start: 0.2, final: 0 };
/** Coefficients and steps of the quintic Newton-Schulz iteration that the author publishes. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
const STEPS = 5;
/** Of what SGD moves in either rule: all that is no filter. */
const OTHER_RATE = 0.06;

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const { train } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(train.count);
const journal = openJournal('runs/muon.json', minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });
const resident = placeDataset(train);

interface Outcome {
  readonly accuracy: number;
  /** Processor time of orthogonalising, as a share of the whole training's. */
  readonly share: number;
}

/** The nearest matrix with orthonormal rows or columns, about: the quintic iteration on [inputs, outputs]. */
function orthogonal(gradient: tf.Tensor): tf.Tensor2D {
  const columns = gradient.shape.at(-1)!;
  const flat = tf.reshape(gradient, [-1, columns]) as tf.Tensor2D;
  const isTall = flat.shape[0] > columns;
  let x = tf.div(flat, tf.add(tf.norm(flat), 1e-7)) as tf.Tensor2D;
  for (let step = 0; step < STEPS; step++) {
    // The smaller of both products.
    const square = isTall ? tf.matMul(x, x, true, false) : tf.matMul(x, x, false, true);
    const mixed = tf.add(tf.mul(square, B), tf.mul(tf.matMul(square, square), C)) as tf.Tensor2D;
    const turned = isTall ? tf.matMul(x, mixed) : tf.matMul(mixed, x);
    x = tf.add(tf.mul(x, A), turned);
  }
  return tf.mul(x, Math.sqrt(Math.max(1, flat.shape[0] / columns)));
}

/** Makes Muon's update of what `fit`, by SGD at rate 1 without momentum, has just taken: weights before less weights after are gradients. */
function createMuon(variables: readonly tf.Variable[], rate: number, updates: number) {
  const before: tf.Tensor[] = variables.map((variable) => tf.keep(variable.clone()));
  const velocities = variables.map((variable) => tf.keep(tf.zeros(variable.shape)));
  let update = 0;
  return {
    step(): void {
      const factor = scheduleFactor(SCHEDULE, update++, updates);
      variables.forEach((variable, i) => {
        const [next, velocity] = tf.tidy(() => {
          const isFilter = variable.rank === 4;
          const isKernel = variable.rank >= 2;
          const raw = tf.sub(before[i]!, variable);
          const decay = isKernel && !isFilter ? SGD.weightDecay : 0;
          const gradient = decay > 0 ? tf.add(raw, tf.mul(before[i]!, decay)) : raw;
          const moved = tf.add(tf.mul(velocities[i]!, MOMENTUM), gradient);
          const nesterov = tf.add(gradient, tf.mul(moved, MOMENTUM));
          const direction = isFilter ? tf.reshape(orthogonal(nesterov), variable.shape) : nesterov;
          const taken = (isFilter ? rate : OTHER_RATE) * factor;
          return [tf.sub(before[i]!, tf.mul(direction, taken)), moved];
        }) as [tf.Tensor, tf.Tensor];
        tf.dispose([before[i]!, velocities[i]!]);
        variable.assign(next);
        before[i] = tf.keep(next.clone());
        velocities[i] = tf.keep(velocity);
        next.dispose();
      });
    },
    dispose: () => tf.dispose([...before, ...velocities]),
  };
}

const processorMs = (): number => process.cpuUsage().user / 1000;

async function run(rule: Rule, rate: number, seed: number): Promise<Outcome> {
  const model = buildNetwork(NETWORK, { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, seed);
  const training = resident.examples({ indices: split.train.subarray(0, EXAMPLES) });
  const updates = EPOCHS * Math.ceil(EXAMPLES / BATCH);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const muon = rule === 'muon' ? createMuon(variables, rate, updates) : undefined;
  const regime = muon
    ? { optimizer: { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false } as const }
    : { optimizer: { ...SGD, learningRate: rate }, schedule: SCHEDULE };
  const begun = processorMs();
  let ownMs = 0;
  await fit(model, {
    training,
    settings: { ...fitDefaults, epochs: EPOCHS, batchSize: BATCH, seed, labelSmoothing: 0.1, ...regime },
    onProgress: () => {
      const start = processorMs();
      muon?.step();
      ownMs += processorMs() - start;
    },
  });
  const share = ownMs / (processorMs() - begun);
  muon?.dispose();
  const predictor = createPredictor(model, { batchSize: 250 });
  const tested = split.validation.subarray(0, TESTED);
  const probabilities = predictor.predictExamples(resident.examples({ indices: tested }), 0, TESTED);
  predictor.dispose();
  model.dispose();
  const hits = tested.filter((index, i) => {
    const row = probabilities.subarray(i * 10, (i + 1) * 10);
    return row.indexOf(row.reduce((most, value) => Math.max(most, value))) === train.labels[index];
  });
  return { accuracy: hits.length / TESTED, share };
}

const outcomeOf = (rule: Rule, rate: number, seed: number): Promise<Outcome | undefined> =>
  journal.resultOf(
    `${rule}, rate ${rate}, seed ${seed}`,
    () => run(rule, rate, seed),
    ({ accuracy, share }) => `${accuracy.toFixed(4)}, ${(100 * share).toFixed(1)}% of the time beside the plan`,
  );

/** The best rate by seed 1, and all seeds of it. */
async function measure(rule: Rule) {
  const tried: { readonly rate: number; readonly accuracy: number }[] = [];
  for (const rate of RATES[rule]) {
    const found = await outcomeOf(rule, rate, 1);
    if (!found) return undefined;
    tried.push({ rate, accuracy: found.accuracy });
  }
  const { rate } = tried.reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
  const outcomes: Outcome[] = [];
  for (const seed of SEEDS) {
    const found = await outcomeOf(rule, rate, seed);
    if (!found) return undefined;
    outcomes.push(found);
  }
  const seeds = outcomes.map(({ accuracy }) => accuracy);
  const share = outcomes.reduce((sum, outcome) => sum + outcome.share, 0) / outcomes.length;
  return { rule, tried, rate, seeds, accuracy: ofSeeds(seeds), shareOfProcessorTime: Number(share.toFixed(3)) };
}

const [sgd, muon] = [await measure('sgd'), await measure('muon')];
resident.dispose();
await engine.stop();
if (sgd && muon) {
  const gain = ofSeeds(muon.seeds.map((accuracy, i) => accuracy - sgd.seeds[i]!));
  const regime = { network: NETWORK, epochs: EPOCHS, examples: EXAMPLES, batchSize: BATCH, tested: TESTED };
  const command = 'node --import tsx scripts/short-runs/muon.ts';
  mkdirSync('docs/results', { recursive: true });
  writeFileSync('docs/results/muon.json', `${JSON.stringify({ command, ...regime, sgd, muon, gain }, null, 2)}\n`);
  log(`docs/results/muon.json is written: Muon gains ${(100 * gain.mean).toFixed(1)} points`);
} else {
  log('Not finished: the same command goes on');
}
