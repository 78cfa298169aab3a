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

export const verifyOption = {
  verify: {
    type: 'string',
    valueHint: 'share',
    description:
      'With --queue: have so much of the work done again by another worker, such as 0.05, and compare the bits',
  },
} as const;

/** Of commands that do nothing again without a queue. */
export const againOption = {
  again: { type: 'boolean', description: 'With --queue: have done again what its workers have done already' },
} as const;

/** The values of `queueOptions` and `verifyOption` as they were written. */
export interface QueueArguments {
  readonly queue?: string | undefined;
  readonly artefacts?: string | undefined;
  readonly verify?: string | undefined;
  readonly threads?: string | undefined;
  readonly again?: boolean | undefined;
}

/** Refuses options of queues without one, bad addresses and shares, and a runtime without queues, before anything is read. */
export function checkQueueOptions(args: QueueArguments, others: readonly 'again'[] = []): void {
  refuseWithoutQueue(args, ['verify', 'artefacts', ...others]);
  shareOf(args.verify);
  if (args.queue !== undefined) checkQueue(args.queue, args.artefacts);
}

/** The share that `--verify` says. */
export function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const share = Number(text);
  if (text.trim() !== '' && share > 0 && share <= 1) return share;
  throw usageError(`Option "--verify" got "${text}": expected a share above 0 and up to 1, such as 0.05`);
}

/** Refuses what needs a queue where there is none. */
function refuseWithoutQueue(args: object, names: readonly string[]): void {
  const given = args as Readonly<Record<string, unknown>>;
  if (given.queue !== undefined) return;
  const found = names.find((name) => given[name] !== undefined);
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
