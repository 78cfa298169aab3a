// selvedge train: train one model of a run, with checkpoints; go on where an earlier call was stopped.

import { type BackendInfo, kernelsDigest } from '../backend/index.ts';
import type * as tf from '../backend/tfjs.ts';
import { withoutUndefined } from '../core/without-undefined.ts';
import { defaultAugmentation } from '../data/augmentation.ts';
import { placeDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { fashionMnistClassNames } from '../data/fashion-mnist.ts';
import type { LoadedData } from '../data/sources.ts';
import { type Split, splitTrainValidation } from '../data/split.ts';
import { type Recipe, readRecipe, recipeNames } from '../experiments/index.ts';
import { modelNames, saveModel, summarizeModel, weightsDigest } from '../models/index.ts';
import { platform } from '../platform/index.ts';
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
  fitDefaults,
  identityOf,
  openCheckpoints,
} from '../training/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command, exitCodes } from './command.ts';
import { kindOfData, loadData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { type Earlier, findEarlier, isFinished } from './earlier-run.ts';
import { configOf, usualConfig } from './network-for-data.ts';
import { optimizerOptions, readOptimizer, readSchedule } from './optimizer-options.ts';
import {
  checkThreads,
  dataFolder,
  dataOption,
  exactConvOption,
  numberFromZero,
  runFolder,
  runOption,
  threadsOption,
  useEngine,
  wholeNumber,
} from './options.ts';
import { showTraining } from './progress.ts';
import { readRegime, regimeOptions } from './regime-options.ts';
import { type RunSettings, removeResults, runPaths, writeHistory, writeJson } from './run-files.ts';
import {
  buildStart,
  choosePreprocessing,
  findSource,
  preprocessFor,
  readFreeze,
  type Source,
  startingOptions,
} from './starting-point.ts';
import { chooseTeacher, distillationOptions, loadTeacher, teacherOption } from './teacher.ts';

/** The study's split: scikit-learn's train_test_split(test_size=0.2, random_state=2023). */
export const studySplit = { testSize: 0.2, randomState: 2023 } as const;

const MAX_SEED = 0xffff_ffff;

interface Training {
  readonly folder: string;
  readonly model: tf.LayersModel;
  readonly settings: RunSettings;
  readonly loaded: LoadedData;
  /** Its training images, preprocessed. */
  readonly set: Dataset;
  readonly engine: BackendInfo;
  readonly checkpoints: CheckpointStore<FitState>;
  readonly checkpointEvery: number | undefined;
  readonly isVerbose: boolean;
  readonly teacher?: { readonly model: tf.LayersModel; readonly folder: string };
}

export const train = command({
  name: 'train',
  description: 'Train a model; an unfinished run goes on where it stopped',
  endsItself: true,
  args: {
    ...runOption,
    model: { type: 'enum', options: [...modelNames], default: 'dropout', description: 'Network to train' },
    recipe: {
      type: 'string',
      valueHint: 'name or file',
      description: `Network, regime and augmentation from a file, or one that ships: ${recipeNames.join(', ')}`,
    },
    epochs: { type: 'string', valueHint: 'count', description: `Epochs (default: ${fitDefaults.epochs})` },
    'batch-size': {
      type: 'string',
      valueHint: 'count',
      description: `Images an update (default: ${fitDefaults.batchSize})`,
    },
    ...optimizerOptions,
    ...regimeOptions,
    ...teacherOption,
    ...distillationOptions,
    seed: {
      type: 'string',
      valueHint: 'number',
      description: `Of weights, order and masks (default: ${fitDefaults.seed})`,
    },
    augment: {
      type: 'boolean',
      description: 'Flip, shift, rotate, scale, blemish with noise and erase parts of training images at random',
    },
    ...startingOptions,
    examples: { type: 'string', valueHint: 'count', description: 'Train on the first examples of the split only' },
    'checkpoint-every': {
      type: 'string',
      valueHint: 'updates',
      description: 'Checkpoints inside an epoch (default: at its end only)',
    },
    again: { type: 'boolean', description: 'Replace a finished run, or one with other settings' },
    ...dataOption,
    ...pictureOptions,
    ...exactConvOption,
    ...threadsOption,
  },
  async run(args, context, rawArgs) {
    const training = await prepare(args, context, rawArgs);
    const { folder, settings } = training;
    const earlier = await findEarlier(training, args.again === true, context);
    const { state } = earlier;
    if (state && !isFinished(earlier, settings))
      context.writeError(`Going on in epoch ${state.epoch}, after update ${state.updates}\n`);
    const result = await runTraining(training, context, earlier);
    if (result.status === 'interrupted') {
      const resume = ['npx selvedge train', ...rawArgs].join(' ');
      const { status, updates } = result;
      return {
        json: { status, folder, updates, resume },
        text: `Stopped after update ${updates}; the same command goes on from there: ${resume}`,
        exitCode: exitCodes.interrupted,
      };
    }
    // An earlier call may have been killed between its last checkpoint and its last line of history.
    await writeHistory(folder, result.history);
    await saveModel(training.model, runPaths.model(folder), metadataOf(training));
    const last = result.history.at(-1)!;
    const length = `${settings.epochs} ${settings.epochs === 1 ? 'epoch' : 'epochs'}`;
    return {
      json: { status: result.status, folder, updates: result.updates, updatesNow: result.updatesNow, ...last },
      text:
        result.updatesNow === 0
          ? `${folder} is trained for ${length} already; --again trains it anew`
          : `${folder}: ${length}, ${describeAccuracy(last)}`,
    };
  },
});

/** What is kept beside the weights. */
const metadataOf = ({ settings, loaded }: Training) => ({ settings, classNames: loaded.train.classNames });

const describeAccuracy = ({ validationAccuracy, accuracy }: EpochRecord): string =>
  validationAccuracy === undefined
    ? `training accuracy ${accuracy.toFixed(4)}, nothing kept to validate`
    : `validation accuracy ${validationAccuracy.toFixed(4)}`;

/** Name of a model that starts from one without a name of its own. */
const FINE_TUNED = 'fine-tuned';

type TrainArguments = Parameters<typeof train.run>[0];

/** Options that a recipe decides. */
const decidedByRecipe = [
  ...['model', 'batch-size', 'augment', 'preprocess'],
  ...Object.keys({ ...optimizerOptions, ...regimeOptions, ...distillationOptions }),
];

/** What to train and how: by a recipe, or by options, which are one too. */
async function chooseRecipe(
  args: TrainArguments,
  context: CommandContext,
  { rawArgs, source }: { readonly rawArgs: readonly string[]; readonly source: Source | undefined },
): Promise<{ readonly name: string; readonly recipe: Recipe }> {
  const isGiven = (name: string): boolean => rawArgs.some((raw) => raw === `--${name}` || raw.startsWith(`--${name}=`));
  if (args.recipe === undefined) {
    if (source && isGiven('model'))
      throw usageError('Options "--from" and "--model" exclude each other: the network is that of the model');
    return { name: source ? (source.model ?? FINE_TUNED) : args.model, recipe: recipeOf(args) };
  }
  const other = decidedByRecipe.find(isGiven);
  if (other !== undefined)
    throw usageError(`Options "--recipe" and "--${other}" exclude each other: write it into a recipe`);
  return readRecipe(args.recipe, context.cwd);
}

function recipeOf(args: TrainArguments): Recipe {
  const decay = numberFromZero('average', args.average, 1);
  return {
    network: { family: args.model },
    epochs: fitDefaults.epochs,
    batchSize: wholeNumber('batch-size', args['batch-size']) ?? fitDefaults.batchSize,
    optimizer: readOptimizer(args),
    schedule: readSchedule(args),
    labelSmoothing: numberFromZero('label-smoothing', args['label-smoothing'], 1) ?? fitDefaults.labelSmoothing,
    ...(decay === undefined ? {} : { averaging: { decay } }),
    ...readRegime(args),
    ...(args.preprocess === undefined ? {} : { preprocessing: args.preprocess }),
    validation: true,
  };
}

/** The study's split or that of other data, or all images to train on and none to validate. */
function splitOf({ train: { count }, split }: LoadedData, isValidated: boolean): Split {
  if (isValidated) return split ?? splitTrainValidation(count, studySplit);
  return { train: Int32Array.from({ length: count }, (_, i) => i), validation: new Int32Array() };
}

async function prepare(args: TrainArguments, context: CommandContext, rawArgs: readonly string[]): Promise<Training> {
  const { run, data, threads } = args;
  const source = args.from === undefined ? undefined : await findSource(args.from, context);
  const freeze = readFreeze(args.freeze, source);
  const { name, recipe } = await chooseRecipe(args, context, { rawArgs, source });
  const { network, validation: isValidated, augmentation, averaging, mixing, preprocessing: chosen, ...rest } = recipe;
  const isAugmented = augmentation !== undefined || args.augment === true;
  const isTaught = args.teacher !== undefined;
  const preprocessing = choosePreprocessing(chosen, source, { isAugmented, isTaught });
  const { classWeights, focalGamma, clipNorm, distillation, ...regime } = rest;
  const fitSettings: FitSettings = {
    ...regime,
    epochs: wholeNumber('epochs', args.epochs) ?? recipe.epochs,
    seed: wholeNumber('seed', args.seed, 0, MAX_SEED) ?? fitDefaults.seed,
    ...withoutUndefined({ averaging, mixing, classWeights, focalGamma, clipNorm, distillation }),
  };
  const teacherAt = await chooseTeacher(args.teacher, name, recipe, context);
  const limit = wholeNumber('examples', args.examples);
  const checkpointEvery = wholeNumber('checkpoint-every', args['checkpoint-every']);
  const folder = runFolder(context, run, name);
  const exactConvolution = args['exact-conv'] === true;
  checkThreads(threads);
  const request = { choices: await readChoices(args, context), storeFolder: dataFolder(context, run) };
  const isUsual = (await kindOfData(context, data, request)) === 'fashion-mnist';
  // Before anything is read, where that can be.
  if (isUsual) checkFitSettings(fitSettings, usualConfig.classes);
  const loading = loadData(context, data, request);
  const start = async () => {
    const engine = await useEngine(threads, exactConvolution);
    // Of Fashion-MNIST the shape is known: neither needs the other, and there is more than one core.
    const other = isUsual ? undefined : (await loading).train;
    const config = other ? configOf(other) : usualConfig;
    if (other) checkFitSettings(fitSettings, config.classes);
    const begun = await buildStart({
      ...{ network, keepsNetwork: args.recipe !== undefined, source, freeze, preprocessing, seed: fitSettings.seed },
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
  const { preparation } = loaded;
  const split = splitOf(loaded, isValidated);
  const examples = Math.min(limit ?? Number.POSITIVE_INFINITY, split.train.length);
  const { model, set } = await preprocessFor(begun, loaded.train, split.train.subarray(0, examples));
  const settings: RunSettings = {
    model: name,
    ...fitSettings,
    ...(teacher === undefined ? {} : { teacher: await weightsDigest(teacher) }),
    ...(args.recipe === undefined ? {} : { network }),
    augmentation: args.recipe === undefined ? args.augment === true : (augmentation ?? false),
    ...begun.settings,
    exactConvolution,
    examples,
    validationExamples: split.validation.length,
    splitSeed: loaded.split?.seed ?? studySplit.randomState,
    ...(preparation && { preparation }),
    data: loaded.source.files.map(({ sha256 }) => sha256),
    kernels: await kernelsDigest(),
    initialWeights: await weightsDigest(model),
  };
  const checkpoints = openCheckpoints<FitState>(folder);
  const isVerbose = (args as { verbose?: boolean }).verbose === true;
  const taught = teacher && teacherAt ? { teacher: { model: teacher, folder: teacherAt } } : {};
  return { folder, model, settings, loaded, set, engine, checkpoints, checkpointEvery, isVerbose, ...taught };
}

async function runTraining(training: Training, context: CommandContext, earlier: Earlier): Promise<FitResult> {
  const { folder, model, settings, loaded, set, engine, checkpoints, checkpointEvery, isVerbose, teacher } = training;
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
  const changes = settings.augmentation === true ? defaultAugmentation : settings.augmentation;
  const augmentation = changes ? { augmentation: { seed: settings.seed, settings: changes } } : {};
  const display = await showTraining(settings.model, context);
  let hasUpdated = false;
  const tellStart = (): void => {
    if (isVerbose && !hasUpdated) context.writeError(`${settings.model} ${describeStart()}\n`);
    hasUpdated = true;
  };
  try {
    return await fit(model, {
      training: resident.examples({ indices: split.train.subarray(0, settings.examples), ...augmentation }),
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
      onCycle: (cycle) => saveModel(model, runPaths.snapshot(folder, cycle), metadataOf(training)),
      onEpoch: async (record, history) => {
        display.epoch(record, settings.epochs);
        await writeHistory(folder, history);
        await writeConfig();
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
