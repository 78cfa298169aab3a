// Results as runs of MLflow: the files of its file store, and the calls of its REST interface. Values to texts and requests.
// Not here: collecting runs, writing files. Invariant: the same run has the same ids, so that writing it again replaces it.
// Source: mlflow/store/tracking/file_store.py and https://mlflow.org/docs/latest/rest-api.html .
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';

/** A run as MLflow knows it. */
export interface MlflowRun {
  readonly experiment: string;
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: readonly MlflowMetric[];
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly endTime: number;
}

export interface MlflowMetric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
/** What MLflow takes in a key; it is a file's name too. */
const keyOf = (text: string): string => text.replace(/[^\w\-. /]/g, '_').replaceAll('/', '.');
const MAX_PARAM = 6000;

/**
 * The files of a store.
 *
 * @param runs Of one or several experiments
 * @returns Texts by path, with `/`; below `mlruns` or any folder that `mlflow ui --backend-store-uri` is given
 * @example
 * ```ts
 * import { mlflowFiles } from 'selvedge';
 * const metrics = [{ key: 'accuracy', value: 0.9, timestamp: 2000, step: 1 }];
 * const run = { experiment: 'mine', name: 'dropout', params: { seed: '1' }, metrics, tags: {}, startTime: 1000, endTime: 3000 };
 * const files = await mlflowFiles([run]);
 * console.assert([...files.keys()].some((path) => path.endsWith('/metrics/accuracy')));
 * ```
 */
export async function mlflowFiles(runs: readonly MlflowRun[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const run of runs) {
    const { experiment, name, params, metrics, startTime, endTime } = run;
    const experimentId = await experimentIdOf(experiment);
    const runId = (await sha256(encode(`${experiment}\n${name}`))).slice(0, 32);
    const times = runs.filter((other) => other.experiment === experiment);
    files.set(
      `${experimentId}/meta.yaml`,
      yaml({
        artifact_location: `./${experimentId}`,
        creation_time: Math.min(...times.map((other) => other.startTime)),
        experiment_id: experimentId,
        last_update_time: Math.max(...times.map((other) => other.endTime)),
        lifecycle_stage: 'active',
        name: experiment,
      }),
    );
    const folder = `${experimentId}/${runId}`;
    files.set(
      `${folder}/meta.yaml`,
      yaml({
        artifact_uri: `./${folder}/artifacts`,
        end_time: endTime,
        entry_point_name: '',
        experiment_id: experimentId,
        lifecycle_stage: 'active',
        run_id: runId,
        run_name: name,
        run_uuid: runId,
        source_name: '',
        source_type: 4,
        source_version: '',
        start_time: startTime,
        status: 3,
        tags: [],
        user_id: 'selvedge',
      }),
    );
    for (const { key } of metrics) {
      const lines = metrics.filter((metric) => metric.key === key);
      const text = lines.map(({ timestamp, value, step }) => `${timestamp} ${value} ${step}\n`).join('');
      files.set(`${folder}/metrics/${keyOf(key)}`, text);
    }
    for (const [key, value] of Object.entries(params))
      files.set(`${folder}/params/${keyOf(key)}`, value.slice(0, MAX_PARAM));
    for (const [key, value] of Object.entries(tagsOf(run))) files.set(`${folder}/tags/${keyOf(key)}`, value);
  }
  return files;
}

/** Digits, as MLflow makes them. */
async function experimentIdOf(name: string): Promise<string> {
  const digest = await sha256(encode(name));
  return BigInt(`0x${digest.slice(0, 14)}`)
    .toString()
    .padStart(18, '1')
    .slice(0, 18);
}

const tagsOf = ({ name, tags }: MlflowRun): Record<string, string> => ({
  ...tags,
  'mlflow.runName': name,
  'mlflow.source.name': 'selvedge',
  'mlflow.source.type': 'LOCAL',
  'mlflow.user': 'selvedge',
});

/** Texts as JSON, which YAML reads as it is. */
const yaml = (entries: Readonly<Record<string, unknown>>): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** What MLflow takes in one batch. */
const BATCH = { metrics: 1000, params: 100 } as const;

/**
 * Makes runs on a tracking server.
 *
 * @param uri Such as `http://localhost:5000`
 * @returns Ids of the runs
 * @throws SelvedgeError `mlflow/server` for one that cannot be reached or refuses, with what it said
 */
export async function logToMlflow(uri: string, runs: readonly MlflowRun[], fetched: Fetch = fetch): Promise<string[]> {
  const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
    const url = `${uri.replace(/\/+$/, '')}/api/2.0/mlflow/${path}`;
    const headers = { 'content-type': 'application/json' };
    const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { method: 'GET' };
    let response: Response;
    let text: string;
    try {
      response = await fetched(url, { ...init, signal: AbortSignal.timeout(30_000) });
      text = await response.text();
    } catch (error) {
      throw serverError(url, messageOf(error), error);
    }
    if (!response.ok && !(response.status === 404 && !body))
      throw serverError(url, `${response.status} ${text.slice(0, 200)}`);
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw serverError(url, `no JSON: ${text.slice(0, 80)}`, error);
    }
  };
  const ids: string[] = [];
  for (const run of runs) {
    const found = await call(`experiments/get-by-name?experiment_name=${encodeURIComponent(run.experiment)}`);
    const experiment = found.experiment as { experiment_id?: string } | undefined;
    const experimentId =
      experiment?.experiment_id ?? (await call('experiments/create', { name: run.experiment })).experiment_id;
    const made = await call('runs/create', {
      experiment_id: experimentId,
      run_name: run.name,
      start_time: run.startTime,
      tags: listed(tagsOf(run)),
    });
    const { run_id: runId } = (made.run as { info?: { run_id?: string } } | undefined)?.info ?? {};
    if (typeof runId !== 'string') throw serverError(uri, 'no id of the run that it made');
    const params = listed(run.params).map(({ key, value }) => ({ key, value: value.slice(0, MAX_PARAM) }));
    const metrics = run.metrics.map((metric) => ({ ...metric, key: keyOf(metric.key) }));
    for (let at = 0; at < metrics.length; at += BATCH.metrics)
      await call('runs/log-batch', { run_id: runId, metrics: metrics.slice(at, at + BATCH.metrics) });
    for (let at = 0; at < params.length; at += BATCH.params)
      await call('runs/log-batch', { run_id: runId, params: params.slice(at, at + BATCH.params) });
    await call('runs/update', { run_id: runId, status: 'FINISHED', end_time: run.endTime });
    ids.push(runId);
  }
  return ids;
}

const listed = (entries: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(entries).map(([key, value]) => ({ key: keyOf(key), value }));

const serverError = (url: string, got: string, cause?: unknown): SelvedgeError =>
  new SelvedgeError('mlflow/server', `Cannot log to "${url}": expected a tracking server of MLflow, got ${got}`, {
    cause,
  });
