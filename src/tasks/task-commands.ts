// Commands of the program that runs the tasks: functions that a task's script calls by name, in this very process.
// Not a shell. Knows nothing of what the commands do.
// Invariant: one such command runs at a time, however many tasks run: they share one engine and one set of cores.
import { messageOf } from '../core/errors.ts';

/** Where output goes. */
export interface TaskOutput {
  /** Standard output. */
  write(text: string): void;
  /** Standard error. */
  writeError(text: string): void;
}

/** What a command is told besides its arguments. */
export interface TaskCommandContext extends TaskOutput {
  /** Folder that the script is in at this point. */
  readonly cwd: string;
  /** Variables that the script sees, INIT_CWD among them. */
  readonly env: Readonly<Record<string, string>>;
  /** Aborted when the run must stop: by Ctrl-C, or because another task failed. */
  readonly signal: AbortSignal;
  /** Whether `write` goes straight to the program's own standard output, not to a pipe, a file or a prefixed line. */
  readonly inherited: boolean;
}

/** A command: arguments without its own name, to an exit code, 0 for success. */
export type TaskCommand = (args: readonly string[], context: TaskCommandContext) => Promise<number> | number;

/** Commands by name. */
export type TaskCommands = Readonly<Record<string, TaskCommand>>;

/**
 * Makes commands that wait for one another, and that turn an exception into a line and exit code 1.
 *
 * @param commands Commands by name
 * @returns The same names; of all of them, one runs at a time, in the order of the calls
 *
 * @example
 * ```ts
 * const commands = serializeCommands({ train: async () => 0, info: () => 0 });
 * ```
 */
export function serializeCommands(commands: TaskCommands): TaskCommands {
  let last: Promise<unknown> = Promise.resolve();
  const serialize =
    (name: string, command: TaskCommand): TaskCommand =>
    (args, context) => {
      const turn = last.then(async () => {
        if (context.signal.aborted) return 130;
        try {
          return await command(args, context);
        } catch (error) {
          context.writeError(`${name}: ${messageOf(error)}\n`);
          return 1;
        }
      });
      last = turn;
      return turn;
    };
  return Object.fromEntries(Object.entries(commands).map(([name, command]) => [name, serialize(name, command)]));
}
