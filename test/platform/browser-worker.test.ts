import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BrowserWorker, startWorker } from '../../src/platform/browser-worker.ts';

const script = new URL('https://host/pool-worker.js');

function fakeWorker(onMessage: (data: unknown) => void = () => {}) {
  const state = { isTerminated: false };
  const worker: BrowserWorker = {
    onerror: null,
    onmessageerror: null,
    postMessage: onMessage,
    terminate: () => {
      state.isTerminated = true;
    },
  };
  const fail = (message: string): void => worker.onerror?.({ message, preventDefault: () => {} } as ErrorEvent);
  return { worker, state, fail };
}

test('startWorker() sends the data and tells every listener once of a failure', () => {
  const sent: unknown[] = [];
  const { worker, fail } = fakeWorker((data) => sent.push(data));
  const started = startWorker(script, { a: 1 }, () => worker);
  const heard: string[] = [];
  started.onEnd((reason) => heard.push(`first: ${reason}`));
  started.onEnd((reason) => heard.push(`second: ${reason}`));
  fail('boom');
  fail('boom again');
  started.onEnd((reason) => heard.push(`late: ${reason}`));
  assert.equal(sent, [{ a: 1 }]);
  assert.equal(heard, ['first: boom', 'second: boom', 'late: boom']);
});

test('startWorker() names a script that cannot be loaded', () => {
  const { worker, fail } = fakeWorker();
  const started = startWorker(script, {}, () => worker);
  const heard: string[] = [];
  started.onEnd((reason) => heard.push(reason));
  fail('');
  assert.equal(heard, ['cannot load https://host/pool-worker.js']);
});

test('startWorker() of what cannot start or cannot be sent is an end, not an exception', () => {
  const refused = startWorker(script, {}, () => {
    throw new DOMException('refused by the policy', 'SecurityError');
  });
  const { worker, state } = fakeWorker(() => {
    throw new DOMException('it could not be cloned', 'DataCloneError');
  });
  const unsent = startWorker(script, {}, () => worker);
  const heard: string[] = [];
  for (const started of [refused, unsent]) started.onEnd((reason) => heard.push(reason));
  assert.equal(heard, ['refused by the policy', 'it could not be cloned']);
  assert.ok(state.isTerminated);
});

test('terminate() ends the worker and tells those who listen', async () => {
  const { worker, state } = fakeWorker();
  const started = startWorker(script, {}, () => worker);
  const heard: string[] = [];
  started.onEnd((reason) => heard.push(reason));
  await started.terminate();
  await started.terminate();
  assert.ok(state.isTerminated);
  assert.equal(heard, ['the worker was ended']);
});

test.run();
