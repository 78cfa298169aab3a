// One training of a run, from what was planned to its files: where it goes on, its checkpoints, history, config and model. Not here: options
// (train.ts), and who trains, this process or a worker of a queue (queue-handlers.ts). Invariant: equal plans on equal data end with equal weights.
import { type BackendInfo, kernelsDigest } from '../backend/index.ts';
import type * as tf from '../backend/tfjs.ts';
import { withoutUndefined } from '../core/without-undefined.ts';
import { placeDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { exampleOptionsOf } from '../data/example-options.ts';
import { fashionMnistClassNames } from '../data/fashion-mnist.ts';
import type { LoadedData } from '../data/sources.ts';
import { type Split, splitTrainValidation } from '../data/split.ts';
import { saveModel, summarizeModel, weightsDigest } from '../models/index.ts';
import { type Files, platform } from '../platform/index.ts';
import type { TrainingSettings } from '../queue/index.ts';
import {
  type CheckpointStore,
  checkFitSettings,
  describeExecution,
  type EpochRecord,
  type Execution,
  type FitResult,
  type FitSettings,
  type FitState,
  fit,
  identityOf,
  openCheckpoints,
} from '../training/index.ts';
import type { CommandContext } from './command.ts';
import { type Earlier, findEarlier, isFinished } from './earlier-run.ts';
import { configOf, usualConfig } from './network-for-data.ts';
import { useEngine } from './options.ts';
import { showTraining } from './progress.ts';
import { type RunSettings, removeResults, runPaths, writeHistory, writeJson } from './run-files.ts';
import { startSawValidation } from './seen-images.ts';
import { buildStart, choosePreprocessing, preprocessFor, type Source, type StartSettings } from './starting-point.ts';
import { loadTeacher } from './teacher.ts';

/** The study's split: scikit-learn's train_test_split(test_size=0.2, random_state=2023). */
export const studySplit = { testSize: 0.2, randomState: 2023 } as const;

/** A training before its data are there. */
export interface PlannedTraining {
  /** What a worker of a queue is told of it. */
  readonly order: TrainingSettings;
  /** Where its files go. */
  readonly folder: string;
  readonly threads: string | undefined;
  /** Whether the data are Fashion-MNIST: then the network is built while they are read. */
  readonly isUsual: boolean;
  readonly load: () => Promise<LoadedData>;
  readonly source?: Source | undefined;
  readonly freeze?: string | readonly string[] | undefined;
  /** Folder of the teacher's model. */
  readonly teacherAt?: string | undefined;
  /** Updates between checkpoints inside an epoch. */
  readonly checkpointEvery?: number | undefined;
  readonly isVerbose?: boolean;
  /** Replaces a finished run, or one with other settings. */
  readonly again?: boolean;
  /** Where checkpoints are; default: the platform's files, in the folder. */
  readonly checkpointFiles?: Files;
  /** Told of each epoch once its checkpoint is written. */
  readonly onEpoch?: ((record: EpochRecord, model: tf.LayersModel) => Promise<void>) | undefined;
}

interface Training {
  readonly folder: string;
  readonly checkpointEvery: number | undefined;
  readonly isVerbose: boolean;
  readonly onEpoch: PlannedTraining['onEpoch'];
  readonly model: tf.LayersModel;
  readonly settings: RunSettings;
  readonly loaded: LoadedData;
  /** Its training images, preprocessed. */
  readonly set: Dataset;
  readonly engine: BackendInfo;
  readonly checkpoints: CheckpointStore<FitState>;
  readonly teacher?: { readonly model: tf.LayersModel; readonly folder: string };
}

/** How a training ended. */
export interface Trained extends FitResult {
  /** sha256 of the weights. */
  readonly weights: string;
}

/**
 * Trains, or goes on where an earlier call was stopped; the files of the run are whole when it is complete.
 *
 * @throws SelvedgeError `run/other-settings`, and as `fit`
 */
export async function trainPlanned(planned: PlannedTraining, context: CommandContext): Promise<Trained> {
  const training = await prepare(planned, context);
  const { folder, model, settings, loaded, teacher } = training;
  try {
    const earlier = await findEarlier(training, planned.again === true, context);
    const { state } = earlier;
    if (state && !isFinished(earlier, settings))
      context.writeError(`Going on in epoch ${state.epoch}, after update ${state.updates}\n`);
    const result = await runTraining(training, context, earlier);
    if (result.status === 'complete') {
      // An earlier call may have been killed between its last checkpoint and its last line of history.
      await writeHistory(folder, result.history);
      await saveModel(model, runPaths.model(folder), { settings, classNames: loaded.train.classNames });
    }
    return { ...result, weights: await weightsDigest(model) };
  } finally {
    model.dispose();
    teacher?.model.dispose();
  }
}

/** Settings of the training itself. */
export function fitSettingsOf({ recipe, seed }: TrainingSettings): FitSettings {
  const { network: _, validation: __, augmentation: ___, preprocessing: ____, resampling: _____, ...regime } = recipe;
  const { averaging, mixing, classWeights, focalGamma, logitAdjustment, clipNorm, distillation, ...rest } = regime;
  return {
    ...rest,
    seed,
    ...withoutUndefined({ averaging, mixing, classWeights, focalGamma, logitAdjustment, clipNorm, distillation }),
  };
}

/** The study's split or that of other data, or all images to train on and none to validate. */
export function splitOf({ train: { count }, split }: LoadedData, isValidated = true): Split {
  if (isValidated) return split ?? splitTrainValidation(count, studySplit);
  return { train: Int32Array.from({ length: count }, (_, i) => i), validation: new Int32Array() };
}

/** Settings of a run, but for what its initial weights decide. */
export async function settingsOf(
  order: TrainingSettings,
  loaded: LoadedData,
  start: StartSettings = {},
): Promise<Omit<RunSettings, 'initialWeights'>> {
  const { name, recipe, isNamed, augment, examples: limit, exactConvolution } = order;
  const split = splitOf(loaded, recipe.validation);
  const { preparation } = loaded;
  return {
    model: name,
    ...fitSettingsOf(order),
    ...(isNamed ? { network: recipe.network } : {}),
    augmentation: isNamed ? (recipe.augmentation ?? false) : augment,
    ...withoutUndefined({ resampling: recipe.resampling }),
    ...start,
    exactConvolution,
    examples: Math.min(limit ?? Number.POSITIVE_INFINITY, split.train.length),
    validationExamples: split.validation.length,
    splitSeed: loaded.split?.seed ?? studySplit.randomState,
    ...(preparation && { preparation }),
    data: loaded.source.files.map(({ sha256 }) => sha256),
    kernels: await kernelsDigest(),
  };
}

async function prepare(planned: PlannedTraining, context: CommandContext): Promise<Training> {
  const { order, folder, threads, isUsual, source, freeze, teacherAt } = planned;
  const { recipe, isNamed, exactConvolution } = order;
  const fitSettings = fitSettingsOf(order);
  const isAugmented = recipe.augmentation !== undefined || order.augment;
  const preprocessing = choosePreprocessing(recipe.preprocessing, source, {
    isAugmented,
    isTaught: teacherAt !== undefined,
  });
  // Before anything is read, where that can be.
  if (isUsual) checkFitSettings(fitSettings, usualConfig.classes);
  const loading = planned.load();
  const start = async () => {
    const engine = await useEngine(threads, exactConvolution);
    // Of Fashion-MNIST the shape is known: neither needs the other, and there is more than one core.
    const other = isUsual ? undefined : (await loading).train;
    const config = other ? configOf(other) : usualConfig;
    if (other) checkFitSettings(fitSettings, config.classes);
    const begun = await buildStart({
      ...{ network: recipe.network, keepsNetwork: isNamed, source, freeze, preprocessing, seed: fitSettings.seed },
      imageShape: config.inputShape,
      classNames: other?.classNames ?? fashionMnistClassNames,
    });
    const teacher = teacherAt === undefined ? undefined : await loadTeacher(teacherAt, other);
    return { engine, begun, teacher };
  };
  const starting = start();
  const [{ engine, begun, teacher }, loaded] = await Promise.all([starting, loading]).catch((error: unknown) => {
    starting.then(({ begun: unused }) => unused.model.dispose()).catch(() => undefined);
    throw error;
  });
  for (const notice of begun.notices) context.writeError(`${notice}\n`);
  const taught = teacher === undefined ? {} : { teacher: await weightsDigest(teacher) };
  const known = await settingsOf(order, loaded, begun.settings);
  if (startSawValidation(known)) {
    context.writeError(
      'What training starts from was trained on some of the validation images: they do not validate it\n',
    );
  }
  const split = splitOf(loaded, recipe.validation);
  const { model, set } = await preprocessFor(begun, loaded.train, split.train.subarray(0, known.examples));
  const settings: RunSettings = { ...known, ...taught, initialWeights: await weightsDigest(model) };
  const { checkpointEvery, isVerbose = false, onEpoch } = planned;
  return {
    ...{ folder, checkpointEvery, isVerbose, onEpoch },
    model,
    settings,
    loaded,
    set,
    engine,
    checkpoints: openCheckpoints<FitState>(folder, planned.checkpointFiles ?? platform.files),
    ...(teacher && teacherAt ? { teacher: { model: teacher, folder: teacherAt } } : {}),
  };
}

async function runTraining(training: Training, context: CommandContext, earlier: Earlier): Promise<FitResult> {
  const { folder, model, settings, loaded, set, engine, checkpoints, checkpointEvery, isVerbose, teacher, onEpoch } =
    training;
  const { runtime } = platform;
  let execution: Execution | undefined;
  const config = {
    settings,
    source: loaded.source,
    summary: summarizeModel(model),
    ...(teacher ? { teacherFolder: teacher.folder } : {}),
    engine,
    machine: platform.machine(),
    runtime,
  };
  const writeConfig = (): Promise<void> =>
    writeJson(runPaths.config(folder), { ...config, execution, finishedAt: new Date().toISOString() });
  const resident = placeDataset(set);
  const isValidated = settings.validationExamples > 0;
  const split = splitOf(loaded, isValidated);
  const options = { indices: split.train.subarray(0, settings.examples), ...exampleOptionsOf(settings) };
  const display = await showTraining(settings.model, context);
  let hasUpdated = false;
  const tellStart = (): void => {
    if (isVerbose && !hasUpdated) context.writeError(`${settings.model} ${describeStart()}\n`);
    hasUpdated = true;
  };
  try {
    return await fit(model, {
      training: resident.examples(options),
      ...(isValidated ? { validation: resident.examples({ indices: split.validation }) } : {}),
      settings,
      identity: identityOf(settings),
      checkpoints,
      ...(teacher ? { teacher: teacher.model } : {}),
      ...(checkpointEvery ? { checkpointEvery } : {}),
      signal: context.signal,
      onReady: async () => {
        if (earlier.isReplaced) await checkpoints.clear();
        if (isFinished(earlier, settings)) return;
        if (earlier.state === undefined) await platform.files.remove(runPaths.snapshots(folder));
        // What an earlier, shorter or other run left does not belong to the weights of this one.
        await removeResults(folder);
        await writeConfig();
      },
      onStart: (chosen) => {
        execution = chosen;
        if (isVerbose) context.writeError(`${settings.model} runs ${describeExecution(chosen)}\n`);
      },
      onProgress: (progress) => {
        tellStart();
        display.step(progress);
      },
      onCycle: (cycle) =>
        saveModel(model, runPaths.snapshot(folder, cycle), { settings, classNames: loaded.train.classNames }),
      onEpoch: async (record, history) => {
        display.epoch(record, settings.epochs);
        await writeHistory(folder, history);
        await writeConfig();
        await onEpoch?.(record, model);
      },
    });
  } finally {
    display.stop();
    resident.dispose();
  }
}

/** How long the first update took to come, from the start of the process; `selvedge bench startup` reads it. */
function describeStart(): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
  return `made its first update after ${seconds(platform.now())}, ${seconds(platform.processorTime().ownMs)} of processor time`;
}
