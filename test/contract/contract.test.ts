// The contract suite on the Node that runs the tests; npm run test:runtimes runs it on all others.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { contractStarts, runContract } from './contract.ts';

test('the contract suite holds, with the same bits at any number of threads and on either memory', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-contract-'));
  try {
    const { results, bits, starts, runtime } = await runContract({ folder });
    const failed = results.filter(({ problem }) => problem !== undefined);
    assert.equal(failed, []);
    assert.is(starts.length, contractStarts.length);
    assert.ok(Object.keys(bits).length > 20, 'most tests compare bits');
    assert.equal(runtime, { name: 'node', version: process.versions.node });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
