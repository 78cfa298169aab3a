// selvedge ensemble: several models as one, which evaluate, predict and export take like any other; trained already, or by a recipe.
// Not here: what the mean is (models/ensemble.ts). Invariant: members were trained on the same data, and are whole.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { placeDataset } from '../data/batches.ts';
import { subsetOf } from '../data/dataset.ts';
import { type PreprocessingName, preprocessDataset } from '../data/preprocessing.ts';
import type { LoadedData } from '../data/sources.ts';
import { splitTrainValidation } from '../data/split.ts';
import { type FittedStack, fitStack } from '../evaluation/stack.ts';
import { recipeNames } from '../experiments/index.ts';
import { averageModels, loadModel, saveModel, summarizeModel, weightsDigest } from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { loadRunData } from './data.ts';
import { untilInterrupted } from './interruption.ts';
import { dataFolder, dataOption, modelFolder, runFolder, runOption, threadsOption, useEngine } from './options.ts';
import { checkQueueOptions, queueOptions, verifyOption } from './queue-options.ts';
import type { QueueFindings } from './queue-run.ts';
import {
  ensembleName,
  type Provenance,
  type RunSettings,
  readProvenance,
  removeResults,
  requireSameData,
  runPaths,
  writeJson,
} from './run-files.ts';
import { startSawValidation } from './seen-images.ts';
import { preprocessingOf } from './starting-point.ts';
import { parseStep, step, words } from './step.ts';
import { planTraining, train } from './train.ts';
import type { PlannedTraining } from './training.ts';

/** A trained model. */
export interface Member {
  /** As the user named it. */
  readonly name: string;
  readonly folder: string;
  /** Folder of the model's files. */
  readonly files: string;
  readonly config: Provenance;
}

export const ensemble = command({
  name: 'ensemble',
  description: 'Make one model of several, trained already or by a recipe: the mean of their logits, or a learnt sum',
  takesList: true,
  endsItself: true,
  args: {
    member: {
      type: 'positional',
      required: false,
      description: 'Trained models as <run>/<model>, or snapshots as <run>/<model>@<cycle>, two or more; or --recipe',
    },
    ...runOption,
    recipe: {
      type: 'string',
      valueHint: 'name or file',
      description: `Train the members by it, in runs <run>-<seed>: ${recipeNames.join(', ')}, or a file`,
    },
    seeds: { type: 'string', valueHint: 'numbers', description: 'With --recipe: one of each member, such as 1,2,3' },
    epochs: { type: 'string', valueHint: 'count', description: "With --recipe: epochs (default: the recipe's)" },
    examples: {
      type: 'string',
      valueHint: 'count',
      description: 'With --recipe: train on the first examples of the split only',
    },
    again: { type: 'boolean', description: 'With --recipe: replace finished members, or ones with other settings' },
    weights: {
      type: 'string',
      valueHint: 'shares',
      description: 'Of each, such as 0.5,0.3,0.2 (default: all the same)',
    },
    stack: {
      type: 'boolean',
      description: 'Learn from the validation images how much each counts, and each class',
    },
    ...dataOption,
    ...threadsOption,
    ...queueOptions,
    ...verifyOption,
  },
  async run(args, context, rawArgs): Promise<CommandOutput> {
    const { _: given, run, weights, stack, data, threads, recipe } = args;
    const isStacked = stack === true;
    if (isStacked && weights !== undefined) throw usageError('Options "--stack" and "--weights" exclude each other');
    const seeds = readSeeds(args, given.length);
    checkQueueOptions(args);
    if (args.queue !== undefined && seeds === undefined)
      throw usageError(
        'Option "--queue" needs "--recipe" and "--seeds": members that are trained already need no workers',
      );
    const folder = runFolder(context, run, ensembleName);
    const shares = sharesOf(weights, (seeds ?? given).length);
    const calls = (seeds ?? []).map((seed) =>
      words({
        ...{ run: `${run}-${seed}`, recipe, seed, epochs: args.epochs, examples: args.examples, again: args.again },
        ...{ data, threads },
      }),
    );
    const planned: PlannedTraining[] = [];
    for (const words of calls) planned.push(await planTraining(parseStep(train, words), context, words));
    if (isStacked && planned[0]?.order.recipe.validation === false)
      throw new SelvedgeError(
        'ensemble/stack',
        `Cannot stack members of recipe "${recipe}": it trains on all images and keeps none to validate`,
      );
    const names = seeds ? planned.map(({ order: { name } }, i) => `${run}-${seeds[i]}/${name}`) : given;
    const plan: EnsemblePlan = { names, folder, isStacked, shares };
    if (args.queue !== undefined) {
      const { trainByQueue } = await import('./train-queue.ts');
      const { ensemble: made, found } = await trainByQueue(planned, args, context, plan);
      return describeEnsemble(made!, found);
    }
    for (const [i, call] of calls.entries()) {
      const { exitCode } = await step(train, call, context);
      if (exitCode === exitCodes.interrupted) return interrupted(rawArgs, names[i]!, folder);
    }
    return untilInterrupted(async () => {
      const members = await Promise.all(names.map((name) => findMember(name, context)));
      const load = (): Promise<LoadedData> => dataOf(members, context, data);
      return describeEnsemble(await makeEnsemble(members, { ...plan, threads, load }));
    }, context.signal);
  },
});

/** What is to be made, of members that may not be trained yet. */
export interface EnsemblePlan {
  readonly names: readonly string[];
  readonly folder: string;
  readonly isStacked: boolean;
  /** Of each, where nothing is learnt. */
  readonly shares: readonly number[];
}

/** What was made. */
export interface EnsembleMade {
  readonly folder: string;
  readonly members: readonly string[];
  readonly parameters: number;
  /** sha256 of the weights. */
  readonly weights: string;
  readonly stack?: FittedStack;
}

interface EnsembleOptions extends Omit<EnsemblePlan, 'names'> {
  readonly threads: string | undefined;
  /** Data to learn from, if something is learnt. */
  readonly load: () => Promise<LoadedData>;
}

/**
 * Makes one model of members, and its files.
 *
 * @throws SelvedgeError `run/other-data`, `ensemble/…`, `models/…`
 */
export async function makeEnsemble(
  members: readonly Member[],
  { folder, isStacked, shares: equal, threads, load }: EnsembleOptions,
): Promise<EnsembleMade> {
  const [{ config: first }] = members as [Member];
  for (const { folder: of, config } of members) requireSameData(of, config, first.source);
  const engine = await useEngine(threads);
  const models: tf.LayersModel[] = [];
  try {
    let classNames: unknown;
    const preprocessings: (PreprocessingName | undefined)[] = [];
    for (const member of members) {
      const { model, metadata } = await loadModel(member.files);
      models.push(model);
      classNames ??= metadata.classNames;
      preprocessings.push(preprocessingOf(metadata));
    }
    const preprocessing = sameOf(preprocessings);
    const digests = await Promise.all(models.map(weightsDigest));
    const stack = isStacked ? await learnStack(models, { members, preprocessing, data: await load() }) : undefined;
    const shares = stack?.factors ?? equal;
    const settings = {
      model: ensembleName,
      data: first.settings.data,
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(first.settings.preparation && { preparation: first.settings.preparation }),
      members: members.map(({ name, config }, i) => ({
        name,
        share: shares[i]!,
        weights: digests[i]!,
        settings: config.settings,
      })),
      ...(stack && { stack }),
    };
    const model = await averageModels(models, stack ? { stack } : { weights: shares });
    models.push(model);
    const summary = summarizeModel(model);
    const weightsOfAll = await weightsDigest(model);
    await removeResults(folder);
    await saveModel(model, runPaths.model(folder), { settings, classNames });
    await writeJson(runPaths.config(folder), {
      settings,
      source: first.source,
      summary,
      engine,
      machine: platform.machine(),
      runtime: platform.runtime,
      finishedAt: new Date().toISOString(),
    });
    const names = members.map(({ name }) => name);
    const parameters = summary.totalParameters;
    return { folder, members: names, parameters, weights: weightsOfAll, ...(stack && { stack }) };
  } finally {
    for (const model of models) model.dispose();
  }
}

function describeEnsemble(made: EnsembleMade, found?: QueueFindings): CommandOutput {
  const { folder, members, parameters, weights, stack } = made;
  return {
    json: { folder, members, parameters, weights, ...(stack && { stack }), ...found?.json },
    text: [
      `${folder}: ${members.length} members, ${parameters} parameters`,
      `weights ${weights}`,
      ...(stack ? [describeStack(stack)] : []),
      ...(found?.lines ?? []),
    ].join('\n'),
  };
}

function interrupted(rawArgs: readonly string[], member: string, folder: string): CommandOutput {
  const resume = ['npx selvedge ensemble', ...rawArgs].join(' ');
  return {
    json: { status: 'interrupted', folder, member, resume },
    text: `Stopped in ${member}; the same command goes on from there: ${resume}`,
    exitCode: exitCodes.interrupted,
  };
}

/** Seeds of members that are trained here; undefined where members are named. */
function readSeeds(args: EnsembleArguments, members: number): readonly string[] | undefined {
  const { recipe, seeds: text } = args;
  if (recipe === undefined) {
    const found = (['seeds', 'epochs', 'examples', 'again'] as const).find((option) => args[option] !== undefined);
    if (found !== undefined) throw usageError(`Option "--${found}" needs "--recipe"`);
    return undefined;
  }
  if (members > 0) throw usageError('Option "--recipe" got members beside it: expected one of them');
  const seeds = (text ?? '').split(',');
  if (seeds.length > 1 && new Set(seeds).size === seeds.length && seeds.every((seed) => /^(?:0|[1-9]\d*)$/.test(seed)))
    return seeds;
  throw usageError(`Option "--seeds" got "${text ?? ''}": expected two or more different numbers, such as 1,2,3`);
}

interface EnsembleArguments {
  readonly recipe?: string | undefined;
  readonly seeds?: string | undefined;
  readonly epochs?: string | undefined;
  readonly examples?: string | undefined;
  readonly again?: boolean | undefined;
}

const dataOf = ([first]: readonly Member[], context: CommandContext, data: string | undefined): Promise<LoadedData> =>
  loadRunData(context, data, first!.config.source, dataFolder(context, first!.name.split('/')[0]!));

interface Held {
  readonly members: readonly Member[];
  readonly preprocessing: PreprocessingName | undefined;
  readonly data: LoadedData;
}

/** Learns from images that no member was trained on: they have to have kept the same ones. */
async function learnStack(models: readonly tf.LayersModel[], { members, preprocessing, data }: Held) {
  const [{ folder, config }] = members as [Member];
  requireSameData(folder, config, data.source);
  const keptBy = members.map(({ config: { settings } }) => {
    const { validationExamples = 0, splitSeed } = settings as Partial<RunSettings>;
    return { validationExamples, splitSeed };
  });
  const [kept] = keptBy as [(typeof keptBy)[0]];
  const spoilt = members.find((member) => startSawValidation(member.config.settings));
  if (spoilt) {
    throw new SelvedgeError(
      'ensemble/stack',
      `Cannot stack "${spoilt.name}": what it started from was trained on images that it kept for validation`,
    );
  }
  members.forEach(({ name }, i) => {
    const { validationExamples, splitSeed } = keptBy[i]!;
    const isSame = validationExamples === kept.validationExamples && splitSeed === kept.splitSeed;
    if (validationExamples > 0 && isSame) return;
    throw new SelvedgeError(
      'ensemble/stack',
      `Cannot stack "${name}": expected members that kept the same validation images from training, got ${validationExamples} of split ${splitSeed}`,
    );
  });
  const { train, split } = data;
  const { validation } =
    split ?? splitTrainValidation(train.count, { testSize: kept.validationExamples, randomState: kept.splitSeed! });
  const raw = subsetOf(train, validation, 'validation');
  const set = preprocessing === undefined ? raw : preprocessDataset(raw, preprocessing);
  const resident = placeDataset(set);
  try {
    const probabilities = models.map((model) => {
      const predictor = createPredictor(model);
      try {
        return predictor.predictExamples(resident.examples(), 0, set.count);
      } finally {
        predictor.dispose();
      }
    });
    return fitStack({ members: probabilities, labels: set.labels, classes: set.classNames.length });
  } finally {
    resident.dispose();
  }
}

const describeStack = ({ factors, outOfFoldLoss, meanLoss }: FittedStack): string =>
  `factors ${factors.map((factor) => factor.toFixed(3)).join(', ')}; log loss of the validation images out of fold ` +
  `${outOfFoldLoss.toFixed(4)}, of the mean ${meanLoss.toFixed(4)}`;

/** Members see the same images. */
function sameOf(preprocessings: readonly (PreprocessingName | undefined)[]): PreprocessingName | undefined {
  const [first, ...others] = preprocessings;
  if (others.every((one) => one === first)) return first;
  const names = preprocessings.map((one) => one ?? 'none').join(' and ');
  throw new SelvedgeError(
    'ensemble/preprocessing',
    `Cannot average models: expected members of the same preprocessing, got ${names}`,
  );
}

function sharesOf(text: string | undefined, count: number): number[] {
  if (count < 2) throw usageError(`Command "ensemble" got ${count} member: expected two or more, as <run>/<model>`);
  if (text === undefined) return Array.from({ length: count }, () => 1 / count);
  const shares = text.split(',').map((share) => (share.trim() === '' ? Number.NaN : Number(share)));
  if (shares.length === count && shares.every((share) => share > 0 && Number.isFinite(share))) {
    const sum = shares.reduce((total, share) => total + share, 0);
    return shares.map((share) => share / sum);
  }
  throw usageError(`Option "--weights" got "${text}": expected ${count} numbers above 0 with commas between`);
}

async function findMember(name: string, context: CommandContext): Promise<Member> {
  const [, run, model, cycle] = /^([^/]+)\/([^/@]+)(?:@(\d+))?$/.exec(name) ?? [];
  if (!run || !model) {
    throw usageError(
      `Command "ensemble" got member "${name}": expected <run>/<model>, such as record/record-30, or <run>/<model>@<cycle>`,
    );
  }
  const folder = await modelFolder(context, run, model);
  const config = await readProvenance(folder);
  if (cycle === undefined) return { name, folder, files: runPaths.model(folder), config };
  const files = runPaths.snapshot(folder, Number(cycle));
  if (await platform.files.status(files)) return { name, folder, files, config };
  const kept = (await platform.files.list(runPaths.snapshots(folder))).join(', ') || 'none';
  throw new SelvedgeError(
    'ensemble/snapshot',
    `Cannot find snapshot ${cycle} of "${folder}": it keeps ${kept}; train with --schedule cosine --cycles`,
  );
}
