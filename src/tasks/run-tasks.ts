// Runs a plan: in parallel up to the limit, each task once, skipping what the cache knows, stopping at the first failure.
// Not here: what a task is, in which order tasks stand, what is shown of a run. It prints nothing but what commands print.
// Invariant: a task starts only after all its dependencies succeeded, and when the promise resolves nothing of the run still runs.
import { platform } from '../platform/index.ts';
import { findFiles } from './find-files.ts';
import { fingerprintTask } from './fingerprint.ts';
import type { PlannedTask, TaskPlan } from './resolve-tasks.ts';
import { type TaskShell, taskShell } from './shell/index.ts';
import { lanePrefix, painter, prefixLines, scriptOf } from './show-tasks.ts';
import { type CacheEntry, cacheEntry, clearStaleOutputs, restoreFromCache, storeInCache } from './task-cache.ts';
import { serializeCommands, type TaskCommands, type TaskOutput } from './task-commands.ts';

/**
 * What became of a task: `ran` and succeeded; `cached`: skipped, outputs restored; `group`: nothing of its own to run; `failed`;
 * `stopped` while it ran, because another failed or the run was interrupted; `skipped`: never started.
 */
export type TaskOutcome = 'ran' | 'cached' | 'group' | 'failed' | 'stopped' | 'skipped';

/** What became of one task. */
export interface TaskResult {
  readonly name: string;
  readonly outcome: TaskOutcome;
  readonly code: number;
  readonly durationMs: number;
}

/** What became of a run. `code` is that of the first task to fail, 130 where the run was interrupted, else 0. */
export interface TaskRunResult {
  readonly code: number;
  readonly durationMs: number;
  /** In the order of the plan. */
  readonly tasks: readonly TaskResult[];
}

/** Told as it happens: `start` where a command starts, a group is reached or a task is skipped; `end` with the outcome. */
export type TaskEvent =
  | { readonly kind: 'start'; readonly planned: PlannedTask; readonly cached: boolean }
  | { readonly kind: 'end'; readonly planned: PlannedTask; readonly result: TaskResult };

/** How to run a plan. */
export interface RunTasksOptions {
  readonly plan: TaskPlan;
  /** Commands that scripts may call by name, run in this process, one at a time. */
  readonly commands?: TaskCommands;
  /** Most tasks at once; default: `DENO_JOBS`, else the cores of the machine. */
  readonly jobs?: number;
  /** Folder that tasks run in; default: that of the file. */
  readonly cwd?: string;
  /** Folder that the run was asked for in, INIT_CWD of the commands unless that is set already; default: the working folder. */
  readonly initialCwd?: string;
  /** Default: `.selvedge/task-cache` beside the file. */
  readonly cacheFolder?: string;
  /** Variables on top of those of the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names and versions that results depend on besides runtime, operating system and architecture. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Whether lines of tasks that may overlap begin with `[name]`; default: yes. */
  readonly prefix?: boolean;
  /** Whether prefixes are in colour; default: no. */
  readonly colors?: boolean;
  /** Where the output of commands goes; default: they share this process's own streams. */
  readonly output?: TaskOutput;
  /** Told when a task starts and when it ends. */
  readonly onEvent?: (event: TaskEvent) => void;
  /** Stops the run: nothing more starts, and what runs is asked to end. */
  readonly signal?: AbortSignal;
  /** Default: `taskShell`. */
  readonly shell?: TaskShell;
}

/** A run's options with their defaults. */
interface Run {
  readonly options: RunTasksOptions;
  readonly folder: string;
  readonly cacheFolder: string;
  readonly commands: TaskCommands;
  readonly versions: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Aborted when the run must stop, for whatever reason. */
  readonly stop: AbortController;
  /** By id: the fingerprint of each finished task that has one. */
  readonly fingerprints: Map<number, string>;
}

const INTERRUPTED = 130;

/**
 * How many tasks may run at once, unless told otherwise.
 *
 * @param denoJobs Value of `DENO_JOBS`; one that is no positive integer counts as 2, as in Deno
 * @returns At least 1
 *
 * @example
 * ```ts
 * import { defaultJobs } from 'selvedge';
 * console.assert(defaultJobs('3') === 3 && defaultJobs('none') === 2 && defaultJobs(undefined) >= 1);
 * ```
 */
export function defaultJobs(denoJobs: string | undefined): number {
  if (denoJobs === undefined) return platform.machine().cores;
  const jobs = /^\+?\d+$/.test(denoJobs) ? Number(denoJobs) : 0;
  return jobs > 0 ? jobs : 2;
}

const variable = (run: Pick<Run, 'env'>, name: string): string | undefined =>
  run.env[name] ?? platform.environment(name);

/** Programs of installed packages come first in PATH, from the task's folder and those above it. */
function searchPath(folder: string, path: string | undefined): string {
  const delimiter = platform.machine().operatingSystem.startsWith('Windows') ? ';' : ':';
  const folders: string[] = [];
  for (let here = folder; ; here = platform.files.dirname(here)) {
    folders.push(platform.files.join(here, 'node_modules', '.bin'));
    if (here === platform.files.dirname(here)) break;
  }
  return [...folders, ...(path ? [path] : [])].join(delimiter);
}

function prepareRun(options: RunTasksOptions): Run {
  const { plan, env = {} } = options;
  const folder = options.cwd === undefined ? plan.file.folder : platform.files.resolve(options.cwd);
  const machine = platform.machine();
  return {
    options,
    folder,
    cacheFolder: options.cacheFolder ?? platform.files.join(plan.file.folder, '.selvedge', 'task-cache'),
    commands: serializeCommands(options.commands ?? {}),
    versions: {
      [platform.runtime.name]: platform.runtime.version,
      architecture: machine.architecture,
      system: machine.operatingSystem.split(' ')[0]!,
      ...options.versions,
    },
    env: {
      ...env,
      INIT_CWD: variable({ env }, 'INIT_CWD') ?? options.initialCwd ?? platform.workingFolder(),
      PATH: searchPath(folder, variable({ env }, 'PATH')),
    },
    stop: new AbortController(),
    fingerprints: new Map(),
  };
}

/** The fingerprint of a task as it would run now; undefined where it must run whatever happens. */
async function fingerprintOf(run: Run, planned: PlannedTask): Promise<string | undefined> {
  const { task, args } = planned;
  if (task.command === undefined || task.files.length === 0) return undefined;
  // What always runs may always make something new, so nothing that depends on it may be skipped. A group counts as that too.
  const dependencies = planned.dependencies.map((id) => run.fingerprints.get(id));
  if (dependencies.includes(undefined)) return undefined;
  const files = await findFiles(run.folder, task.files, run.cacheFolder);
  // Patterns that mean no file are a slip of the pen, and would otherwise always be "unchanged".
  if (files === undefined || files.length === 0) return undefined;
  return fingerprintTask({
    command: task.command,
    args,
    files,
    folder: run.folder,
    env: new Map(task.env.map((name) => [name, variable(run, name)])),
    dependencies: dependencies as string[],
    versions: run.versions,
  });
}

/** Runs the script of a task, its lines prefixed if it may overlap with others. */
async function runScript(run: Run, planned: PlannedTask): Promise<number> {
  const { options } = run;
  const { task, args } = planned;
  const prefix =
    options.prefix === false ? undefined : lanePrefix(planned, options.plan.tasks, painter(options.colors === true));
  const target = options.output ?? platform.terminal;
  const lines = prefix === undefined ? [] : [prefixLines(prefix, target.write), prefixLines(prefix, target.writeError)];
  const output = lines.length === 2 ? { write: lines[0]!.write, writeError: lines[1]!.write } : options.output;
  const code = await (options.shell ?? taskShell)(scriptOf(task, args), {
    name: task.name,
    cwd: run.folder,
    env: run.env,
    commands: run.commands,
    signal: run.stop.signal,
    ...(output ? { output } : {}),
  });
  for (const line of lines) line.end();
  return code;
}

/** Skips or runs one task. */
async function runTask(run: Run, planned: PlannedTask): Promise<{ outcome: TaskOutcome; code: number }> {
  const { task } = planned;
  const start = (cached: boolean): void => run.options.onEvent?.({ kind: 'start', planned, cached });
  if (task.command === undefined) {
    start(false);
    return { outcome: 'group', code: 0 };
  }
  const fingerprint = await fingerprintOf(run, planned);
  let entry: CacheEntry | undefined;
  if (fingerprint !== undefined) {
    entry = await cacheEntry(run.cacheFolder, task.name, run.folder);
    run.fingerprints.set(planned.id, fingerprint);
    if (await restoreFromCache(entry, fingerprint)) {
      start(true);
      return { outcome: 'cached', code: 0 };
    }
    await clearStaleOutputs(entry, fingerprint);
  }
  if (run.stop.signal.aborted) return { outcome: 'skipped', code: 0 };
  start(false);
  const code = await runScript(run, planned);
  if (run.stop.signal.aborted) return { outcome: 'stopped', code };
  if (code !== 0) return { outcome: 'failed', code };
  if (entry && fingerprint !== undefined) {
    await storeInCache(entry, fingerprint, task.output, run.cacheFolder);
  }
  return { outcome: 'ran', code };
}

/**
 * Runs a plan.
 *
 * @param options The plan, and how to run it
 * @returns What became of the run and of each task; a task that fails is a result, not an exception
 * @throws Whatever reading inputs or writing the cache throws, after the tasks that run have ended
 * @see https://docs.deno.com/runtime/reference/cli/task/
 *
 * @example
 * ```ts
 * import { parseTaskFile, planTasks, runTasks } from 'selvedge';
 * const plan = planTasks(parseTaskFile('{ "tasks": { "greet": "hello cloth" } }', '/deno.json'), 'greet');
 * let heard = '';
 * const { code } = await runTasks({ plan, commands: { hello: ([name]) => ((heard += name), 0) } });
 * console.assert(code === 0 && heard === 'cloth');
 * ```
 */
export async function runTasks(options: RunTasksOptions): Promise<TaskRunResult> {
  const run = prepareRun(options);
  const { tasks } = options.plan;
  const jobs = options.jobs ?? defaultJobs(variable(run, 'DENO_JOBS'));
  const startedMs = platform.now();
  const results = new Map<number, TaskResult>();
  const running = new Map<number, Promise<void>>();
  let code = 0;
  let thrown: { readonly error: unknown } | undefined;
  const interrupt = (): void => run.stop.abort();
  options.signal?.addEventListener('abort', interrupt, { once: true });
  if (options.signal?.aborted) interrupt();

  const launch = async (planned: PlannedTask): Promise<void> => {
    const taskStartedMs = platform.now();
    try {
      const { outcome, code: own } = await runTask(run, planned);
      const durationMs = platform.now() - taskStartedMs;
      const result = { name: planned.task.name, outcome, code: own, durationMs };
      results.set(planned.id, result);
      if (outcome === 'failed') {
        code = own;
        run.stop.abort();
      }
      options.onEvent?.({ kind: 'end', planned, result });
    } catch (error) {
      thrown ??= { error };
      run.stop.abort();
    } finally {
      running.delete(planned.id);
    }
  };
  const isReady = ({ id, dependencies }: PlannedTask): boolean =>
    !results.has(id) && !running.has(id) && dependencies.every((dependency) => results.has(dependency));

  for (;;) {
    while (!run.stop.signal.aborted && running.size < jobs) {
      const next = tasks.find(isReady);
      if (next === undefined) break;
      running.set(next.id, launch(next));
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  options.signal?.removeEventListener('abort', interrupt);
  if (thrown) throw thrown.error;
  if (code === 0 && run.stop.signal.aborted) code = INTERRUPTED;
  return {
    code,
    durationMs: platform.now() - startedMs,
    tasks: tasks.map(
      ({ id, task }) => results.get(id) ?? { name: task.name, outcome: 'skipped', code: 0, durationMs: 0 },
    ),
  };
}
