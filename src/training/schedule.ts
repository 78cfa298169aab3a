// How the learning rate moves over a training: a factor for each update, as a function of its number and of how many there will be.
// Not here: the rate itself, which belongs to the optimiser. Invariant: arithmetic and our own cosine only, the same on every engine.
import { cosineOfHalfTurn } from '../core/cosine.ts';

/** What all schedules begin with: a straight line from `start` to the full rate over the first `warmUp` of the training. */
interface WarmUp {
  /** Share of all updates; 0 for none. */
  readonly warmUp: number;
  /** Factor of the first update, where there is a warm-up. */
  readonly start: number;
}

/** The full rate to the end. */
export interface ConstantSchedule extends WarmUp {
  readonly name: 'constant';
}

/** A straight line down to `final`; with a warm-up the triangle, or one cycle, of Smith & Topin 2018. */
export interface LinearSchedule extends WarmUp {
  readonly name: 'linear';
  /** Factor that the last update comes near to. */
  readonly final: number;
}

/** Half a wave of the cosine down to `final` (Loshchilov & Hutter 2017). */
export interface CosineSchedule extends WarmUp {
  readonly name: 'cosine';
  readonly final: number;
  /** How often it begins anew, of equal length, without a warm-up: each ends in a snapshot (Huang et al. 2017). Default: 1. */
  readonly cycles?: number;
}

/** The rate is multiplied by `factor` at each of the given points. */
export interface StepsSchedule extends WarmUp {
  readonly name: 'steps';
  /** Shares of all updates, rising, between 0 and 1. */
  readonly at: readonly number[];
  readonly factor: number;
}

export type Schedule = ConstantSchedule | LinearSchedule | CosineSchedule | StepsSchedule;

/** Settings of each schedule where nobody says otherwise. */
export const scheduleDefaults = {
  constant: { name: 'constant', warmUp: 0, start: 0 },
  linear: { name: 'linear', warmUp: 0.2, start: 0.2, final: 0 },
  cosine: { name: 'cosine', warmUp: 0.05, start: 0, final: 0 },
  steps: { name: 'steps', warmUp: 0, start: 0, at: [0.5, 0.75], factor: 0.1 },
} as const satisfies { readonly [Name in Schedule['name']]: Extract<Schedule, { readonly name: Name }> | Schedule };

/**
 * The factor of the learning rate in an update.
 *
 * @param update Number of the update, from 0
 * @param updates How many the training has in all
 * @returns From 0 to 1, or what `start` and `factor` say
 * @example
 * ```ts
 * import { scheduleDefaults, scheduleFactor } from 'selvedge';
 * const halfway = scheduleFactor({ ...scheduleDefaults.cosine, warmUp: 0 }, 500, 1000);
 * console.assert(Math.abs(halfway - 0.5) < 1e-15);
 * ```
 */
export function scheduleFactor(schedule: Schedule, update: number, updates: number): number {
  const { warmUp, start } = schedule;
  const done = update / updates;
  if (done < warmUp) return start + (1 - start) * (done / warmUp);
  const fallen = warmUp < 1 ? (done - warmUp) / (1 - warmUp) : 0;
  switch (schedule.name) {
    case 'constant':
      return 1;
    case 'linear':
      return 1 - (1 - schedule.final) * fallen;
    case 'cosine': {
      const { final, cycles = 1 } = schedule;
      // In whole updates: a cycle's first one has the full rate whatever a division rounds to.
      const inCycle = cycles === 1 ? fallen : ((update * cycles) % updates) / updates;
      return final + (1 - final) * 0.5 * (1 + cosineOfHalfTurn(inCycle));
    }
    case 'steps':
      return schedule.at.reduce((factor, point) => (done >= point ? factor * schedule.factor : factor), 1);
  }
}

/** Whether another number of epochs is another course from the first update on. */
export const dependsOnLength = ({ name, warmUp }: Schedule): boolean => name !== 'constant' || warmUp > 0;

/** How often a schedule comes down to its last rate. */
export const cyclesOf = (schedule: Schedule): number => (schedule.name === 'cosine' ? (schedule.cycles ?? 1) : 1);

/** What a schedule's settings must fulfil, each with the words for a setting that does not. */
export function scheduleRules(schedule: Schedule): [holds: boolean, message: string][] {
  const { name, warmUp, start } = schedule;
  const isShare = (value: number): boolean => value >= 0 && value <= 1;
  const rules: [boolean, string][] = [
    [name in scheduleDefaults, `schedule "${name}": expected one of ${Object.keys(scheduleDefaults).join(', ')}`],
    [isShare(warmUp), `a warm-up over ${warmUp} of the training: expected from 0 to 1`],
    [isShare(start), `a warm-up from ${start} of the learning rate: expected from 0 to 1`],
  ];
  if (schedule.name === 'steps') {
    const { at, factor } = schedule;
    const rises = at.every((point, i) => point > (at[i - 1] ?? 0) && point < 1);
    rules.push(
      [at.length > 0 && rises, `steps at ${at.join(', ') || 'no point'}: expected rising shares between 0 and 1`],
      [factor > 0 && factor < Infinity, `steps by a factor of ${factor}: expected more than 0`],
    );
  }
  if (schedule.name === 'linear' || schedule.name === 'cosine') {
    rules.push([isShare(schedule.final), `a learning rate that falls to ${schedule.final}: expected from 0 to 1`]);
  }
  const cycles = cyclesOf(schedule);
  rules.push(
    [Number.isInteger(cycles) && cycles >= 1, `${cycles} cycles of the learning rate: expected a whole number from 1`],
    [cycles === 1 || warmUp === 0, `${cycles} cycles and a warm-up: expected one of both`],
  );
  return rules;
}

/** The schedule in words; nothing for a learning rate that stays. */
export function describeSchedule(schedule: Schedule): string {
  const percent = (share: number): string => `${+(100 * share).toFixed(2)}%`;
  const { warmUp, start } = schedule;
  const parts = warmUp > 0 ? [`rising from ${percent(start)} over the first ${percent(warmUp)}`] : [];
  if (schedule.name === 'steps') parts.push(`times ${schedule.factor} after ${schedule.at.map(percent).join(', ')}`);
  else if (schedule.name !== 'constant') {
    const shape = schedule.name === 'linear' ? 'in a straight line' : 'along a cosine';
    const times = cyclesOf(schedule) > 1 ? ` ${cyclesOf(schedule)} times` : '';
    parts.push(`falling to ${percent(schedule.final)} ${shape}${times}`);
  }
  return parts.length > 0 ? `learning rate ${parts.join(', ')}` : '';
}
