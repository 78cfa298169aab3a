// The commands that the shell itself has, as that of `deno task` 2.9.5 has them; files' own are in file-commands.ts.
// Invariant: each takes the options that Deno's takes, and refuses the others in its words.

import { CommandFailure, plainArguments, readArguments } from './arguments.ts';
import { ShellFailure } from './expand.ts';
import { cat, changeFolder, copy, head, makeFolder, move, remove, test } from './file-commands.ts';
import { type Context, type Ended, OPTIONS, type OptionName, type State } from './state.ts';
import { readAll, say } from './streams.ts';
import { systemMessage } from './system-errors.ts';

type Run = (args: readonly string[], rest: Omit<Context, 'args'>) => Promise<Ended>;
type Builtin = (context: Context, run: Run) => Promise<Ended>;

/** Lines of failures begin with the command's name. */
const named =
  (name: string, body: Builtin, code = 1, exit = false): Builtin =>
  async (context, run) => {
    try {
      return await body(context, run);
    } catch (error) {
      if (error instanceof CommandFailure) {
        await say(context.stderr, `${name}: ${error.message}\n`);
        return { code, exit };
      }
      if (!(error instanceof Error) || error instanceof ShellFailure) throw error;
      // A path that cannot be one, such as one with a NUL.
      await say(context.stderr, `${name}: ${systemMessage(error)}\n`);
      return { code: 1 };
    }
  };

const exit: Builtin = async ({ args }) => {
  const words = plainArguments(args);
  if (words.length > 1) throw new CommandFailure('too many arguments');
  const [word = '1'] = words;
  if (!/^[+-]?\d+$/.test(word)) throw new CommandFailure('numeric argument required.');
  return { code: ((Number(word) % 256) + 256) % 256, exit: true };
};

const exportVariables: Builtin = async ({ args, outer }) => {
  for (const word of args) {
    const at = word.indexOf('=');
    if (at >= 0) outer.setEnv(word.slice(0, at), word.slice(at + 1));
  }
  return { code: 0 };
};

const unset: Builtin = async ({ args, outer }) => {
  if (args[0] === '-f') throw new CommandFailure('unsupported flag: -f');
  for (const name of args[0] === '-v' ? args.slice(1) : args) {
    outer.env.delete(name);
    outer.own.delete(name);
  }
  return { code: 0 };
};

const pwd: Builtin = async ({ args, state, stdout }) => {
  readArguments(args, { flags: ['L', 'P'] });
  await say(stdout, `${state.cwd}\n`);
  return { code: 0 };
};

const echo: Builtin = async ({ args, stdout }) => {
  await say(stdout, `${args.join(' ')}\n`);
  return { code: 0 };
};

const change = (state: State, name: OptionName, on: boolean): unknown =>
  on ? state.options.add(name) : state.options.delete(name);

const SETTABLE = ['errexit', 'pipefail'] as const;

const set: Builtin = async ({ args, state, outer, stdout }) => {
  const isOn = (name: OptionName): boolean => state.options.has(name);
  if (args.length === 1 && args[0] === '-o') {
    for (const name of SETTABLE) await say(stdout, `${name}\t${isOn(name) ? 'on' : 'off'}\n`);
  } else if (args.length === 1 && args[0] === '+o') {
    for (const name of SETTABLE) await say(stdout, `set ${isOn(name) ? '-' : '+'}o ${name}\n`);
  } else {
    const changes: [OptionName, boolean][] = [];
    for (let at = 0; at < args.length; at++) {
      const word = args[at]!;
      if (word === '-e' || word === '+e') changes.push(['errexit', word === '-e']);
      else if ((word === '-o' || word === '+o') && at + 1 < args.length) {
        const name = SETTABLE.find((known) => known === args[at + 1]);
        if (name === undefined) throw new CommandFailure(`unknown option: ${args[at + 1]}`);
        changes.push([name, word === '-o']);
        at++;
      } else throw new CommandFailure(`invalid option: ${word}`);
    }
    for (const [name, on] of changes) change(outer, name, on);
  }
  return { code: 0 };
};

const shopt: Builtin = async ({ args, state, outer, stdout }) => {
  let mode: boolean | undefined;
  const names: OptionName[] = [];
  for (const word of args) {
    if (word === '-s' || word === '-u') {
      if (mode === (word === '-u')) throw new CommandFailure('cannot set and unset options simultaneously');
      mode = word === '-s';
      continue;
    }
    const name =
      OPTIONS.find((known) => known === word && known.endsWith('glob') === true) ??
      (word === 'globstar' ? word : undefined);
    if (name === undefined) throw new CommandFailure(`${word}: invalid shell option name`);
    names.push(name);
  }
  if (mode !== undefined) {
    if (names.length === 0) throw new CommandFailure('option name required');
    for (const name of names) change(outer, name, mode);
    return { code: 0 };
  }
  const asked = names.length > 0 ? names : (['failglob', 'globstar', 'nullglob'] as const);
  for (const name of asked) await say(stdout, `${name}\t${state.options.has(name) ? 'on' : 'off'}\n`);
  return { code: names.every((name) => state.options.has(name)) ? 0 : 1 };
};

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

const sleep: Builtin = async ({ args, state }) => {
  const words = plainArguments(args);
  if (words.length === 0) throw new CommandFailure('missing operand');
  const ms = words.reduce((sum, word) => {
    const [, number, unit = 's'] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([smhd])?$/i.exec(word) ?? [];
    if (number === undefined) {
      const reason = /^[smhd]?$/.test(word) ? 'cannot parse float from empty string' : 'invalid float literal';
      throw new CommandFailure(`error parsing argument '${word}' to number: ${reason}`);
    }
    return sum + Math.max(0, Math.floor(Number(number) * UNITS[unit]! * 1000));
  }, 0);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    const leave = state.kill.listen(done);
    function done(): void {
      clearTimeout(timer);
      leave();
      resolve();
    }
  });
  return { code: state.kill.code ?? 0 };
};

const xargs: Builtin = async (context, run) => {
  const { words, values, rest } = readArguments(context.args, {
    flags: ['0', 'null'],
    values: ['d', 'delimiter'],
    stops: true,
  });
  const command = rest.length > 0 ? rest : ['echo'];
  const delimiter =
    words.has('0') || words.has('null') ? '\0' : delimiterOf(values.get('d') ?? values.get('delimiter'));
  const text = new TextDecoder().decode(await readAll(context.stdin));
  if (delimiter === undefined) return run([...command, ...blankWords(text)], context);
  const items = text.split(delimiter);
  if (items.at(-1) === '') items.pop();
  return run([...command, ...items], context);
};

function delimiterOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text === '') throw new CommandFailure('expected non-empty delimiter');
  const escaped = new Map(Object.entries({ '\\n': '\n', '\\r': '\r', '\\t': '\t', '\\\\': '\\', '\\0': '\0' })).get(
    text,
  );
  if (escaped !== undefined) return escaped;
  if ([...text].length > 1) throw new CommandFailure(`expected a single byte char delimiter. Found: ${text}`);
  return text;
}

/** Words between blanks, quotes taken away. */
function blankWords(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/(?:\\[\s\S]|"[^"\n]*"|'[^'\n]*'|[^\n\t "'])+|["']/g)) {
    if (word === '"' || word === "'") {
      throw new CommandFailure('unmatched quote; by default quotes are special to xargs unless you use the -0 option');
    }
    const bare = word.replace(
      /\\([\n\t "'])|"([^"\n]*)"|'([^'\n]*)'/g,
      (_, escaped, double, single) => escaped ?? double ?? single,
    );
    if (bare !== '') words.push(bare);
  }
  return words;
}

const always =
  (code: number): Builtin =>
  async () => ({ code });

/** By name; a Map, since objects have names of their own. */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [':', always(0)],
  ['true', always(0)],
  ['false', always(1)],
  ['cat', named('cat', cat)],
  ['cd', named('cd', changeFolder)],
  ['cp', named('cp', copy)],
  ['echo', echo],
  ['exit', named('exit', exit, 2, true)],
  ['export', exportVariables],
  ['head', named('head', head)],
  ['mkdir', named('mkdir', makeFolder)],
  ['mv', named('mv', move)],
  ['pwd', named('pwd', pwd)],
  ['rm', named('rm', remove)],
  ['set', named('set', set)],
  ['shopt', named('shopt', shopt)],
  ['sleep', named('sleep', sleep)],
  ['test', named('test', test, 2)],
  ['unset', named('unset', unset)],
  ['xargs', named('xargs', xargs)],
]);
