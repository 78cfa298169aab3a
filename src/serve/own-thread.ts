// Something that answers about pictures on a thread of its own, started when it is first asked. Not here: what the thread does, HTTP.
// Invariant: a server that nobody asks loads no engine for it; where there are no threads, answers are the same.
import type { DecodeOptions } from '../data/image-decoder.ts';
import { PicturePool } from '../data/picture-pool.ts';
import { requestError } from './answer-error.ts';

/** What answers; what it opened, it closes. */
export interface Answerer<Request, Answer> {
  answer(bytes: Uint8Array, request: Request): Promise<Answer>;
  close(): Promise<void>;
}

interface OwnThreadOptions<Request, Answer> {
  /** Whether there are to be threads beside the event loop. */
  readonly hasThreads: boolean;
  /** What the thread runs: compiled, whatever asks for it, since threads are started without a loader. */
  readonly script: URL;
  /** The same without a thread. */
  readonly openHere: () => Promise<Answerer<Request, Answer>>;
  /** What may wait. */
  readonly maximumWaiting?: number;
}

/**
 * Makes the service; `close` ends its thread. One: an engine takes tens of megabytes, and who asks all day runs several servers.
 *
 * @returns Its `answer` throws as `PicturePool.read` does, too
 */
export function onOwnThread<Request extends DecodeOptions, Answer>({
  hasThreads,
  openHere,
  ...options
}: OwnThreadOptions<Request, Answer>): Answerer<Request, Answer> {
  let opened: Promise<Answerer<Request, Answer>> | undefined;
  let isClosed = false;
  const onThread = async (): Promise<Answerer<Request, Answer>> => {
    const pool = await PicturePool.start<Request, Answer>({ ...options, workers: 1 });
    return { answer: pool.read, close: () => pool.close() };
  };
  return {
    async answer(bytes, request) {
      if (isClosed) throw requestError('serve/stopped', 'Cannot answer: the server is being stopped');
      opened ??= (hasThreads ? onThread() : openHere()).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).answer(bytes, request);
    },
    async close() {
      isClosed = true;
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}
