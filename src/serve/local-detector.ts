// The detector that ships on a thread of its own, started when it is first asked. Not here: what the thread does (picture-items.ts), HTTP.
// Invariant: a server that nobody asks for items loads neither engine nor detector; where there are no threads, answers are the same.
import { decodeImage } from '../data/image-codecs.ts';
import { PicturePool } from '../data/picture-pool.ts';
import { requestError } from './answer-error.ts';
import type { FindRequest, PictureItems } from './detect-routes.ts';
import type { ItemFinder } from './picture-items.ts';

interface LocalDetectorOptions {
  /** Whether there are to be threads beside the event loop. */
  readonly hasThreads: boolean;
  /** Pictures that may wait. */
  readonly maximumWaiting?: number;
}

/** Compiled, whatever asks for it: threads are started without a loader. */
const workerUrl = (): URL => new URL('../../dist/serve/detector-worker.js', import.meta.url);

/**
 * Makes the service; `close` ends its thread.
 *
 * @returns Its `find` throws as `PicturePool.read` does, too
 */
export function localDetector({ hasThreads, ...options }: LocalDetectorOptions): ItemFinder {
  let opened: Promise<ItemFinder> | undefined;
  let isClosed = false;
  return {
    async find(bytes, request) {
      if (isClosed) throw requestError('serve/stopped', 'Cannot answer: the server is being stopped');
      opened ??= (hasThreads ? onThread(options) : here()).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).find(bytes, request);
    },
    async close() {
      isClosed = true;
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** One: the engine takes tens of megabytes, and who finds items all day runs several servers. */
async function onThread(options: { readonly maximumWaiting?: number }): Promise<ItemFinder> {
  const pool = await PicturePool.start<FindRequest, PictureItems>({ ...options, workers: 1, script: workerUrl() });
  return { find: pool.read, close: () => pool.close() };
}

async function here(): Promise<ItemFinder> {
  const { createItemFinder } = await import('./picture-items.ts');
  return createItemFinder(decodeImage);
}
