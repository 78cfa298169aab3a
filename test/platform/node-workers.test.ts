// Worker threads that answer messages: what they sent comes before their end, however they end.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectWorker } from '../../src/platform/node-workers.ts';

const ANSWERS = 20;
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`export default (ending, port) => {
    port.on('message', () => {
      for (let i = 0; i < ${ANSWERS}; i++) port.postMessage(i);
      if (ending === 'exits') process.exit(7);
      throw new Error('a codec gone wrong');
    });
  };`)}`,
);

const endings: [string, string][] = [
  ['exits', 'the worker ended with code 7'],
  ['throws', 'a codec gone wrong'],
];
for (const [ending, expected] of endings) {
  test(`connectWorker() tells of the end of a thread that ${ending} once, after all that it sent`, async () => {
    for (let time = 0; time < 20; time++) {
      const worker = connectWorker(script, ending);
      const seen: unknown[] = [];
      worker.onMessage((message) => seen.push(message));
      worker.hold(true);
      const ended = new Promise<void>((resolve) => {
        worker.onEnd((reason) => {
          seen.push(reason);
          resolve();
        });
      });
      worker.post('go');
      await ended;
      await worker.terminate();
      assert.equal(seen, [...Array.from({ length: ANSWERS }, (_, i) => i), expected]);
    }
  });
}

test.run();
