// The shell of tasks, on every runtime: that of `deno task` 2.9.5, written anew, with commands of the caller's beside its own.
// Not here: its grammar (parse.ts) and how that runs (execute.ts).
// Invariant: resolves to an exit code of 0 to 255; a script that cannot be parsed is code 1 and a line, never an exception.
import { messageOf } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import type { TaskCommands, TaskOutput } from '../task-commands.ts';
import { runList } from './execute.ts';
import { type List, parseScript } from './parse.ts';
import { KillSignal, State } from './state.ts';
import { ownInput, taskSinks } from './streams.ts';

/** What a script runs with. */
export interface ShellOptions {
  /** Name of the task, for messages. */
  readonly name: string;
  readonly cwd: string;
  /** Variables on top of those of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly commands: TaskCommands;
  /** Where output goes; absent: children share this process's own streams. */
  readonly output?: TaskOutput;
  readonly signal: AbortSignal;
}

/** Runs a script to its exit code. Another runtime may bring its own. */
export type TaskShell = (script: string, options: ShellOptions) => Promise<number>;

/** How long children may take to end after a polite signal, before they are killed. */
const GRACE_MS = 2000;

/** Exit code of what Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;

/** Ends the commands when the run stops; resolves where they do not end by that. */
function watch(signal: AbortSignal, kill: KillSignal): { readonly abandoned: Promise<number>; leave(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = (): void => {};
  // A grandchild that outlives its parent keeps the pipe open, so killing the children may not end the wait.
  const abandoned = new Promise<number>((resolve) => {
    stop = () => {
      kill.send('SIGTERM', INTERRUPTED);
      timer = setTimeout(() => {
        kill.send('SIGKILL', INTERRUPTED);
        timer = setTimeout(() => resolve(INTERRUPTED), GRACE_MS);
      }, GRACE_MS);
    };
  });
  signal.addEventListener('abort', stop, { once: true });
  return {
    abandoned,
    leave: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}

/**
 * Runs a script as `deno task` does.
 *
 * @param script Lists, `&&`, `||`, `!`, `|`, `|&`, `&`, subshells, variables, `$?`, `$(…)`, braces, globs, quotes, redirects; commands
 * of ours, of the shell, and programs
 * @param options Folder, variables, commands, output, signal to stop
 * @returns The exit code; 128 + the signal's number where a program ended by a signal
 * @see https://docs.deno.com/runtime/reference/cli/task/#syntax
 *
 * @example
 * ```ts
 * import { taskShell } from 'selvedge';
 * const code = await taskShell('check $NAME', {
 *   name: 'example', cwd: '.', env: { NAME: 'cloth' }, commands: { check: ([name]) => (name === 'cloth' ? 0 : 1) },
 *   signal: new AbortController().signal,
 * });
 * console.assert(code === 0);
 * ```
 */
export const taskShell: TaskShell = async (script, options) => {
  if (options.signal.aborted) return INTERRUPTED;
  const { stdout, stderr, end } = taskSinks(options.output);
  let list: List;
  try {
    list = parseScript(script);
  } catch (error) {
    const { writeError } = options.output ?? platform.terminal;
    writeError(`error: Cannot run the script of task '${options.name}': ${messageOf(error)}\n`);
    return 1;
  }
  const kill = new KillSignal();
  const state = new State(options.commands, platform.files.resolve(options.cwd), kill);
  for (const [name, value] of Object.entries({ ...platform.environmentVariables(), ...options.env })) {
    if (name !== 'PWD') state.setEnv(name, value);
  }
  state.enter(state.cwd);
  const { abandoned, leave } = watch(options.signal, kill);
  try {
    const ended = runList(list, state, { stdin: ownInput(), stdout, stderr }, true);
    return (await Promise.race([ended.then(({ code }) => code), abandoned])) & 255;
  } catch (error) {
    const { writeError } = options.output ?? platform.terminal;
    writeError(`error: Cannot run the script of task '${options.name}': ${messageOf(error).trim()}\n`);
    return 1;
  } finally {
    leave();
    end();
  }
};
