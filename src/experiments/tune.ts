// A study: trials one after the other, proposed by a sampler, cut short by a pruner, written to a journal as they happen.
// Not here: what a trial does (train-trial.ts trains). Invariant: everything that decides the next trial is in the journal, so a study
// that was killed at any instant goes on to the same trials.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { type Direction, journalLines, type Study, type Trial } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import { type ParameterValue, toInternal } from './parameter.ts';
import { type PrunerSettings, shouldPrune } from './pruners.ts';
import { createSampler, type Sampler, type SamplerSettings } from './samplers.ts';
import type { Parameter, Point, SearchSpace } from './search-space.ts';

/** What decides the trials of a study, beside its space: another one is another study. */
export interface StudySettings {
  readonly sampler: SamplerSettings;
  readonly pruner: PrunerSettings;
  readonly seed: number;
  readonly direction: Direction;
  /** Trials that are proposed from the same trials before them, so that they can run side by side; default 1. */
  readonly batch?: number;
  /** Of the objective: data, number of examples, kernels and so on. */
  readonly objective: Readonly<Record<string, unknown>>;
}

/** A trial while it runs. */
export interface RunningTrial extends Point {
  readonly number: number;
  /**
   * Notes a value on the way; one of a step that the journal has already is passed over.
   *
   * @returns Whether the trial is to end here
   */
  report(step: number, value: number): Promise<'go on' | 'stop'>;
}

/** How a trial ended. */
export interface TrialOutcome {
  readonly status: 'complete' | 'pruned' | 'interrupted';
  readonly durationMs: number;
}

export interface TuneOptions {
  readonly name: string;
  readonly space: SearchSpace;
  readonly settings: StudySettings;
  readonly journal: JournalFile;
  /** In all, those of earlier calls counted. */
  readonly trials: number;
  /** Runs one trial; its value is the last that it reported. */
  readonly objective: (trial: RunningTrial) => Promise<TrialOutcome>;
  readonly signal?: AbortSignal;
  /** Told after each trial. */
  readonly onTrial?: (trial: Trial, study: Study) => void | Promise<void>;
}

export interface TuneResult {
  readonly status: 'complete' | 'interrupted';
  readonly study: Study;
}

/** Names of what a study and its trials carry beside what Optuna knows. */
export const attributeNames = {
  space: 'selvedge:space',
  settings: 'selvedge:settings',
  version: 'selvedge:version',
  duration: 'selvedge:duration_ms',
  error: 'selvedge:error',
} as const;

/** Codes of what a trial may fail for: its settings, or a network for which images are too small. */
export const TRIAL_FAILURES = /^(?:training\/|train\/image-size$)/;

/** Failures after which a study gives up, if no trial before them has a value. */
const MOST_FAILURES = 5;

/**
 * Runs a study, or goes on with it.
 *
 * @param options Space, settings, journal and objective
 * @returns The study as the journal holds it
 * @throws SelvedgeError `tune/other-study` where the journal holds one of that name with other settings; `tune/no-result` where the first
 *   trials all fail, or all do; what the objective throws, unless it is about the training
 */
export async function tune(options: TuneOptions): Promise<TuneResult> {
  const { space, settings, trials: wanted, signal } = options;
  const sampler = createSampler(settings.sampler, { space, seed: settings.seed, direction: settings.direction });
  await openStudy(options);
  const study = studyOf(options);
  for (let first = 0; ; ) {
    while (first < study.trials.length && study.trials[first]!.state !== 'running') first++;
    const unfinished = study.trials[first];
    if (signal?.aborted) return { status: 'interrupted', study };
    if (!unfinished && study.trials.length >= Math.min(wanted, sampler.limit)) {
      requireResult(study, 1);
      return { status: 'complete', study };
    }
    const { trial, point } = await startTrial(options, sampler, unfinished);
    if ((await runTrial(options, trial, point)) === 'interrupted') return { status: 'interrupted', study };
    requireResult(study, MOST_FAILURES);
    await options.onTrial?.(trial, study);
  }
}

/** The complete trial with the best finite value; the first of several. */
export function bestTrial(study: Study): Trial | undefined {
  const sign = study.directions[0] === 'minimize' ? -1 : 1;
  let best: Trial | undefined;
  for (const trial of study.trials) {
    if (trial.state !== 'complete' || trial.value === undefined || !Number.isFinite(trial.value)) continue;
    if (!best || sign * trial.value > sign * best.value!) best = trial;
  }
  return best;
}

/** The recipe that a trial of a space tried. */
export function recipeOfTrial(space: SearchSpace, trial: Trial): Point['recipe'] {
  return space.resolve(({ name }) => trial.parameters[name] ?? null).recipe;
}

function studyOf({ journal, name }: TuneOptions): Study {
  return journal.studies().find((study) => study.name === name)!;
}

async function openStudy({ journal, name, space, settings }: TuneOptions): Promise<void> {
  const found = journal.studies().find((study) => study.name === name);
  if (!found) await journal.append([journalLines.createStudy(name, settings.direction)]);
  const study = journal.studies().find((one) => one.name === name)!;
  const wanted = { [attributeNames.space]: space.source, [attributeNames.settings]: settings };
  for (const [key, value] of Object.entries(wanted)) {
    const before = study.userAttributes[key];
    // A study whose first lines were cut off has no trials yet.
    if (before === undefined && study.trials.length === 0) {
      await journal.append([journalLines.setStudyAttribute(study.id, key, value)]);
    } else if (JSON.stringify(before) !== JSON.stringify(value)) {
      const what = before === undefined ? 'another program began it' : `it has ${differences(before, value)}`;
      throw new SelvedgeError(
        'tune/other-study',
        `Cannot go on with study "${name}" of "${journal.path}": ${what}; use --again to replace it or another --run`,
      );
    }
  }
}

/** Fields that differ, with their values where they are short. */
function differences(before: unknown, now: unknown, path = ''): string {
  const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (!isRecord(before) || !isRecord(now)) {
    const [got, wanted] = [before, now].map((value) => JSON.stringify(value) ?? 'none');
    return `${got!.length + wanted!.length > 60 ? `another ${path}` : `${path} ${got}, not ${wanted}`}`;
  }
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => differences(before[key], now[key], path === '' ? key : `${path}.${key}`))
    .join('; ');
}

/** The trials that a trial is proposed from: all before it, or all before its batch. */
export function visibleTrials<T>(
  trials: readonly T[],
  number: number,
  { batch = 1 }: Pick<StudySettings, 'batch'>,
): T[] {
  return trials.slice(0, number - (number % batch));
}

/** Begins the next trial, or completes the beginning of one that was left. */
async function startTrial(
  options: TuneOptions,
  sampler: Sampler,
  unfinished: Trial | undefined,
): Promise<{ readonly trial: Trial; readonly point: Point }> {
  const { journal } = options;
  const study = studyOf(options);
  const number = unfinished?.number ?? study.trials.length;
  const proposal = sampler.propose({ number, trials: visibleTrials(study.trials, number, options.settings) });
  const chosen: Parameter[] = [];
  const point = options.space.resolve((parameter): ParameterValue => {
    chosen.push(parameter);
    const proposed = proposal(parameter);
    return unfinished?.parameters[parameter.name] ?? proposed;
  });
  if (!unfinished) await journal.append([journalLines.createTrial(study.id)]);
  const { id, parameters } = studyOf(options).trials[number]!;
  const missing = chosen.filter(({ name }) => !Object.hasOwn(parameters, name));
  await journal.append(
    missing.map(({ name, distribution }) =>
      journalLines.setParameter(id, name, toInternal(distribution, point.parameters[name]!), distribution),
    ),
  );
  return { trial: studyOf(options).trials[number]!, point };
}

async function runTrial(
  options: TuneOptions,
  { id, number }: Trial,
  point: Point,
): Promise<TrialOutcome['status'] | 'failed'> {
  const { journal, settings, objective } = options;
  const report = async (step: number, value: number): Promise<'go on' | 'stop'> => {
    const known = studyOf(options).trials[number]!.intermediateValues;
    if (!known.has(step)) await journal.append([journalLines.setIntermediateValue(id, step, value)]);
    const { trials } = studyOf(options);
    const upToStep = new Map([...trials[number]!.intermediateValues].filter(([other]) => other <= step));
    const trial = { ...trials[number]!, intermediateValues: upToStep };
    return shouldPrune(settings.pruner, trial, trials, settings.direction) ? 'stop' : 'go on';
  };
  const start = platform.now();
  const finish = (state: 'complete' | 'pruned' | 'failed', durationMs: number, error?: string): Promise<void> => {
    const values = [...studyOf(options).trials[number]!.intermediateValues].sort(([a], [b]) => a - b);
    return journal.append([
      journalLines.setTrialAttribute(id, attributeNames.duration, Math.round(durationMs)),
      ...(error === undefined ? [] : [journalLines.setTrialAttribute(id, attributeNames.error, error)]),
      journalLines.finishTrial(id, state, state === 'failed' ? undefined : values.at(-1)?.[1]),
    ]);
  };
  try {
    const { status, durationMs } = await objective({ ...point, number, report });
    if (status !== 'interrupted') await finish(status, durationMs);
    return status;
  } catch (error) {
    if (!(error instanceof SelvedgeError) || !TRIAL_FAILURES.test(error.code)) throw error;
    // A training that diverged tells the sampler something: the worst of what was cut short.
    const state = error.code === 'training/diverged' ? 'pruned' : 'failed';
    await finish(state, platform.now() - start, messageOf(error));
    return state;
  }
}

function requireResult({ name, trials }: Study, most: number): void {
  if (trials.length < most || trials.some(({ state }) => state !== 'failed')) return;
  throw new SelvedgeError(
    'tune/no-result',
    `Cannot go on with study "${name}": its first ${trials.length} trials failed, the last so: ${trials.at(-1)!.userAttributes[attributeNames.error]}`,
  );
}
