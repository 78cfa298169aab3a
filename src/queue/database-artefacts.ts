// Artefacts in the queue's own database: for machines that share no folder. Not here: artefacts.ts, which a large fleet wants instead, because a
// database keeps what was removed until it is vacuumed. Invariant: as that of artefacts.ts.
import { sha256 } from '../core/sha256.ts';
import { type ArtefactStore, checkBytes, checkDigest, missing } from './artefacts.ts';
import type { QueueDatabase } from './database.ts';

/** Opens the artefacts of a database whose tables are there, as `openDatabaseQueue` makes them. */
export function openDatabaseArtefacts({ shown, query }: QueueDatabase): ArtefactStore {
  const remove = async (digest: string): Promise<void> => {
    await query('delete from selvedge.artefact where digest = $1', [digest]);
  };
  return {
    place: shown,
    async put(bytes) {
      const digest = await sha256(bytes);
      await query('insert into selvedge.artefact (digest, bytes) values ($1, $2) on conflict do nothing', [
        digest,
        bytes,
      ]);
      return digest;
    },
    async get(digest) {
      const [row] = await query<{ bytes: Uint8Array }>('select bytes from selvedge.artefact where digest = $1', [
        checkDigest(digest),
      ]);
      if (!row) throw missing(digest, shown);
      // A view into a larger buffer would take that along.
      return checkBytes(new Uint8Array(row.bytes), digest, shown, () => remove(digest));
    },
    remove,
  };
}
