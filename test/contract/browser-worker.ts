// The worker that the engine runs in. Not the engine's own workers, which it starts.
import { answer, type BrowserRequest } from './browser.ts';

/** Answers the messages of whoever started it. */
export function start(): void {
  addEventListener('message', async ({ data }: MessageEvent<BrowserRequest>) => {
    postMessage(await answer(data));
  });
}
