// Commands that call commands: study and ensemble run others as if they had been called, and tell what these say. Not here: tasks (task.ts).
import type { ArgsDef, ParsedArgs } from 'citty';
import { type ArgumentRules, parseArguments } from './arguments.ts';
import type { Command, CommandContext, CommandOutput } from './command.ts';
import { untilInterrupted } from './interruption.ts';

/** Options as words; those that were not given are left out. */
export function words(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}=${String(value)}`];
  });
}

/** Arguments of a command as if it had been called. */
export function parseStep<T extends ArgsDef>(known: Command<T>, rawArgs: readonly string[]): ParsedArgs<T> {
  const rules: ArgumentRules = { ...known, args: { ...known.args, verbose: { type: 'boolean' } } };
  return parseArguments(rules, rawArgs) as ParsedArgs<T>;
}

/** Runs one command as if it had been called, and tells what it says. */
export async function step(
  found: unknown,
  rawArgs: readonly string[],
  context: CommandContext,
): Promise<CommandOutput> {
  const known = found as Command;
  const args = parseStep(known, rawArgs);
  const run = (): Promise<CommandOutput> => known.run(args, context, rawArgs);
  context.writeError(`selvedge ${known.name} ${rawArgs.join(' ')}\n`);
  const output = await (known.endsItself ? run() : untilInterrupted(run, context.signal));
  if (known.name !== 'report') context.writeError(`${output.text}\n`);
  return output;
}
