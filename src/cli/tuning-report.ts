// The report of a study of tuning: from its journal to the plain values that it is drawn from.
import {
  attributeNames,
  bestTrial,
  checkSearchSpace,
  type Distribution,
  importanceOf,
  type ParameterValue,
  placeOf,
  type Recipe,
  recipeOfTrial,
  type Study,
  type Trial,
} from '../experiments/index.ts';
import { platform } from '../platform/index.ts';
import { renderTuningReport } from '../report/tuning-report.ts';
import type { TuningParameter, TuningReportInput, TuningTrial } from '../report/tuning-report-input.ts';

export interface TuningReportOptions {
  /** That repeats it. */
  readonly command: string;
  /** Default: report.html. */
  readonly file?: string;
}

/**
 * Writes the report.
 *
 * @returns Its path, and the minutes that all trials trained
 */
export async function writeTuningReport(
  study: Study,
  folder: string,
  options: TuningReportOptions,
): Promise<{ readonly path: string; readonly minutes: number }> {
  const input = gatherTuning(study, options);
  const path = platform.files.join(folder, options.file ?? 'report.html');
  await platform.files.write(path, await renderTuningReport(input));
  return { path, minutes: input.trials.reduce((sum, { minutes = 0 }) => sum + minutes, 0) };
}

/** Plain values of a study, of ours or of Optuna. */
export function gatherTuning(study: Study, { command }: TuningReportOptions): TuningReportInput {
  const isOurs = Object.hasOwn(study.userAttributes, attributeNames.settings);
  const best = bestTrial(study);
  const recipe = best && recipeOf(study, best);
  return {
    name: study.name,
    measure: isOurs ? 'Validation accuracy' : 'Value',
    isMaximised: study.directions[0] !== 'minimize',
    parameters: parametersOf(study.trials),
    trials: study.trials.map(trialOf),
    best: best?.number,
    importance: importanceOf(study.trials),
    settings: settingsOf(study.userAttributes[attributeNames.settings]),
    command,
    ...(recipe ? { recipe: JSON.stringify(recipe, null, 2) } : {}),
  };
}

/** What the best trial of a study of ours tried. */
function recipeOf({ name, userAttributes }: Study, trial: Trial): Recipe | undefined {
  const source = userAttributes[attributeNames.space];
  return source === undefined ? undefined : recipeOfTrial(checkSearchSpace(source, name), trial);
}

/** What a study came to, in figures. */
export interface TuningSummary {
  readonly trials: number;
  readonly complete: number;
  readonly pruned: number;
  readonly failed: number;
  /** Of training, as far as the journal tells. */
  readonly minutes: number;
  readonly best: Pick<Trial, 'number' | 'value' | 'parameters'> | null;
}

export function summarize(study: Study, minutes: number): TuningSummary {
  const count = (state: Trial['state']): number => study.trials.filter((trial) => trial.state === state).length;
  const best = bestTrial(study);
  return {
    trials: study.trials.length,
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    minutes,
    best: best ? { number: best.number, value: best.value, parameters: best.parameters } : null,
  };
}

/** The same in words. */
export function summaryText({ trials, complete, pruned, failed, minutes, best }: TuningSummary): string {
  return [
    `${trials} trials, ${complete} complete, ${pruned} ended early, ${failed} failed, ${minutes.toFixed(1)} min`,
    best ? `Best: trial ${best.number}, ${best.value!.toFixed(4)}` : 'No trial is complete',
  ].join('\n');
}

/** Parameters in the order in which they first came; of a name that has several distributions, the last. */
function parametersOf(trials: readonly Trial[]): TuningParameter[] {
  const distributions = new Map<string, Distribution>();
  for (const trial of trials)
    for (const [name, distribution] of Object.entries(trial.distributions)) distributions.set(name, distribution);
  return [...distributions].map(([name, distribution]) => ({ name, ...wordsOf(distribution) }));
}

function wordsOf(distribution: Distribution): Pick<TuningParameter, 'range' | 'labels'> {
  if (distribution.kind === 'choice') {
    const { choices } = distribution;
    return {
      range: choices.map(textOf).join(', '),
      labels: choices.map((choice) => [placeOf(distribution, choice), textOf(choice)] as const),
    };
  }
  const { low, high, step, log } = distribution;
  const steps = step === undefined || step === 1 ? '' : ` by ${step}`;
  return {
    range: `${distribution.kind === 'integer' ? 'whole, ' : ''}${low} to ${high}${steps}${log ? ', over logarithms' : ''}`,
    labels: [...new Set([low, high])].map((end) => [placeOf(distribution, end), textOf(end)] as const),
  };
}

const textOf = (value: ParameterValue): string => (value === null ? 'none' : String(value));

function trialOf(trial: Trial): TuningTrial {
  const { number, state, value, parameters, distributions, intermediateValues, userAttributes } = trial;
  const duration = Number(userAttributes[attributeNames.duration] ?? Number.NaN);
  const error = userAttributes[attributeNames.error];
  return {
    number,
    state,
    value: value !== undefined && Number.isFinite(value) ? value : undefined,
    curve: [...intermediateValues].sort(([a], [b]) => a - b),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, chosen]) => [
        name,
        { text: textOf(chosen), place: placeOf(distributions[name]!, chosen) },
      ]),
    ),
    minutes: Number.isFinite(duration) ? duration / 60_000 : minutesBetween(trial),
    ...(error === undefined ? {} : { error: String(error) }),
  };
}

/** What Optuna knows of the cost: the time between start and end. */
function minutesBetween({ startedAt, completedAt }: Trial): number | undefined {
  const minutes = (Date.parse(completedAt ?? '') - Date.parse(startedAt ?? '')) / 60_000;
  return Number.isFinite(minutes) ? minutes : undefined;
}

/** Fields of nested settings by their paths; digests are for programs. */
function settingsOf(settings: unknown, path = ''): [string, string][] {
  if (typeof settings !== 'object' || settings === null)
    return settings === undefined ? [] : [[path, String(settings)]];
  return Object.entries(settings)
    .filter(([name]) => !['data', 'kernels'].includes(name))
    .flatMap(([name, value]) => settingsOf(value, path === '' ? name : `${path}.${name}`));
}
