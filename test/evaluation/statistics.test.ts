import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { differenceInterval95, mcNemar, wilsonInterval95 } from '../../src/evaluation/statistics.ts';

const near = (actual: number, expected: number, relative = 1e-9): void =>
  assert.ok(
    Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-300),
    `${actual} for ${expected}`,
  );

test('wilsonInterval95() agrees with SciPy to 1e-9', () => {
  near(wilsonInterval95(9258, 10000).low, 0.9204978889465903);
  near(wilsonInterval95(9258, 10000).high, 0.9307750980409414);
  near(wilsonInterval95(0, 7).high, 0.35433043506668743);
  assert.is(wilsonInterval95(0, 7).low, 0);
  near(wilsonInterval95(7, 7).low, 0.6456695649333126);
  assert.is(wilsonInterval95(7, 7).high, 1);
});

test("differenceInterval95() gives the ends of Newcombe's own example, and turns round with its sides", () => {
  const of = (hits: number, count: number) => ({ share: hits / count, ...wilsonInterval95(hits, count) });
  const { low, high } = differenceInterval95(of(56, 70), of(48, 80));
  assert.equal([low.toFixed(4), high.toFixed(4)], ['0.0524', '0.3339']);
  const turned = differenceInterval95(of(48, 80), of(56, 70));
  near(turned.low, -high);
  near(turned.high, -low);
  const level = differenceInterval95(of(9, 10), of(9, 10));
  near(level.high, -level.low);
  assert.ok(level.low < 0);
});

test('mcNemar() gives the exact two-sided binomial probability, as SciPy, to 1e-9', () => {
  const expected: [number, number, number][] = [
    [3, 11, 0.057373046875],
    [180, 251, 0.0007285436637669476],
    [20, 0, 1.9073486328125e-6],
    [13, 12, 1],
    [1, 1, 1],
    [0, 0, 1],
    [1200, 900, 6.337277315775639e-11],
  ];
  for (const [first, second, pValue] of expected) near(mcNemar(first, second).pValue, pValue);
});

test('mcNemar() corrects the statistic for continuity and knows no negative excess', () => {
  near(mcNemar(10, 20).chiSquared, 81 / 30);
  assert.is(mcNemar(5, 5).chiSquared, 0);
  assert.is(mcNemar(0, 0).chiSquared, 0);
});

test.run();
