// Files by path on a browser's origin-private file system (https://fs.spec.whatwg.org), which pages and workers of one origin share.
// Not here: addresses, which browser.ts adds. Invariant: `write` is atomic, also for readers of other pages and when the page is closed.
//
// How `write` is atomic: the content goes to `NAME.part`, is flushed and takes the name's place by `move`, which replaces in one
// transaction of the browser's index of files. A browser without `move` has `createWritable`, which by its standard changes the file at
// `close` alone. Every browser with such a file system has one of them, so there is no third way with a marker of its own. One name for
// the part and a lock on the path: a page that was closed leaves at most one part, which the next `write` replaces.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { basename, dirname, join, resolve, segmentsOf } from './browser-paths.ts';
import type { FileStatus, Files, FolderEntry } from './platform.ts';

/** What is used of `FileSystemSyncAccessHandle`, which workers alone have. */
export interface SyncAccess {
  getSize(): number;
  truncate(bytes: number): void;
  write(bytes: Uint8Array, place: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

/** What is used of `FileSystemWritableFileStream`. */
export interface WritableFile {
  seek(at: number): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** What is used of `FileSystemFileHandle`. */
export interface FileHandle {
  readonly kind: 'file';
  getFile(): Promise<{ readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }>;
  createSyncAccessHandle?(): Promise<SyncAccess>;
  createWritable?(options: { readonly keepExistingData: boolean }): Promise<WritableFile>;
  move?(folder: FolderHandle, name: string): Promise<void>;
}

/** What is used of `FileSystemDirectoryHandle`. */
export interface FolderHandle {
  readonly kind: 'directory';
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>;
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<FolderHandle>;
  removeEntry(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
  entries(): AsyncIterable<[string, FileHandle | FolderHandle]>;
}

export interface FileSystem {
  /** Rejects where there is none: without https, or in a private window. */
  root(): Promise<FolderHandle>;
  /** Runs `body` while nobody else of this origin holds the same name. */
  withLock<T>(name: string, body: () => Promise<T>): Promise<T>;
}

const reasons: Readonly<Record<string, string>> = {
  QuotaExceededError: 'the storage that the browser allows this site is used up',
  NotFoundError: 'its folder, or it itself, is not there',
  TypeMismatchError: 'it, or a part of the path, is a file where a folder is expected, or the other way round',
  InvalidModificationError: 'a folder that is not empty is in its place',
  NoModificationAllowedError: 'something else on this site has it open',
  SecurityError: 'the browser gives this site no storage; it needs https or localhost, and no private window',
  NotAllowedError: 'no permission',
};

const nameOf = (error: unknown): string => (error as { name?: string } | undefined)?.name ?? '';

/** Runs what changes `path`; a failure names it and says why in words. */
export async function writing<T>(path: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof SelvedgeError) throw error;
    const name = nameOf(error);
    const reason = reasons[name] ? `${reasons[name]} (${name})` : messageOf(error);
    throw new SelvedgeError('files/not-written', `Cannot write "${path}": ${reason}`, { cause: error });
  }
}

/** A page that is gone holds its files a little longer; a file that was replaced cannot be read by the handle of before. */
const PASSING = ['NoModificationAllowedError', 'NotReadableError', 'InvalidStateError'];
const ATTEMPTS = 60;
const ATTEMPT_MS = 25;

async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await attempt();
    } catch (error) {
      if (i === ATTEMPTS || !PASSING.includes(nameOf(error))) throw error;
      await new Promise((again) => setTimeout(again, ATTEMPT_MS));
    }
  }
}

async function folderAt(system: FileSystem, segments: readonly string[], create: boolean): Promise<FolderHandle> {
  let folder = await system.root();
  for (const name of segments) folder = await folder.getDirectoryHandle(name, { create });
  return folder;
}

/** The folder that a path is in, and its name there. */
async function placeOf(
  system: FileSystem,
  path: string,
  create = false,
): Promise<{ folder: FolderHandle; name: string }> {
  const segments = segmentsOf(path);
  const name = segments.pop();
  if (name === undefined) throw new DOMException('it is the root of all folders', 'InvalidModificationError');
  return { folder: await folderAt(system, segments, create), name };
}

const isNothing = (error: unknown): boolean => /^(?:NotFound|TypeMismatch)Error$/.test(nameOf(error));

async function find(system: FileSystem, path: string): Promise<FileHandle | FolderHandle | undefined> {
  try {
    if (segmentsOf(path).length === 0) return await system.root();
    const { folder, name } = await placeOf(system, path);
    return await folder.getFileHandle(name).catch((error) => {
      if (nameOf(error) !== 'TypeMismatchError') throw error;
      return folder.getDirectoryHandle(name);
    });
  } catch (error) {
    // Where there is no storage, there is no file either.
    if (isNothing(error) || nameOf(error) === 'SecurityError') return undefined;
    throw error;
  }
}

/** Neither a stream nor a handle takes a view of shared memory in every browser. */
const unshared = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);

function writeAt(access: SyncAccess, bytes: Uint8Array, start: number): number {
  let done = 0;
  while (done < bytes.length) {
    const written = access.write(bytes.subarray(done), { at: start + done });
    if (written === 0) throw new DOMException('nothing more was written', 'QuotaExceededError');
    done += written;
  }
  return start + done;
}

/** Writes over a file, or behind its end, and flushes it. */
async function put(file: FileHandle, parts: readonly Uint8Array[], where: 'over' | 'behind'): Promise<void> {
  if (file.createSyncAccessHandle) {
    const access = await patiently(() => file.createSyncAccessHandle!());
    try {
      if (where === 'over') access.truncate(0);
      let at = access.getSize();
      for (const part of parts) at = writeAt(access, unshared(part), at);
      access.flush();
    } finally {
      access.close();
    }
    return;
  }
  if (!file.createWritable) throw new DOMException('this browser writes files in workers alone', 'NotAllowedError');
  const stream = await patiently(() => file.createWritable!({ keepExistingData: where === 'behind' }));
  try {
    if (where === 'behind') await stream.seek((await file.getFile()).size);
    for (const part of parts) await stream.write(unshared(part));
  } catch (error) {
    await stream.abort().catch(() => undefined);
    throw error;
  }
  await stream.close();
}

/** Firefox puts a file in the place of a folder, with all that is in it. */
async function refuseFolder({ folder, name }: { folder: FolderHandle; name: string }): Promise<void> {
  await folder.getFileHandle(name).catch((error) => {
    if (nameOf(error) !== 'NotFoundError') throw error;
  });
}

async function writeWhole({ folder, name }: { folder: FolderHandle; name: string }, bytes: Uint8Array): Promise<void> {
  await refuseFolder({ folder, name });
  const beside = `${name}.part`;
  const part = await folder.getFileHandle(beside, { create: true });
  try {
    if (part.move) {
      await put(part, [bytes], 'over');
      await patiently(() => part.move!(folder, name));
      return;
    }
    const file = await folder.getFileHandle(name, { create: true });
    if (!file.createWritable) throw new DOMException('this browser replaces no file whole', 'NotAllowedError');
    // Not `put`, whose access handle would write over the file itself.
    const stream = await patiently(() => file.createWritable!({ keepExistingData: false }));
    await stream.write(unshared(bytes));
    await stream.close();
    await folder.removeEntry(beside);
  } catch (error) {
    await folder.removeEntry(beside).catch(() => undefined);
    throw error;
  }
}

async function copyFolder(from: FolderHandle, to: FolderHandle): Promise<void> {
  for await (const [name, handle] of from.entries()) {
    if (handle.kind === 'directory') {
      await copyFolder(handle, await to.getDirectoryHandle(name, { create: true }));
    } else {
      const bytes = await contentOf(handle);
      await put(await to.getFileHandle(name, { create: true }), [bytes], 'over');
    }
  }
}

async function rename(system: FileSystem, from: string, to: string): Promise<void> {
  const handle = await find(system, from);
  if (!handle) throw new DOMException(`nothing is at "${from}"`, 'NotFoundError');
  if (from === to) return;
  const target = await placeOf(system, to);
  if (handle.kind === 'file') {
    await refuseFolder(target);
    if (handle.move) return patiently(() => handle.move!(target.folder, target.name));
    await writeWhole(target, await contentOf(handle));
  } else {
    if (`${to}/`.startsWith(`${from}/`)) throw new Error(`a folder cannot be moved into itself, from "${from}"`);
    const there = await target.folder.getDirectoryHandle(target.name, { create: true });
    for await (const _ of there.entries()) throw new DOMException('', 'InvalidModificationError');
    // Chromium moves files alone.
    await copyFolder(handle, there);
  }
  const old = await placeOf(system, from);
  await patiently(() => old.folder.removeEntry(old.name, { recursive: true }));
}

async function remove(system: FileSystem, path: string): Promise<void> {
  const handle = await find(system, path);
  if (!handle) return;
  if (segmentsOf(path).length === 0) {
    for (const name of await names(handle as FolderHandle)) await remove(system, join('/', name));
    return;
  }
  const { folder, name } = await placeOf(system, path);
  try {
    await patiently(() => folder.removeEntry(name, { recursive: true }));
  } catch (error) {
    // Another page was faster.
    if (!isNothing(error)) throw error;
  }
}

async function names(folder: FolderHandle): Promise<string[]> {
  const found: string[] = [];
  for await (const [name] of folder.entries()) found.push(name);
  return found.sort();
}

/** What Chromium and Firefox say of a file that is replaced while it is read. */
const REPLACED = ['NotFoundError', 'AbortError'];

async function unreplaced<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!REPLACED.includes(nameOf(error))) throw error;
    throw new DOMException('it was replaced while it was read', 'NotReadableError');
  }
}

const snapshotOf = (handle: FileHandle): ReturnType<FileHandle['getFile']> => unreplaced(() => handle.getFile());

const contentOf = (handle: FileHandle): Promise<Uint8Array> =>
  unreplaced(async () => new Uint8Array(await (await handle.getFile()).arrayBuffer()));

async function readBytes(system: FileSystem, path: string): Promise<Uint8Array> {
  try {
    const { folder, name } = await placeOf(system, path);
    return await patiently(async () => contentOf(await folder.getFileHandle(name)));
  } catch (error) {
    const name = nameOf(error);
    throw new Error(`Cannot read "${path}": ${reasons[name] ?? messageOf(error)}`, { cause: error });
  }
}

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/**
 * Files on an origin-private file system; all paths are resolved in the folder `/`.
 *
 * @param system The file system; tests give one of their own
 */
export function originPrivateFiles(system: FileSystem): Omit<Files, 'fromUrl'> {
  /** All changes of one path wait for each other, across pages and workers. */
  const changing = (path: string, change: (path: string) => Promise<void>): Promise<void> => {
    const absolute = resolve(path);
    return writing(path, () => system.withLock(`selvedge:${absolute}`, () => change(absolute)));
  };
  const entries = async (path: string): Promise<FolderEntry[]> => {
    const folder = await find(system, resolve(path));
    if (folder?.kind !== 'directory') return [];
    const found: FolderEntry[] = [];
    for await (const [name, { kind }] of folder.entries()) {
      found.push({ name, isFile: kind === 'file', isFolder: kind === 'directory' });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  return {
    join,
    resolve,
    dirname,
    basename,
    readBytes: (path) => readBytes(system, resolve(path)),
    readText: async (path) => new TextDecoder().decode(await readBytes(system, resolve(path))),
    write: (path, content) =>
      changing(path, async (absolute) => writeWhole(await placeOf(system, absolute, true), bytesOf(content))),
    overwrite: (path, parts) =>
      changing(path, async (absolute) => {
        const { folder, name } = await placeOf(system, absolute);
        await put(await folder.getFileHandle(name, { create: true }), parts, 'over');
      }),
    copy: (from, to) =>
      changing(to, async (absolute) =>
        writeWhole(await placeOf(system, absolute), await readBytes(system, resolve(from))),
      ),
    append: (path, content) =>
      changing(path, async (absolute) => {
        const { folder, name } = await placeOf(system, absolute, true);
        await put(await folder.getFileHandle(name, { create: true }), [bytesOf(content)], 'behind');
      }),
    status: (path) =>
      patiently(async (): Promise<FileStatus | undefined> => {
        const handle = await find(system, resolve(path));
        if (!handle) return undefined;
        if (handle.kind === 'directory') return { bytes: 0, isFolder: true };
        return { bytes: (await snapshotOf(handle)).size, isFolder: false };
      }),
    list: async (path) => (await entries(path)).map(({ name }) => name),
    entries,
    makeFolder: (path) =>
      writing(path, async () => {
        await folderAt(system, segmentsOf(resolve(path)), true);
      }),
    rename: (from, to) => changing(to, (absolute) => rename(system, resolve(from), absolute)),
    remove: (path) => changing(path, (absolute) => remove(system, absolute)),
  };
}
