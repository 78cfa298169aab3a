// Families of networks beside each other, of about equal arithmetic: parameters, operations and training speed, and, where it is asked for,
// accuracy on the validation images after the same epochs and after the same minutes: `selvedge bench networks`.
// Not here: how trainings are timed (training-rounds.ts). Invariant: speeds are of rounds in turn; every training begins with the
// weights of seed 1 and follows one regime, that of recipe record-30 without averaged weights, its schedule cut to its epochs; one that was
// stopped goes on from runs/bench-networks/, one that was finished is not made again.
import type * as tf from '@tensorflow/tfjs';
import { kernelsDigest } from '../src/backend/index.ts';
import { sha256 } from '../src/core/sha256.ts';
import { type Dataset, placeDataset, type ResidentDataset, splitTrainValidation } from '../src/data/index.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { type Recipe, readRecipe } from '../src/experiments/index.ts';
import { buildNetwork, initializeWeights, type NetworkSettings, operationsPerImage } from '../src/models/index.ts';
import { platform } from '../src/platform/index.ts';
import { type FitState, fit, openCheckpoints } from '../src/training/index.ts';
import { alternate, disturbanceOf, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { type Spread, shortNumber, spreadOf, spreadText } from './statistics.ts';
import { trainingRounds } from './training-rounds.ts';

interface Entrant {
  readonly name: string;
  readonly network: NetworkSettings;
}

/** Each of 60 to 67 million operations an image, as resnet20 has. */
const entrants: readonly Entrant[] = [
  { name: 'plain', network: { family: 'plain', stem: 24, widths: [32, 128, 128], depth: 2 } },
  { name: 'residual', network: { family: 'residual', widths: [16, 32, 64], depth: 3 } },
  { name: 'squeeze', network: { family: 'residual', widths: [16, 32, 64], depth: 3, squeeze: 4 } },
  { name: 'preactivation', network: { family: 'preactivation', stem: 16, widths: [16, 32, 64], depth: 3 } },
  { name: 'wide', network: { family: 'preactivation', stem: 16, widths: [30, 60, 120], depth: 1 } },
  { name: 'depthwise', network: { family: 'depthwise', stem: 32, widths: [72, 144, 288], depth: 3 } },
  { name: 'densenet', network: { family: 'densenet', growth: 12, blocks: 3, depth: 4 } },
  { name: 'inception', network: { family: 'inception', stem: 24, widths: [48, 112, 208], depth: 2 } },
];

const ROUNDS = 5;
const ROUND_MS = 1_000;
const WARM_UP_MS = 500;
const SEED = 1;
const REGIME = 'record-30';
const FOLDER = 'runs/bench-networks';
const SPLIT = { testSize: 0.2, randomState: 2023 } as const;

/** A training to its end. */
interface TrainingOutcome {
  readonly epochs: number;
  /** Of training alone. */
  readonly minutes: number;
  readonly validationAccuracy: number;
}

interface NetworkResult extends Entrant {
  readonly parameters: number;
  readonly operationsPerImage: number;
  readonly imagesPerSecond: Spread;
  readonly afterEpochs?: TrainingOutcome;
  readonly afterMinutes?: TrainingOutcome;
}

export const networks: Benchmark = {
  name: 'networks',
  description: 'Families of networks of about equal arithmetic: size, training speed, accuracy',
  usesModel: false,
  async run({ engine, batchSize, data, rounds = ROUNDS, only, epochs, minutes, onProgress }) {
    const wanted = wantedOf(entrants, only);
    const { recipe } = await readRecipe(REGIME, '.');
    const regime = { ...recipe, batchSize: batchSize ?? recipe.batchSize };
    const { train, source } = await loadFashionMnist({ folder: data });
    const resident = placeDataset(train);
    const data256 = source.files.map(({ sha256: digest }) => digest);
    const study: Study = { resident, regime, data256, onProgress };
    try {
      const { results, disturbance } = await measureSpeeds(wanted, study, rounds);
      const trained: NetworkResult[] = [];
      for (const result of results) {
        const afterEpochs = epochs === undefined ? undefined : await trainToEnd(result, study, { epochs });
        const afterMinutes =
          minutes === undefined ? undefined : await trainToEnd(result, study, { minutes }, afterEpochs);
        trained.push({ ...result, ...(afterEpochs && { afterEpochs }), ...(afterMinutes && { afterMinutes }) });
      }
      const { batchSize: size } = regime;
      const { threads } = engine;
      return {
        json: {
          benchmark: 'networks',
          batchSize: size,
          threads,
          regime: REGIME,
          ...(epochs === undefined ? {} : { epochs }),
          ...(minutes === undefined ? {} : { minutes }),
          results: trained,
          data: { source: source.kind, isSample: source.isSample, images: train.count },
          disturbance,
        },
        text: [
          `networks, batch ${size}, ${threads} threads`,
          ...tableOf(trained),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      resident.dispose();
    }
  },
};

/** What all networks are trained on, and how. */
interface Study {
  readonly resident: ResidentDataset;
  readonly regime: Recipe;
  /** Digests of the files. */
  readonly data256: readonly string[];
  readonly onProgress: ((line: string) => void) | undefined;
}

/** The initial network, which the caller disposes. */
function build(network: NetworkSettings, { height, width, channels, classNames }: Dataset): tf.LayersModel {
  const model = buildNetwork(network, { inputShape: [height, width, channels], classes: classNames.length });
  initializeWeights(model, SEED);
  return model;
}

async function measureSpeeds(wanted: readonly Entrant[], { resident, regime, onProgress }: Study, rounds: number) {
  const built = wanted.map((entrant) => ({ ...entrant, model: build(entrant.network, resident.dataset) }));
  try {
    const runners = built.map(({ name, model }) => {
      const trainer = trainingRounds(model, resident.examples(), regime.batchSize);
      const timed = async (milliseconds: number) => {
        const { images, elapsedMs } = await trainer.round(milliseconds);
        return { value: (1000 * images) / elapsedMs };
      };
      return { name, round: () => timed(ROUND_MS), warmUp: () => timed(WARM_UP_MS) };
    });
    for (const { warmUp } of runners) await warmUp();
    const measured = await alternate(runners, {
      rounds,
      onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
    });
    const results = built.map(
      ({ name, network, model }, i): NetworkResult => ({
        name,
        network,
        parameters: model.countParams(),
        operationsPerImage: operationsPerImage(model),
        imagesPerSecond: spreadOf(valuesOf(measured[i]!)),
      }),
    );
    return { results, disturbance: disturbanceOf(measured) };
  } finally {
    for (const { model } of built) model.dispose();
  }
}

/** How long a network is trained. */
type Budget = { readonly epochs: number } | { readonly minutes: number };

/** Whole epochs of a budget at the speed that was measured, one at least. */
function epochsWithin(minutes: number, { imagesPerSecond }: NetworkResult, count: number): number {
  const images = splitTrainValidation(count, SPLIT).train.length;
  return Math.max(1, Math.floor((minutes * 60 * imagesPerSecond.median) / images));
}

/** Where a training of a budget keeps its checkpoints, and how many epochs it has: as many as when it began, whatever the speed is now. */
async function openTraining(result: NetworkResult, { resident, regime, data256 }: Study, budget: Budget) {
  const { files } = platform;
  const what = { network: result.network, regime, data256, kernels: await kernelsDigest(), budget };
  const digest = await sha256(JSON.stringify(what));
  const folder = files.resolve('.', FOLDER, `${result.name}-${digest.slice(0, 12)}`);
  const begun = files.join(folder, 'epochs.json');
  const planned = 'epochs' in budget ? budget.epochs : epochsWithin(budget.minutes, result, resident.dataset.count);
  const epochs = (await files.status(begun)) ? (JSON.parse(await files.readText(begun)) as number) : planned;
  await files.write(begun, `${epochs}\n`);
  return { epochs, identity: `${digest} ${epochs}`, checkpoints: openCheckpoints<FitState>(folder) };
}

/** Trains a new copy of a network, or goes on where it was stopped, and measures it after its last epoch; `known` if that has as many epochs. */
async function trainToEnd(
  result: NetworkResult,
  study: Study,
  budget: Budget,
  known?: TrainingOutcome,
): Promise<TrainingOutcome> {
  const { name, network } = result;
  const { resident, regime, onProgress } = study;
  const { network: _, validation: __, averaging: ___, augmentation, ...settings } = regime;
  const split = splitTrainValidation(resident.dataset.count, SPLIT);
  const changes = augmentation ? { augmentation: { seed: SEED, settings: augmentation } } : {};
  const { epochs, ...kept } = await openTraining(result, study, budget);
  if (known?.epochs === epochs) return known;
  const model = build(network, resident.dataset);
  try {
    const { history } = await fit(model, {
      training: resident.examples({ indices: split.train, ...changes }),
      validation: resident.examples({ indices: split.validation }),
      settings: { ...settings, epochs, seed: SEED },
      ...kept,
      onEpoch: ({ epoch, validationAccuracy }) =>
        onProgress?.(`${name}, epoch ${epoch} of ${epochs}: ${validationAccuracy!.toFixed(4)}`),
    });
    const { validationAccuracy } = history.at(-1)!;
    const seconds = history.reduce((sum, { imagesPerSecond }) => sum + split.train.length / imagesPerSecond, 0);
    return { epochs, minutes: seconds / 60, validationAccuracy: validationAccuracy! };
  } finally {
    model.dispose();
  }
}

const outcomeText = (outcome: TrainingOutcome | undefined): string[] =>
  outcome === undefined
    ? []
    : [
        `${outcome.validationAccuracy.toFixed(4)} (${outcome.epochs} ${outcome.epochs === 1 ? 'epoch' : 'epochs'}, ${outcome.minutes.toFixed(1)} min)`,
      ];

function tableOf(results: readonly NetworkResult[]): string[] {
  const head = [
    'network',
    'parameters',
    'MFLOP an image',
    'images/s of training',
    ...(results.some(({ afterEpochs }) => afterEpochs) ? ['validation after the epochs'] : []),
    ...(results.some(({ afterMinutes }) => afterMinutes) ? ['validation after the minutes'] : []),
  ];
  const rows = results.map((result) => [
    result.name,
    shortNumber(result.parameters),
    (result.operationsPerImage / 1e6).toFixed(1),
    spreadText(result.imagesPerSecond),
    ...outcomeText(result.afterEpochs),
    ...outcomeText(result.afterMinutes),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
