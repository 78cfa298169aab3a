// selvedge tune: search a space of recipes, trial by trial; go on where an earlier call was stopped.
//
//   runs/<name>/journal.jsonl   the study, in Optuna's journal-file format
//   runs/<name>/best.json       recipe of the best trial so far
//   runs/<name>/report.html
//   runs/<name>/trials/<n>/     checkpoints of the trial that runs
import { kernelsDigest } from '../backend/index.ts';
import { version } from '../core/version.ts';
import { placeDataset } from '../data/batches.ts';
import type { LoadedData } from '../data/sources.ts';
import { splitTrainValidation } from '../data/split.ts';
import {
  attributeNames,
  bestTrial,
  createSampler,
  type JournalFile,
  openJournal,
  readJournal,
  readSearchSpace,
  recipeOfTrial,
  type SearchSpace,
  type Study,
  type Trial,
  type TuneOptions,
  type TuneResult,
  trainTrial,
  tune as tuneStudy,
} from '../experiments/index.ts';
import { platform } from '../platform/index.ts';
import { withoutPasswords } from '../queue/address.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { loadData } from './data.ts';
import { readChoices } from './data-options.ts';
import { checkThreads, runFolder, useEngine, wholeNumber } from './options.ts';
import { showTraining } from './progress.ts';
import { checkQueueOptions } from './queue-options.ts';
import { writeJson } from './run-files.ts';
import { studySplit } from './training.ts';
import {
  defaultTrials,
  readSearchSettings,
  type SearchSettings,
  type TuneArguments,
  tuneOptions,
} from './tune-options.ts';
import { summarize, summaryText, type TuningSummary, writeTuningReport } from './tuning-report.ts';

const { files } = platform;

export const tune = command({
  name: 'tune',
  description: 'Search a space of recipes; an unfinished study goes on where it stopped',
  endsItself: true,
  args: tuneOptions,
  async run(args, context, rawArgs): Promise<CommandOutput> {
    if (args.journal !== undefined) {
      if (args.space !== undefined) throw usageError('Option "--journal" got a SPACE beside it: expected one of them');
      return reportJournal(args.journal, context);
    }
    if (args.space === undefined) throw usageError('Missing SPACE: expected a JSON file, or --journal FILE');
    const settings = readSearchSettings(args, rawArgs);
    const trials = wholeNumber('trials', args.trials) ?? defaultTrials;
    checkThreads(args.threads);
    const { name, space } = await readSearchSpace(args.space, context.cwd);
    const folder = runFolder(context, args.run ?? name);
    // A grid that is too large is told before anything is trained.
    createSampler(settings.sampler, { space, seed: settings.seed, direction: 'maximize' });
    const study = { name: args.run ?? name, folder, space, trials, settings };
    checkQueueOptions(args);
    return runStudy(study, args, context, rawArgs);
  },
});

/** A study before it runs. */
export interface PlannedStudy {
  readonly name: string;
  readonly folder: string;
  readonly space: SearchSpace;
  readonly trials: number;
  readonly settings: SearchSettings;
}

async function runStudy(
  planned: PlannedStudy,
  args: TuneArguments,
  context: CommandContext,
  rawArgs: readonly string[],
): Promise<CommandOutput> {
  const { name, folder, space, settings } = planned;
  const limit = wholeNumber('examples', args.examples);
  const isExact = args['exact-conv'] === true;
  // On a queue, workers start engines.
  const engine = args.queue === undefined ? useEngine(args.threads, isExact) : undefined;
  const request = { choices: await readChoices(args, context), storeFolder: files.join(folder, 'data') };
  const [loaded] = await Promise.all([loadData(context, args.data, request), engine]);
  const { train } = loaded;
  const split = loaded.split ?? splitTrainValidation(train.count, studySplit);
  const examples = Math.min(limit ?? Number.POSITIVE_INFINITY, split.train.length);
  const identity = {
    examples,
    validationExamples: split.validation.length,
    splitSeed: loaded.split?.seed ?? studySplit.randomState,
    exactConvolution: isExact,
    data: loaded.source.files.map(({ sha256 }) => sha256),
    kernels: await kernelsDigest(),
  };
  const path = files.join(folder, 'journal.jsonl');
  if (args.again) for (const file of [path, pathOfBest(folder), pathOfTrials(folder)]) await files.remove(file);
  const journal = await openJournal(path, `selvedge-${version}`);
  const command = withoutPasswords(['npx selvedge tune', ...rawArgs].join(' '));
  const common: Omit<TuneOptions, 'objective'> = {
    name,
    space,
    trials: planned.trials,
    settings: { ...settings, direction: 'maximize', objective: identity },
    journal,
    signal: context.signal,
    onTrial: async (trial, soFar) => {
      context.writeError(`${describeTrial(trial, soFar)}\n`);
      if (bestTrial(soFar)?.number === trial.number) await writeBest(folder, space, trial);
    },
  };
  const { status, study, found } = await (args.queue === undefined
    ? tuneHere(common, { folder, loaded, split, identity }, context)
    : tuneThere(common, { loaded, split, identity }, args, context));
  if (status === 'interrupted') return describeInterruption(study, folder, command);
  await files.remove(pathOfTrials(folder));
  const output = await describeStudy(study, { folder, journal, command, space });
  if (!found) return output;
  return { json: { ...(output.json as object), ...found.json }, text: `${output.text}\n${found.text}` };
}

/** What trials train on, and what says so. */
export interface TrialSource {
  readonly loaded: LoadedData;
  readonly split: { readonly train: Int32Array; readonly validation: Int32Array };
  readonly identity: {
    readonly examples: number;
    readonly validationExamples: number;
    readonly splitSeed: number;
    readonly exactConvolution: boolean;
    readonly data: readonly string[];
    readonly kernels: string;
  };
}

/** How a study went, and what there is to say beside it. */
export interface RanStudy extends TuneResult {
  readonly found?: CommandOutput & { readonly json: object };
}

/** Trains trials one after the other, in this process. */
async function tuneHere(
  common: Omit<TuneOptions, 'objective'>,
  { folder, loaded: { train }, split, identity }: TrialSource & { readonly folder: string },
  context: CommandContext,
): Promise<RanStudy> {
  const resident = placeDataset(train);
  try {
    return await tuneStudy({
      ...common,
      objective: async (trial) => {
        const display = await quietDisplay(`trial ${trial.number}`, context);
        try {
          return await trainTrial(trial, {
            data: { inputShape: [train.height, train.width, train.channels], classes: train.classNames.length },
            training: (options) =>
              resident.examples({ indices: split.train.subarray(0, identity.examples), ...options }),
            validation: resident.examples({ indices: split.validation }),
            seed: common.settings.seed,
            folder: await folderOfTrial(folder, trial.number),
            identity,
            signal: context.signal,
            onProgress: display.step,
          });
        } finally {
          display.stop();
        }
      },
    });
  } finally {
    resident.dispose();
  }
}

/** Has workers train trials. */
async function tuneThere(
  common: Omit<TuneOptions, 'objective'>,
  source: TrialSource,
  args: TuneArguments,
  context: CommandContext,
): Promise<RanStudy> {
  const { tuneByQueue } = await import('./tune-queue.ts');
  return tuneByQueue(common, source, args, context);
}

const pathOfBest = (folder: string): string => files.join(folder, 'best.json');
const pathOfTrials = (folder: string): string => files.join(folder, 'trials');

/** The folder of a trial's checkpoints; those of trials that have ended are removed. */
async function folderOfTrial(folder: string, number: number): Promise<string> {
  const trials = pathOfTrials(folder);
  for (const name of await files.list(trials))
    if (name !== String(number)) await files.remove(files.join(trials, name));
  return files.join(trials, String(number));
}

const writeBest = (folder: string, space: SearchSpace, trial: Trial): Promise<void> =>
  writeJson(pathOfBest(folder), recipeOfTrial(space, trial));

/** A live bar where there is a terminal, and no lines of epochs: a study has a line a trial. */
async function quietDisplay(name: string, context: CommandContext) {
  if (platform.terminal.isTerminal) return showTraining(name, context);
  return { step: () => {}, stop: () => {} };
}

function describeTrial(trial: Trial, study: Study): string {
  const { number, state, value, parameters, intermediateValues, userAttributes } = trial;
  const best = bestTrial(study);
  const epochs = intermediateValues.size;
  const values = Object.entries(parameters).map(([name, chosen]) => `${name} ${chosen}`);
  const error = userAttributes[attributeNames.error];
  return [
    `trial ${number} ${state}: ${value?.toFixed(4) ?? 'no value'} after ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
    `${(Number(userAttributes[attributeNames.duration]) / 60_000).toFixed(1)} min`,
    best ? `best ${best.value!.toFixed(4)} of trial ${best.number}` : 'none complete yet',
    ...values,
    ...(error === undefined ? [] : [String(error)]),
  ].join(', ');
}

function describeInterruption(study: Study, folder: string, resume: string): CommandOutput {
  const running = study.trials.find(({ state }) => state === 'running');
  const where = running ? `in trial ${running.number}` : `after ${study.trials.length} trials`;
  return {
    json: { status: 'interrupted', folder, trials: study.trials.length, resume },
    text: `Stopped ${where}; the same command goes on from there: ${resume}`,
    exitCode: exitCodes.interrupted,
  };
}

async function describeStudy(
  study: Study,
  place: {
    readonly folder: string;
    readonly journal: JournalFile;
    readonly command: string;
    readonly space: SearchSpace;
  },
): Promise<CommandOutput> {
  const { folder, journal, command: source, space } = place;
  const best = bestTrial(study);
  if (best) await writeBest(folder, space, best);
  const { path, minutes } = await writeTuningReport(study, folder, { command: source });
  const summary = summarize(study, minutes);
  const recipe = best ? pathOfBest(folder) : null;
  return {
    json: { status: 'complete', folder, journal: journal.path, ...summary, recipe, report: path },
    text: [summaryText(summary), ...(recipe === null ? [] : [`Recipe: ${recipe}`]), `Report: ${path}`].join('\n'),
  };
}

async function reportJournal(journal: string, context: CommandContext): Promise<CommandOutput> {
  const path = files.resolve(context.cwd, journal);
  const studies = await readJournal(path);
  const written: { name: string; summary: TuningSummary; report: string }[] = [];
  for (const study of studies) {
    const several = studies.length > 1 ? `-${study.id}` : '';
    const report = await writeTuningReport(study, files.dirname(path), {
      command: `npx selvedge tune --journal ${journal}`,
      file: `report${several}.html`,
    });
    written.push({ name: study.name, summary: summarize(study, report.minutes), report: report.path });
  }
  if (written.length === 0)
    throw usageError(`Option "--journal" got "${journal}": expected a journal with a study, got none`);
  return {
    json: { studies: written.map(({ name, summary, report }) => ({ name, ...summary, report })) },
    text: written.map(({ name, summary, report }) => `${name}: ${summaryText(summary)}\nReport: ${report}`).join('\n'),
  };
}
