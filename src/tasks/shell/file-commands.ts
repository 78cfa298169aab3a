// The shell's own commands about files and folders: cat, cd, cp, head, mkdir, mv, rm, test.
// Invariant: paths are meant from the shell's folder, and a failure names the path as it was written.
import { platform } from '../../platform/index.ts';
import { CommandFailure, plainArguments, readArguments } from './arguments.ts';
import type { Context, Ended } from './state.ts';
import { fileSource, type Source, say } from './streams.ts';
import { systemMessage } from './system-errors.ts';

const { files } = platform;
const NOT_THERE = 'No such file or directory (os error 2)';
const IS_FOLDER = 'Is a directory (os error 21)';

const isFolder = async (path: string): Promise<boolean> => (await files.status(path))?.isFolder === true;

/** Does something to a path, or fails with the line that `prefix` begins. */
async function attempt(prefix: string, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    throw error instanceof CommandFailure ? error : new CommandFailure(`${prefix}: ${systemMessage(error)}`);
  }
}

export async function cat({ args, state, stdin, stdout, stderr }: Context): Promise<Ended> {
  const paths = plainArguments(args);
  let code = 0;
  for (const path of paths.length === 0 ? ['-'] : paths) {
    const from = path === '-' ? stdin : await opened(path, state.cwd);
    if (typeof from === 'string') {
      if (from === IS_FOLDER) throw new CommandFailure(IS_FOLDER);
      await say(stderr, `cat: ${path}: ${from}\n`);
      code = 1;
      continue;
    }
    for (let bytes = await from.read(); bytes !== undefined; bytes = await from.read()) {
      if (state.kill.code !== undefined) return { code: state.kill.code };
      if (!(await stdout.write(bytes))) return { code: 1 };
    }
  }
  return { code };
}

/** A file, or why it cannot be read. */
async function opened(path: string, cwd: string): Promise<Source | string> {
  const absolute = files.resolve(cwd, path);
  const status = await files.status(absolute);
  if (status === undefined) return NOT_THERE;
  if (status.isFolder) return IS_FOLDER;
  return fileSource(absolute).catch(systemMessage);
}

export async function head({ args, state, stdin, stdout, stderr }: Context): Promise<Ended> {
  const { values, rest } = readArguments(args, { values: ['n', 'lines'] });
  if (rest.length > 1) throw new CommandFailure('only one file is supported for now');
  const count = values.get('n') ?? values.get('lines') ?? '10';
  if (!/^\+?\d+$/.test(count)) {
    throw new CommandFailure(
      values.has('n') ? 'expected a numeric value following -n' : 'invalid digit found in string',
    );
  }
  const [path = '-'] = rest;
  const from = path === '-' ? stdin : await opened(path, state.cwd);
  // A folder can be opened, and of no lines none is read.
  if (from === IS_FOLDER && Number(count) === 0) return { code: 0 };
  if (typeof from === 'string') {
    await say(stderr, `head: ${from === IS_FOLDER ? '' : `${path}: `}${from}\n`);
    return { code: 1 };
  }
  for (let left = Number(count); left > 0; ) {
    const bytes = await from.read();
    if (bytes === undefined) break;
    let end = 0;
    while (left > 0 && end < bytes.length) if (bytes[end++] === 10) left--;
    if (!(await stdout.write(bytes.subarray(0, end)))) break;
  }
  return { code: 0 };
}

export async function changeFolder({ args, state, outer }: Context): Promise<Ended> {
  const paths = plainArguments(args);
  if (paths.length > 1) throw new CommandFailure('too many arguments');
  if (paths.length === 0) throw new CommandFailure('expected at least 1 argument');
  const folder = files.resolve(state.cwd, paths[0]!);
  if (!(await isFolder(folder))) throw new CommandFailure(`${paths[0]}: Not a directory`);
  outer.enter(folder);
  return { code: 0 };
}

export async function makeFolder({ args, state }: Context): Promise<Ended> {
  const { words, rest } = readArguments(args, { flags: ['p', 'parents'] });
  if (rest.length === 0) throw new CommandFailure('missing operand');
  const parents = words.size > 0;
  for (const path of rest) {
    const absolute = files.resolve(state.cwd, path);
    const prefix = `cannot create directory '${path}'`;
    const status = await files.status(absolute);
    if (status !== undefined && !(parents && status.isFolder)) throw new CommandFailure(`${prefix}: File exists`);
    if (!parents && !(await isFolder(files.dirname(absolute)))) throw new CommandFailure(`${prefix}: ${NOT_THERE}`);
    await attempt(prefix, () => files.makeFolder(absolute));
  }
  return { code: 0 };
}

export async function remove({ args, state }: Context): Promise<Ended> {
  const { words, rest } = readArguments(args, { flags: ['r', 'R', 'recursive', 'd', 'dir', 'f', 'force'] });
  if (rest.length === 0) throw new CommandFailure('missing operand');
  const has = (...names: string[]): boolean => names.some((name) => words.has(name));
  for (const path of rest) {
    const absolute = files.resolve(state.cwd, path);
    const prefix = `cannot remove '${path}'`;
    const status = await files.status(absolute);
    const name = (await files.list(files.dirname(absolute))).includes(files.basename(absolute));
    if (status === undefined && !name) {
      if (has('f', 'force')) continue;
      throw new CommandFailure(`${prefix}: ${NOT_THERE}`);
    }
    if (status?.isFolder && !has('r', 'R', 'recursive')) {
      if (!has('d', 'dir')) throw new CommandFailure(`${prefix}: ${IS_FOLDER}`);
      if ((await files.list(absolute)).length > 0) {
        throw new CommandFailure(`${prefix}: Directory not empty (os error 39)`);
      }
    }
    await attempt(prefix, () => files.remove(absolute));
  }
  return { code: 0 };
}

/** Pairs of what to copy or move and where to. */
async function operations(paths: readonly string[], cwd: string, verb: 'copy' | 'move'): Promise<[string, string][]> {
  const target = paths.at(-1);
  if (target === undefined) throw new CommandFailure('missing file operand');
  if (paths.length === 1) throw new CommandFailure(`missing destination file operand after '${target}'`);
  const sources = paths.slice(0, -1);
  const lastOf = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1)!;
  for (const path of sources) {
    if (lastOf(path) !== '..' && !(verb === 'move' && lastOf(path) === '.')) continue;
    throw new CommandFailure(
      `cannot ${verb} '${path}': refusing to ${verb} ${verb === 'move' ? "'.' or '..'" : "'..'"}`,
    );
  }
  const to = files.resolve(cwd, target);
  const into = await isFolder(to);
  if (sources.length > 1 && !into) throw new CommandFailure(`target '${target}' is not a directory`);
  return sources.map((path) => [path, into && lastOf(path) !== '.' ? files.join(to, lastOf(path)) : to]);
}

export async function copy({ args, state }: Context): Promise<Ended> {
  const { words, rest } = readArguments(args, { flags: ['r', 'R', 'recursive'] });
  const target = rest.at(-1);
  for (const [path, to] of await operations(rest, state.cwd, 'copy')) {
    const from = files.resolve(state.cwd, path);
    const prefix = `could not copy ${path} to ${target}`;
    const status = await files.status(from);
    if (from === to) throw new CommandFailure(`${prefix}: source and destination are the same`);
    if (status === undefined) throw new CommandFailure(`${prefix}: ${NOT_THERE}`);
    if (status.isFolder && words.size === 0) {
      throw new CommandFailure(`${prefix}: source was a directory; maybe specify -r`);
    }
    if (status.isFolder && (await files.status(to))?.isFolder === false) {
      throw new CommandFailure(`${prefix}: destination was a file`);
    }
    await attempt(prefix, () => (status.isFolder ? copyFolder(from, to) : copyFile(from, to)));
  }
  return { code: 0 };
}

async function copyFile(from: string, to: string): Promise<void> {
  if (!(await isFolder(files.dirname(to)))) throw new CommandFailure(`could not copy to ${to}: ${NOT_THERE}`);
  await files.copy(from, to);
}

async function copyFolder(from: string, to: string): Promise<void> {
  // Read before the folder is made: it may lie within.
  const entries = await files.entries(from);
  await files.makeFolder(to);
  for (const { name, isFile, isFolder } of entries) {
    const [source, target] = [files.join(from, name), files.join(to, name)];
    if (isFolder && source !== to) await copyFolder(source, target);
    else if (isFile) await files.copy(source, target);
  }
}

export async function move({ args, state }: Context): Promise<Ended> {
  const rest = plainArguments(args);
  for (const [path, to] of await operations(rest, state.cwd, 'move')) {
    await attempt(`could not move ${path} to ${rest.at(-1)}`, () => files.rename(files.resolve(state.cwd, path), to));
  }
  return { code: 0 };
}

export async function test({ args, state }: Context): Promise<Ended> {
  const isNegated = args[0] === '!' && args.length > 1 && args.length < 5;
  const holds = await evaluate(isNegated ? args.slice(1) : args, state.cwd);
  return { code: holds === isNegated ? 1 : 0 };
}

async function evaluate(args: readonly string[], cwd: string): Promise<boolean> {
  const [first = '', second = '', third = ''] = args;
  if (args.length < 2) return first !== '';
  if (args.length === 3) return compare(first, second, third);
  if (args.length > 3) throw new CommandFailure('too many arguments');
  if (first === '-n') return second !== '';
  if (first === '-z') return second === '';
  const status = await files.status(files.resolve(cwd, second));
  if (first === '-e') return status !== undefined;
  if (first === '-f') return status?.isFolder === false;
  if (first === '-d') return status?.isFolder === true;
  if (first === '-s') return status !== undefined && (status.isFolder || status.bytes > 0);
  throw new CommandFailure(`unary operator expected: ${first}`);
}

const ORDERS: ReadonlyMap<string, (a: bigint, b: bigint) => boolean> = new Map([
  ['-eq', (a, b) => a === b],
  ['-ne', (a, b) => a !== b],
  ['-lt', (a, b) => a < b],
  ['-le', (a, b) => a <= b],
  ['-gt', (a, b) => a > b],
  ['-ge', (a, b) => a >= b],
]);

function compare(left: string, operator: string, right: string): boolean {
  if (operator === '=') return left === right;
  if (operator === '!=') return left !== right;
  const order = ORDERS.get(operator);
  if (order === undefined) throw new CommandFailure(`binary operator expected: ${operator}`);
  const integer = (text: string): bigint => {
    if (!/^[+-]?\d+$/.test(text)) throw new CommandFailure(`integer expression expected: ${text}`);
    return BigInt(text.replace('+', ''));
  };
  return order(integer(left), integer(right));
}
