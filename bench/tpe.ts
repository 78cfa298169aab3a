// Our samplers against Optuna's on known functions, at equal trials: `selvedge bench tpe`. Not their speed: what they find.
// Invariant: the same seeds give the same figures on one engine; no value is left out.
import { SelvedgeError } from '../src/core/errors.ts';
import {
  createSampler,
  type Distribution,
  type ParameterValue,
  type SamplerSettings,
  samplerDefaults,
  type Trial,
} from '../src/experiments/index.ts';
import { platform } from '../src/platform/index.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { findPython, hasModules } from './peers/catalog.ts';
import { type Spread, shortNumber, spreadOf, spreadText } from './statistics.ts';
import { type KnownFunction, knownFunctions } from './tpe-functions.ts';

const SEEDS = 20;
const TRIALS = 60;
/** Trials after which the best so far is compared. */
const STAGES = [30, TRIALS] as const;

const ours: Readonly<Record<string, SamplerSettings>> = {
  random: samplerDefaults.random,
  tpe: samplerDefaults.tpe,
  'tpe multivariate': { ...samplerDefaults.tpe, multivariate: true },
};

/** Best values so far, by trial: a list a seed. */
type Runs = readonly (readonly number[])[];

interface Entrant {
  readonly program: string;
  readonly sampler: string;
  readonly runs: Readonly<Record<string, Runs>>;
}

export const tpe: Benchmark = {
  name: 'tpe',
  description: 'What our samplers find on known functions, against those of Optuna, at equal trials',
  usesModel: false,
  async run({ rounds: seeds = SEEDS, only, python, onProgress }) {
    const functions = wantedOf(knownFunctions, only);
    const entrants: Entrant[] = Object.entries(ours).map(([sampler, settings]) => {
      onProgress?.(`Selvedge, ${sampler}`);
      const runs = functions.map((one) => [one.name, runsOf(one, settings, seeds)] as const);
      return { program: 'Selvedge', sampler, runs: Object.fromEntries(runs) };
    });
    const interpreters = await findOptuna(python);
    for (const interpreter of interpreters) onProgress?.(`Optuna of ${interpreter}`);
    const theirs = await Promise.all(interpreters.map((interpreter) => runOptuna(interpreter, functions, seeds)));
    entrants.push(...theirs.flat());
    const results = functions.flatMap((one) => compare(one, entrants));
    const absent = interpreters.length === 0 ? ['Optuna is absent: apt-get install python3-optuna'] : [];
    return {
      json: { benchmark: 'tpe', seeds, trials: TRIALS, results },
      text: [
        `best value found, above the least: median (quartiles) of ${seeds} seeds; in brackets, how often a seed of Selvedge's tpe is better than one of theirs, and p of Mann and Whitney`,
        ...results.map(describeResult),
        ...absent,
      ].join('\n'),
    };
  },
};

/** Runs one of our samplers: the best value after each trial. */
export function runsOf({ evaluate }: KnownFunction, settings: SamplerSettings, seeds: number, count = TRIALS): Runs {
  const space = {
    resolve: () => {
      throw new SelvedgeError('bench/grid', 'Cannot search a known function by a grid');
    },
  };
  return Array.from({ length: seeds }, (_, seed) => {
    const sampler = createSampler(settings, { space, seed, direction: 'minimize' });
    const trials: Trial[] = [];
    const bests: number[] = [];
    for (let number = 0; number < count; number++) {
      const proposal = sampler.propose({ number, trials });
      const parameters: Record<string, ParameterValue> = {};
      const distributions: Record<string, Distribution> = {};
      const ask = (name: string, distribution: Distribution): ParameterValue => {
        distributions[name] = distribution;
        parameters[name] = proposal({ name, distribution });
        return parameters[name];
      };
      const value = evaluate({
        float: (name, low, high, log = false) => Number(ask(name, { kind: 'float', low, high, log })),
        integer: (name, low, high, step) => Number(ask(name, { kind: 'integer', low, high, log: false, step })),
        choice: (name, choices) => String(ask(name, { kind: 'choice', choices })),
      });
      bests.push(Math.min(value, bests.at(-1) ?? Number.POSITIVE_INFINITY));
      trials.push({ ...endedTrial, id: number, number, value, parameters, distributions });
    }
    return bests;
  });
}

const endedTrial = {
  state: 'complete',
  intermediateValues: new Map<number, number>(),
  userAttributes: {},
  systemAttributes: {},
  startedAt: undefined,
  completedAt: undefined,
} as const;

/** The interpreter that was named, and the first that has Optuna. */
async function findOptuna(named: string | undefined): Promise<string[]> {
  if (named !== undefined && !(await hasModules(named, ['optuna'])))
    throw new SelvedgeError('bench/python', `Cannot measure with "${named}": it is no Python that has optuna`);
  const found = await findPython(['optuna']);
  return [...new Set([found, named].filter((each) => each !== undefined))];
}

const theirSamplers = ['tpe', 'tpe multivariate'] as const;

/** All searches beside one another, since nothing is timed. */
async function runOptuna(python: string, functions: readonly KnownFunction[], seeds: number): Promise<Entrant[]> {
  const script = platform.files.fromUrl(new URL('./peers/tpe_optuna.py', import.meta.url));
  const search = async (name: string, sampler: string): Promise<{ version: string; runs: Runs }> => {
    const args = [script, name, sampler, String(TRIALS), String(seeds)];
    const { code, stdout, stderr } = await platform.runCommand(python, args);
    if (code === 0) return JSON.parse(stdout);
    const last = stderr.trim().split('\n').at(-1);
    throw new SelvedgeError('bench/python', `Cannot measure with "${python}": ${last}`);
  };
  return Promise.all(
    theirSamplers.map(async (sampler) => {
      const answers = await Promise.all(functions.map(({ name }) => search(name, sampler)));
      const runs = Object.fromEntries(functions.map(({ name }, i) => [name, answers[i]!.runs] as const));
      return { program: `Optuna ${answers[0]!.version}`, sampler, runs };
    }),
  );
}

interface Result {
  readonly function: string;
  readonly program: string;
  readonly sampler: string;
  readonly trials: number;
  readonly regret: Spread;
  readonly seeds: readonly number[];
  /** Absent in the row of our own tpe. */
  readonly againstOurs?: { readonly better: number; readonly p: number };
}

function compare({ name, minimum }: KnownFunction, entrants: readonly Entrant[]): Result[] {
  return STAGES.flatMap((trials) => {
    const regretsOf = ({ runs }: Entrant): number[] => runs[name]!.map((bests) => bests[trials - 1]! - minimum);
    const reference = regretsOf(entrants.find(({ sampler }) => sampler === 'tpe')!);
    return entrants.map((entrant) => {
      const { program, sampler } = entrant;
      const seeds = regretsOf(entrant);
      const isReference = program === 'Selvedge' && sampler === 'tpe';
      const compared = isReference ? {} : { againstOurs: superiority(reference, seeds) };
      return { function: name, program, sampler, trials, regret: spreadOf(seeds), seeds, ...compared };
    });
  });
}

/** Share of pairs in which the first is less, ties by half, and the two-sided p of Mann and Whitney by the normal approximation. */
export function superiority(
  a: readonly number[],
  b: readonly number[],
): { readonly better: number; readonly p: number } {
  let wins = 0;
  for (const x of a) for (const y of b) wins += x < y ? 1 : x === y ? 0.5 : 0;
  const pairs = a.length * b.length;
  const deviation = Math.sqrt((pairs * (a.length + b.length + 1)) / 12);
  const z = Math.abs(wins - pairs / 2) / deviation;
  return { better: wins / pairs, p: 2 * upperTail(z) };
}

/** Abramowitz and Stegun 26.2.17: within 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

export function describeResult({ function: name, program, sampler, trials, regret, againstOurs }: Result): string {
  const row = `${name.padEnd(12)} ${String(trials).padStart(4)} trials  ${`${program} ${sampler}`.padEnd(30)} ${spreadText(regret, shortNumber)}`;
  return againstOurs ? `${row}  [${againstOurs.better.toFixed(2)}, p ${againstOurs.p.toPrecision(2)}]` : row;
}
