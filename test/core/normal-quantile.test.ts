// Golden values: scipy 1.10, `scipy.stats.norm.ppf`.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normalQuantile } from '../../src/core/normal-quantile.ts';

const golden: readonly [number, number][] = [
  [1e-300, -37.0470962993612],
  [1e-30, -11.464024688443613],
  [1e-17, -8.493793224109599],
  [1.1102230246251565e-16, -8.209536151601387],
  [1e-9, -5.9978070150076865],
  [0.001, -3.090232306167813],
  [0.0749999, -1.439532177375901],
  [0.075, -1.4395314709384563],
  [0.1, -1.2815515655446004],
  [0.3, -0.5244005127080409],
  [0.5, 0],
  [0.6, 0.2533471031357997],
  [0.9249, 1.4388253927525403],
  [0.9251, 1.4402382675279635],
  [0.975, 1.959963984540054],
  [0.9999, 3.719016485455709],
  [1 - 1.1102230246251565e-16, 8.209536151601387],
];

test('normalQuantile() is within a relative error of 1e-14 of scipy, in the centre and both tails', () => {
  for (const [probability, expected] of golden) {
    const error = Math.abs(normalQuantile(probability) - expected);
    assert.ok(error <= 1e-14 * Math.abs(expected), `${probability}: ${normalQuantile(probability)}, not ${expected}`);
  }
});

test('normalQuantile() is odd about one half and rises', () => {
  let before = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < 4096; k++) {
    const probability = (k + 0.5) / 4096;
    const value = normalQuantile(probability);
    assert.ok(value > before);
    assert.is(normalQuantile(1 - probability), -value);
    before = value;
  }
});

test('normalQuantile() answers infinity at the ends and NaN outside', () => {
  assert.is(normalQuantile(0), Number.NEGATIVE_INFINITY);
  assert.is(normalQuantile(1), Number.POSITIVE_INFINITY);
  for (const probability of [-0.1, 1.1, Number.NaN]) assert.ok(Number.isNaN(normalQuantile(probability)));
});

test.run();
