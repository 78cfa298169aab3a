// An origin-private file system in memory, with the errors of the standard, for tests of what is built upon it. A page can be closed at
// each step: what was done before stays, as on a disk. Invariant: it does what https://fs.spec.whatwg.org says and no more.
import type { FileHandle, FileSystem, FolderHandle, SyncAccess } from '../../src/platform/browser-files.ts';

export interface FakeOptions {
  /** Which ways to write a file has. Default: all. */
  readonly has?: { readonly syncAccess?: boolean; readonly writable?: boolean; readonly move?: boolean };
  /** Bytes that all files together may have. */
  readonly quota?: number;
}

interface FakeFile {
  kind: 'file';
  bytes: Uint8Array;
  isOpen: boolean;
}
interface FakeFolder {
  kind: 'directory';
  entries: Map<string, FakeFile | FakeFolder>;
}

export interface FakeSystem extends FileSystem {
  /** Steps that have been made. */
  steps: number;
  /** The page is closed at this step: it and all later ones reject, and have no effect. */
  closeAt: number;
  /** Opens the page anew: nothing is open any more. */
  reopen(): void;
  /** Writes at most so many bytes at once. */
  chunk: number;
}

const error = (name: string): DOMException => new DOMException(`as a browser says ${name}`, name);

const sizeOf = (node: FakeFile | FakeFolder): number =>
  node.kind === 'file' ? node.bytes.length : [...node.entries.values()].reduce((sum, entry) => sum + sizeOf(entry), 0);

function closeAll(node: FakeFile | FakeFolder): void {
  if (node.kind === 'file') node.isOpen = false;
  else for (const entry of node.entries.values()) closeAll(entry);
}

const resized = (bytes: Uint8Array, length: number): Uint8Array => {
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, length));
  return next;
};

export function fakeOpfs({ has = {}, quota = Number.POSITIVE_INFINITY }: FakeOptions = {}): FakeSystem {
  const root: FakeFolder = { kind: 'directory', entries: new Map() };
  const locks = new Map<string, Promise<unknown>>();
  const { syncAccess = true, writable = true, move = true } = has;

  const step = (): void => {
    if (++system.steps >= system.closeAt) throw error('InvalidAccessError');
  };
  const setBytes = (file: FakeFile, bytes: Uint8Array): void => {
    if (sizeOf(root) - file.bytes.length + bytes.length > quota) throw error('QuotaExceededError');
    file.bytes = bytes;
  };
  const patched = (old: Uint8Array, bytes: Uint8Array, at: number): Uint8Array => {
    const next = resized(old, Math.max(old.length, at + bytes.length));
    next.set(bytes, at);
    return next;
  };

  const syncAccessOf = (file: FakeFile): SyncAccess => ({
    getSize: () => file.bytes.length,
    truncate: (length) => {
      step();
      setBytes(file, resized(file.bytes, length));
    },
    write: (bytes, { at }) => {
      step();
      const part = bytes.subarray(0, system.chunk);
      setBytes(file, patched(file.bytes, part, at));
      return part.length;
    },
    flush: step,
    close: () => {
      file.isOpen = false;
    },
  });

  const fileHandle = (file: FakeFile, parent: FakeFolder, ownName: string): FileHandle => ({
    kind: 'file',
    getFile: async () => {
      step();
      const { bytes } = file;
      const arrayBuffer = async (): Promise<ArrayBuffer> => {
        // What was replaced since is not found, as in Chromium.
        await new Promise((turn) => setImmediate(turn));
        if (parent.entries.get(ownName) !== file) throw error('NotFoundError');
        return bytes.slice().buffer as ArrayBuffer;
      };
      return { size: bytes.length, arrayBuffer };
    },
    ...(syncAccess && {
      createSyncAccessHandle: async () => {
        step();
        if (file.isOpen) throw error('NoModificationAllowedError');
        file.isOpen = true;
        return syncAccessOf(file);
      },
    }),
    ...(writable && {
      createWritable: async ({ keepExistingData }) => {
        step();
        let swap: Uint8Array = keepExistingData ? file.bytes : new Uint8Array();
        let at = 0;
        return {
          seek: async (place) => {
            at = place;
          },
          write: async (bytes) => {
            step();
            swap = patched(swap, bytes, at);
            at += bytes.length;
          },
          close: async () => {
            step();
            setBytes(file, swap);
          },
          abort: async () => {},
        };
      },
    }),
    ...(move && {
      move: async (folder, name) => {
        step();
        const target = nodes.get(folder)!;
        if (file.isOpen) throw error('NoModificationAllowedError');
        // What is there is replaced, a folder too, as in Firefox.
        parent.entries.delete(ownName);
        target.entries.set(name, file);
      },
    }),
  });

  const nodes = new WeakMap<FolderHandle, FakeFolder>();
  const folderHandle = (node: FakeFolder): FolderHandle => {
    const get = <K extends 'file' | 'directory'>(name: string, kind: K, create: boolean | undefined) => {
      step();
      if (name === '' || name === '.' || name === '..' || name.includes('/'))
        throw new TypeError('Name is not allowed');
      const found = node.entries.get(name);
      if (found && found.kind !== kind) throw error('TypeMismatchError');
      if (!found && !create) throw error('NotFoundError');
      const made: FakeFile | FakeFolder =
        kind === 'file'
          ? { kind: 'file', bytes: new Uint8Array(), isOpen: false }
          : { kind: 'directory', entries: new Map() };
      if (!found) node.entries.set(name, made);
      return (found ?? made) as K extends 'file' ? FakeFile : FakeFolder;
    };
    const handle: FolderHandle = {
      kind: 'directory',
      getFileHandle: async (name, options) => fileHandle(get(name, 'file', options?.create), node, name),
      getDirectoryHandle: async (name, options) => folderHandle(get(name, 'directory', options?.create)),
      removeEntry: async (name, options) => {
        step();
        const found = node.entries.get(name);
        if (!found) throw error('NotFoundError');
        if (found.kind === 'file' && found.isOpen) throw error('NoModificationAllowedError');
        if (found.kind === 'directory' && found.entries.size > 0 && !options?.recursive) {
          throw error('InvalidModificationError');
        }
        node.entries.delete(name);
      },
      async *entries() {
        for (const [name, entry] of [...node.entries]) {
          yield [name, entry.kind === 'file' ? fileHandle(entry, node, name) : folderHandle(entry)];
        }
      },
    };
    nodes.set(handle, node);
    return handle;
  };

  const system: FakeSystem = {
    steps: 0,
    closeAt: Number.POSITIVE_INFINITY,
    chunk: Number.POSITIVE_INFINITY,
    reopen: () => {
      system.closeAt = Number.POSITIVE_INFINITY;
      closeAll(root);
    },
    root: async () => folderHandle(root),
    withLock: async (name, body) => {
      const before = locks.get(name);
      const mine = (before ?? Promise.resolve()).then(body);
      locks.set(
        name,
        mine.catch(() => undefined),
      );
      return mine;
    },
  };
  return system;
}
