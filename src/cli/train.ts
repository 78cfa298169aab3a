// selvedge train: train one model of a run, with checkpoints; go on where an earlier call was stopped. Here: options, and what they plan; not the
// training itself (training.ts).
import type { ArgsDef, ParsedArgs } from 'citty';
import { type Recipe, readRecipe, recipeNames } from '../experiments/index.ts';
import { type ModelName, modelNames } from '../models/index.ts';
import type { TrainingSettings } from '../queue/index.ts';
import { type EpochRecord, fitDefaults } from '../training/index.ts';
import { isGiven, usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { kindOfData, loadData } from './data.ts';
import { pictureOptions, readChoices } from './data-options.ts';
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
  wholeNumber,
} from './options.ts';
import { checkQueueOptions, queueOptions, verifyOption } from './queue-options.ts';
import { readRegime, regimeOptions } from './regime-options.ts';
import { findSource, readFreeze, requireOtherFolder, type Source, startingOptions } from './starting-point.ts';
import { chooseTeacher, distillationOptions, teacherOption } from './teacher.ts';
import { type PlannedTraining, trainPlanned } from './training.ts';

const MAX_SEED = 0xffff_ffff;

const trainOptions = {
  ...runOption,
  model: { type: 'enum', options: [...modelNames] as ModelName[], default: 'dropout', description: 'Network to train' },
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
  ...queueOptions,
  ...verifyOption,
} as const satisfies ArgsDef;

export type TrainArguments = ParsedArgs<typeof trainOptions>;

export const train = command({
  name: 'train',
  description: 'Train a model; an unfinished run goes on where it stopped',
  endsItself: true,
  args: trainOptions,
  async run(args, context, rawArgs) {
    checkQueueOptions(args);
    const planned = await planTraining(args, context, rawArgs);
    if (args.queue !== undefined) return trainThere(planned, args, context);
    const result = await trainPlanned(planned, context);
    const { status, updates, updatesNow, history } = result;
    const { folder } = planned;
    if (status === 'interrupted') {
      const resume = ['npx selvedge train', ...rawArgs].join(' ');
      return {
        json: { status, folder, updates, resume },
        text: `Stopped after update ${updates}; the same command goes on from there: ${resume}`,
        exitCode: exitCodes.interrupted,
      };
    }
    const last = history.at(-1)!;
    const length = lengthOf(planned.order);
    return {
      json: { status, folder, updates, updatesNow, ...last },
      text:
        updatesNow === 0
          ? `${folder} is trained for ${length} already; --again trains it anew`
          : `${folder}: ${length}, ${describeAccuracy(last)}`,
    };
  },
});

/** Has a worker train. */
async function trainThere(
  planned: PlannedTraining,
  args: TrainArguments,
  context: CommandContext,
): Promise<CommandOutput> {
  const { trainByQueue } = await import('./train-queue.ts');
  const { last, found } = await trainByQueue([planned], args, context);
  const { folder, order } = planned;
  return {
    json: { status: 'complete', folder, ...last[0], ...found.json },
    text: [`${folder}: ${lengthOf(order)}, ${describeAccuracy(last[0]!)}`, ...found.lines].join('\n'),
  };
}

const lengthOf = ({ recipe: { epochs } }: TrainingSettings): string => `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;

const describeAccuracy = ({ validationAccuracy, accuracy }: EpochRecord): string =>
  validationAccuracy === undefined
    ? `training accuracy ${accuracy.toFixed(4)}, nothing kept to validate`
    : `validation accuracy ${validationAccuracy.toFixed(4)}`;

/** Name of a model that starts from one without a name of its own. */
const FINE_TUNED = 'fine-tuned';

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
  if (args.recipe === undefined) {
    if (source && isGiven(rawArgs, 'model'))
      throw usageError('Options "--from" and "--model" exclude each other: the network is that of the model');
    return { name: source ? (source.model ?? FINE_TUNED) : args.model, recipe: recipeOf(args) };
  }
  const other = decidedByRecipe.find((name) => isGiven(rawArgs, name));
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

/** Options of what no worker of a queue has. */
const notQueued = ['from', 'teacher', 'checkpoint-every'] as const;

/**
 * What the options plan; nothing is read of the data, and no engine starts.
 *
 * @throws SelvedgeError `cli/usage`, `recipe/…`, `train/from`, `models/…`
 */
export async function planTraining(
  args: TrainArguments,
  context: CommandContext,
  rawArgs: readonly string[],
): Promise<PlannedTraining> {
  const { run, data, threads } = args;
  if (args.queue !== undefined) {
    const other = notQueued.find((option) => args[option] !== undefined);
    if (other !== undefined) throw usageError(`Options "--queue" and "--${other}" exclude each other`);
  }
  const source = args.from === undefined ? undefined : await findSource(args.from, context);
  const freeze = readFreeze(args.freeze, source);
  const { name, recipe } = await chooseRecipe(args, context, { rawArgs, source });
  const limit = wholeNumber('examples', args.examples);
  const order: TrainingSettings = {
    name,
    recipe: { ...recipe, epochs: wholeNumber('epochs', args.epochs) ?? recipe.epochs },
    isNamed: args.recipe !== undefined,
    augment: args.augment === true,
    seed: wholeNumber('seed', args.seed, 0, MAX_SEED) ?? fitDefaults.seed,
    ...(limit === undefined ? {} : { examples: limit }),
    exactConvolution: args['exact-conv'] === true,
  };
  const teacherAt = await chooseTeacher(args.teacher, name, recipe, context);
  const checkpointEvery = wholeNumber('checkpoint-every', args['checkpoint-every']);
  const folder = runFolder(context, run, name);
  if (source) requireOtherFolder(source, folder);
  checkThreads(threads);
  const request = { choices: await readChoices(args, context), storeFolder: dataFolder(context, run) };
  return {
    ...{ order, folder, threads, source, freeze, teacherAt, checkpointEvery },
    isUsual: (await kindOfData(context, data, request)) === 'fashion-mnist',
    load: () => loadData(context, data, request),
    isVerbose: (args as { verbose?: boolean }).verbose === true,
    again: args.again === true,
  };
}
