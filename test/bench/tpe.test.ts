// Known functions and the figures of the comparison of samplers: values at known points, searches that repeat, shares that sum to one.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runsOf, superiority } from '../../bench/tpe.ts';
import { knownFunctions, type Suggest } from '../../bench/tpe-functions.ts';
import { samplerDefaults } from '../../src/experiments/index.ts';

const at = (values: Readonly<Record<string, number | string>>): Suggest => ({
  float: (name) => Number(values[name]),
  integer: (name) => Number(values[name]),
  choice: (name) => String(values[name]),
});

test('each known function has its least value where it is said to have it', () => {
  const places = [
    { x: Math.PI, y: 2.275 },
    { x0: 0.20169, x1: 0.150011, x2: 0.476874, x3: 0.275332, x4: 0.311652, x5: 0.6573 },
    { rate: 10 ** -2.5, width: 40, kind: 'b', decay: 0.7 },
  ];
  knownFunctions.forEach(({ name, minimum, evaluate }, i) => {
    const value = evaluate(at(places[i] as Record<string, number | string>));
    assert.ok(value >= minimum - 1e-9 && value < minimum + 1e-5, `${name}: ${value}, not ${minimum}`);
  });
});

test('runsOf() repeats a search by its seed, and never gets worse', () => {
  const [branin] = knownFunctions;
  const runs = runsOf(branin!, samplerDefaults.tpe, 2, 15);
  assert.equal(runs, runsOf(branin!, samplerDefaults.tpe, 2, 15));
  assert.not.equal(runs[0], runs[1]);
  for (const bests of runs) assert.ok(bests.every((value, i) => i === 0 || value <= bests[i - 1]!));
});

test('superiority() counts ties by half, and finds its p', () => {
  assert.is(superiority([1, 2], [1, 2]).better, 0.5);
  const { better, p } = superiority([1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18]);
  assert.is(better, 1);
  // scipy.stats.mannwhitneyu(…, method='asymptotic', use_continuity=False)
  assert.ok(Math.abs(p - 0.00077753) < 1e-6, String(p));
});

test.run();
