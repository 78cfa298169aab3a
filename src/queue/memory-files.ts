// Files in memory: as much of a file system as checkpoints need. Not here: anything that outlives the process. Invariant: what was written last
// is known, so that it can be sent elsewhere.
import { type Files, platform } from '../platform/index.ts';

export interface MemoryFiles extends Files {
  /** The content of the file that was written last. */
  newest(): Uint8Array | undefined;
}

/** Starts with no files. */
export function createMemoryFiles(): MemoryFiles {
  const kept = new Map<string, Uint8Array>();
  let newest: Uint8Array | undefined;
  const keep = (path: string, bytes: Uint8Array): void => {
    newest = bytes;
    kept.set(path, bytes);
  };
  const bytesOf = (content: Uint8Array | string): Uint8Array =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
  return {
    ...platform.files,
    newest: () => newest,
    async readBytes(path) {
      const bytes = kept.get(path);
      if (bytes) return bytes;
      throw new Error(`nothing at "${path}"`);
    },
    async status(path) {
      const bytes = kept.get(path);
      return bytes && { bytes: bytes.length, isFolder: false };
    },
    async write(path, content) {
      keep(path, bytesOf(content));
    },
    async overwrite(path, parts) {
      keep(path, new Uint8Array(await new Blob([...parts] as BlobPart[]).arrayBuffer()));
    },
    async makeFolder() {},
    async remove(path) {
      kept.delete(path);
    },
  };
}
