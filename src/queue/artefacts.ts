// Artefacts: bytes kept under the SHA-256 of what they are, such as checkpoints, models and shards of a catalogue. Not here: which artefact
// belongs to which job (tables.ts). Invariant: what `get` answers has the digest that was asked for; a broken file is removed, so that
// whoever made it makes it again.
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { type Files, platform } from '../platform/index.ts';

/** Where artefacts are kept. */
export interface ArtefactStore {
  /** In words, without anything secret. */
  readonly place: string;
  /** Keeps some bytes; those that are there already are not written again. Answers their digest. */
  put(bytes: Uint8Array): Promise<string>;
  /**
   * The bytes of a digest.
   *
   * @throws SelvedgeError `artefact/missing`, `artefact/broken`
   */
  get(digest: string): Promise<Uint8Array>;
  remove(digest: string): Promise<void>;
}

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Opens a folder of artefacts, made when the first is kept. Several machines may share one.
 *
 * @param folder Its path
 * @param files The file system; tests give one that fails
 * @throws SelvedgeError `put` throws `files/not-written` on a full disk, and leaves nothing half-written
 * @example
 * ```ts
 * import { openArtefactFolder } from 'selvedge';
 * const store = openArtefactFolder('runs/artefacts');
 * const digest = await store.put(Uint8Array.of(1, 2, 3));
 * console.assert((await store.get(digest)).length === 3);
 * await store.remove(digest);
 * ```
 */
export function openArtefactFolder(folder: string, files: Files = platform.files): ArtefactStore {
  const pathOf = (digest: string): string => files.join(folder, checkDigest(digest).slice(0, 2), digest);
  return {
    place: folder,
    async put(bytes) {
      const digest = await sha256(bytes);
      const path = pathOf(digest);
      // One that was cut short, by a disk that lied or by hand, is written anew.
      if ((await files.status(path))?.bytes !== bytes.length) await files.write(path, bytes);
      return digest;
    },
    async get(digest) {
      const path = pathOf(digest);
      if (!(await files.status(path))) throw missing(digest, folder);
      const bytes = await files.readBytes(path);
      return await checkBytes(bytes, digest, folder, () => files.remove(path));
    },
    remove: (digest) => files.remove(pathOf(digest)),
  };
}

/**
 * Checks what a store holds under a digest.
 *
 * @param discard Removes it where it is not what it should be
 * @throws SelvedgeError `artefact/broken`
 */
export async function checkBytes(
  bytes: Uint8Array,
  digest: string,
  place: string,
  discard: () => Promise<void>,
): Promise<Uint8Array> {
  const got = await sha256(bytes);
  if (got === digest) return bytes;
  await discard();
  throw new SelvedgeError(
    'artefact/broken',
    `Cannot take artefact ${digest} of "${place}": its ${bytes.length} bytes have digest ${got}; it was removed and is made again`,
  );
}

/** The error for an artefact that is not there. */
export function missing(digest: string, place: string): SelvedgeError {
  return new SelvedgeError('artefact/missing', `Cannot find artefact ${digest}: nothing of that digest in "${place}"`);
}

/** Refuses what would be another path. */
export function checkDigest(digest: string): string {
  if (DIGEST.test(digest)) return digest;
  throw new SelvedgeError(
    'artefact/digest',
    `Cannot look up artefact "${digest}": expected 64 lower-case hexadecimal digits`,
  );
}

/** Whether an error says that an artefact is to be made again. */
export function isLost(error: unknown): boolean {
  return error instanceof SelvedgeError && (error.code === 'artefact/missing' || error.code === 'artefact/broken');
}
