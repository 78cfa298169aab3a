// The report of a study of tuning: from its journal to plain values that the report is drawn from.
import { attributeNames, type Recipe, type Study } from '../experiments/index.ts';
import { platform } from '../platform/index.ts';

export interface TuningReportOptions {
  /** That repeats it. */
  readonly command: string;
  readonly recipe?: Recipe;
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
  { file = 'report.html' }: TuningReportOptions,
): Promise<{ readonly path: string; readonly minutes: number }> {
  const minutes =
    study.trials.reduce((sum, trial) => sum + Number(trial.userAttributes[attributeNames.duration] ?? 0), 0) / 60_000;
  return { path: platform.files.join(folder, file), minutes };
}
