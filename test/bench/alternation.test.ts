import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alternate, disturbanceOf, meanOf, sampleCalls, valuesOf } from '../../bench/alternation.ts';
import { disturbanceNotice, judge, summarizeDisturbances, watch } from '../../bench/disturbance.ts';

/** Entrants that write down when it is their turn. */
function recorders(names: readonly string[], sleepMs: Readonly<Record<string, number>> = {}) {
  const turns: string[] = [];
  const entrants = names.map((name) => ({
    name,
    round: async () => {
      turns.push(name);
      await new Promise((resolve) => setTimeout(resolve, sleepMs[name] ?? 0));
      return { value: turns.length };
    },
  }));
  return { turns, entrants };
}

test('alternate() has all entrants in each round and begins each with another', async () => {
  const { turns, entrants } = recorders(['a', 'b', 'c']);
  const rounds: string[] = [];
  const measured = await alternate(entrants, { rounds: 3, onRound: (round, all) => rounds.push(`${round}/${all}`) });
  assert.is(turns.join(''), 'abcbcacab');
  assert.equal(rounds, ['1/3', '2/3', '3/3']);
  assert.equal(
    measured.map(({ values }) => values),
    [
      [1, 6, 8],
      [2, 4, 9],
      [3, 5, 7],
    ],
  );
});

test('alternate() lets those sit out who have used up their time, after one round at least', async () => {
  const { turns, entrants } = recorders(['slow', 'fast'], { slow: 600 });
  const [slow, fast] = await alternate(entrants, { rounds: 3, budgetMs: 500 });
  assert.is(turns.join(' '), 'slow fast fast fast');
  assert.equal([valuesOf(slow!).length, valuesOf(fast!).length], [1, 3]);
  assert.equal(slow!.values.slice(1), [undefined, undefined]);
  assert.is(disturbanceOf([slow!, fast!]).rounds, 4);
});

test('alternate() asks no more of an entrant that is out of it, and goes on with the others', async () => {
  let asked = 0;
  const failing = { name: 'failing', round: async () => (++asked < 2 ? { value: 1 } : undefined) };
  const { entrants } = recorders(['steady']);
  const [out, steady] = await alternate([failing, ...entrants], { rounds: 4 });
  assert.is(asked, 2);
  assert.equal(out!.values, [1, undefined, undefined, undefined]);
  assert.is(valuesOf(steady!).length, 4);
});

test('sampleCalls() calls at least once and answers a duration a call', async () => {
  let calls = 0;
  const samples = await sampleCalls(() => ++calls, 0);
  assert.ok(samples.length >= 1 && samples.length <= calls);
  assert.ok(samples.every((sample) => sample >= 0));
  const slow = await sampleCalls(() => new Promise((resolve) => setTimeout(resolve, 5)), 300);
  assert.ok(slow.length >= 2 && meanOf(slow) >= 4);
});

test('sampleCalls() passes on what a call throws', async () => {
  try {
    await sampleCalls(() => {
      throw new Error('broken kernel');
    }, 1);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'broken kernel');
  }
});

test('judge() takes a tenth of a core, beyond the ticks of the clock, for a disturbance', () => {
  assert.is(judge(10, 500).isDisturbed, false);
  assert.is(judge(69, 500).isDisturbed, false);
  assert.is(judge(71, 500).isDisturbed, true);
  assert.is(judge(250, 500).otherCores, 0.5);
});

test('summarizeDisturbances() calls a run disturbed when more than a quarter of its rounds are', () => {
  const rounds = (disturbed: number, all: number) =>
    Array.from({ length: all }, (_, i) => ({ elapsedMs: 100, otherCores: i, isDisturbed: i < disturbed }));
  assert.is(summarizeDisturbances(rounds(2, 8)).isDisturbed, false);
  const summary = summarizeDisturbances(rounds(3, 8));
  assert.equal(summary, { rounds: 8, disturbedRounds: 3, otherCoresMedian: 4, isDisturbed: true });
  assert.match(disturbanceNotice(summary)[0]!, /^DISTURBED: other processes had the processors in 3 of 8 rounds/);
  assert.equal(disturbanceNotice(summarizeDisturbances(rounds(0, 8))), []);
});

test('watch() does not count the time of a child as that of others', async () => {
  const { result, disturbance } = await watch(
    async () => 'done',
    () => Number.POSITIVE_INFINITY,
  );
  assert.is(result, 'done');
  assert.ok(disturbance.otherCores === undefined || disturbance.otherCores === 0);
});

test.run();
