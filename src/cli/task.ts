// selvedge task: run tasks of deno.json, as `deno task` does. Commands of this program run in this same process, on one engine.
import { version } from '../core/version.ts';
import { platform } from '../platform/index.ts';
import { parseTaskArguments, runTaskCommand } from '../tasks/index.ts';
import { parseArguments } from './arguments.ts';
import { type Command, type CommandContext, command, exitCodes, mayUseColors, runProgram } from './command.ts';
import { checkQueueOptions, queueOptions } from './queue-options.ts';

/** The command, given all commands that tasks may call. */
export function taskCommand(commands: () => readonly Command<never>[]): Command {
  return command({
    name: 'task',
    description: 'Run a task of deno.json, as deno task does; what follows its name is its own',
    passesArguments: true,
    endsItself: true,
    args: {
      name: { type: 'positional', required: false, description: 'Task to run; none: list them' },
      jobs: { type: 'string', alias: 'j', valueHint: 'count', description: 'Tasks at once (default: one a core)' },
      config: { type: 'string', alias: 'c', valueHint: 'file', description: 'Read tasks from this file' },
      cwd: { type: 'string', valueHint: 'folder', description: 'Run tasks in this folder' },
      'no-prefix': { type: 'boolean', description: 'Print no task names before the lines of parallel tasks' },
      'if-present': { type: 'boolean', description: 'A task that does not exist is no failure' },
      ...queueOptions,
    },
    async run(_, context, rawArgs) {
      const { words, queue } = splitQueue(withoutVerbose(rawArgs));
      // Of a graph, workers do the trainings; the rest is done here.
      const call = (args: readonly string[]): readonly string[] => (args[0] === 'train' ? [...args, ...queue] : args);
      const exitCode = await runTaskCommand({
        args: parseTaskArguments(words),
        commands: { selvedge: (args, task) => runProgram(call(args), commands(), observed(task, context)) },
        folder: context.cwd,
        versions: { selvedge: version },
        colors: mayUseColors() && platform.terminal.isTerminal,
        signal: context.signal,
        onEvent: (event) => context.observer?.onTask?.(event),
        ...outputOf(context),
      });
      if (exitCode === exitCodes.interrupted) {
        context.writeError('Interrupted; the same command goes on where this one stopped\n');
      }
      return { json: undefined, text: '', exitCode };
    },
  }) as unknown as Command;
}

/** The option that every command takes, where it stands before the name of the task. */
function withoutVerbose(words: readonly string[]): string[] {
  const name = words.findIndex((word) => !word.startsWith('-'));
  return words.filter((word, at) => word !== '--verbose' || (name >= 0 && at > name));
}

/** Options of the runner that have a value of their own. */
const withValue = ['-c', '--config', '--cwd', '-j', '--jobs'];

/** Takes the options of a queue out of what stands before the name of the task. */
function splitQueue(rawArgs: readonly string[]): {
  readonly words: readonly string[];
  readonly queue: readonly string[];
} {
  const [words, queue]: [string[], string[]] = [[], []];
  let at = 0;
  while (rawArgs[at]?.startsWith('-')) {
    const word = rawArgs[at]!;
    const [option = word] = word.split('=', 1);
    const isOfQueue = Object.keys(queueOptions).includes(option.replace(/^--/, ''));
    const isSplit = option === word && (isOfQueue || withValue.includes(option));
    (isOfQueue ? queue : words).push(...rawArgs.slice(at, at + (isSplit ? 2 : 1)));
    at += isSplit ? 2 : 1;
  }
  const given = parseArguments({ name: 'task', args: queueOptions }, queue);
  checkQueueOptions(given);
  return { words: [...words, ...rawArgs.slice(at)], queue };
}

/** Whoever observes the tasks observes what they run. */
const observed = (task: CommandContext, { observer }: CommandContext): CommandContext =>
  observer ? { ...task, observer } : task;

/** Inside a task, what tasks print goes where that task's output goes. */
function outputOf(context: CommandContext): { output?: CommandContext } {
  return context.write === platform.terminal.write ? {} : { output: context };
}
