// Runs database.ts on a Node that pg-boss supports, and says so where there is none: older ones refuse queues in one line.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findNewerNode } from '../../scripts/scale/newer-node.ts';
import { checkRuntime } from '../../src/queue/runtime.ts';

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

const node = findNewerNode();
if (!node) console.log('No Node 22.12 or later here: the queue in a database was not tested');
else
  test('the queue in a database keeps the contract', () => {
    const script = fileURLToPath(new URL('database.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(node, ['--import', 'tsx', script], {
      encoding: 'utf8',
      timeout: 500_000,
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    console.log(stdout);
  });

test.run();
