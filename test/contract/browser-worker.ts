// The worker that the engine runs in. Not the engine's own workers, which the page starts for it.
import { borrowWorkers } from '../../src/platform/index.ts';
import { answer, type BrowserRequest } from './browser.ts';

/** What a page sends: what it asks, and its port for workers. */
export interface BrowserMessage {
  readonly request: BrowserRequest;
  readonly port: MessagePort;
}

/** Answers the message of whoever started it. */
export function start(): void {
  addEventListener('message', async ({ data: { request, port } }: MessageEvent<BrowserMessage>) => {
    borrowWorkers(port);
    postMessage(await answer(request));
  });
}
