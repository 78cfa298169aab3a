// Pruners: whether a trial is worth its next epoch, given how the others stood at the same one.
// Invariant: the answer is a function of (settings, the trial's values so far, the trials before it); nothing else is kept.
import * as v from 'valibot';
import type { Direction, Trial } from './journal.ts';

export type PrunerSettings =
  | { readonly name: 'none' }
  /** Ends a trial whose best value so far is worse than the median of those that ran to their end; not the first `startup`, nor before `warmUp` steps. */
  | { readonly name: 'median'; readonly startup: number; readonly warmUp: number }
  /** Asynchronous successive halving: at steps `minimum`, `minimum` × `factor`, … the best of each `factor` trials go on. */
  | { readonly name: 'halving'; readonly minimum: number; readonly factor: number };

export const prunerDefaults = {
  none: { name: 'none' },
  median: { name: 'median', startup: 5, warmUp: 1 },
  halving: { name: 'halving', minimum: 1, factor: 3 },
} as const satisfies Record<PrunerSettings['name'], PrunerSettings>;

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Schema of the settings of a pruner. */
export const prunerSchema: v.GenericSchema<PrunerSettings> = v.variant('name', [
  v.strictObject({ name: v.literal('none') }),
  v.strictObject({ name: v.literal('median'), startup: count, warmUp: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
  v.strictObject({ name: v.literal('halving'), minimum: count, factor: v.pipe(count, v.minValue(2)) }),
]);

/** A trial as a pruner sees it. */
export type Progressing = Pick<Trial, 'number' | 'state' | 'intermediateValues'>;

/**
 * Whether a trial should end after its latest step.
 *
 * Sources: D. Golovin et al., "Google Vizier", KDD 2017 (median); L. Li et al., "A System for Massively Parallel Hyperparameter Tuning",
 * MLSys 2020 (halving). Both decide as Optuna's pruners of the same names.
 *
 * @param trial With its values up to the latest step
 * @param others Trials of the same study
 * @example
 * ```ts
 * import { prunerDefaults, shouldPrune } from 'selvedge';
 * const running = (number: number, value: number) => ({ number, state: 'running', intermediateValues: new Map([[1, value]]) }) as const;
 * console.assert(shouldPrune(prunerDefaults.halving, running(1, 0.5), [running(0, 0.8)], 'maximize'));
 * ```
 */
export function shouldPrune(
  settings: PrunerSettings,
  trial: Progressing,
  others: readonly Progressing[],
  direction: Direction,
): boolean {
  const steps = [...trial.intermediateValues.keys()];
  if (steps.length === 0 || settings.name === 'none') return false;
  const step = Math.max(...steps);
  const sign = direction === 'maximize' ? 1 : -1;
  if (settings.name === 'halving') return isHalvedAway(settings, trial, others, { step, sign });
  return isBelowMedian(settings, trial, others, { step, sign });
}

interface Moment {
  readonly step: number;
  /** 1 where more is better. */
  readonly sign: number;
}

function isHalvedAway(
  { minimum, factor }: { readonly minimum: number; readonly factor: number },
  trial: Progressing,
  others: readonly Progressing[],
  { step, sign }: Moment,
): boolean {
  let rung = minimum;
  while (rung < step) rung *= factor;
  if (rung !== step) return false;
  const own = sign * trial.intermediateValues.get(step)!;
  if (Number.isNaN(own)) return true;
  let [count, better] = [1, 0];
  for (const other of others) {
    if (other.number === trial.number) continue;
    const value = sign * (other.intermediateValues.get(step) ?? Number.NaN);
    if (Number.isNaN(value)) continue;
    count++;
    if (value > own) better++;
  }
  // The first trials have too few beside them: the best of those goes on.
  return better >= Math.max(1, Math.floor(count / factor));
}

function isBelowMedian(
  { startup, warmUp }: { readonly startup: number; readonly warmUp: number },
  trial: Progressing,
  others: readonly Progressing[],
  { step, sign }: Moment,
): boolean {
  const complete = others.filter(({ state, number }) => state === 'complete' && number !== trial.number);
  if (complete.length < startup || step < warmUp) return false;
  const values = complete.flatMap((other) => valuesAt(other, step, sign)).sort((a, b) => a - b);
  if (values.length === 0) return false;
  const middle = (values.length - 1) / 2;
  const median = (values[Math.floor(middle)]! + values[Math.ceil(middle)]!) / 2;
  const own = [...trial.intermediateValues.values()]
    .map((value) => sign * value)
    .filter((value) => !Number.isNaN(value));
  return own.length === 0 || Math.max(...own) < median;
}

function valuesAt(trial: Progressing, step: number, sign: number): number[] {
  const value = trial.intermediateValues.get(step);
  return value === undefined || Number.isNaN(value) ? [] : [sign * value];
}
