// Studies over a queue in memory; then runs verbs.ts and tuning.ts on a Node that pg-boss supports, the latter where there is PostgreSQL.
// Runs alone: it starts several trainings.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findPostgres } from '../../scripts/scale/cluster.ts';
import {
  createAheadDecisions,
  openJournal,
  prunerDefaults,
  type Study,
  samplerDefaults,
  shouldPrune,
  tune,
} from '../../src/experiments/index.ts';
import {
  type Handler,
  lineOf,
  openLocalQueue,
  runWorker,
  type TrialSettings,
  tuneOverQueue,
} from '../../src/queue/index.ts';
import { settings, space } from '../experiments/space.ts';
import { identity, memoryStore, needs } from './contract.ts';
import { testOnNewerNode } from './newer-node.ts';

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

/** What a training by a recipe would come to after each epoch. */
function curveOf(recipe: TrialSettings['recipe']): number[] {
  const distance = Math.log10(Number((recipe.optimizer as { learningRate: number }).learningRate) / 0.05);
  const best = 0.9 - 0.02 * distance * distance - Number(recipe.labelSmoothing) * 0.1;
  return Array.from({ length: recipe.epochs }, (_, i) => best * (1 - 0.5 ** (i + 1)));
}

const made: Handler = async (taken) => {
  const curve = curveOf((taken.work.settings as TrialSettings).recipe);
  let steps = 0;
  for (let answer = 'go on'; answer === 'go on' && steps < curve.length; ) {
    const value = curve[steps++]!;
    answer = await taken.report({ step: steps, value, digest: '', durationMs: 1 });
  }
  return { status: 'done', digest: 'a'.repeat(64), value: { steps } };
};

test('a long study over a queue, left and gone on with, is that of one process, and a look asks for what is open only', async () => {
  const trials = 100;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-study-'));
  const essence = ({ trials: all }: Study) =>
    all.map(({ state, value, parameters, intermediateValues }) => ({
      ...{ state, value, parameters },
      steps: [...intermediateValues],
    }));
  for (const sampler of [samplerDefaults.random, { ...samplerDefaults.tpe, startup: 20 }]) {
    const common = { name: 'study', space, trials, settings: { ...settings, sampler, batch: 10 } };
    const alone = await tune({
      ...common,
      journal: await openJournal(path.join(folder, `${sampler.name}-alone`), 'test'),
      objective: async ({ recipe, report }) => {
        const curve = curveOf(recipe);
        for (let step = 1; step <= curve.length; step++)
          if ((await report(step, curve[step - 1]!)) === 'stop' && step < curve.length)
            return { status: 'pruned', durationMs: step };
        return { status: 'complete', durationMs: curve.length };
      },
    });
    const queue = openLocalQueue();
    let most = 0;
    const watched: typeof queue = {
      ...queue,
      states: (keys) => {
        most = Math.max(most, keys.length);
        return queue.states(keys);
      },
    };
    const ending = new AbortController();
    const worker = {
      queue,
      lines: [await lineOf('trial', needs)],
      handlers: { trial: made },
      artefacts: memoryStore(),
      signal: ending.signal,
    };
    const working = runWorker({ ...worker, identity: identity('one') });
    const follow = async (
      signal: AbortSignal,
      onTrial = (_: number): void => {},
      verification?: { share: number; seed: number },
    ) =>
      tuneOverQueue({
        ...common,
        ...{ queue: watched, needs, examples: 1, exactConvolution: false, signal },
        journal: await openJournal(path.join(folder, sampler.name), 'test'),
        onTrial: ({ number }) => onTrial(number),
        ...(verification ? { verification } : {}),
      });
    const leaving = new AbortController();
    const left = await follow(leaving.signal, (number) => number === trials / 2 && leaving.abort());
    assert.is(left.status, 'interrupted');
    const { study } = await follow(ending.signal);
    const mostOpen = most;
    // Those that an earlier call took are verified, too.
    const verifying = runWorker({ ...worker, identity: identity('two') });
    const { verification } = await follow(ending.signal, undefined, { share: 1, seed: 1 });
    const ended = study.trials.filter(({ state }) => state === 'complete' || state === 'pruned').length;
    assert.equal(verification, { chosen: ended, verified: ended, differences: [] });
    ending.abort();
    await Promise.all([working, verifying]);
    assert.equal(essence(study), essence(alone.study), sampler.name);
    assert.ok(study.trials.some(({ state }) => state === 'pruned'));
    assert.ok(mostOpen <= 64, `${mostOpen} works in one look`);
  }
  rmSync(folder, { recursive: true });
});

testOnNewerNode('selvedge train, ensemble, measure and study over a queue', 'verbs.ts');
if (findPostgres()) testOnNewerNode('selvedge tune --queue', 'tuning.ts');
else console.log('No PostgreSQL here, so not tested: selvedge tune --queue');

test.run();
