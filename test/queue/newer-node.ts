// Runs a file of tests on a Node that pg-boss supports, and says so where there is none.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findNewerNode } from '../../scripts/scale/newer-node.ts';

/** A test that the file beside this one ends well. */
export function testOnNewerNode(title: string, file: string): void {
  const node = findNewerNode();
  if (!node) {
    console.log(`No Node 22.12 or later here, so not tested: ${title}`);
    return;
  }
  test(title, () => {
    const script = fileURLToPath(new URL(file, import.meta.url));
    const ended = spawnSync(node, ['--import', 'tsx', script], { encoding: 'utf8', timeout: 500_000 });
    assert.is(ended.status, 0, `${ended.stdout}\n${ended.stderr}`);
    console.log(ended.stdout);
  });
}
