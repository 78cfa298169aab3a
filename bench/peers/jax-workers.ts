// A Web Worker for runtimes that have none (Node), as far as jax-js needs it: without one it computes on a single thread.
// Not a general shim. It knows the runtime, unlike the rest of the benchmarks: it stands in for a part of it.
// Invariant: messages arrive in order, those sent before the worker runs included.
import { resolveObjectURL } from 'node:buffer';
import { Worker as NodeWorker } from 'node:worker_threads';

/** What a Web Worker's script expects around it. */
const PRELUDE = `
  const { parentPort } = require('node:worker_threads');
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  parentPort.on('message', (data) => self.onmessage({ data }));
`;

class BlobWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onerror: ((error: Error) => void) | undefined;
  readonly #worker: Promise<NodeWorker>;

  constructor(url: string) {
    this.#worker = this.#start(url);
    this.#worker.catch((error) => this.onerror?.(error as Error));
  }

  async #start(url: string): Promise<NodeWorker> {
    const source = await resolveObjectURL(url)!.text();
    const worker = new NodeWorker(PRELUDE + source, { eval: true, execArgv: [] });
    worker.on('message', (data) => this.onmessage?.({ data }));
    worker.on('error', (error) => this.onerror?.(error as Error));
    worker.unref();
    return worker;
  }

  postMessage(message: unknown): void {
    void this.#worker.then((worker) => worker.postMessage(message));
  }

  terminate(): void {
    void this.#worker.then((worker) => worker.terminate());
  }
}

/**
 * Gives this process Web Workers where it has none.
 *
 * @param threads What `navigator.hardwareConcurrency` says from now on
 */
export function installWorkers(threads: number): void {
  if (!('Worker' in globalThis)) Object.assign(globalThis, { Worker: BlobWorker });
  Object.defineProperty(globalThis, 'navigator', {
    value: { userAgent: globalThis.navigator?.userAgent ?? '', hardwareConcurrency: threads },
    configurable: true,
  });
}
