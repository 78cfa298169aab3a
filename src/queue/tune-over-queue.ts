// A study over a queue: trials run on workers, ahead of their turn and side by side; the study itself is the one of experiments/tune.ts, which
// takes them in order. Not here: training (trial-work.ts). Invariant: journal and table are those of one process that runs the trials in turn,
// whichever worker is first, dies or is late: the order of arrival decides nothing.
import { SelvedgeError } from '../core/errors.ts';
import {
  type AheadDecisions,
  createAheadDecisions,
  createSampler,
  type Recipe,
  type RunningTrial,
  recipeOfTrial,
  type Study,
  type TrialOutcome,
  type TuneOptions,
  type TuneResult,
  tune,
  visibleTrials,
} from '../experiments/index.ts';
import { forgetEarlier } from './artefact-work.ts';
import { wait } from './database.ts';
import type { WorkQueue, WorkState } from './queue.ts';
import { createVerification, type VerificationOptions, type VerificationResult } from './verification.ts';
import { type KeyedWork, keyWork, type Needs } from './work.ts';

/** Trials that may wait or run beyond the one whose turn it is: so many, or two a worker if that is more. */
const LEAST_AHEAD = 64;
const AHEAD_PER_WORKER = 2;
/** Looks after which workers are counted. */
const LOOKS_PER_COUNT = 20;
const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 500;

export interface QueueTuneOptions extends Omit<TuneOptions, 'objective'> {
  readonly queue: WorkQueue;
  readonly needs: Needs;
  /** Of the split that trials train on. */
  readonly examples: number;
  readonly exactConvolution: boolean;
  /** Trains again what is done already, for a study that replaces another. */
  readonly again?: boolean;
  readonly verification?: VerificationOptions;
  /** Told once where no worker has shown up. */
  readonly onLonely?: () => void;
}

export interface QueueTuneResult extends TuneResult {
  readonly verification: VerificationResult;
}

interface Filed {
  readonly keyed: KeyedWork;
  readonly steps: number;
  endsAfter?: number;
}

/**
 * Runs a study over a queue, or goes on with it.
 *
 * @param options Those of `tune`, without an objective; queue and needs of the trials
 * @returns The study as the journal holds it, and what verifications found
 * @throws SelvedgeError as `tune`; `queue/dead` where nobody managed to run a trial; `queue/gone`
 */
export async function tuneOverQueue(options: QueueTuneOptions): Promise<QueueTuneResult> {
  const ahead = new Ahead(options);
  const verification = createVerification(options.queue, options.verification);
  const result = await tune({
    ...options,
    objective: async (trial) => {
      const outcome = await ahead.run(trial);
      if (outcome.status !== 'interrupted') await verification.consider(ahead.keyOf(trial.number), trial.number);
      return outcome;
    },
  });
  const isComplete = result.status === 'complete';
  // Those of earlier calls, too.
  if (isComplete && options.verification) await verification.considerAll(await ahead.keysOf(options));
  return { ...result, verification: await verification.end(isComplete, options.signal) };
}

/** Trials that were filed before their turn. Invariant: what is kept of a trial is let go when the next has its turn, but for the decisions. */
class Ahead {
  readonly #options: QueueTuneOptions;
  readonly #sampler: ReturnType<typeof createSampler>;
  readonly #decisions: AheadDecisions;
  readonly #filed = new Map<number, Filed>();
  readonly #states = new Map<string, WorkState>();
  #mostAhead = LEAST_AHEAD;
  #lookMs = FIRST_LOOK_MS;
  #looks = 0;

  constructor(options: QueueTuneOptions) {
    this.#options = options;
    const { space, settings } = options;
    this.#sampler = createSampler(settings.sampler, { space, seed: settings.seed, direction: settings.direction });
    this.#decisions = createAheadDecisions(settings.pruner, settings.direction);
  }

  /** Of all trials that the journal holds. */
  async keysOf({ space }: Pick<QueueTuneOptions, 'space'>): Promise<[key: string, number: number][]> {
    const ended = this.#study().trials.filter(({ state }) => state === 'complete' || state === 'pruned');
    const works = await Promise.all(ended.map((trial) => this.#workOf(trial.number, recipeOfTrial(space, trial))));
    return works.map(({ key }, i) => [key, ended[i]!.number]);
  }

  keyOf(number: number): string {
    return this.#filed.get(number)!.keyed.key;
  }

  /** The objective of a study: what a worker reported, step by step, as if it were reported now. */
  async run(trial: RunningTrial): Promise<TrialOutcome> {
    const { queue, signal } = this.#options;
    this.#forgetBefore(trial.number);
    await this.#file([[trial.number, trial.recipe]]);
    await this.#fileAhead(trial.number);
    const { keyed, steps } = this.#filed.get(trial.number)!;
    let durationMs = 0;
    for (let step = 1; step <= steps; ) {
      const state = this.#states.get(keyed.key);
      const report = state?.reports.find((one) => one.step === step);
      if (report) {
        durationMs += report.durationMs;
        const answer = await trial.report(step, report.value);
        if (answer === 'stop' && step < steps) {
          await queue.endAfter(keyed.key, step);
          return { status: 'pruned', durationMs };
        }
        step++;
        continue;
      }
      if (state?.result) await this.#endEarly(keyed, trial.number, state);
      if (signal?.aborted) return { status: 'interrupted', durationMs };
      await this.#look(trial.number);
    }
    // Its weights after the averages, and so on, are there a moment after its last report.
    while (!this.#states.get(keyed.key)?.result) {
      if (signal?.aborted) return { status: 'interrupted', durationMs };
      await this.#look(trial.number);
    }
    return { status: 'complete', durationMs };
  }

  #forgetBefore(current: number): void {
    for (const [number, { keyed }] of this.#filed) {
      if (number >= current) continue;
      this.#filed.delete(number);
      this.#states.delete(keyed.key);
    }
  }

  /** A result, and reports are missing. */
  async #endEarly({ key }: KeyedWork, number: number, { result }: WorkState): Promise<void> {
    if (result!.status === 'failed') throw new SelvedgeError(result!.code as SelvedgeError['code'], result!.message);
    if (result!.status === 'dead')
      throw new SelvedgeError(
        'queue/dead',
        `Cannot go on with trial ${number}: no worker could run it, the last said: ${result!.message}`,
      );
    // Of an earlier study, which ended it earlier.
    await this.#options.queue.forget([key]);
    this.#states.delete(key);
  }

  /** Waits a little, asks for news, ends what is decided, and files what can be. */
  async #look(current: number): Promise<void> {
    const { queue, signal } = this.#options;
    await wait(this.#lookMs, signal);
    const open = [...this.#filed.values()]
      .map(({ keyed }) => keyed.key)
      .filter((key) => !this.#states.get(key)?.result);
    const before = this.#reportCount();
    for (const [key, state] of await queue.states(open)) this.#states.set(key, state);
    this.#lookMs = this.#reportCount() > before ? FIRST_LOOK_MS : Math.min(1.5 * this.#lookMs, LONGEST_LOOK_MS);
    await this.#decide();
    await this.#fileAhead(current);
    this.#looks++;
    if (this.#looks % LOOKS_PER_COUNT !== 0) return;
    const { length } = await queue.workers();
    if (length === 0 && this.#looks === LOOKS_PER_COUNT) this.#options.onLonely?.();
    this.#mostAhead = Math.max(LEAST_AHEAD, AHEAD_PER_WORKER * length);
  }

  #reportCount(): number {
    return [...this.#states.values()].reduce((sum, { reports }) => sum + reports.length, 0);
  }

  /** Ends trials that their turn would end, before it comes. */
  async #decide(): Promise<void> {
    const { queue } = this.#options;
    const { trials } = this.#study();
    for (let next = trials[this.#decisions.ended]; next && next.state !== 'running'; ) {
      this.#decisions.end(next);
      next = trials[this.#decisions.ended];
    }
    const open: Filed[] = [];
    for (let number = this.#decisions.ended; this.#filed.has(number); number++) open.push(this.#filed.get(number)!);
    const decisions = this.#decisions.decide(
      open.map(({ keyed, steps }) => {
        const state = this.#states.get(keyed.key);
        return {
          values: new Map(state?.reports.map(({ step, value }) => [step, value])),
          steps,
          ...(state?.result?.status === 'failed' ? { ended: 'pruned' as const } : {}),
        };
      }),
    );
    for (const [i, { endsAfter }] of decisions.entries()) {
      const filed = open[i]!;
      if (endsAfter === undefined || filed.endsAfter !== undefined) continue;
      filed.endsAfter = endsAfter;
      await queue.endAfter(filed.keyed.key, endsAfter);
    }
  }

  #study(): Study {
    return this.#options.journal.studies().find(({ name }) => name === this.#options.name)!;
  }

  /** Files trials whose values are certain already. */
  async #fileAhead(current: number): Promise<void> {
    const { trials: wanted, settings, space } = this.#options;
    const end = Math.min(wanted, this.#sampler.limit, current + this.#mostAhead);
    const news: [number, Recipe][] = [];
    const { trials } = this.#study();
    for (let number = current + 1; number < end; number++) {
      if (this.#filed.has(number)) continue;
      if (!this.#isCertain(number, current)) break;
      const proposal = this.#sampler.propose({ number, trials: visibleTrials(trials, number, settings) });
      news.push([number, space.resolve(proposal).recipe]);
    }
    await this.#file(news);
  }

  /** Whether what is still to come changes nothing of a proposal. */
  #isCertain(number: number, current: number): boolean {
    const { sampler, batch = 1 } = this.#options.settings;
    if (sampler.name !== 'tpe') return true;
    const visible = number - (number % batch);
    return visible < sampler.startup || visible <= current;
  }

  #workOf(number: number, recipe: Recipe): Promise<KeyedWork> {
    const { needs, name, settings, examples, exactConvolution } = this.#options;
    const { seed } = settings;
    return keyWork({
      kind: 'trial',
      needs,
      settings: { study: name, number, recipe, seed, examples, exactConvolution },
    });
  }

  async #file(trials: readonly (readonly [number, Recipe])[]): Promise<void> {
    const { queue, again } = this.#options;
    const news = trials.filter(([number]) => !this.#filed.has(number));
    if (news.length === 0) return;
    const works = await Promise.all(news.map(([number, recipe]) => this.#workOf(number, recipe)));
    await queue.file(
      works,
      news.map(([number]) => number),
    );
    await forgetEarlier(
      queue,
      works.map(({ key }) => key),
      again === true,
    );
    news.forEach(([number, recipe], i) => {
      this.#filed.set(number, { keyed: works[i]!, steps: recipe.epochs });
    });
  }
}
