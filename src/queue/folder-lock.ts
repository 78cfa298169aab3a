// A lock on a folder that one process may use at a time. Not here: what is in the folder. Invariant: whoever holds it touches it every second;
// one that nobody has touched for a few seconds was left by a process that was killed or stopped, and is taken over: then its holder is told.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

const TOUCH_MS = 1_000;
/** After so long without a touch its holder is gone. */
const STALE_MS = 15_000;
/** A write of another that began as early is there by then. */
const SETTLE_MS = 300;

/** A lock that this process has. */
export interface FolderLock {
  /** @throws SelvedgeError `queue/busy` where another has it now: this process was stopped for long */
  requireOwn(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Locks a folder, after waiting for a lock that somebody left.
 *
 * @param shown What the folder is called in messages
 * @throws SelvedgeError `queue/busy` where another process holds it
 */
export async function lockFolder(folder: string, shown: string): Promise<FolderLock> {
  const { files } = platform;
  const path = files.join(folder, 'lock');
  const own = crypto.randomUUID();
  let seen = await read(path).catch(() => undefined);
  if (seen !== undefined) {
    // The clock of the file system does not matter: only whether the text changes.
    for (const start = platform.now(); seen !== undefined && platform.now() - start < STALE_MS; ) {
      await new Promise((resolve) => setTimeout(resolve, TOUCH_MS / 4));
      const now = await read(path).catch(() => undefined);
      if (now !== undefined && now !== seen) throw busy(shown);
      seen = now;
    }
  }
  let count = 0;
  let touchedAt = 0;
  let isLost = false;
  const touch = async (): Promise<void> => {
    await files.write(path, `${own} ${count++}`);
    touchedAt = platform.now();
  };
  const isOwn = async (): Promise<boolean> => (await read(path))?.startsWith(own) === true;
  await touch();
  // Of several that begin at once, whoever wrote last has it.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (!(await isOwn())) throw busy(shown);
  let touching = Promise.resolve();
  const keep = async (): Promise<void> => {
    isLost ||= !(await isOwn());
    if (!isLost) await touch();
  };
  const timer = setInterval(() => {
    touching = keep().catch(() => {});
  }, TOUCH_MS);
  (timer as { unref?: () => void }).unref?.();
  return {
    async requireOwn() {
      // After a stop this may run before the timer does.
      if (!isLost && platform.now() - touchedAt > STALE_MS / 2) await keep();
      if (isLost) throw busy(shown);
    },
    async release() {
      clearInterval(timer);
      await touching;
      if (await isOwn()) await files.remove(path);
    },
  };
}

const busy = (shown: string): SelvedgeError =>
  new SelvedgeError(
    'queue/busy',
    `Cannot open queue "${shown}": another process has it open; an embedded queue has one process, for more use postgres://`,
  );

async function read(path: string): Promise<string | undefined> {
  return (await platform.files.status(path)) ? platform.files.readText(path) : undefined;
}
