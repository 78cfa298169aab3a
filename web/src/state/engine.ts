// The worker as the page sees it, what the engine got, and which long command runs: one at a time, since they share the engine.
import { signal } from '@preact/signals';
import { transfer, wrap } from 'comlink';
import { lendWorkers } from 'selvedge/backend';
import type { EngineInfo } from '../engine/protocol.ts';
import type { EngineApi } from '../engine/worker.ts';

// Its name tells the worker where the page is: it is itself somewhere below, in a folder of the bundler's choice.
const worker = new Worker(new URL('../engine/worker.ts', import.meta.url), { type: 'module', name: document.baseURI });

export const engine = wrap<EngineApi>(worker);

const port = lendWorkers();
const lent = engine.borrowThreads(transfer(port, [port]));

export type EngineState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly info: EngineInfo }
  | { readonly kind: 'failed'; readonly message: string };

export const engineState = signal<EngineState>({ kind: 'starting' });

worker.addEventListener('error', (event) => {
  engineState.value = { kind: 'failed', message: event.message || 'its worker could not be loaded' };
});

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export async function startEngine(): Promise<void> {
  try {
    await lent;
    engineState.value = { kind: 'ready', info: await engine.startEngine() };
  } catch (error) {
    engineState.value = { kind: 'failed', message: messageOf(error) };
  }
}

export type Job = 'training' | 'evaluation' | 'report' | 'study';

export const job = signal<Job | undefined>(undefined);

/** Runs what needs the engine alone; does nothing while something else does. */
export async function asJob<T>(name: Job, body: () => Promise<T>): Promise<T | undefined> {
  if (job.value !== undefined) return undefined;
  job.value = name;
  try {
    return await body();
  } finally {
    job.value = undefined;
  }
}

/** Said to screen readers, politely; the last one counts. */
export const announcement = signal('');

export function announce(text: string): void {
  announcement.value = text;
}
