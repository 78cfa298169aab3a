// Runs verbs.ts on a Node that pg-boss supports.
// Runs alone: it starts several trainings.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findNewerNode } from '../../scripts/scale/newer-node.ts';

const node = findNewerNode();
if (!node) console.log('No Node 22.12 or later here: ensembles, measures and studies over a queue were not tested');
else
  test('selvedge train, ensemble, measure and study over a queue', () => {
    const script = fileURLToPath(new URL('verbs.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(node, ['--import', 'tsx', script], {
      encoding: 'utf8',
      timeout: 500_000,
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    console.log(stdout);
  });

test.run();
