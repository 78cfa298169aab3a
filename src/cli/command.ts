// What a command is, and how one is found, parsed, run and reported. The only place that decides on exit codes.
// Invariant: with --json standard output holds one JSON value and nothing else; errors are one line on standard error.
import type { ArgsDef, ParsedArgs } from 'citty';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { platform } from '../platform/index.ts';
import type { TaskEvent } from '../tasks/index.ts';
import type { EpochRecord, Progress } from '../training/index.ts';
import { parseArguments, usageError, withoutRequired } from './arguments.ts';
import { untilInterrupted } from './interruption.ts';

/** What a command found out: the same for people and for programs. */
export interface CommandOutput {
  /** Undefined where the command has written it itself, because it was to be read before the end. */
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
  /** Hears of progress as values; default: nobody does. */
  readonly observer?: Observer;
}

/** Hears what a command does while it runs, for those who draw it themselves. */
export interface Observer {
  /** After each update. Called often. */
  onProgress?(model: string, progress: Progress): void;
  /** After each epoch, `epochs` in all. */
  onEpoch?(model: string, record: EpochRecord, epochs: number): void;
  /** When a task starts, is skipped or ends. */
  onTask?(event: TaskEvent): void;
}

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly name: string;
  readonly description: string;
  readonly args: T;
  /** True if the command reads all of its arguments itself, but for --help. */
  readonly passesArguments?: boolean;
  /** Positional arguments may repeat. */
  readonly takesList?: boolean;
  /** True if it ends by itself, and soon, when the signal comes; others are abandoned then. */
  readonly endsItself?: boolean;
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
      if (name !== undefined) context.write(overview(commands));
      else context.writeError(overview(commands));
      return name === undefined ? exitCodes.usage : exitCodes.ok;
    }
    if (name === '--version') {
      context.write(`${version}\n`);
      return exitCodes.ok;
    }
    const found = commands.find((candidate) => candidate.name === name);
    if (!found) {
      throw usageError(`Unknown command "${name}": expected one of ${commands.map((known) => known.name).join(', ')}`);
    }
    return await runOne(found as unknown as Command, rest, context);
  } catch (error) {
    showError(error, context, rawArgs.includes('--verbose'));
    return exitCodeOf(error);
  }
}

/** Writes an error as one line, with the stack and what is underneath if that was asked for. */
export function showError(error: unknown, context: CommandContext, verbose: boolean): void {
  const code = error instanceof SelvedgeError ? error.code : 'unexpected';
  context.writeError(`selvedge: ${messageOf(error).split('\n')[0]} [${code}]\n`);
  if (verbose) context.writeError(`${stackOf(error)}\n`);
}

const usageCodes: readonly string[] = ['cli/usage', 'tasks/invalid-option'];

function exitCodeOf(error: unknown): number {
  const code = error instanceof SelvedgeError ? error.code : 'unexpected';
  if (code === 'cli/interrupted') return exitCodes.interrupted;
  return usageCodes.includes(code) ? exitCodes.usage : exitCodes.failure;
}

async function runOne(found: Command, rest: readonly string[], context: CommandContext): Promise<number> {
  const definition = { ...found.args, ...commonArgs };
  const ours = found.passesArguments ? rest.slice(0, 1).filter((argument) => /^(-h|--help)$/.test(argument)) : rest;
  const required = found.passesArguments ? withoutRequired(definition) : definition;
  const args = parseArguments({ ...found, args: required }, ours) as ParsedArgs;
  if (args.help) {
    context.write(await usageOf(found, definition));
    return exitCodes.ok;
  }
  const output = await (found.endsItself
    ? found.run(args, context, rest)
    : untilInterrupted(() => found.run(args, context, rest), context.signal));
  const text = args.json ? JSON.stringify(output.json, null, 2) : output.text;
  if (text !== undefined) context.write(withNewline(text));
  return output.exitCode ?? exitCodes.ok;
}

async function usageOf({ name, description, takesList }: Command, args: ArgsDef): Promise<string> {
  const { defineCommand, renderUsage } = await import('citty');
  const text = await renderUsage(defineCommand({ meta: { name: `selvedge ${name}`, description }, args }));
  const listed = takesList ? text.replace(/<[A-Z]+>/, '$&…') : text;
  return `${(mayUseColors() ? listed : listed.replace(ansiCodes, '')).replace(/ +$/gm, '')}\n`;
}

/** Colours are for eyes: standard output must be a terminal, and its owner must not have forbidden them. */
export function mayUseColors(): boolean {
  return platform.terminal.isOutputTerminal && !platform.environment('NO_COLOR');
}

const ansiCodes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

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
    '',
  ].join('\n');
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
