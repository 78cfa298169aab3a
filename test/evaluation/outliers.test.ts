// Separation against scikit-learn 1.9.1 (golden-measures.json), scores by hand, and a Gaussian whose distances are known.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { fitMahalanobis, measureSeparation, scoresOfLogits } from '../../src/evaluation/index.ts';

const { outliers: golden } = JSON.parse(readFileSync(new URL('golden-measures.json', import.meta.url), 'utf8'));
const isNear = (got: number, expected: number, tolerance = 1e-9): void => {
  assert.ok(Math.abs(got - expected) <= tolerance, `${got} is not ${expected}`);
};

test('measureSeparation() gives the area of scikit-learn, ties included', () => {
  // There larger scores are outliers.
  const minus = (values: readonly number[]): number[] => values.map((value) => -value);
  const { auroc, falsePositivesAt95, aurocInterval95 } = measureSeparation(
    minus(golden.inliers),
    minus(golden.outliers),
  );
  isNear(auroc, golden.auroc);
  isNear(falsePositivesAt95, golden.fpr95);
  assert.ok(aurocInterval95.low < auroc && auroc < aurocInterval95.high);
});

test('measureSeparation() knows perfect, reversed and no separation', () => {
  assert.is(measureSeparation([2, 3], [0, 1]).auroc, 1);
  assert.is(measureSeparation([2, 3], [0, 1]).falsePositivesAt95, 0);
  assert.is(measureSeparation([0, 1], [2, 3]).auroc, 0);
  assert.is(measureSeparation([1, 1], [1, 1]).auroc, 0.5);
});

test('measureSeparation() refuses nothing and NaN, by code', () => {
  const has = (code: string) => (error: { code: string }) => error.code === code;
  assert.throws(() => measureSeparation([], [1]), has('evaluation/empty'));
  assert.throws(() => measureSeparation([1], [Number.NaN]), has('evaluation/nan'));
});

test('scoresOfLogits() does not overflow', () => {
  const { softmax, energy } = scoresOfLogits(Float32Array.of(1000, 1000, -1000, 0), 2);
  assert.equal([softmax[0], softmax[1]], [0.5, 1]);
  isNear(energy[0]!, 1000 + Math.LN2);
  isNear(energy[1]!, 0);
});

test('fitMahalanobis() gives the distances of a Gaussian that is known', () => {
  const draws = createPhilox({ seed: 4, stream: 78 });
  const count = 20_000;
  const values = new Float32Array(2 * count);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  for (let i = 0; i < count; i++) {
    const [a, b] = [draws.nextNormal(), draws.nextNormal()];
    // Covariance [[4, 2], [2, 2]]; means (0, 0) and (20, 0).
    values[2 * i] = 2 * a + 20 * labels[i]!;
    values[2 * i + 1] = a + b;
  }
  const score = fitMahalanobis({ values, width: 2 }, labels, 2);
  const [atMean, beside, along] = score({ values: Float32Array.of(20, 0, 0, 1, 2, 1), width: 2 });
  isNear(atMean!, 0, 0.01);
  // The inverse is [[.5, -.5], [-.5, 1]].
  isNear(beside!, -1, 0.06);
  isNear(along!, -1, 0.06);
});

test('fitMahalanobis() bears features that are always 0', () => {
  const score = fitMahalanobis({ values: Float32Array.of(0, 1, 0, 3), width: 2 }, [0, 0], 1);
  assert.ok(score({ values: Float32Array.of(0, 2), width: 2 }).every(Number.isFinite));
});

test('fitMahalanobis() refuses another width, by code', () => {
  const score = fitMahalanobis({ values: Float32Array.of(1, 2), width: 1 }, [0, 0], 1);
  assert.throws(
    () => score({ values: Float32Array.of(1, 2), width: 2 }),
    (error: { code: string }) => error.code === 'evaluation/shape',
  );
});

test.run();
