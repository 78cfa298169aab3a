// Runs a task's script with the shell of `dax`, whose parser is that of Deno's own task shell.
// Of Deno's syntax it lacks `a & b`, `|&` and `$?`: the first two fail with a message, the last is empty.
// Invariant: resolves to an exit code of 0 to 255; a script that cannot be parsed is code 1 and a line, never an exception.
import type { CommandHandler, CommandPipeWriter } from 'dax';
import { messageOf } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { TaskCommand, TaskCommands, TaskOutput } from './task-commands.ts';

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

/** A command of ours as dax calls it. Writes are queued: the lock is not held while a slow reader catches up. */
function toHandler(command: TaskCommand, signal: AbortSignal): CommandHandler {
  return async (context) => {
    let written: Promise<unknown> = Promise.resolve();
    const writerTo = (pipe: CommandPipeWriter) => (text: string) => {
      written = written.then(() => pipe.writeText(text));
    };
    const code = await command(context.args, {
      cwd: context.cwd,
      env: context.env,
      signal,
      inherited: context.stdout.kind === 'inherit',
      write: context.stdout.kind === 'inherit' ? platform.terminal.write : writerTo(context.stdout),
      writeError: context.stderr.kind === 'inherit' ? platform.terminal.writeError : writerTo(context.stderr),
    });
    await written;
    return { code: code & 255 };
  };
}

/** Bytes to text, whole characters at a time. */
function textSink(write: (text: string) => void): WritableStream<Uint8Array> {
  const decoder = new TextDecoder();
  return new WritableStream({
    write: (chunk) => write(decoder.decode(chunk, { stream: true })),
    close: () => write(decoder.decode()),
  });
}

/**
 * Runs a script with dax.
 *
 * @param script `cd`, `&&`, `||`, `|`, `;`, `!`, variables, `$(…)`, globs, quotes, redirects; commands of ours, of dax, and programs
 * @param options Folder, variables, commands, output, signal to stop
 * @returns The exit code; 128 + the signal's number where a program ended by a signal
 * @see https://docs.deno.com/runtime/reference/cli/task/#syntax
 *
 * @example
 * ```ts
 * import { daxShell } from 'selvedge';
 * const code = await daxShell('check $NAME', {
 *   name: 'example', cwd: '.', env: { NAME: 'cloth' }, commands: { check: ([name]) => (name === 'cloth' ? 0 : 1) },
 *   signal: new AbortController().signal,
 * });
 * console.assert(code === 0);
 * ```
 */
export const daxShell: TaskShell = async (script, options) => {
  // Loaded on first use: a run in which everything is cached never needs it.
  const { CommandBuilder, KillController } = await import('dax');
  const killer = new KillController();
  let builder = new CommandBuilder().command(script).cwd(options.cwd).env(options.env).noThrow().signal(killer.signal);
  for (const [name, command] of Object.entries(options.commands)) {
    builder = builder.registerCommand(name, toHandler(command, options.signal));
  }
  const { output } = options;
  if (output) {
    builder = builder.stdout(textSink(output.write)).stderr(textSink(output.writeError));
  }
  if (options.signal.aborted) return INTERRUPTED;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = (): void => {};
  // A grandchild that outlives its parent keeps the pipe open, so killing the children may not end the wait.
  const abandoned = new Promise<number>((resolve) => {
    stop = () => {
      killer.kill('SIGTERM');
      timer = setTimeout(() => {
        killer.kill('SIGKILL');
        timer = setTimeout(() => resolve(INTERRUPTED), GRACE_MS);
      }, GRACE_MS);
    };
  });
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    const ended = platform.withSignalExitCodes(async () => (await builder).code);
    return (await Promise.race([ended, abandoned])) & 255;
  } catch (error) {
    const { writeError } = output ?? platform.terminal;
    writeError(`error: Cannot run the script of task '${options.name}': ${messageOf(error).trim()}\n`);
    return 1;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', stop);
  }
};
