// The `task` command whole, from arguments to exit code, in the manner of `deno task [options] [name] [arguments of the task…]`.
// Not here: printing. Whoever calls gives the two writers, the commands of the program, and the signal of Ctrl-C.
// Invariant: what stands after the name belongs to the task; with `json`, standard output holds one JSON document and nothing else.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { planTasks, type TaskPlan } from './resolve-tasks.ts';
import { runTasks, type TaskEvent, type TaskRunResult } from './run-tasks.ts';
import { type Paint, painter, summaryLine, taskLine, taskList } from './show-tasks.ts';
import type { TaskCommands, TaskOutput } from './task-commands.ts';
import { loadTaskFile, type TaskFile } from './task-file.ts';

/** What the arguments of `task` say. */
export interface TaskArguments {
  /** Absent: list the tasks. */
  readonly name?: string;
  /** Extra arguments for the task. */
  readonly args: readonly string[];
  readonly config?: string;
  readonly cwd?: string;
  readonly jobs?: number;
  readonly prefix: boolean;
  readonly ifPresent: boolean;
  readonly json: boolean;
}

/** The program around the `task` command. */
export interface RunTaskCommandOptions {
  readonly args: TaskArguments;
  readonly commands: TaskCommands;
  /** Folder to look for `deno.json` in and above; default: the working folder. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly versions?: Readonly<Record<string, string>>;
  readonly colors?: boolean;
  /** Absent: commands share this process's own streams, and lines about tasks go to its standard error. */
  readonly output?: TaskOutput;
  /** Told what is told in lines too. */
  readonly onEvent?: (event: TaskEvent) => void;
  readonly signal?: AbortSignal;
}

const VALUE_OPTIONS: Readonly<Record<string, 'config' | 'cwd' | 'jobs'>> = {
  '-c': 'config',
  '--config': 'config',
  '--cwd': 'cwd',
  '-j': 'jobs',
  '--jobs': 'jobs',
};
const FLAGS: Readonly<Record<string, object>> = {
  '--no-prefix': { prefix: false },
  '--if-present': { ifPresent: true },
  '--json': { json: true },
};

function parseValue(option: string, field: 'config' | 'cwd' | 'jobs', value: string | undefined): object {
  if (value === undefined || value === '') {
    throw new SelvedgeError('tasks/invalid-option', `Cannot read option "${option}": expected a value, got none`);
  }
  if (field !== 'jobs') return { [field]: value };
  if (!/^[1-9]\d*$/.test(value)) {
    throw new SelvedgeError(
      'tasks/invalid-option',
      `Cannot read option "${option}": expected a positive integer, got "${value}"`,
    );
  }
  return { jobs: Number(value) };
}

/**
 * Reads the arguments of `task`: options, then the name, then what is the task's own, untouched.
 *
 * @param argv Arguments after the word `task`
 * @returns What they say
 * @throws SelvedgeError `tasks/invalid-option`
 *
 * @example
 * ```ts
 * import { parseTaskArguments } from 'selvedge';
 * const { name, args, jobs } = parseTaskArguments(['--jobs', '1', 'train', '--epochs', '3']);
 * console.assert(name === 'train' && args.join() === '--epochs,3' && jobs === 1);
 * ```
 */
export function parseTaskArguments(argv: readonly string[]): TaskArguments {
  let parsed: TaskArguments = { args: [], prefix: true, ifPresent: false, json: false };
  let at = 0;
  for (; at < argv.length && argv[at]!.startsWith('-'); at++) {
    const word = argv[at]!;
    const [, option = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? /^(-[cj])(.+)$/s.exec(word) ?? [];
    const field = VALUE_OPTIONS[option];
    if (field) parsed = { ...parsed, ...parseValue(option, field, value ?? argv[++at]) };
    else if (FLAGS[word]) parsed = { ...parsed, ...FLAGS[word] };
    else {
      const known = [...Object.keys(VALUE_OPTIONS), ...Object.keys(FLAGS)].join(', ');
      throw new SelvedgeError('tasks/invalid-option', `Cannot read option "${word}": expected one of ${known}`);
    }
  }
  const name = argv[at];
  return name === undefined ? parsed : { ...parsed, name, args: argv.slice(at + 1) };
}

/** The list, as text or as JSON. */
function showList(file: TaskFile, json: boolean, paint: Paint, write: (text: string) => void): number {
  write(json ? `${JSON.stringify(file.tasks, null, 2)}\n` : taskList(file, paint));
  return 0;
}

/** A plan, or the exit code where there is none to run. */
function planOrExplain(file: TaskFile, args: TaskArguments, paint: Paint, output: TaskOutput): TaskPlan | number {
  try {
    return planTasks(file, args.name!, args.args);
  } catch (error) {
    if (!(error instanceof SelvedgeError)) throw error;
    if (error.code === 'tasks/not-found' && args.ifPresent) return 0;
    output.writeError(`${messageOf(error)}\n`);
    if (error.code === 'tasks/not-found') output.writeError(taskList(file, paint));
    return 1;
  }
}

/**
 * Runs the `task` command.
 *
 * @param options Arguments, commands of the program, where to write
 * @returns The exit code: of the first task to fail, 1 for an unknown task or a cycle, 130 for Ctrl-C, else 0
 * @throws SelvedgeError where there is no `deno.json` or it cannot be read
 *
 * @example
 * ```ts no-run
 * import { parseTaskArguments, runTaskCommand } from 'selvedge';
 * const code = await runTaskCommand({ args: parseTaskArguments(['pipeline']), commands: {} });
 * ```
 */
export async function runTaskCommand(options: RunTaskCommandOptions): Promise<number> {
  const { args, commands, folder = platform.workingFolder() } = options;
  const own = options.output ?? platform.terminal;
  const paint = painter(options.colors === true);
  const cwd = args.cwd === undefined ? undefined : platform.files.resolve(folder, args.cwd);
  const file = await loadTaskFile(args.config ? platform.files.resolve(folder, args.config) : (cwd ?? folder));
  if (args.name === undefined) return showList(file, args.json, paint, own.write);
  const plan = planOrExplain(file, args, paint, own);
  if (typeof plan === 'number') return plan;
  const { env, versions, colors, signal } = options;
  // With JSON on standard output, what the tasks print goes to standard error.
  const output = args.json ? { write: own.writeError, writeError: own.writeError } : options.output;
  const result: TaskRunResult = await runTasks({
    plan,
    commands,
    initialCwd: folder,
    prefix: args.prefix,
    onEvent: (event) => {
      if (event.kind === 'start') own.writeError(`${taskLine(event.planned, event.cached, paint)}\n`);
      options.onEvent?.(event);
    },
    ...(args.jobs === undefined ? {} : { jobs: args.jobs }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(output ? { output } : {}),
    ...(env ? { env } : {}),
    ...(versions ? { versions } : {}),
    ...(colors === undefined ? {} : { colors }),
    ...(signal ? { signal } : {}),
  });
  const summary = summaryLine(result);
  if (summary !== undefined) own.writeError(`${summary}\n`);
  if (args.json) own.write(`${JSON.stringify(result, null, 2)}\n`);
  return result.code;
}
