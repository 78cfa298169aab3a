// What an earlier call of train left in the folder of a run: to go on from, to be replaced, or in the way.
// Not here: training. Invariant: nothing is removed here, since settings may still turn out to be none that can be trained with.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { type CheckpointStore, type FitState, identityOf } from '../training/index.ts';
import type { CommandContext } from './command.ts';
import type { RunSettings } from './run-files.ts';

interface Found {
  readonly folder: string;
  readonly settings: RunSettings;
  readonly checkpoints: CheckpointStore<FitState>;
}

/** What an earlier call left in the folder of a run. */
export interface Earlier {
  /** Of a run of these settings. */
  readonly state?: FitState;
  /** Whether what is there is another run, or a finished one, that is to be replaced. */
  readonly isReplaced: boolean;
}

export const isFinished = ({ state }: Earlier, { epochs }: RunSettings): boolean =>
  state !== undefined && state.epoch > epochs;

/** @throws SelvedgeError `run/other-settings` for what is in the way, unless `again` says that it may be replaced */
export async function findEarlier(
  { folder, settings, checkpoints }: Found,
  again: boolean,
  context: CommandContext,
): Promise<Earlier> {
  const state = (await checkpoints.load())?.state;
  if (!state) {
    const isDamaged = (await platform.files.list(folder)).some((name) => name.startsWith('checkpoint-'));
    if (isDamaged) context.writeError(`No checkpoint in "${folder}" is whole: the training begins anew\n`);
    return { isReplaced: false };
  }
  const isSame = state.identity === identityOf(settings);
  if (isSame && state.epoch <= settings.epochs) return { state, isReplaced: false };
  if (again) return { isReplaced: true };
  const isComplete = state.epoch === settings.epochs + 1 && state.step === 0;
  if (isSame && isComplete) return { state, isReplaced: false };
  const reason = isSame
    ? `a run that is beyond epoch ${settings.epochs}`
    : `a run with other settings (${differences(state.identity, settings)})`;
  throw otherRun(folder, reason);
}

/** The error for a folder that holds what must not be replaced unasked. */
export function otherRun(folder: string, reason: string): SelvedgeError {
  return new SelvedgeError(
    'run/other-settings',
    `Cannot train in "${folder}": it holds ${reason}; use --again to replace it or another --run`,
  );
}

/**
 * Names of the settings that differ, with both values where they are short.
 *
 * @param settings Their initial weights may be unknown yet: then these do not differ
 */
export function differences(identity: string, settings: Omit<RunSettings, 'initialWeights'>): string {
  const before = JSON.parse(identity) as Record<string, unknown>;
  const told: Record<string, unknown> = { ...settings };
  const now = 'initialWeights' in told ? told : { ...told, initialWeights: before.initialWeights };
  return [...new Set([...Object.keys(now), ...Object.keys(before)])]
    .filter((name) => name !== 'epochs' || before.epochs !== undefined)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]))
    .map((name) =>
      ['data', 'kernels'].includes(name) ? `other ${name}` : `${name} ${text(before[name])}, not ${text(now[name])}`,
    )
    .join('; ');
}

const text = (value: unknown): string =>
  value === undefined ? 'none' : JSON.stringify(value, (key, each) => (key === 'trainedWith' ? undefined : each));
