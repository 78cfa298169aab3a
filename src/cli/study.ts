// Gathers what the report of a run shows: plain values from the run's files and the data set.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { augmentBatch, defaultAugmentation } from '../data/augmentation.ts';
import { placeDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import type { DataSource, LoadedData } from '../data/sources.ts';
import { compareEvaluations } from '../evaluation/compare.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { modelNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import type { GrayImage } from '../report/png.ts';
import type { FigureInput } from '../report/study-figures.ts';
import type { ExploredSet, ReportModel, ReportPrediction, StudyReportInput } from '../report/study-report-input.ts';
import { choiceWords } from './data-options.ts';
import { gatherLimitations, imageAt } from './limitations.ts';
import { gatherRecommendations } from './recommendations.ts';
import { gatherExplanations } from './report-explanations.ts';
import { modelsOfRun, type RunConfig, readEvaluation, readRun, requireSameData, runPaths } from './run-files.ts';
import { settingRows } from './setting-rows.ts';
import { gatherUses } from './uses.ts';

const SAMPLES_OF_A_CLASS = 4;
const AUGMENTED_CLASSES = 5;
const AUGMENTED_VERSIONS = 6;

/** What the study says of a set before any training. */
export function exploreSet(set: Dataset): ExploredSet {
  const labelCounts = set.classNames.map(() => 0);
  const samples: GrayImage[][] = set.classNames.map(() => []);
  set.labels.forEach((label, index) => {
    labelCounts[label]!++;
    if (samples[label]!.length < SAMPLES_OF_A_CLASS) samples[label]!.push(imageAt(set, index));
  });
  return { count: set.count, labelCounts, samples };
}

/** What can be shown before any training. */
export function gatherExploration({ train, test, source, split }: LoadedData): FigureInput {
  const { height, width, channels, classNames } = train;
  const otherData = source.origin && {
    name: platform.files.basename(source.origin.path),
    imageShape: [height, width, channels] as const,
    split: split!.description,
  };
  return {
    classNames,
    training: exploreSet(train),
    test: exploreSet(test),
    models: [],
    ...(otherData && { otherData }),
  };
}

/** Where the data of the models of a run are from; undefined if none is trained. */
export async function sourceOfRun(folder: string): Promise<DataSource | undefined> {
  const [name] = await modelsOfRun(folder, modelNames);
  return name === undefined ? undefined : (await readRun(platform.files.join(folder, name))).config.source;
}

/**
 * Everything of a finished run. Needs a started backend.
 *
 * @throws SelvedgeError `run/not-found` if no model is trained, or one is not evaluated
 */
export async function gatherStudy(
  run: { readonly name: string; readonly folder: string },
  loaded: LoadedData,
): Promise<StudyReportInput> {
  const names = await modelsOfRun(run.folder, modelNames);
  if (names.length === 0) {
    throw new SelvedgeError(
      'run/not-found',
      `Cannot report on "${run.folder}": it holds no trained model; run selvedge train first`,
    );
  }
  const folders = names.map((name) => platform.files.join(run.folder, name));
  const runs = await Promise.all(folders.map(readRun));
  runs.forEach(({ config }, i) => {
    requireSameData(folders[i]!, config, loaded.source);
  });
  const evaluations = await Promise.all(folders.map(readEvaluation));
  const { settings, engine, machine, runtime, finishedAt } = runs.at(-1)!.config;
  const limitations = await gatherLimitations(folders.at(-1)!, settings.model, loaded);
  const uses = await gatherUses(folders.at(-1)!, loaded.source.origin !== undefined);
  const { source } = loaded;
  // They are of Fashion-MNIST.
  const recommendations = source.origin ? undefined : await gatherRecommendations();
  // Maps are of images as they are.
  const explained = runs.findLastIndex(
    ({ config }) => (config.settings.preprocessing ?? 'standardize') === 'standardize',
  );
  return {
    ...gatherExploration(loaded),
    runName: run.name,
    finishedAt,
    source: { name: source.description, isSample: source.isSample, files: source.files },
    split: { training: settings.examples, validation: settings.validationExamples, seed: settings.splitSeed },
    augmentation: showAugmentation(loaded.train),
    ...(explained < 0
      ? {}
      : {
          explanations: await gatherExplanations(runPaths.model(folders[explained]!), names[explained]!, loaded.test),
        }),
    ...(limitations ? { limitations } : {}),
    ...(recommendations ? { recommendations } : {}),
    ...(uses ? { uses } : {}),
    models: runs.map(({ config, history }, i) => reportModel(config, history, evaluations[i]!, loaded.test)),
    ...(evaluations.length >= 2 ? { comparison: compareEvaluations(evaluations[0]!, evaluations[1]!) } : {}),
    machine,
    runtime,
    backend: engine,
    versions: { selvedge: version, '@tensorflow/tfjs': engine.tfjs },
    commands: reproduction(run.name, runs.at(-1)!.config),
  };
}

/** The tasks whose results these are, or the commands behind them. */
function reproduction(runName: string, { settings, source: { origin } }: RunConfig): string[] {
  if (origin) {
    const given = [`--run ${runName} --data ${JSON.stringify(origin.path)}`, ...choiceWords(origin.choices)];
    const { epochs, augmentation } = settings;
    return [
      'npm ci',
      `npx selvedge study ${[...given, `--epochs ${epochs}`, ...(augmentation ? ['--augment'] : [])].join(' ')}`,
    ];
  }
  const task = { pipeline: 'pipeline', full: 'pipeline:full' }[runName];
  return task
    ? ['npm ci', `npm run ${task}`]
    : ['npm ci', `npx selvedge train --run ${runName}`, `npx selvedge report --run ${runName}`];
}

function reportModel(
  config: RunConfig,
  history: ReportModel['history'],
  evaluation: Evaluation,
  test: Dataset,
): ReportModel {
  const { settings, summary } = config;
  const shown = (indices: readonly number[]): ReportPrediction[] =>
    indices.map((index) => ({
      image: imageAt(test, index),
      trueLabel: evaluation.predictions.truth[index]!,
      predictedLabel: evaluation.predictions.label[index]!,
      probability: evaluation.predictions.probability[index]!,
    }));
  const trainingMs = history.reduce((sum, record) => sum + (record.durationMs ?? 0), 0);
  const rates = history
    .map((record) => (record as { imagesPerSecond?: number }).imagesPerSecond ?? 0)
    .sort((a, b) => a - b);
  return {
    name: settings.model,
    summary,
    settings: settingRows(config),
    history,
    evaluation,
    correct: shown(evaluation.firstCorrect),
    incorrect: shown(evaluation.firstIncorrect),
    trainingMs,
    imagesPerSecond: rates[Math.floor(rates.length / 2)] ?? 0,
  };
}

function showAugmentation(set: Dataset): NonNullable<StudyReportInput['augmentation']> {
  const originals = set.classNames.slice(0, AUGMENTED_CLASSES).map((_, label) => set.labels.indexOf(label));
  const resident = placeDataset(set);
  try {
    const rows = originals.map((index, label) => {
      const exampleIds = Int32Array.of(index);
      const augmented = Array.from({ length: AUGMENTED_VERSIONS }, (_, version) =>
        tf.tidy(() => {
          const { x } = resident.batch(exampleIds);
          const changed = augmentBatch(x, { seed: 1, epoch: version + 1, exampleIds, settings: defaultAugmentation });
          const pixels = Uint8Array.from(changed.dataSync<'float32'>(), (value) => Math.round(255 * value));
          return { width: set.width, height: set.height, channels: set.channels, pixels };
        }),
      );
      return { name: set.classNames[label]!, original: imageAt(set, index), augmented };
    });
    return { description: 'What train --augment does to images, at random in each epoch', rows };
  } finally {
    resident.dispose();
  }
}
