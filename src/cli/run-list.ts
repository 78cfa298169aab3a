// What there is below runs/: trainings, ensembles and studies of tuning, each as a few figures. Not here: printing and deleting.
// Invariant: a folder that cannot be read is listed with the reason, and hides no other.
import { messageOf } from '../core/errors.ts';
import { type MlflowMetric, type MlflowRun, readJournal } from '../experiments/index.ts';
import { platform } from '../platform/index.ts';
import type { EpochRecord } from '../training/index.ts';

const { files } = platform;

export interface ListedRun {
  /** <run>/<model>, or <run> for a study of tuning. */
  readonly name: string;
  readonly folder: string;
  readonly kind: 'training' | 'ensemble' | 'tuning' | 'unreadable';
  readonly isFinished: boolean;
  readonly epochs: number;
  /** Of the test set, where it was evaluated. */
  readonly accuracy?: number;
  readonly loss?: number;
  /** The last of training, or the best trial's. */
  readonly validationAccuracy?: number;
  readonly parameters?: number;
  readonly minutes?: number;
  readonly finishedAt?: string;
  readonly problem?: string;
  readonly history: readonly EpochRecord[];
  readonly settings: Readonly<Record<string, unknown>>;
}

const json = async (path: string): Promise<Record<string, unknown> | undefined> =>
  (await files.status(path)) ? (JSON.parse(await files.readText(path)) as Record<string, unknown>) : undefined;

/** Lists the runs in a folder, by name. */
export async function listRuns(runs: string): Promise<ListedRun[]> {
  const found: ListedRun[] = [];
  if (!(await files.status(runs))?.isFolder) return found;
  for (const run of (await files.list(runs)).toSorted()) {
    const folder = files.join(runs, run);
    if (!(await files.status(folder))?.isFolder) continue;
    if (await files.status(files.join(folder, 'journal.jsonl'))) found.push(await guarded(run, folder, readStudy));
    for (const model of (await files.list(folder)).toSorted()) {
      const inside = files.join(folder, model);
      const isModel = (await files.status(inside))?.isFolder && (await files.status(files.join(inside, 'config.json')));
      if (isModel) found.push(await guarded(`${run}/${model}`, inside, readTraining));
    }
  }
  return found;
}

type Reader = (name: string, folder: string) => Promise<ListedRun>;

async function guarded(name: string, folder: string, read: Reader): Promise<ListedRun> {
  try {
    return await read(name, folder);
  } catch (error) {
    const problem = messageOf(error).split('\n')[0]!;
    return { name, folder, kind: 'unreadable', isFinished: false, epochs: 0, history: [], settings: {}, problem };
  }
}

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
/** Without what is not known. */
const known = <T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

async function readTraining(name: string, folder: string): Promise<ListedRun> {
  const config = (await json(files.join(folder, 'config.json')))!;
  const evaluation = await json(files.join(folder, 'evaluation.json'));
  const path = files.join(folder, 'history.jsonl');
  const lines = (await files.status(path))
    ? (await files.readText(path)).split('\n').filter((line) => line !== '')
    : [];
  const history = lines.map((line) => JSON.parse(line) as EpochRecord);
  const settings = (config.settings ?? {}) as Record<string, unknown>;
  const isFinished = (await files.status(files.join(folder, 'model', 'model.json'))) !== undefined;
  const finishedAt = typeof config.finishedAt === 'string' ? config.finishedAt : undefined;
  return {
    ...{ name, folder, isFinished, history, settings },
    kind: 'members' in settings && !('from' in settings) ? 'ensemble' : 'training',
    epochs: history.length,
    ...known({
      accuracy: number(evaluation?.accuracy),
      loss: number(evaluation?.loss),
      validationAccuracy: history.at(-1)?.validationAccuracy,
      parameters: number((config.summary as Record<string, unknown> | undefined)?.totalParameters),
      minutes: history.length > 0 ? history.reduce((sum, { durationMs }) => sum + durationMs, 0) / 60_000 : undefined,
      finishedAt,
    }),
  };
}

async function readStudy(name: string, folder: string): Promise<ListedRun> {
  const studies = await readJournal(files.join(folder, 'journal.jsonl'));
  const trials = studies.flatMap((study) => study.trials);
  const isMinimized = studies[0]?.directions[0] === 'minimize';
  const values = trials.filter(({ state }) => state === 'complete').flatMap(({ value }) => value ?? []);
  const best = values.length === 0 ? undefined : isMinimized ? Math.min(...values) : Math.max(...values);
  const finishedAt = trials
    .flatMap(({ completedAt }) => completedAt ?? [])
    .toSorted()
    .at(-1);
  return {
    ...{ name, folder, history: [], settings: { trials: trials.length } },
    kind: 'tuning',
    isFinished: trials.every(({ state }) => state !== 'running'),
    epochs: trials.reduce((sum, { intermediateValues }) => sum + intermediateValues.size, 0),
    ...known({ validationAccuracy: best, finishedAt }),
  };
}

/** A run as MLflow has it: settings as parameters, figures by epoch. */
export function mlflowRunOf(run: ListedRun): MlflowRun {
  const [experiment = 'selvedge', ...rest] = run.name.split('/');
  const endTime = Date.parse(run.finishedAt ?? '') || 0;
  const total = run.history.reduce((sum, { durationMs }) => sum + durationMs, 0);
  let at = endTime - total;
  const metrics = run.history.flatMap((record): MlflowMetric[] => {
    at += record.durationMs;
    const { epoch, loss, accuracy, validationLoss, validationAccuracy, imagesPerSecond } = record;
    const figures = known({ loss, accuracy, validationLoss, validationAccuracy, imagesPerSecond });
    return Object.entries(figures)
      .filter(([, value]) => Number.isFinite(value))
      .map(([key, value]) => ({ key, value: value as number, timestamp: Math.round(at), step: epoch }));
  });
  const last = known({ testAccuracy: run.accuracy, testLoss: run.loss, parameters: run.parameters });
  const bestOfTrials = run.kind === 'tuning' ? known({ bestValidationAccuracy: run.validationAccuracy }) : {};
  for (const [key, value] of Object.entries({ ...last, ...bestOfTrials }))
    metrics.push({ key, value: value as number, timestamp: endTime, step: run.epochs });
  return {
    experiment,
    name: rest.join('/') || run.kind,
    params: flattened(run.settings),
    metrics,
    tags: { 'selvedge.kind': run.kind },
    startTime: Math.round(endTime - total),
    endTime,
  };
}

/** Settings within settings by their path, with dots between. */
function flattened(settings: Readonly<Record<string, unknown>>, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) => {
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return Object.entries(flattened(value as Record<string, unknown>, `${prefix}${key}.`));
      return [[`${prefix}${key}`, typeof value === 'string' ? value : JSON.stringify(value)]];
    }),
  );
}
