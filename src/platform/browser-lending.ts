// Workers that a page starts for a worker. Firefox stops for ever in the constructor of a worker's own worker, once in some hundred times
// (seen in 153: both threads wait on one condition that wakes one of them), and never in that of a page's.
// Invariant: whatever ends the worker that borrowed, what it borrowed ends with it, as its own workers would.
import { messageOf } from '../core/errors.ts';
import { type BrowserWorker, type StartScript, startModule } from './browser-worker.ts';

type Request =
  | { readonly kind: 'held'; readonly lock: string }
  | { readonly kind: 'start'; readonly id: number; readonly script: string; readonly data: unknown }
  | { readonly kind: 'terminate'; readonly id: number };

/** A worker that failed. */
interface Failure {
  readonly id: number;
  readonly message: string;
}

/** What is used of `navigator.locks`: a lock is let go when the thread that holds it ends, however it does. */
export interface Locks {
  request(name: string, body: () => Promise<void> | void): Promise<unknown>;
}

const ownLocks = (): Locks => (navigator as unknown as { locks: Locks }).locks;

/**
 * Has a page start workers for the worker that the engine runs in, which Firefox needs: threads of an engine whose worker starts its own
 * may hang there. Send the port with the first message, and call `borrowWorkers` with it.
 *
 * @param start Starts a script; tests give one of their own
 * @param locks `navigator.locks`; tests give one of their own
 * @returns A port for `postMessage(…, [port])`, for one worker
 * @example
 * ```ts
 * import { lendWorkers } from 'selvedge';
 * const port = lendWorkers();
 * // worker.postMessage({ port }, [port]); and in the worker: onmessage = ({ data }) => borrowWorkers(data.port);
 * port.close();
 * ```
 */
export function lendWorkers(start: StartScript = startModule, locks?: Locks): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const lent = new Map<number, BrowserWorker>();
  const fail = (failure: Failure): void => port1.postMessage(failure);
  const begin = ({ id, script, data }: Request & { kind: 'start' }): void => {
    try {
      const worker = start(new URL(script));
      lent.set(id, worker);
      worker.onerror = (event) => {
        event.preventDefault?.();
        fail({ id, message: event.message ?? '' });
      };
      worker.onmessageerror = () => fail({ id, message: 'what it was sent cannot be copied' });
      worker.postMessage(data);
    } catch (error) {
      fail({ id, message: messageOf(error) });
    }
  };
  const end = (id: number): void => {
    lent.get(id)?.terminate();
    lent.delete(id);
  };
  port1.onmessage = ({ data }: MessageEvent<Request>) => {
    if (data.kind === 'start') begin(data);
    else if (data.kind === 'terminate') end(data.id);
    else {
      (locks ?? ownLocks()).request(data.lock, () => {
        for (const id of [...lent.keys()]) end(id);
        port1.close();
      });
    }
  };
  return port2;
}

let startBorrowed: StartScript | undefined;

/** What starts borrowed workers; undefined where none are lent. */
export const borrowed = (): StartScript | undefined => startBorrowed;

/**
 * Takes all further threads of the engine in this worker from the page that started it. Call it before `startBackend`.
 *
 * @param port What `lendWorkers` returned on the page
 * @param locks `navigator.locks`; tests give one of their own
 * @example
 * ```ts
 * import { borrowWorkers, lendWorkers } from 'selvedge';
 * // In a worker, with what the page has sent: here both are one.
 * if ('WorkerGlobalScope' in globalThis) borrowWorkers(lendWorkers());
 * ```
 */
export function borrowWorkers(port: MessagePort, locks: Locks = ownLocks()): void {
  const workers = new Map<number, BrowserWorker>();
  // The page takes the lock next, and has it when this thread is gone.
  const held = new Promise<void>((resolve) => {
    const lock = `selvedge:lent:${crypto.randomUUID()}`;
    locks.request(lock, () => {
      port.postMessage({ kind: 'held', lock } satisfies Request);
      resolve();
      return new Promise<void>(() => {});
    });
  });
  const send = (request: Request): Promise<void> => held.then(() => port.postMessage(request));
  port.onmessage = ({ data: { id, message } }: MessageEvent<Failure>) => {
    workers.get(id)?.onerror?.({ message } as ErrorEvent);
  };
  startBorrowed = ({ href }) => {
    const id = workers.size;
    const worker: BrowserWorker = {
      onerror: null,
      onmessageerror: null,
      postMessage: (data) => {
        send({ kind: 'start', id, script: href, data }).catch((error) => {
          worker.onerror?.({ message: messageOf(error) } as ErrorEvent);
        });
      },
      terminate: () => {
        send({ kind: 'terminate', id }).catch(() => undefined);
      },
    };
    workers.set(id, worker);
    return worker;
  };
}
