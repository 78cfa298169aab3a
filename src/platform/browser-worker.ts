// Workers of a browser. Not here: what they compute. Invariant: whoever listens hears once of every end that a browser tells of, and of those
// that it does not, by `terminate`, too.
import { messageOf } from '../core/errors.ts';
import type { PlatformWorker } from './platform.ts';

/** What is used of `Worker`. */
export interface BrowserWorker {
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  postMessage(data: unknown): void;
  terminate(): void;
}

export type StartScript = (script: URL) => BrowserWorker;

export const startModule: StartScript = (script) => new Worker(script, { type: 'module' }) as BrowserWorker;

/**
 * Starts a module as a worker, which gets `data` as its first message.
 *
 * @param start Makes the worker; tests give one of their own
 */
export function startWorker(script: URL, data: unknown, start: StartScript = startModule): PlatformWorker {
  const listeners: ((reason: string) => void)[] = [];
  let ended: string | undefined;
  const end = (reason: string): void => {
    if (ended !== undefined) return;
    ended = reason;
    for (const listener of listeners) listener(reason);
  };
  let worker: BrowserWorker | undefined;
  try {
    worker = start(script);
    // No message: its script could not be had, or is no script.
    worker.onerror = (event) => {
      event.preventDefault?.();
      end(event.message || `cannot load ${script.href}`);
    };
    worker.onmessageerror = () => end('what it was sent cannot be copied');
    worker.postMessage(data);
  } catch (error) {
    // A content security policy that refuses the script, or shared memory on a page that is not isolated.
    worker?.terminate();
    end(messageOf(error));
  }
  return {
    onEnd: (listener) => {
      if (ended === undefined) listeners.push(listener);
      else listener(ended);
    },
    terminate: async () => {
      worker?.terminate();
      end('the worker was ended');
    },
  };
}
