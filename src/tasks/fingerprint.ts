// SHA-256 of everything that a task's result depends on, so that equal fingerprints mean equal work.
// Not here: where fingerprints and outputs are kept (task-cache.ts).
// Invariant: fields are length-prefixed, so two different lists of fields never hash alike; file times play no part.
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';

/** What a task's result depends on. */
export interface TaskInputs {
  readonly command: string;
  readonly args: readonly string[];
  /** Absolute paths, sorted. */
  readonly files: readonly string[];
  /** What file paths are relative to. */
  readonly folder: string;
  /** Name and value, `undefined` where not set, in any order. */
  readonly env: ReadonlyMap<string, string | undefined>;
  /** Fingerprints of the direct dependencies, in any order. */
  readonly dependencies: readonly string[];
  /** Names and versions that results also depend on: runtime, machine, program. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * SHA-256 of a list of texts that tells `['ab']` from `['a', 'b']`.
 *
 * @param fields Texts, in an order that means something
 * @returns 64 hexadecimal digits
 *
 * @example
 * ```ts
 * console.assert((await hashFields(['ab'])) !== (await hashFields(['a', 'b'])));
 * ```
 */
export function hashFields(fields: readonly string[]): Promise<string> {
  return sha256(fields.map((field) => `${field.length}:${field}`).join(''));
}

/** Path from a folder with `/` between names, so that it is the same on every system; absolute if it is elsewhere. */
export function relativePath(folder: string, path: string): string {
  const prefix = platform.files.join(folder, '.').replace(/[\\/]*$/, '');
  if (!path.startsWith(prefix)) return path;
  const rest = path.slice(prefix.length);
  return /^[\\/]/.test(rest) ? rest.slice(1).replaceAll('\\', '/') : path;
}

/**
 * Fingerprint of a task.
 *
 * @param inputs Command, arguments, files, values of variables, dependencies, versions
 * @returns 64 hexadecimal digits
 *
 * @example
 * ```ts
 * const fingerprint = await fingerprintTask({
 *   command: 'node build.ts', args: [], files: ['/project/a.ts'], folder: '/project',
 *   env: new Map(), dependencies: [], versions: { node: '20.20.0' },
 * });
 * console.assert(fingerprint.length === 64);
 * ```
 */
export async function fingerprintTask(inputs: TaskInputs): Promise<string> {
  const pairs = (entries: Iterable<readonly [string, string | undefined]>): string[] =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, value]) => [name, value === undefined ? 'unset' : `=${value}`]);
  const files: string[] = [];
  for (const path of inputs.files) {
    // A file that went away since it was listed is an input like any other: its absence counts.
    const bytes = await platform.files.readBytes(path).catch(() => undefined);
    files.push(relativePath(inputs.folder, path), bytes === undefined ? 'unreadable' : await sha256(bytes));
  }
  const versions = pairs(Object.entries(inputs.versions));
  const env = pairs(inputs.env);
  const groups = [versions, [inputs.command], inputs.args, [...inputs.dependencies].sort(), env, files];
  return hashFields(groups.flatMap((group) => [String(group.length), ...group]));
}
