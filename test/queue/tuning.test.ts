// Runs tuning.ts on a Node that pg-boss supports, where there are both it and PostgreSQL.
// Runs alone: it starts several trainings.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findPostgres } from '../../scripts/scale/cluster.ts';
import { findNewerNode } from '../../scripts/scale/newer-node.ts';
import { createAheadDecisions, prunerDefaults, shouldPrune } from '../../src/experiments/index.ts';

test('decisions ahead are those of trials in turn, whatever has arrived', () => {
  const steps = 9;
  const curves = Array.from({ length: 12 }, (_, trial) =>
    Array.from({ length: steps }, (_, step) => ((trial * 7 + 3) % 12) / 12 + step / 100),
  );
  for (const pruner of Object.values(prunerDefaults)) {
    // In turn.
    const past: { number: number; state: 'complete' | 'pruned'; intermediateValues: Map<number, number> }[] = [];
    const ends = curves.map((curve, number) => {
      const intermediateValues = new Map<number, number>();
      for (let step = 1; step <= steps; step++) {
        intermediateValues.set(step, curve[step - 1]!);
        const isPruned =
          step < steps && shouldPrune(pruner, { number, state: 'running', intermediateValues }, past, 'maximize');
        if (!isPruned && step < steps) continue;
        past.push({ number, state: isPruned ? 'pruned' : 'complete', intermediateValues });
        return isPruned ? step : undefined;
      }
      return undefined;
    });
    // In an odd order, one value at a time.
    const arrived = curves.map(() => 0);
    const ahead = createAheadDecisions(pruner, 'maximize');
    for (let turn = 0; arrived.some((count) => count < steps); turn++) {
      const next = (turn * 5) % 12;
      if (arrived[next]! < steps) arrived[next]!++;
      const trials = curves.map((curve, i) => ({
        values: new Map(curve.slice(0, arrived[i]).map((value, step) => [step + 1, value])),
        steps,
      }));
      const { ended } = ahead;
      const decisions = ahead.decide(trials.slice(ended));
      decisions.forEach(({ endsAfter, isFinal }, i) => {
        if (isFinal) assert.is(endsAfter, ends[ended + i], `${pruner.name}, trial ${ended + i}`);
      });
      // The turn of the first comes, sometimes.
      if (turn % 3 === 0 && decisions[0]?.isFinal) ahead.end(past[ended]!);
    }
    while (ahead.ended < past.length) {
      assert.is(
        ahead.decide(
          curves.slice(ahead.ended).map((curve) => ({
            values: new Map(curve.map((value, step) => [step + 1, value])),
            steps,
          })),
        )[0]?.endsAfter,
        ends[ahead.ended],
      );
      ahead.end(past[ahead.ended]!);
    }
  }
});

const node = findNewerNode();
if (!node || !findPostgres()) console.log('No PostgreSQL or no Node 22.12 here: tuning over a queue was not tested');
else
  test('selvedge tune --queue', () => {
    const script = fileURLToPath(new URL('tuning.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(node, ['--import', 'tsx', script], {
      encoding: 'utf8',
      timeout: 500_000,
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
  });

test.run();
