// The page that asks a worker, or its own main thread. Whoever drives the browser calls the functions that it leaves as globals.
// Invariant: nothing here needs eval, inline scripts or blob addresses.
import { answer, type BrowserAnswer, type BrowserRequest } from './browser.ts';

const POLL_MS = 5;

/** Asks a new worker, which is ended then. */
function askWorker(request: BrowserRequest): Promise<BrowserAnswer> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    const end = (found: BrowserAnswer): void => {
      worker.terminate();
      resolve(found);
    };
    worker.onmessage = ({ data }) => end(data as BrowserAnswer);
    worker.onerror = ({ message }) => end({ problem: `the worker ended: ${message || 'its script cannot be loaded'}` });
    worker.postMessage(request);
  });
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
  Object.assign(globalThis, { askWorker, askPage: answer, untilThere, tryEval });
}
