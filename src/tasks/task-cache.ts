// Remembers what a task's last success was made from and what it made, to skip the task and put its outputs back.
// Not here: what a fingerprint is made of (fingerprint.ts). One entry a task; a new success replaces it.
// Invariant: an entry counts only when its manifest is there, and the manifest is written last, by rename: a killed run leaves
// the old entry or none. Bytes that do not hash to what the manifest says are not restored: the task runs again.
//
//   <cache folder>/<task>-<hash>/manifest.json   fingerprint, and path and SHA-256 of each output
//                               /<SHA-256>       the bytes of an output
//                               /pending         fingerprint of the run that the old outputs made room for

import { sha256 as digestOf } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';
import { findFiles } from './find-files.ts';
import { hashFields, relativePath } from './fingerprint.ts';

/** An output file: path from the task's folder, and what is in it. */
interface CachedOutput {
  readonly path: string;
  readonly sha256: string;
}

interface Manifest {
  readonly version: 1;
  readonly fingerprint: string;
  readonly outputs: readonly CachedOutput[];
}

/** Where a task's entry is. */
export interface CacheEntry {
  readonly folder: string;
  /** Folder that output paths are relative to. */
  readonly taskFolder: string;
}

const MANIFEST = 'manifest.json';
const PENDING = 'pending';

/**
 * Locates the entry of a task.
 *
 * @param cacheFolder Folder of all entries
 * @param name Name of the task
 * @param taskFolder Folder that the task runs in: the same task elsewhere is another entry
 * @returns The entry, which need not exist
 *
 * @example
 * ```ts
 * const entry = await cacheEntry('/project/.selvedge/task-cache', 'build', '/project');
 * ```
 */
export async function cacheEntry(cacheFolder: string, name: string, taskFolder: string): Promise<CacheEntry> {
  const identity = await hashFields([name, taskFolder]);
  const readable = name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 40);
  return { folder: platform.files.join(cacheFolder, `${readable}-${identity.slice(0, 16)}`), taskFolder };
}

/** The manifest, or undefined where there is none that this version understands. */
async function readManifest(entry: CacheEntry): Promise<Manifest | undefined> {
  const path = platform.files.join(entry.folder, MANIFEST);
  if ((await platform.files.status(path)) === undefined) return undefined;
  try {
    const manifest = JSON.parse(await platform.files.readText(path)) as Manifest;
    return manifest.version === 1 && Array.isArray(manifest.outputs) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of a file if they hash to `sha256`. */
async function readVerified(path: string, sha256: string): Promise<Uint8Array | undefined> {
  if ((await platform.files.status(path))?.isFolder !== false) return undefined;
  const bytes = await platform.files.readBytes(path);
  return (await digestOf(bytes)) === sha256 ? bytes : undefined;
}

/** Puts back outputs that are missing or differ, leaving the others untouched; false if the cache does not hold them. */
async function restoreOutputs(entry: CacheEntry, outputs: readonly CachedOutput[]): Promise<boolean> {
  for (const { path, sha256 } of outputs) {
    const target = platform.files.resolve(entry.taskFolder, path);
    if ((await readVerified(target, sha256)) !== undefined) continue;
    const bytes = await readVerified(platform.files.join(entry.folder, sha256), sha256);
    if (bytes === undefined) return false;
    await platform.files.write(target, bytes);
  }
  return true;
}

/**
 * Asks whether a task may be skipped, and if so restores its outputs.
 *
 * @param entry The task's entry
 * @param fingerprint Fingerprint of the task as it would run now
 * @returns True if its last success had this fingerprint and its outputs are in place
 *
 * @example
 * ```ts
 * const entry = await cacheEntry('/project/.selvedge/task-cache', 'build', '/project');
 * console.assert(!(await restoreFromCache(entry, 'never stored')));
 * ```
 */
export async function restoreFromCache(entry: CacheEntry, fingerprint: string): Promise<boolean> {
  const manifest = await readManifest(entry);
  return manifest?.fingerprint === fingerprint && (await restoreOutputs(entry, manifest.outputs));
}

/**
 * Removes what the last success made, so that old and new outputs do not mix. Done once for a fingerprint: a run that was killed and is
 * started again with the same inputs finds what it had made so far, and can resume.
 *
 * @param entry The task's entry
 * @param fingerprint Fingerprint of the run to come
 *
 * @example
 * ```ts no-run
 * const entry = await cacheEntry('/project/.selvedge/task-cache', 'build', '/project');
 * await clearStaleOutputs(entry, 'fingerprint of what will be made');
 * ```
 */
export async function clearStaleOutputs(entry: CacheEntry, fingerprint: string): Promise<void> {
  const pending = platform.files.join(entry.folder, PENDING);
  const started = (await platform.files.status(pending)) ? await platform.files.readText(pending) : undefined;
  if (started === fingerprint) return;
  const outputs = (await readManifest(entry))?.outputs ?? [];
  for (const { path } of outputs) await platform.files.remove(platform.files.resolve(entry.taskFolder, path));
  await platform.files.write(pending, fingerprint);
}

/**
 * Records a success.
 *
 * @param entry The task's entry
 * @param fingerprint Fingerprint of the run, taken before it started
 * @param patterns The task's `output`
 * @param cacheFolder Folder of all entries, which is never an output
 *
 * @example
 * ```ts no-run
 * const entry = await cacheEntry('/project/.selvedge/task-cache', 'build', '/project');
 * await storeInCache(entry, 'fingerprint of what was made', ['dist'], '/project/.selvedge/task-cache');
 * ```
 */
export async function storeInCache(
  entry: CacheEntry,
  fingerprint: string,
  patterns: readonly string[],
  cacheFolder: string,
): Promise<void> {
  const outputs: CachedOutput[] = [];
  for (const file of (await findFiles(entry.taskFolder, patterns, cacheFolder)) ?? []) {
    const bytes = await platform.files.readBytes(file);
    const sha256 = await digestOf(bytes);
    const object = platform.files.join(entry.folder, sha256);
    if ((await readVerified(object, sha256)) === undefined) await platform.files.write(object, bytes);
    outputs.push({ path: relativePath(entry.taskFolder, file), sha256 });
  }
  const manifest: Manifest = { version: 1, fingerprint, outputs };
  await platform.files.write(platform.files.join(entry.folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
  const needed = new Set([MANIFEST, ...outputs.map((output) => output.sha256)]);
  for (const name of await platform.files.list(entry.folder)) {
    if (!needed.has(name)) await platform.files.remove(platform.files.join(entry.folder, name));
  }
}
