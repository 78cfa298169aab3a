// Options of commands that may leave their work to a queue, and how a queue is opened for a command. Not here: what is filed. Invariant: what is
// shown never holds a password.
import { platform } from '../platform/index.ts';
import { readQueueAddress } from '../queue/address.ts';
import { bucketAccount, isBucketAddress, readBucketAddress } from '../queue/bucket-artefacts.ts';
import type { ArtefactStore, QueueAddress, QueueDatabase, WorkQueue } from '../queue/index.ts';
import { checkRuntime } from '../queue/runtime.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';

export const queueOptions = {
  queue: {
    type: 'string',
    valueHint: 'address',
    description: 'Leave the work to workers of this queue: postgres://user@host/database or pglite:FOLDER',
  },
  artefacts: {
    type: 'string',
    valueHint: 'folder or s3://bucket/prefix',
    description: 'Where a queue keeps checkpoints and results: what all can reach (default: its database)',
  },
} as const;

/** Refuses what needs a queue where there is none. */
export function refuseWithoutQueue(args: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  if (args.queue !== undefined) return;
  const found = names.find((name) => args[name] !== undefined);
  if (found !== undefined) throw usageError(`Option "--${found}" needs "--queue"`);
}

/** Refuses an address that is none, and a runtime without queues, before anything is read. */
export function checkQueue(address: string, artefacts?: string): void {
  readQueueAddress(address);
  if (artefacts !== undefined && isBucketAddress(artefacts)) {
    readBucketAddress(artefacts);
    bucketAccount();
  }
  checkRuntime();
}

/** A queue that is open, with its artefacts. */
export interface OpenQueue {
  readonly queue: WorkQueue;
  readonly database: QueueDatabase;
  readonly artefacts: ArtefactStore;
  /** Nobody else can work for it. */
  readonly isEmbedded: boolean;
}

/** Opens the queue that an option names. */
export async function openQueue(
  address: string,
  artefacts: string | undefined,
  context: CommandContext,
): Promise<OpenQueue> {
  const library = await import('../queue/index.ts');
  const where = library.readQueueAddress(address);
  const database = await library.openDatabase(where, {
    cwd: context.cwd,
    signal: context.signal,
    onAway: (message) => context.writeError(`${message}\n`),
  });
  try {
    const queue = await library.openDatabaseQueue(database);
    return {
      queue,
      database,
      artefacts: await openArtefacts(artefacts, where, database, context),
      isEmbedded: where.kind === 'embedded',
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openArtefacts(
  text: string | undefined,
  address: QueueAddress,
  database: QueueDatabase,
  { cwd }: CommandContext,
): Promise<ArtefactStore> {
  const { openArtefactBucket, openArtefactFolder, openDatabaseArtefacts } = await import('../queue/index.ts');
  const { files } = platform;
  if (text !== undefined)
    return isBucketAddress(text)
      ? openArtefactBucket(text, bucketAccount())
      : openArtefactFolder(files.resolve(cwd, text));
  if (address.kind === 'embedded')
    return openArtefactFolder(files.join(files.resolve(cwd, address.folder), 'artefacts'));
  return openDatabaseArtefacts(database);
}
