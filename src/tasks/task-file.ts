// Reads the tasks of a `deno.json`: a string, or an object of command, description, dependencies, files, output and env.
// Not here: which tasks run and in which order (resolve-tasks.ts), and the scripts of a `package.json`, which we do not read.
// Invariant: tasks keep the order in which the file declares them; a field that is unknown or of the wrong type is an error.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { stripJsonc } from './strip-jsonc.ts';

/** One task, with every field present. */
export interface TaskDefinition {
  readonly name: string;
  /** Shell script; absent for a group, which only has dependencies. */
  readonly command?: string;
  readonly description?: string;
  /** Names of tasks that must succeed first. */
  readonly dependencies: readonly string[];
  /** Patterns of input files. None: the task always runs. */
  readonly files: readonly string[];
  /** Patterns of files that the task makes, restored from the cache when it is skipped. */
  readonly output: readonly string[];
  /** Names of environment variables whose values are inputs. */
  readonly env: readonly string[];
}

/** The tasks of one file. Tasks run in `folder`. */
export interface TaskFile {
  readonly path: string;
  readonly folder: string;
  readonly tasks: readonly TaskDefinition[];
}

const FILE_NAMES = ['deno.json', 'deno.jsonc'];
const LISTS = ['dependencies', 'files', 'output', 'env'] as const;
const TEXTS = ['command', 'description'] as const;
const FIELDS: readonly string[] = [...TEXTS, ...LISTS];

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : typeof value;

const isRecord = (value: unknown): value is Record<string, unknown> => kindOf(value) === 'an object';

/** Reads the fields of one task. */
function parseTask(name: string, value: unknown, path: string): TaskDefinition {
  const fail = (field: string, expected: string, got: string): never => {
    const what = field === '' ? `task "${name}"` : `"${field}" of task "${name}"`;
    throw new SelvedgeError('tasks/invalid-file', `Cannot read ${what} in "${path}": expected ${expected}, got ${got}`);
  };
  if (typeof value === 'string') {
    return { name, command: value, dependencies: [], files: [], output: [], env: [] };
  }
  if (!isRecord(value)) return fail('', 'a string or an object', kindOf(value));
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) fail('', `fields among ${FIELDS.join(', ')}`, `"${unknown}"`);
  const list = (field: (typeof LISTS)[number]): string[] => {
    const items = value[field] ?? [];
    if (!Array.isArray(items)) return fail(field, 'an array of strings', kindOf(items));
    const other = items.find((item) => typeof item !== 'string');
    if (other !== undefined) fail(field, 'an array of strings', `an item that is ${kindOf(other)}`);
    return items;
  };
  const text = (field: (typeof TEXTS)[number]): object => {
    const found = value[field];
    if (found === undefined || found === null) return {};
    return typeof found === 'string' ? { [field]: found } : fail(field, 'a string', kindOf(found));
  };
  return {
    name,
    ...text('command'),
    ...text('description'),
    dependencies: list('dependencies'),
    files: list('files'),
    output: list('output'),
    env: list('env'),
  };
}

/**
 * Parses the text of a `deno.json` or `deno.jsonc`.
 *
 * @param text The file's text
 * @param path Where it is from: tasks run in its folder, errors name it
 * @returns The tasks, in the order of the file
 * @throws SelvedgeError `tasks/invalid-file`
 * @see https://docs.deno.com/runtime/reference/cli/task/
 *
 * @example
 * ```ts
 * import { parseTaskFile } from 'selvedge';
 * const { tasks } = parseTaskFile('{ "tasks": { "build": "node build.ts" } }', '/project/deno.json');
 * console.assert(tasks[0]?.command === 'node build.ts');
 * ```
 */
export function parseTaskFile(text: string, path: string): TaskFile {
  let content: unknown;
  const json = stripJsonc(text);
  try {
    content = JSON.parse(json);
  } catch (error) {
    throw new SelvedgeError('tasks/invalid-file', `Cannot read tasks from "${path}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  const tasks = isRecord(content) ? (content.tasks ?? {}) : content;
  if (!isRecord(tasks)) {
    throw new SelvedgeError(
      'tasks/invalid-file',
      `Cannot read tasks from "${path}": expected an object, got ${kindOf(tasks)}`,
    );
  }
  return {
    path,
    folder: platform.files.dirname(path),
    tasks: taskNames(json).map((name) => parseTask(name, tasks[name], path)),
  };
}

/** Names of tasks in the order of the text: objects of JavaScript put names such as "10" first. */
function taskNames(json: string): string[] {
  // A mark before each name makes it one that no object sorts.
  const marked = JSON.parse(
    json.replace(/"((?:[^"\\]|\\.)*)"(\s*:)?/g, (text, name, colon) => (colon ? `"-${name}"${colon}` : text)),
  );
  return Object.keys(marked['-tasks'] ?? {}).map((name) => name.slice(1));
}

/**
 * Finds the nearest `deno.json` or `deno.jsonc` in a folder or above it.
 *
 * @param folder Where to start
 * @returns The absolute path, or undefined if there is none up to the root
 *
 * @example
 * ```ts
 * import { findTaskFile } from 'selvedge';
 * const path = await findTaskFile('src');
 * console.assert(path === undefined || path.endsWith('.json') || path.endsWith('.jsonc'));
 * ```
 */
export async function findTaskFile(folder: string): Promise<string | undefined> {
  let here = platform.files.resolve(folder);
  for (;;) {
    for (const name of FILE_NAMES) {
      const path = platform.files.join(here, name);
      if ((await platform.files.status(path))?.isFolder === false) return path;
    }
    const above = platform.files.dirname(here);
    if (above === here) return undefined;
    here = above;
  }
}

/**
 * Loads the tasks of a file, or of the nearest file at or above a folder.
 *
 * @param path A `deno.json`, a `deno.jsonc`, or a folder
 * @returns The tasks
 * @throws SelvedgeError `tasks/no-file` if there is none, `tasks/invalid-file` if it cannot be read
 *
 * @example
 * ```ts
 * import { loadTaskFile } from 'selvedge';
 * await loadTaskFile('/nowhere').catch((error) => console.assert(error.code === 'tasks/no-file'));
 * ```
 */
export async function loadTaskFile(path: string): Promise<TaskFile> {
  const absolute = platform.files.resolve(path);
  const status = await platform.files.status(absolute);
  const found = status?.isFolder === false ? absolute : status && (await findTaskFile(absolute));
  if (found === undefined) {
    throw new SelvedgeError(
      'tasks/no-file',
      `Cannot find tasks: expected "deno.json" or "deno.jsonc" in "${absolute}" or a folder above it, found none`,
    );
  }
  return parseTaskFile(await platform.files.readText(found), found);
}
