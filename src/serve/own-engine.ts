// The engine of a thread that answers requests: the one that runs, or one that is started, on one thread, and stopped when nobody needs it.
// Not here: what is computed. Invariant: an engine that somebody else started goes on; an answer is the same on any number of threads.
import { currentBackend, startBackend } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';

let own: { readonly engine: ReturnType<typeof startBackend>; users: number } | undefined;

/**
 * Opens what needs an engine, at its first use; what failed is tried again.
 *
 * @param open Opens it on the running engine
 * @returns `use`, and `close`, which disposes it
 */
export function onEngine<Opened extends { dispose(): void }>(open: () => Promise<Opened>) {
  let opened: Promise<{ readonly it: Opened; readonly release: () => Promise<void> }> | undefined;
  const start = async () => {
    const release = await borrowEngine();
    try {
      return { it: await open(), release };
    } catch (error) {
      await release();
      throw error;
    }
  };
  return {
    async use(): Promise<Opened> {
      opened ??= start().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).it;
    },
    async close(): Promise<void> {
      const known = await opened?.catch(() => undefined);
      opened = undefined;
      known?.it.dispose();
      await known?.release();
    },
  };
}

async function borrowEngine(): Promise<() => Promise<void>> {
  if (!own) {
    if (isEngineRunning()) return async () => {};
    own = { engine: startBackend({ threads: 1 }), users: 0 };
  }
  const mine = own;
  mine.users++;
  const release = async (): Promise<void> => {
    mine.users--;
    if (mine.users > 0) return;
    if (own === mine) own = undefined;
    await (await mine.engine.catch(() => undefined))?.stop();
  };
  try {
    await mine.engine;
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

function isEngineRunning(): boolean {
  try {
    currentBackend();
    return true;
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'backend/not-started') return false;
    throw error;
  }
}
