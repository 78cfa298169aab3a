// The files of a run and their names. runs/<name>/ holds a study: a folder a model, the figures and the report.
//
//   runs/<name>/report.html, figures/*.svg, data/ (images of pictures, see ../data/stored-set.ts)
//   runs/<name>/<model>/measures/<measure>.json, snapshots/<cycle>/model.json, weights.bin
//   runs/<name>/<model>/config.json, history.jsonl, checkpoint-{0,1}.bin, model/model.json, model/weights.bin, evaluation.json
import type { BackendInfo } from '../backend/index.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { AugmentationSettings } from '../data/augmentation.ts';
import type { Preparation } from '../data/preparation.ts';
import type { PreprocessingName } from '../data/preprocessing.ts';
import type { ResamplingName } from '../data/resample.ts';
import type { DataSource } from '../data/sources.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { ModelSummary, NetworkSettings } from '../models/index.ts';
import { type Machine, platform } from '../platform/index.ts';
import {
  type AdamConfig,
  type EpochRecord,
  type Execution,
  type FitSettings,
  scheduleDefaults,
} from '../training/index.ts';
import type { StartedFrom } from './seen-images.ts';

/** What decides the weights of a run: equal for runs that end with the same weights. */
export interface RunSettings extends FitSettings {
  readonly model: string;
  /** Of a recipe; else its name says all. */
  readonly network?: NetworkSettings;
  /** sha256 of the weights of the teacher, if there is one. */
  readonly teacher?: string;
  /** True for the default one. */
  readonly augmentation: boolean | AugmentationSettings;
  /** Of the training examples, by the seed; default: each comes once. */
  readonly resampling?: ResamplingName;
  /** How images are changed, in training and ever after; default: not at all. */
  readonly preprocessing?: PreprocessingName;
  /** The model whose weights training starts from, and their digest; default: none. */
  readonly from?: StartedFrom;
  /** Layers whose weights stay; default: none. */
  readonly frozen?: readonly string[];
  /** No convolution by Winograd's algorithm. */
  readonly exactConvolution: boolean;
  /** Training examples, after the split and before resampling. */
  readonly examples: number;
  readonly validationExamples: number;
  readonly splitSeed: number;
  /** How a picture becomes an image of these data; absent for Fashion-MNIST, which has it in one way. */
  readonly preparation?: Preparation;
  /** sha256 of the data files. */
  readonly data: readonly string[];
  /** sha256 of the kernels: other kernels may round differently. */
  readonly kernels: string;
  /** sha256 of the weights that training starts from. */
  readonly initialWeights: string;
}

/** The same as version 0.1 kept it: Adam was the only optimiser, and its rate did not move. */
type EarlierSettings = Omit<RunSettings, 'optimizer' | 'schedule' | 'labelSmoothing' | 'exactConvolution'> & {
  readonly adam: Omit<AdamConfig, 'name'>;
};

/** config.json of a model in a run. */
export interface RunConfig {
  readonly settings: RunSettings;
  readonly source: DataSource;
  readonly summary: ModelSummary;
  /** Folder of the teacher, if there is one. */
  readonly teacherFolder?: string;
  readonly engine: BackendInfo;
  /** How the model was run; unknown until its training has started, and in runs of version 0.1. */
  readonly execution?: Execution | undefined;
  readonly machine: Machine;
  readonly runtime: { readonly name: string; readonly version: string };
  /** When the run was last worked on, ISO 8601. */
  readonly finishedAt: string;
}

/** What config.json says of any model in a run, of an ensemble too: which data it was made with. */
export interface Provenance {
  readonly settings: Pick<RunSettings, 'model' | 'data' | 'preparation'>;
  readonly source: DataSource;
}

/** A trained model of a run. */
export interface TrainedRun {
  readonly config: RunConfig;
  readonly history: readonly EpochRecord[];
}

const { files } = platform;

export const runPaths = {
  config: (folder: string) => files.join(folder, 'config.json'),
  history: (folder: string) => files.join(folder, 'history.jsonl'),
  model: (folder: string) => files.join(folder, 'model'),
  snapshots: (folder: string) => files.join(folder, 'snapshots'),
  snapshot: (folder: string, cycle: number) => files.join(folder, 'snapshots', `${cycle}`),
  evaluation: (folder: string) => files.join(folder, 'evaluation.json'),
  measures: (folder: string) => files.join(folder, 'measures'),
  report: (folder: string) => files.join(folder, 'report.html'),
  figure: (folder: string, name: string) => files.join(folder, 'figures', `${name}.svg`),
} as const;

export async function writeJson(path: string, value: unknown): Promise<void> {
  await files.write(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Removes the model and the evaluation of a run that is trained further or anew. */
export async function removeResults(folder: string): Promise<void> {
  await files.remove(runPaths.model(folder));
  await files.remove(runPaths.evaluation(folder));
}

/**
 * Makes sure that a run is shown and measured with the data it was trained on.
 *
 * @throws SelvedgeError `run/other-data`
 */
export function requireSameData(folder: string, { settings, source }: Provenance, found: DataSource): void {
  if (settings.data.join() === found.files.map(({ sha256 }) => sha256).join()) return;
  throw new SelvedgeError(
    'run/other-data',
    `Cannot use "${folder}" with the data of ${found.description}: it was trained on that of ${source.description}; ` +
      'name the same data by --data, or train again',
  );
}

/**
 * Reads what any model in a run was made with.
 *
 * @throws SelvedgeError `run/not-found` if there is none, `run/format`
 */
export async function readProvenance(folder: string): Promise<Provenance> {
  const config = await readText(runPaths.config(folder), 'train it first: selvedge train');
  return parse(folder, () => {
    const { settings, source } = JSON.parse(config) as Provenance;
    if (Array.isArray(settings.data) && Array.isArray(source.files)) return { settings, source };
    throw new TypeError('config.json does not say which data it was made with');
  });
}

/** Writes one line an epoch. */
export async function writeHistory(folder: string, history: readonly EpochRecord[]): Promise<void> {
  await files.write(runPaths.history(folder), history.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/**
 * Reads config and history of a model in a run.
 *
 * @throws SelvedgeError `run/not-found` if it was not trained, `run/format`
 */
export async function readRun(folder: string): Promise<TrainedRun> {
  const config = await readText(runPaths.config(folder), 'train it first: selvedge train');
  const history = await readText(runPaths.history(folder), 'finish its training first: selvedge train');
  return parse(folder, () => ({
    config: readConfig(config),
    history: history
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as EpochRecord),
  }));
}

function readConfig(text: string): RunConfig {
  const config = JSON.parse(text) as Omit<RunConfig, 'settings'> & { settings: RunSettings | EarlierSettings };
  const later = { schedule: scheduleDefaults.constant, labelSmoothing: 0, exactConvolution: false };
  if (!('adam' in config.settings)) return { ...config, settings: { ...later, ...config.settings } };
  const { adam, ...settings } = config.settings;
  return { ...config, settings: { ...later, ...settings, optimizer: { name: 'adam', ...adam } } };
}

/** Reads the evaluation of a model in a run; errors as `readRun`. */
export async function readEvaluation(folder: string): Promise<Evaluation> {
  const text = await readText(runPaths.evaluation(folder), 'evaluate it first: selvedge evaluate');
  return parse(folder, () => JSON.parse(text) as Evaluation);
}

/** Name of an ensemble in a run; it has no training of its own to report. */
export const ensembleName = 'ensemble';

/** Names of the models that were trained in a run: networks in the order they are known, then recipes by name. */
export async function modelsOfRun(folder: string, known: readonly string[]): Promise<string[]> {
  const present: string[] = [];
  for (const name of (await files.list(folder)).toSorted()) {
    if (name !== ensembleName && (await files.status(runPaths.config(files.join(folder, name))))) present.push(name);
  }
  return [...known.filter((name) => present.includes(name)), ...present.filter((name) => !known.includes(name))];
}

async function readText(path: string, advice: string): Promise<string> {
  if (!(await files.status(path))) throw new SelvedgeError('run/not-found', `Cannot find "${path}": ${advice}`);
  return files.readText(path);
}

function parse<T>(folder: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SelvedgeError(
      'run/format',
      `Cannot read the run in "${folder}": ${messageOf(error)}; remove the folder and train again`,
      {
        cause: error,
      },
    );
  }
}
