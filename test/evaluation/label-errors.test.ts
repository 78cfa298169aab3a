// Confident learning against counts by hand, and flipped labels that must be found.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { findLabelErrors, measureFlips } from '../../src/evaluation/index.ts';

test('findLabelErrors() counts the confident joint of a case by hand', () => {
  // Thresholds: (.9 + .6 + .2) / 3 and (.7 + .8 + .3) / 3.
  const rows = [
    [0.9, 0.1],
    [0.6, 0.4],
    [0.2, 0.8],
    [0.3, 0.7],
    [0.2, 0.8],
    [0.7, 0.3],
  ];
  const found = findLabelErrors({
    probabilities: Float32Array.from(rows.flat()),
    labels: [0, 0, 0, 1, 1, 1],
    classes: 2,
  });
  assert.equal(
    found.thresholds.map((value) => Number(value.toFixed(6))),
    [0.566667, 0.6],
  );
  assert.equal(found.confidentJoint, [
    [2, 1],
    [1, 2],
  ]);
  assert.equal(
    found.issues.map(({ sample, suggested }) => [sample, suggested]),
    [
      [2, 1],
      [5, 0],
    ],
  );
  assert.equal([...found.ranking], [2, 5, 1, 3, 4, 0]);
  assert.ok(Math.abs(found.noiseRate - 1 / 3) < 1e-6);
});

test('findLabelErrors() finds flipped labels of a good model, and nothing in labels that all agree', () => {
  const [count, classes] = [3000, 5];
  const draws = createPhilox({ seed: 3, stream: 77 });
  const truth = Array.from({ length: count }, (_, i) => i % classes);
  const probabilities = new Float32Array(count * classes);
  truth.forEach((label, sample) => {
    const sure = 0.7 + 0.25 * draws.nextUniform();
    for (let other = 0; other < classes; other++) {
      probabilities[sample * classes + other] = other === label ? sure : (1 - sure) / (classes - 1);
    }
  });
  assert.equal(findLabelErrors({ probabilities, labels: truth, classes }).issues, []);
  const flips = Array.from({ length: 150 }, (_, i) => ({
    sample: 19 * i,
    from: truth[19 * i]!,
    to: (truth[19 * i]! + 1) % classes,
  }));
  const labels = [...truth];
  for (const { sample, to } of flips) labels[sample] = to;
  const { issues, ranking } = findLabelErrors({ probabilities, labels, classes });
  const { all, pairs } = measureFlips(issues, flips);
  // About half lie above the mean of their class.
  assert.ok(all.recall > 0.4, String(all.recall));
  assert.equal(
    [...ranking.subarray(0, 150)].sort((a, b) => a - b),
    flips.map(({ sample }) => sample),
  );
  assert.is(all.precision, 1);
  for (const { restored, recall } of pairs) assert.is(restored, recall);
  assert.is(
    pairs.reduce((sum, { flipped }) => sum + flipped, 0),
    150,
  );
});

test('a class without a sample takes none', () => {
  const probabilities = Float32Array.of(0.1, 0.9, 0.8, 0.2);
  assert.equal(findLabelErrors({ probabilities, labels: [0, 0], classes: 2 }).issues, []);
});

test('findLabelErrors() refuses what is none, by code', () => {
  assert.throws(
    () => findLabelErrors({ probabilities: new Float32Array(), labels: [], classes: 2 }),
    (error: { code: string }) => error.code === 'evaluation/empty',
  );
});

test.run();
