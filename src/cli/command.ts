// What a command is, and how one is found, parsed, run and reported. The only place that decides on exit codes.
// Invariant: with --json standard output holds one JSON value and nothing else; errors are one line on standard error.
import { type ArgsDef, defineCommand, type ParsedArgs, parseArgs, renderUsage } from 'citty';
import { messageOf, SelvedgeError } from '../core/errors.ts';

/** What a command found out: the same for people and for programs. */
export interface CommandOutput {
  readonly json: unknown;
  readonly text: string;
  readonly exitCode?: number;
}

/** Where a command runs: a terminal, or a task of the runner in this same process. */
export interface CommandContext {
  /** Folder that relative paths and runs are in. */
  readonly cwd: string;
  /** Aborted by Ctrl-C, or when another task failed. */
  readonly signal: AbortSignal;
  write(text: string): void;
  /** Progress and errors. */
  writeError(text: string): void;
}

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly name: string;
  readonly description: string;
  readonly args: T;
  /** True if the command reads all of its arguments itself, but for --help. */
  readonly passesArguments?: boolean;
  /** Positional arguments may repeat. */
  readonly takesList?: boolean;
  run(args: ParsedArgs<T>, context: CommandContext, rawArgs: readonly string[]): Promise<CommandOutput>;
}

export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

const commonArgs = {
  json: { type: 'boolean', description: 'Print the result as JSON, and nothing else' },
  verbose: { type: 'boolean', description: 'Print the stack of an error and more detail' },
  help: { type: 'boolean', alias: 'h', description: 'Print this text' },
} as const satisfies ArgsDef;

/** Lets TypeScript infer the arguments of a command. */
export function command<const T extends ArgsDef>(definition: Command<T>): Command<T> {
  return definition;
}

/** An error in how the program was called. */
export function usageError(message: string): SelvedgeError {
  return new SelvedgeError('cli/usage', message);
}

/**
 * Runs the program.
 *
 * @param rawArgs Arguments without runtime and script
 * @param commands In the order of the help text
 * @param context Where it runs
 * @returns The exit code
 */
export async function runProgram(
  rawArgs: readonly string[],
  commands: readonly Command<never>[],
  context: CommandContext,
): Promise<number> {
  try {
    const [name, ...rest] = rawArgs;
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      context.write(`${overview(commands)}\n`);
      return name === undefined ? exitCodes.usage : exitCodes.ok;
    }
    const found = commands.find((candidate) => candidate.name === name);
    if (!found) {
      throw usageError(`Unknown command "${name}": expected one of ${commands.map((known) => known.name).join(', ')}`);
    }
    return await runOne(found as unknown as Command, rest, context);
  } catch (error) {
    const code = error instanceof SelvedgeError ? error.code : 'unexpected';
    context.writeError(`selvedge: ${messageOf(error).split('\n')[0]} [${code}]\n`);
    if (rawArgs.includes('--verbose')) context.writeError(`${stackOf(error)}\n`);
    return code === 'cli/usage' ? exitCodes.usage : exitCodes.failure;
  }
}

async function runOne(found: Command, rest: readonly string[], context: CommandContext): Promise<number> {
  const definition = { ...found.args, ...commonArgs };
  const ours = found.passesArguments ? rest.slice(0, 1).filter((argument) => /^(-h|--help)$/.test(argument)) : rest;
  checkArguments(found, definition, ours);
  const args = parseArgs([...ours], withoutRequired(definition)) as ParsedArgs;
  if (args.help) {
    const shown = defineCommand({
      meta: { name: `selvedge ${found.name}`, description: found.description },
      args: definition,
    });
    context.write(`${await renderUsage(shown)}\n`);
    return exitCodes.ok;
  }
  for (const [name, argument] of found.passesArguments ? [] : Object.entries(found.args)) {
    if (argument.required && args[name] === undefined) {
      throw usageError(
        `Missing ${argument.type === 'positional' ? name.toUpperCase() : `--${name}`}: see selvedge ${found.name} --help`,
      );
    }
  }
  const output = await found.run(args, context, rest);
  context.write(args.json ? `${JSON.stringify(output.json, null, 2)}\n` : withNewline(output.text));
  return output.exitCode ?? exitCodes.ok;
}

function checkArguments(found: Command, definition: ArgsDef, rest: readonly string[]): void {
  const names = Object.entries(definition).flatMap(([name, argument]) => [
    name,
    ...[('alias' in argument && argument.alias) || []].flat(),
    ...(argument.type === 'boolean' ? [`no-${name}`] : []),
  ]);
  const positional = Object.values(definition).filter((argument) => argument.type === 'positional').length;
  let seen = 0;
  for (let i = 0; i < rest.length; i++) {
    const argument = rest[i]!;
    if (!argument.startsWith('-') || argument === '-') {
      seen++;
      continue;
    }
    const [name, value] = argument.replace(/^--?/, '').split('=', 2) as [string, string | undefined];
    if (!names.includes(name)) throw usageError(`Unknown option "${argument}": see selvedge ${found.name} --help`);
    const type = definition[name]?.type;
    if (type === 'string' || type === 'enum') {
      if (value === undefined) i++;
      if (value === undefined && (rest[i] === undefined || rest[i]!.startsWith('--'))) {
        throw usageError(`Option "--${name}" needs a value: see selvedge ${found.name} --help`);
      }
      const options = (definition[name] as { options?: string[] }).options;
      if (options && !options.includes(value ?? rest[i]!)) {
        throw usageError(`Option "--${name}" got "${value ?? rest[i]}": expected one of ${options.join(', ')}`);
      }
    }
  }
  if (seen > positional && !found.takesList) {
    throw usageError(`Too many arguments: got ${seen}, expected ${positional}; see selvedge ${found.name} --help`);
  }
}

/** citty exits by itself on a missing argument; we check that ourselves. */
function withoutRequired(definition: ArgsDef): ArgsDef {
  return Object.fromEntries(
    Object.entries(definition).map(([name, argument]) => [name, { ...argument, required: false }]),
  ) as ArgsDef;
}

function overview(commands: readonly Command<never>[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Trains and runs image classifiers on machines without a GPU.',
    '',
    'Usage: selvedge COMMAND [OPTIONS]',
    '',
    ...commands.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`),
    '',
    'selvedge COMMAND --help tells more. Every command takes --json and --verbose.',
  ].join('\n');
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
