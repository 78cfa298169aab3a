import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { borrowed, borrowWorkers, type Locks, lendWorkers } from '../../src/platform/browser-lending.ts';
import { type BrowserWorker, startWorker } from '../../src/platform/browser-worker.ts';

const script = new URL('https://host/pool-worker.js');

/** Locks of a page; `endHolder` lets go what the worker held. */
function fakeLocks() {
  const holders: (() => void)[] = [];
  const tails = new Map<string, Promise<void>>();
  const locks: Locks = {
    request: (name, body) => {
      const before = tails.get(name) ?? Promise.resolve();
      const held = before.then(() => Promise.race([body(), new Promise<void>((resolve) => holders.push(resolve))]));
      tails.set(name, held as Promise<void>);
      return held;
    },
  };
  return { locks, endHolder: () => holders[0]?.() };
}

/** Lets all messages through that are under way. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((turn) => setImmediate(turn));
}

function lend() {
  const page = { started: [] as string[], sent: [] as unknown[], ended: 0 };
  const workers: BrowserWorker[] = [];
  const start = ({ href }: URL): BrowserWorker => {
    if (href.includes('refused')) throw new DOMException('refused by the policy', 'SecurityError');
    page.started.push(href);
    const worker: BrowserWorker = {
      onerror: null,
      onmessageerror: null,
      postMessage: (data) => page.sent.push(data),
      terminate: () => {
        page.ended++;
      },
    };
    workers.push(worker);
    return worker;
  };
  const { locks, endHolder } = fakeLocks();
  const port = lendWorkers(start, locks);
  borrowWorkers(port, locks);
  return { page, workers, endHolder, port };
}

test('borrowed workers are started, sent their data and ended by the page', async () => {
  const { page, port } = lend();
  const [first, second] = [1, 2].map((thread) => startWorker(script, { thread }, borrowed()));
  await settle();
  assert.equal(page.started, [script.href, script.href]);
  assert.equal(page.sent, [{ thread: 1 }, { thread: 2 }]);
  await first!.terminate();
  await settle();
  assert.is(page.ended, 1);
  await second!.terminate();
  await settle();
  assert.is(page.ended, 2);
  port.close();
});

test('a borrowed worker that fails, or cannot be started, tells its listener alone', async () => {
  const { workers, port } = lend();
  const heard: string[] = [];
  for (const [i, url] of [script, script, new URL('https://host/refused.js')].entries()) {
    startWorker(url, {}, borrowed()).onEnd((reason) => heard.push(`${i}: ${reason}`));
  }
  await settle();
  workers[1]!.onerror?.({ message: '', preventDefault: () => {} } as ErrorEvent);
  await settle();
  assert.equal(heard, ['2: refused by the policy', `1: cannot load ${script.href}`]);
  port.close();
});

test('lendWorkers() ends what is lent when the worker that borrowed is gone', async () => {
  const { page, endHolder, port } = lend();
  for (const thread of [1, 2, 3]) startWorker(script, { thread }, borrowed());
  await settle();
  assert.is(page.ended, 0);
  endHolder();
  await settle();
  assert.is(page.ended, 3);
  port.close();
});

test.run();
