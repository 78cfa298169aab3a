// A lock on a folder that one process may use at a time. Not here: what is in the folder. Invariant: whoever holds it touches it every second;
// one that nobody has touched for a few seconds was left by a process that was killed, and is taken over.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

const TOUCH_MS = 1_000;
/** After so long without a touch its holder is gone. */
const STALE_MS = 15_000;
/** A write of another that began as early is there by then. */
const SETTLE_MS = 300;

/**
 * Locks a folder, after waiting for a lock that somebody left.
 *
 * @param shown What the folder is called in messages
 * @returns Gives the lock back
 * @throws SelvedgeError `queue/busy` where another process holds it
 */
export async function lockFolder(folder: string, shown: string): Promise<() => Promise<void>> {
  const { files } = platform;
  const path = files.join(folder, 'lock');
  const own = crypto.randomUUID();
  let seen = await read(path);
  if (seen !== undefined) {
    // The clock of the file system does not matter: only whether the text changes.
    for (const start = platform.now(); seen !== undefined && platform.now() - start < STALE_MS; ) {
      await new Promise((resolve) => setTimeout(resolve, TOUCH_MS / 4));
      const now = await read(path);
      if (now !== undefined && now !== seen) throw busy(shown);
      seen = now;
    }
  }
  let count = 0;
  const touch = (): Promise<void> => files.write(path, `${own} ${count++}`);
  const isOwn = async (): Promise<boolean> => (await read(path))?.startsWith(own) === true;
  await touch();
  // Of several that begin at once, whoever wrote last has it.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (!(await isOwn())) throw busy(shown);
  let touching = Promise.resolve();
  // A process that was stopped for long has lost it to another.
  const timer = setInterval(() => {
    touching = isOwn()
      .then((still) => (still ? touch() : clearInterval(timer)))
      .catch(() => {});
  }, TOUCH_MS);
  (timer as { unref?: () => void }).unref?.();
  return async () => {
    clearInterval(timer);
    await touching;
    if (await isOwn()) await files.remove(path);
  };
}

const busy = (shown: string): SelvedgeError =>
  new SelvedgeError(
    'queue/busy',
    `Cannot open queue "${shown}": another process has it open; an embedded queue has one process, for more use postgres://`,
  );

async function read(path: string): Promise<string | undefined> {
  return (await platform.files.status(path)) ? platform.files.readText(path).catch(() => undefined) : undefined;
}
