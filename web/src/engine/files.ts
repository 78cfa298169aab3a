// Files of the origin-private file system, for what the page keeps beside the runs: read, list, remove.
// Not here: writing runs and checkpoints, which the engine's own commands do. Invariant: what is not there is undefined, not an error.

async function folderAt(segments: readonly string[], create = false): Promise<FileSystemDirectoryHandle> {
  let folder = await navigator.storage.getDirectory();
  for (const name of segments) folder = await folder.getDirectoryHandle(name, { create });
  return folder;
}

const segmentsOf = (path: string): string[] => path.split('/').filter((name) => name !== '');

export async function readFile(path: string): Promise<File | undefined> {
  const segments = segmentsOf(path);
  const name = segments.pop()!;
  try {
    return await (await (await folderAt(segments)).getFileHandle(name)).getFile();
  } catch {
    return undefined;
  }
}

export async function readJson<T>(path: string): Promise<T | undefined> {
  const file = await readFile(path);
  return file && (JSON.parse(await file.text()) as T);
}

export async function removePath(path: string): Promise<void> {
  const segments = segmentsOf(path);
  const name = segments.pop()!;
  try {
    await (await folderAt(segments)).removeEntry(name, { recursive: true });
  } catch (error) {
    if ((error as DOMException).name !== 'NotFoundError') throw error;
  }
}

/** Writes a file whole; a page that is closed meanwhile leaves it as it was, or not there, and its digest tells which. */
export async function writeFile(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const segments = segmentsOf(path);
  const name = segments.pop()!;
  const file = await (await folderAt(segments, true)).getFileHandle(name, { create: true });
  const access = await file.createSyncAccessHandle();
  try {
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.flush();
  } finally {
    access.close();
  }
}
