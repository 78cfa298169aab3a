// Worker threads of Node, which Bun and Deno emulate: those of the engine, and those that answer messages.
// Not here: what they do. Invariant: a worker keeps the process alive only while it is held.
import { Worker } from 'node:worker_threads';
import type { ConnectedWorker, PlatformWorker } from './platform.ts';

/** First module of every worker: hands data and port to the default export of its script. No file, which bundlers would leave behind. */
const WORKER_START = new URL(
  `data:text/javascript,${encodeURIComponent(
    "import { parentPort as p, workerData as w } from 'node:worker_threads'; await (await import(w.script)).default(w.data, p);",
  )}`,
);

function start(script: URL, data: unknown): Worker {
  // Without the parent's loader flags the worker starts in milliseconds; its script is plain JavaScript.
  const worker = new Worker(WORKER_START, { workerData: { script: script.href, data }, execArgv: [] });
  worker.unref();
  return worker;
}

const owned = (worker: Worker): PlatformWorker => ({
  onEnd: (listener) => {
    let reason: string | undefined;
    // An error may overtake messages sent before it; the exit that follows comes after all of them.
    worker.on('error', (error) => {
      reason = error.message;
    });
    worker.on('exit', (code) => listener(reason ?? `the worker ended with code ${code}`));
  },
  terminate: async () => {
    await worker.terminate();
  },
});

export const startWorker = (script: URL, data: unknown): PlatformWorker => owned(start(script, data));

export function connectWorker(script: URL, data: unknown): ConnectedWorker {
  const worker = start(script, data);
  return {
    ...owned(worker),
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => {
      worker.on('message', listener);
      // A listener may hold the process.
      worker.unref();
    },
    hold: (isHeld) => {
      if (isHeld) worker.ref();
      else worker.unref();
    },
  };
}
