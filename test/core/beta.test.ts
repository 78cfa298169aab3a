// Draws of Beta(alpha, alpha) against its distribution function. Golden values: scipy 1.17, `scipy.stats.beta.cdf`.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawBeta } from '../../src/core/beta.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { createPhilox, randomStreams } from '../../src/core/philox.ts';

/** alpha, and the probability of a draw of at most .05, .25 and .4. */
const golden: readonly [alpha: number, below: readonly [number, number, number]][] = [
  [0.1, [0.37750848287495214, 0.45195785367664987, 0.4821200456093279]],
  [0.2, [0.29102506644252224, 0.41405551952147296, 0.4677473492903859]],
  [0.5, [0.14356629312870628, 0.33333333333333337, 0.43590578315102513]],
  [1, [0.05, 0.25, 0.4]],
  [2, [0.007250000000000001, 0.15625, 0.35200000000000004]],
  [8, [1.829573378713379e-7, 0.017299838364124298, 0.21310318261043204]],
];
const COUNT = 20_000;

const sampleOf = (alpha: number, seed = 1): number[] => {
  const draws = createPhilox({ seed, stream: randomStreams.mixing });
  return Array.from({ length: COUNT }, () => drawBeta(draws, alpha));
};

test('drawBeta() follows the distribution function for alphas below and above 1', () => {
  for (const [alpha, below] of golden) {
    const sample = sampleOf(alpha);
    assert.ok(sample.every((share) => share >= 0 && share <= 1));
    [0.05, 0.25, 0.4].forEach((bound, i) => {
      const expected = below[i]!;
      const deviation = Math.sqrt((expected * (1 - expected)) / COUNT);
      for (const found of [
        sample.filter((share) => share <= bound).length,
        // Symmetric: as often at the other end.
        sample.filter((share) => share >= 1 - bound).length,
      ]) {
        assert.ok(Math.abs(found / COUNT - expected) <= 4 * deviation, `alpha ${alpha}, ${bound}: ${found / COUNT}`);
      }
    });
  }
});

test('drawBeta() draws the same from the same words, and ends with numbers at the smallest and largest alpha', () => {
  assert.equal(sampleOf(0.3), sampleOf(0.3));
  assert.not.equal(sampleOf(0.3, 2), sampleOf(0.3));
  assert.ok(sampleOf(1e-9).every((share) => share < 0.01 || share > 0.99));
  assert.ok(sampleOf(1e6).every((share) => Math.abs(share - 0.5) < 0.01));
});

test('drawBeta() refuses alphas that are no number above 0', () => {
  for (const alpha of [0, -1, Number.NaN, Infinity]) {
    assert.throws(
      () => sampleOf(alpha),
      (error: Error) => error instanceof SelvedgeError && error.code === 'random/bad-alpha',
    );
  }
});

test.run();
