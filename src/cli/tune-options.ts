// Options of selvedge tune, and how their text becomes the settings of a search. What does not belong to the chosen sampler or pruner is an
// error, not ignored.
import type { ArgsDef, ParsedArgs } from 'citty';
import {
  type PrunerSettings,
  prunerDefaults,
  type SamplerSettings,
  type StudySettings,
  samplerDefaults,
} from '../experiments/index.ts';
import { fitDefaults } from '../training/index.ts';
import { isGiven, usageError } from './arguments.ts';
import { pictureOptions } from './data-options.ts';
import { dataOption, exactConvOption, threadsOption, wholeNumber } from './options.ts';
import { queueOptions, verifyOption } from './queue-options.ts';

const MAX_SEED = 0xffff_ffff;

/** Trials of a study where nobody said how many. */
export const defaultTrials = 20;

export const tuneOptions = {
  space: {
    type: 'positional',
    required: false,
    description: 'JSON file of a recipe in which values may be ranges and choices',
  },
  run: {
    type: 'string',
    valueHint: 'name',
    description: 'Name of the study; it goes to runs/<name> (default: of the file)',
  },
  trials: { type: 'string', valueHint: 'count', description: `Trials in all (default: ${defaultTrials})` },
  sampler: {
    type: 'enum',
    options: Object.keys(samplerDefaults) as SamplerSettings['name'][],
    default: 'tpe',
    description: 'What chooses the values of a trial',
  },
  startup: {
    type: 'string',
    valueHint: 'count',
    description: `Random trials before tpe begins (default: ${samplerDefaults.tpe.startup})`,
  },
  multivariate: { type: 'boolean', description: 'Tpe estimates parameters together, not one by one' },
  points: {
    type: 'string',
    valueHint: 'count',
    description: `Values of a number in a grid (default: ${samplerDefaults.grid.points})`,
  },
  pruner: {
    type: 'enum',
    options: Object.keys(prunerDefaults) as PrunerSettings['name'][],
    default: 'halving',
    description: 'What ends a trial early',
  },
  'least-epochs': {
    type: 'string',
    valueHint: 'count',
    description: 'Epochs before a trial may be ended (default: 1)',
  },
  factor: {
    type: 'string',
    valueHint: 'count',
    description: `Of halving: one of so many trials goes on (default: ${prunerDefaults.halving.factor})`,
  },
  seed: {
    type: 'string',
    valueHint: 'number',
    description: `Of the sampler, and of every training (default: ${fitDefaults.seed})`,
  },
  examples: { type: 'string', valueHint: 'count', description: 'Train on the first examples of the split only' },
  again: { type: 'boolean', description: 'Replace a study' },
  batch: {
    type: 'string',
    valueHint: 'count',
    description: 'Trials that tpe proposes together, so that workers run them side by side (default: 1)',
  },
  ...queueOptions,
  ...verifyOption,
  journal: {
    type: 'string',
    valueHint: 'file',
    description: 'Run nothing: write the report of this journal beside it',
  },
  ...dataOption,
  ...pictureOptions,
  ...exactConvOption,
  ...threadsOption,
} as const satisfies ArgsDef;

export type TuneArguments = ParsedArgs<typeof tuneOptions>;
export type SearchSettings = Pick<StudySettings, 'sampler' | 'pruner' | 'seed' | 'batch'>;

/** Options of one sampler or pruner, which another has no use for. */
const owners: Readonly<Record<string, readonly string[]>> = {
  startup: ['tpe'],
  multivariate: ['tpe'],
  batch: ['tpe'],
  points: ['grid'],
  'least-epochs': ['median', 'halving'],
  factor: ['halving'],
};

/**
 * The search that was asked for.
 *
 * @throws SelvedgeError `cli/usage` on a value out of range and on an option of another sampler or pruner
 */
export function readSearchSettings(args: TuneArguments, rawArgs: readonly string[]): SearchSettings {
  for (const [option, names] of Object.entries(owners)) {
    if (names.includes(args.sampler) || names.includes(args.pruner)) continue;
    if (!isGiven(rawArgs, option)) continue;
    throw usageError(
      `Option "--${option}" does not go with --sampler ${args.sampler} --pruner ${args.pruner}: it is of ${names.join(', ')}`,
    );
  }
  const least = wholeNumber('least-epochs', args['least-epochs']) ?? 1;
  const samplers: Record<SamplerSettings['name'], SamplerSettings> = {
    random: samplerDefaults.random,
    grid: { name: 'grid', points: wholeNumber('points', args.points, 2) ?? samplerDefaults.grid.points },
    tpe: {
      ...samplerDefaults.tpe,
      startup: wholeNumber('startup', args.startup) ?? samplerDefaults.tpe.startup,
      multivariate: args.multivariate === true,
    },
  };
  const pruners: Record<PrunerSettings['name'], PrunerSettings> = {
    none: prunerDefaults.none,
    median: { ...prunerDefaults.median, warmUp: least },
    halving: {
      name: 'halving',
      minimum: least,
      factor: wholeNumber('factor', args.factor, 2) ?? prunerDefaults.halving.factor,
    },
  };
  const batch = wholeNumber('batch', args.batch) ?? 1;
  return {
    sampler: samplers[args.sampler],
    pruner: pruners[args.pruner],
    seed: wholeNumber('seed', args.seed, 0, MAX_SEED) ?? fitDefaults.seed,
    // Studies from before there were batches have none.
    ...(batch === 1 ? {} : { batch }),
  };
}
