// Runs database.ts on a Node that pg-boss supports, and says so where there is none: older ones refuse queues in one line.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkRuntime } from '../../src/queue/runtime.ts';
import { testOnNewerNode } from './newer-node.ts';

test('a Node before 22.12 is refused in one line', () => {
  checkRuntime({ name: 'node', version: '22.12.0' });
  checkRuntime({ name: 'node', version: '24.1.0' });
  checkRuntime({ name: 'bun', version: '1.0.0' });
  assert.throws(
    () => checkRuntime({ name: 'node', version: '20.20.2' }),
    (error: { code: string; message: string }) =>
      error.code === 'queue/runtime' && /Node 20\.20\.2: pg-boss wants Node 22\.12 or later/.test(error.message),
  );
});

testOnNewerNode('the queue in a database keeps the contract', 'database.ts');

test.run();
