// The page that asks a worker, or its own main thread. Whoever drives the browser calls the functions that it leaves as globals.
// Invariant: nothing here needs eval, inline scripts or blob addresses.
import { lendWorkers } from '../../src/platform/index.ts';
import { answer, type BrowserAnswer, type BrowserRequest } from './browser.ts';
import type { BrowserMessage } from './browser-worker.ts';

const POLL_MS = 5;
const LEAVE_MS = 20;
const LEAVE_POLLS = 250;

/** Asks a new worker, which is ended then. */
function askWorker(request: BrowserRequest, port = lendWorkers()): Promise<BrowserAnswer> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    const end = (found: BrowserAnswer): void => {
      worker.terminate();
      resolve(found);
    };
    worker.onmessage = ({ data }) => end(data as BrowserAnswer);
    worker.onerror = ({ message }) => end({ problem: `the worker ended: ${message || 'its script cannot be loaded'}` });
    worker.postMessage({ request, port } satisfies BrowserMessage, [port]);
  });
}

/** Ends a worker whose engine still runs; its threads must end then. */
async function leaveThreads(): Promise<BrowserAnswer> {
  let [started, ended] = [0, 0];
  const port = lendWorkers((script) => {
    started++;
    const worker = new Worker(script, { type: 'module' });
    const { terminate } = worker;
    return Object.assign(worker, {
      terminate: () => {
        ended++;
        terminate.call(worker);
      },
    });
  });
  const found = await askWorker({ kind: 'start', request: { threads: 3 } }, port);
  if ('problem' in found) return found;
  for (let i = 0; i < LEAVE_POLLS && ended < started; i++) await new Promise((again) => setTimeout(again, LEAVE_MS));
  return { value: `${started} started, ${ended} ended` };
}

/** Asks a new worker, too, but returns as soon as a file is there, if that is earlier; the worker goes on. */
function untilThere(path: string, request: BrowserRequest): Promise<BrowserAnswer> {
  return new Promise((resolve) => {
    const look = async (): Promise<void> => {
      const found = await answer({ kind: 'status', request: { path } });
      // An empty file has been made, not written.
      if ('value' in found && Number(found.value) > 0) resolve({ value: 'there' });
      else setTimeout(look, POLL_MS);
    };
    askWorker(request).then(resolve);
    look();
  });
}

/** What the policy forbids: whether it is refused. Not at once, because drivers may do what pages may not, until they return. */
async function tryEval(): Promise<BrowserAnswer> {
  await new Promise((resolve) => setTimeout(resolve));
  try {
    return { value: new Function('return "it ran"')() };
  } catch {
    return { value: 'refused' };
  }
}

/** Leaves the functions as globals. */
export function start(): void {
  Object.assign(globalThis, { askWorker, askPage: answer, untilThere, tryEval, leaveThreads });
}
