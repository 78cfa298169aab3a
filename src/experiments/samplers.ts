// Samplers: which values a trial tries, given the trials before it. Not here: the estimate behind TPE (parzen.ts).
// Invariant: what a trial tries is a function of (settings, seed, number of the trial, trials that have ended), so a study that was
// stopped goes on as if it had not been.
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, type Philox, randomStreams, shuffledIndices } from '../core/philox.ts';
import type { Direction, Trial } from './journal.ts';
import { type Distribution, fromInternal, isSingle, type ParameterValue, toInternal, valueAt } from './parameter.ts';
import { createParzenEstimator } from './parzen.ts';
import type { Parameter, SearchSpace } from './search-space.ts';

export type SamplerSettings =
  | { readonly name: 'random' }
  /** Every combination of `points` values a number, and all values of a choice, in a drawn order. */
  | { readonly name: 'grid'; readonly points: number }
  /**
   * Tree-structured Parzen estimators. `startup` trials are drawn at random; of each later one, the best of `candidates` draws is taken.
   * `multivariate` estimates the parameters that all trials have together, not one by one.
   */
  | { readonly name: 'tpe'; readonly startup: number; readonly candidates: number; readonly multivariate: boolean };

/** Optuna's defaults, of release 3.1. */
export const samplerDefaults = {
  random: { name: 'random' },
  grid: { name: 'grid', points: 3 },
  tpe: { name: 'tpe', startup: 10, candidates: 24, multivariate: false },
} as const satisfies Record<SamplerSettings['name'], SamplerSettings>;

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Schema of the settings of a sampler. */
export const samplerSchema: v.GenericSchema<SamplerSettings> = v.variant('name', [
  v.strictObject({ name: v.literal('random') }),
  v.strictObject({ name: v.literal('grid'), points: v.pipe(count, v.minValue(2)) }),
  v.strictObject({ name: v.literal('tpe'), startup: count, candidates: count, multivariate: v.boolean() }),
]);

/** What a trial is proposed from. */
export interface Situation {
  /** Number of the trial. */
  readonly number: number;
  /** Of its study, up to it; those that run are passed over. */
  readonly trials: readonly Trial[];
}

/** Chooses the values of one trial. */
export type Proposal = (parameter: Parameter) => ParameterValue;

export interface Sampler {
  /** Trials after which there is nothing left to try. */
  readonly limit: number;
  propose(situation: Situation): Proposal;
}

export interface SamplerOptions {
  readonly space: Pick<SearchSpace, 'resolve'>;
  /** Integer from 0 to 2^32 - 1. */
  readonly seed: number;
  readonly direction: Direction;
}

/** Combinations that a grid may have. */
const MOST_COMBINATIONS = 100_000;
/** Share of the trials that count as good, and how many at most. */
const GOOD_SHARE = 0.1;
const MOST_GOOD = 25;
/** Gains that differ by less are equal, as those of two widths often are, and the first drawn wins: the last bit of an engine decides nothing. */
const TIE = 1e-9;

/**
 * Makes a sampler.
 *
 * @throws SelvedgeError `sampler/too-many` for a grid of more than 100,000 combinations
 * @example
 * ```ts
 * import { createSampler, samplerDefaults } from 'selvedge';
 * const rate = { name: 'rate', distribution: { kind: 'float', low: 0.001, high: 1, log: true } } as const;
 * const space = { resolve: () => { throw new Error('a grid asks for it'); } };
 * const sampler = createSampler(samplerDefaults.tpe, { space, seed: 1, direction: 'maximize' });
 * const value = Number(sampler.propose({ number: 0, trials: [] })(rate));
 * console.assert(value >= 0.001 && value <= 1);
 * ```
 */
export function createSampler(settings: SamplerSettings, options: SamplerOptions): Sampler {
  const { space, seed, direction } = options;
  switch (settings.name) {
    case 'random':
      return {
        limit: Number.POSITIVE_INFINITY,
        propose: ({ number }) => {
          const draws = drawsOf(seed, number);
          return ({ distribution }) => valueAt(distribution, uniform(draws));
        },
      };
    case 'grid': {
      const combinations = enumerate(space, settings.points);
      const order = shuffledIndices(combinations.length, { seed, epoch: 0 });
      return {
        limit: combinations.length,
        propose: ({ number }) => {
          const values = combinations[order[number % order.length]!]!;
          return ({ name }) => values[name]!;
        },
      };
    }
    case 'tpe':
      return {
        limit: Number.POSITIVE_INFINITY,
        propose: ({ number, trials }) => {
          const ended = trials.filter(({ state }) => state === 'complete' || state === 'pruned');
          const draws = drawsOf(seed, number);
          if (ended.length < settings.startup) return ({ distribution }) => valueAt(distribution, uniform(draws));
          const split = splitTrials(ended, direction);
          const together = settings.multivariate ? sampleTogether(split, settings.candidates, draws) : {};
          return (parameter) =>
            together[parameter.name] ?? sample([parameter], split, settings.candidates, draws)[parameter.name]!;
        },
      };
  }
}

const drawsOf = (seed: number, number: number): Philox =>
  createPhilox({ seed, stream: randomStreams.tuning, substream: [number] });

/** 48 bits: the 24 of one draw would show on a logarithmic scale. */
const uniform = (draws: Philox): number => draws.nextUniform() + draws.nextUniform() / 0x1000000;

interface Split {
  readonly good: readonly Trial[];
  readonly rest: readonly Trial[];
}

/** The best tenth of the trials, and the others, both from the oldest. Those that were cut short count by how far they came. */
function splitTrials(trials: readonly Trial[], direction: Direction): Split {
  const sign = direction === 'maximize' ? -1 : 1;
  const rank = ({ state, value, intermediateValues }: Trial): [number, number] => {
    if (state === 'complete') return [Number.NEGATIVE_INFINITY, sign * (value ?? Number.NaN)];
    const last = [...intermediateValues].reduce<[number, number] | undefined>(
      (latest, entry) => (latest === undefined || entry[0] > latest[0] ? entry : latest),
      undefined,
    );
    return last ? [-last[0], sign * last[1]] : [1, 0];
  };
  const ranked = trials.map((trial) => ({ trial, rank: rank(trial) }));
  // NaN after all numbers: `<` and `>` are false for it.
  const compare = (a: number, b: number): number =>
    a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  ranked.sort(
    (a, b) => compare(a.rank[0], b.rank[0]) || compare(a.rank[1], b.rank[1]) || a.trial.number - b.trial.number,
  );
  const goodCount = Math.min(Math.ceil(GOOD_SHARE * trials.length), MOST_GOOD);
  const byAge = (part: typeof ranked): Trial[] => part.map(({ trial }) => trial).sort((a, b) => a.number - b.number);
  return { good: byAge(ranked.slice(0, goodCount)), rest: byAge(ranked.slice(goodCount)) };
}

/** The parameters that all trials have, sampled as one point. */
function sampleTogether(split: Split, candidates: number, draws: Philox): Record<string, ParameterValue> {
  const trials = [...split.good, ...split.rest];
  const [first] = trials;
  if (!first) return {};
  const common = Object.keys(first.parameters)
    .filter((name) => trials.every(({ parameters }) => Object.hasOwn(parameters, name)))
    .map((name) => ({ name, distribution: first.distributions[name]! }));
  return common.length === 0 ? {} : sample(common, split, candidates, draws);
}

/** The draw from what good trials chose that the others most rarely chose. */
function sample(
  parameters: readonly Parameter[],
  { good, rest }: Split,
  candidates: number,
  draws: Philox,
): Record<string, ParameterValue> {
  const searched = parameters.filter(({ distribution }) => !isSingle(distribution));
  const single = parameters.filter(({ distribution }) => isSingle(distribution));
  const result = Object.fromEntries(single.map(({ name, distribution }) => [name, valueAt(distribution, 0)]));
  if (searched.length === 0) return result;
  const estimate = (trials: readonly Trial[]) => createParzenEstimator(observe(searched, trials));
  const [ofGood, ofRest] = [estimate(good), estimate(rest)];
  let best: { readonly point: readonly number[]; readonly gain: number } | undefined;
  for (let i = 0; i < candidates; i++) {
    const point = ofGood.draw(draws);
    const gain = ofGood.logDensity(point) - ofRest.logDensity(point);
    if (!best || gain > best.gain + TIE) best = { point, gain };
  }
  searched.forEach(({ name, distribution }, i) => {
    result[name] = fromInternal(distribution, best!.point[i]!);
  });
  return result;
}

function observe(parameters: readonly Parameter[], trials: readonly Trial[]) {
  const having = trials.filter((trial) =>
    parameters.every(({ name, distribution }) => isObservation(distribution, trial.parameters[name])),
  );
  return parameters.map(({ name, distribution }) => ({
    distribution,
    values: having.map(({ parameters: values }) => toInternal(distribution, values[name]!)),
  }));
}

const isObservation = (distribution: Distribution, value: ParameterValue | undefined): value is ParameterValue =>
  value !== undefined && (distribution.kind !== 'choice' || toInternal(distribution, value) >= 0);

/** Values that a grid tries: all of a choice and of a short row of integers, else evenly spread ones. */
function gridOf(distribution: Distribution, points: number): ParameterValue[] {
  if (distribution.kind === 'choice') return [...distribution.choices];
  const { low, high, step } = distribution;
  const steps = step === undefined ? Number.POSITIVE_INFINITY : Math.floor((high - low) / step + 1e-9) + 1;
  const length = Math.min(points, steps);
  if (length === 1) return [low];
  if (steps <= points) return Array.from({ length }, (_, i) => low + i * step!);
  const spread = { ...distribution, kind: 'float', step: undefined } as unknown as Distribution;
  const places = Array.from({ length }, (_, i) => valueAt(spread, i / (length - 1)));
  return step === undefined
    ? places
    : [...new Set(places.map((value) => low + Math.round((Number(value) - low) / step) * step))];
}

/** All combinations: each walk through the space takes the next turn at the last parameter that has one left. */
function enumerate(space: Pick<SearchSpace, 'resolve'>, points: number): Record<string, ParameterValue>[] {
  const combinations: Record<string, ParameterValue>[] = [];
  let turns: { index: number; readonly count: number }[] = [];
  do {
    let depth = 0;
    const { parameters } = space.resolve(({ distribution }) => {
      const values = gridOf(distribution, points);
      turns[depth] ??= { index: 0, count: values.length };
      return values[turns[depth++]!.index]!;
    });
    combinations.push({ ...parameters });
    if (combinations.length > MOST_COMBINATIONS)
      throw new SelvedgeError(
        'sampler/too-many',
        `Cannot make a grid of ${points} values a number: it has more than ${MOST_COMBINATIONS} combinations; take fewer, or another sampler`,
      );
    turns = turns.slice(0, depth);
    while (turns.length > 0 && turns.at(-1)!.index === turns.at(-1)!.count - 1) turns.pop();
    const last = turns.at(-1);
    if (last) last.index++;
  } while (turns.length > 0);
  return combinations;
}
