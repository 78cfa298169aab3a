// Decisions ahead: trials run side by side, and further than they may have to; where each ends is decided as if they had run one after the other.
// Not here: a pruner's rule (pruners.ts). Invariant: a decision looks only at trials of lower numbers, and only at what those were allowed to
// reach, so it is that of one process that runs them in turn, whichever trial is first to report.
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

/**
 * Decides what can be decided.
 *
 * @param trials In the order of their numbers, from 0
 * @returns One decision a trial
 * @example
 * ```ts
 * import { decideAhead, prunerDefaults } from 'selvedge';
 * const [first, second] = [0.8, 0.5].map((value) => ({ values: new Map([[1, value]]), steps: 9 }));
 * const [, decision] = decideAhead(prunerDefaults.halving, [first!, second!], 'maximize');
 * console.assert(decision?.endsAfter === 1);
 * ```
 */
export function decideAhead(
  pruner: PrunerSettings,
  trials: readonly AheadTrial[],
  direction: Direction,
): AheadDecision[] {
  const lower: (Progressing & { readonly isFinal: boolean })[] = [];
  return trials.map(({ values, steps, ended }, number) => {
    const reached = new Map<number, number>();
    const running: Progressing = { number, state: 'running', intermediateValues: reached };
    let end: Progressing['state'] | undefined;
    let endsAfter: number | undefined;
    for (let step = 1; end === undefined; step++) {
      const value = values.get(step);
      if (value === undefined) {
        end = ended;
        break;
      }
      reached.set(step, value);
      if (step === steps) end = 'complete';
      else if (!isDecidable(pruner, step, lower)) break;
      else if (shouldPrune(pruner, running, lower, direction)) {
        end = 'pruned';
        endsAfter = step;
      }
    }
    lower.push({ ...running, state: end ?? 'running', isFinal: end !== undefined });
    return { isFinal: end !== undefined, ...(endsAfter === undefined ? {} : { endsAfter }) };
  });
}

/** Whether all that a decision after a step looks at is known. */
function isDecidable(
  pruner: PrunerSettings,
  step: number,
  lower: readonly { readonly isFinal: boolean; readonly intermediateValues: ReadonlyMap<number, number> }[],
): boolean {
  if (pruner.name === 'none') return true;
  if (pruner.name === 'median') return lower.every(({ isFinal }) => isFinal);
  let rung = pruner.minimum;
  while (rung < step) rung *= pruner.factor;
  return rung !== step || lower.every(({ isFinal, intermediateValues }) => isFinal || intermediateValues.has(step));
}
