// Options and arguments of the shell's own commands. Invariant: what is not known is refused by name.

/** What a command says, after its name, before it ends with its code. */
export class CommandFailure extends Error {}

export interface Options {
  readonly flags?: readonly string[];
  /** Options that take a value: `-n 3`, `--lines=3`. */
  readonly values?: readonly string[];
  /** Whether all is an argument from the first one on, but for one `--`. */
  readonly stops?: boolean;
}

/** Reads `-ab`, `--long`, `--long=value`, `--`; a number with a minus is an argument. */
export function readArguments(
  args: readonly string[],
  { flags = [], values: takers = [], stops = false }: Options,
): { words: Set<string>; values: Map<string, string>; rest: string[] } {
  const [words, values, rest] = [new Set<string>(), new Map<string, string>(), [] as string[]];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--') {
      rest.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-' || (/^-(?:\d+\.?\d*|\.\d+)$/.test(arg) && !flags.includes(arg.slice(1)))) {
      rest.push(arg);
      if (!stops) continue;
      const after = args.slice(at + 1);
      rest.push(...after.filter((one, index) => one !== '--' || index !== after.indexOf('--')));
      break;
    }
    const [, long, value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(arg) ?? [];
    if (long !== undefined) {
      if (flags.includes(long) && value === undefined) words.add(long);
      else if (takers.includes(long) && long.length > 1) {
        if (!value) throw new CommandFailure(`expected a value for --${long}`);
        values.set(long, value);
      } else throw new CommandFailure(`unsupported flag: ${arg}`);
      continue;
    }
    for (const letter of arg.slice(1)) {
      if (flags.includes(letter)) words.add(letter);
      else if (takers.includes(letter)) {
        const next = args[++at];
        if (next === undefined || /^-./.test(next)) throw new CommandFailure(`expected a value following -${letter}`);
        values.set(letter, next);
      } else throw new CommandFailure(`unsupported flag: -${letter}`);
    }
  }
  return { words, values, rest };
}

export const plainArguments = (args: readonly string[]): string[] => readArguments(args, {}).rest;
