// Decisions ahead: trials run side by side, and further than they may have to; where each ends is decided as if they had run one after the other.
// Not here: a pruner's rule (pruners.ts). Invariant: a decision looks only at trials of lower numbers, and only at what those were allowed to
// reach, so it is that of one process that runs them in turn, whichever trial is first to report; it is made once.
import type { Direction } from './journal.ts';
import { type Progressing, type PrunerSettings, shouldPrune } from './pruners.ts';

/** A trial that may have run further than it may. */
export interface AheadTrial {
  /** Its values so far, by step; of a step there is one only if there is one of every step before. */
  readonly values: ReadonlyMap<number, number>;
  /** Steps if nothing ends it. */
  readonly steps: number;
  /** Set where it ended by itself before its last step. */
  readonly ended?: 'pruned' | 'failed';
}

/** What is known of where a trial ends. */
export interface AheadDecision {
  /** The step after which it ends early, where that is decided. */
  readonly endsAfter?: number;
  /** Whether nothing that is still to come changes it. */
  readonly isFinal: boolean;
}

export interface AheadDecisions {
  /** How many trials have ended in their turn. */
  readonly ended: number;
  /** Notes how the next of those ended. */
  end(trial: Pick<Progressing, 'state' | 'intermediateValues'>): void;
  /**
   * Decides what can be decided.
   *
   * @param trials In the order of their numbers, from `ended` on
   * @returns One decision a trial
   */
  decide(trials: readonly AheadTrial[]): AheadDecision[];
}

/** What a trial was allowed to reach so far. */
interface Reached extends Progressing {
  readonly intermediateValues: Map<number, number>;
  /** Steps after which it went on. */
  passed: number;
  state: Progressing['state'];
  endsAfter?: number;
}

/**
 * Begins to decide for a study.
 *
 * @example
 * ```ts
 * import { createAheadDecisions, prunerDefaults } from 'selvedge';
 * const ahead = createAheadDecisions(prunerDefaults.halving, 'maximize');
 * const [first, second] = [0.8, 0.5].map((value) => ({ values: new Map([[1, value]]), steps: 9 }));
 * const [, decision] = ahead.decide([first!, second!]);
 * console.assert(decision?.endsAfter === 1);
 * ```
 */
export function createAheadDecisions(pruner: PrunerSettings, direction: Direction): AheadDecisions {
  /** In the order of their numbers: those that have ended, and while it decides the open ones below the one that it looks at. */
  const lower: Progressing[] = [];
  const open: Reached[] = [];

  function advance(trial: Reached, { values, steps, ended }: AheadTrial, openBelow: readonly Reached[]): void {
    while (trial.state === 'running') {
      const step = trial.passed + 1;
      const value = values.get(step);
      if (value === undefined) {
        if (ended) trial.state = ended;
        return;
      }
      trial.intermediateValues.set(step, value);
      if (step === steps) trial.state = 'complete';
      else if (!isDecidable(pruner, step, openBelow)) return;
      else if (shouldPrune(pruner, trial, lower, direction)) {
        trial.state = 'pruned';
        trial.endsAfter = step;
      }
      trial.passed = step;
    }
  }

  return {
    get ended() {
      return lower.length;
    },
    end({ state, intermediateValues }) {
      lower.push({ number: lower.length, state, intermediateValues });
      open.shift();
    },
    decide(trials) {
      const { length } = lower;
      const decisions = trials.map((trial, i) => {
        open[i] ??= { number: length + i, passed: 0, state: 'running', intermediateValues: new Map() };
        const reached = open[i];
        advance(reached, trial, open.slice(0, i));
        lower.push(reached);
        const { state, endsAfter } = reached;
        return { isFinal: state !== 'running', ...(endsAfter === undefined ? {} : { endsAfter }) };
      });
      lower.length = length;
      return decisions;
    },
  };
}

/** Whether all that a decision after a step looks at is known of the lower ones that are still open. */
function isDecidable(pruner: PrunerSettings, step: number, lower: readonly Reached[]): boolean {
  if (pruner.name === 'none') return true;
  if (pruner.name === 'median') return lower.every(({ state }) => state !== 'running');
  let rung = pruner.minimum;
  while (rung < step) rung *= pruner.factor;
  return (
    rung !== step || lower.every(({ state, intermediateValues }) => state !== 'running' || intermediateValues.has(step))
  );
}
