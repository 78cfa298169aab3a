// From the words of a command line to the values of a command's options. Strict where citty, whose definitions these are, is lenient:
// what is not known, has no value or has one too many is a usage error. Not here: what a text means (options.ts), and the help, which is
// citty's. Runs where there is no parser of Node's, which citty calls.
// Invariant: the last word counts where an option is given twice, and what follows `--` is never an option.
import type { ArgsDef, ParsedArgs } from 'citty';
import { SelvedgeError } from '../core/errors.ts';

/** What must be known of a command to read its arguments. */
export interface ArgumentRules {
  readonly name: string;
  readonly args: ArgsDef;
  /** Any number of positional arguments from one on; they are in `_`. */
  readonly takesList?: boolean;
}

/** An error in how the program was called. */
export function usageError(message: string): SelvedgeError {
  return new SelvedgeError('cli/usage', message);
}

/**
 * Reads the arguments of a command.
 *
 * @param rules The command's name and arguments
 * @param words What stands behind the name
 * @returns Values by name, positional arguments in `_`
 * @throws SelvedgeError `cli/usage`, with the way to the help
 */
export function parseArguments<T extends ArgsDef>(
  rules: ArgumentRules & { args: T },
  words: readonly string[],
): ParsedArgs<T> {
  const { options, positionals } = sortWords(rules, words);
  const places = Object.entries(rules.args).filter(([, argument]) => argument.type === 'positional');
  const args = valuesOf(rules.args, options, positionals) as ParsedArgs<T>;
  if (args.help) return args;
  if (positionals.length > places.length && !rules.takesList) {
    throw refusal(rules, `Too many arguments: got ${positionals.length}, expected ${places.length}`);
  }
  for (const [name, argument] of Object.entries(rules.args)) {
    if (!argument.required || args[name as keyof typeof args] !== undefined) continue;
    throw refusal(rules, `Missing ${argument.type === 'positional' ? name.toUpperCase() : `--${name}`}`);
  }
  return args;
}

/** The same definition, with nothing that must be given. */
export function withoutRequired(definition: ArgsDef): ArgsDef {
  return Object.fromEntries(
    Object.entries(definition).map(([name, argument]) => [name, { ...argument, required: false }]),
  ) as ArgsDef;
}

type Value = string | boolean;

/** Options by name and alias with their defaults, positional arguments by name, and all of those in `_`. */
function valuesOf(
  definition: ArgsDef,
  options: ReadonlyMap<string, Value>,
  positionals: readonly string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = { _: positionals };
  let place = 0;
  for (const [name, argument] of Object.entries(definition)) {
    const given = argument.type === 'positional' ? positionals[place++] : options.get(name);
    const value = given ?? argument.default;
    if (value === undefined) continue;
    values[name] = value;
    for (const alias of 'alias' in argument ? [argument.alias ?? []].flat() : []) values[alias] = value;
  }
  return values;
}

interface SortedWords {
  readonly options: ReadonlyMap<string, Value>;
  readonly positionals: readonly string[];
}

function sortWords(rules: ArgumentRules, words: readonly string[]): SortedWords {
  const options = new Map<string, Value>();
  const positionals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      positionals.push(word);
      continue;
    }
    const { name, type, choices, isNegated, value } = readOption(rules, word);
    if (type === 'boolean') {
      options.set(name, flag(rules, name, isNegated, value));
      continue;
    }
    // A value may begin with one dash, as negative numbers do.
    const given = value ?? (words[at + 1]?.startsWith('--') ? undefined : words[++at]);
    if (given === undefined || given === '') throw refusal(rules, `Option "--${name}" needs a value`);
    if (choices && !choices.includes(given)) {
      throw usageError(`Option "--${name}" got "${given}": expected one of ${choices.join(', ')}`);
    }
    options.set(name, given);
  }
  return { options, positionals };
}

interface Option {
  readonly name: string;
  readonly type: string | undefined;
  readonly choices: readonly string[] | undefined;
  readonly isNegated: boolean;
  readonly value: string | undefined;
}

function readOption(rules: ArgumentRules, word: string): Option {
  const [, dashes, written, value] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(word)!;
  for (const [name, argument] of Object.entries(rules.args)) {
    if (argument.type === 'positional') continue;
    const aliases = 'alias' in argument ? [argument.alias ?? []].flat() : [];
    const isNegated = dashes === '--' && argument.type === 'boolean' && written === `no-${name}`;
    const isNamed = dashes === '--' ? written === name : aliases.includes(written!);
    if (!isNamed && !isNegated) continue;
    const choices = argument.type === 'enum' ? argument.options : undefined;
    return { name, type: argument.type, choices, isNegated, value };
  }
  throw refusal(rules, `Unknown option "${word}"`);
}

function flag(rules: ArgumentRules, name: string, isNegated: boolean, value: string | undefined): boolean {
  if (value !== undefined && (isNegated || !['true', 'false'].includes(value))) {
    throw refusal(rules, `Option "--${isNegated ? 'no-' : ''}${name}" takes no value, got "${value}"`);
  }
  return !isNegated && value !== 'false';
}

function refusal(rules: ArgumentRules, message: string): SelvedgeError {
  return usageError(`${message}: see selvedge ${rules.name} --help`);
}

/** Whether an option stands in the arguments, whatever its default. */
export const isGiven = (rawArgs: readonly string[], option: string): boolean =>
  rawArgs.some((raw) => raw === `--${option}` || raw.startsWith(`--${option}=`));
