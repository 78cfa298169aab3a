// Calibration and abstention against scikit-learn 1.9.1, SciPy 1.17.1 and sums by hand (golden-measures.json), and what must always hold.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  coverageAt,
  fitTemperature,
  measureCalibration,
  riskCoverage,
  scaleByTemperature,
  thresholdFor,
} from '../../src/evaluation/index.ts';

const golden = JSON.parse(readFileSync(new URL('golden-measures.json', import.meta.url), 'utf8'));
const { classes, labels } = golden;
const probabilities = Float32Array.from(golden.probabilities as number[]);
const given = { probabilities, labels, classes };
const isNear = (got: number, expected: number, tolerance = 1e-6): void => {
  assert.ok(Math.abs(got - expected) <= tolerance, `${got} is not ${expected}`);
};
const rows = Array.from(labels as number[], (_, sample) => [
  ...probabilities.subarray(sample * classes, (sample + 1) * classes),
]);
const confidences = rows.map((row) => Math.max(...row));
const isRight = rows.map((row, sample) => row.indexOf(Math.max(...row)) === labels[sample]);

test('measureCalibration() gives the log loss and Brier score of scikit-learn', () => {
  const { nll, brier } = measureCalibration(given);
  isNear(nll.mean, golden.nll);
  isNear(brier.mean, golden.brier);
});

test('measureCalibration() gives the calibration error of NumPy', () => {
  isNear(measureCalibration(given).ece, golden.ece15);
  isNear(measureCalibration(given, 10).ece, golden.ece10);
  isNear(measureCalibration(given).maximumError, golden.maximum15);
});

test('fitTemperature() finds the minimum that SciPy finds', () => {
  const temperature = fitTemperature(given);
  isNear(temperature, golden.temperature, 1e-4);
  const scaled = scaleByTemperature(probabilities, classes, temperature);
  isNear(measureCalibration({ ...given, probabilities: scaled }).nll.mean, golden.nllScaled);
});

test('scaleByTemperature() changes no prediction, and 1 changes nothing', () => {
  const scaled = scaleByTemperature(probabilities, classes, 3);
  rows.forEach((row, sample) => {
    const after = [...scaled.subarray(sample * classes, (sample + 1) * classes)];
    assert.is(after.indexOf(Math.max(...after)), row.indexOf(Math.max(...row)));
  });
  scaleByTemperature(probabilities, classes, 1).forEach((value, i) => {
    isNear(value, probabilities[i]!);
  });
});

test('a model that is sure and right is calibrated, one that is sure and wrong is not', () => {
  const sure = { probabilities: Float32Array.of(1, 0, 1, 0), classes: 2 };
  assert.is(measureCalibration({ ...sure, labels: [0, 0] }).ece, 0);
  assert.is(measureCalibration({ ...sure, labels: [1, 1] }).ece, 1);
});

test('riskCoverage() gives the area of NumPy', () => {
  isNear(riskCoverage(confidences, isRight).area, golden.aurc);
});

test('riskCoverage() does not depend on the order of samples, ties included', () => {
  const sample = fc.record({ confidence: fc.integer({ min: 0, max: 5 }), right: fc.boolean() });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 40 }), (samples) => {
      const of = (list: typeof samples) =>
        riskCoverage(
          list.map(({ confidence }) => confidence),
          list.map(({ right }) => right),
        );
      const [there, back] = [of(samples), of([...samples].reverse())];
      assert.equal(there, back);
      assert.ok(there.leastArea <= there.area + 1e-12);
      assert.is(there.points.at(-1)!.coverage, 1);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('thresholdFor() keeps its promise at the most coverage', () => {
  const threshold = thresholdFor(confidences, isRight, 0.6);
  assert.ok(coverageAt(confidences, isRight, threshold).accuracy >= 0.6);
  for (const lower of confidences.filter((value) => value < threshold)) {
    assert.ok(coverageAt(confidences, isRight, lower).accuracy < 0.6);
  }
  assert.is(thresholdFor([0.9], [false], 0.5), Number.POSITIVE_INFINITY);
});

test('measures of probabilities refuse what is none, by code', () => {
  const codeOf = (action: () => unknown): string => {
    try {
      action();
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const two = Float32Array.of(0.5, 0.5);
  assert.is(
    codeOf(() => measureCalibration({ probabilities: new Float32Array(), labels: [], classes: 2 })),
    'evaluation/empty',
  );
  assert.is(
    codeOf(() => measureCalibration({ probabilities: two, labels: [0], classes: 3 })),
    'evaluation/shape',
  );
  assert.is(
    codeOf(() => measureCalibration({ probabilities: two, labels: [2], classes: 2 })),
    'evaluation/label',
  );
  const broken = { probabilities: Float32Array.of(Number.NaN, 1), labels: [0], classes: 2 };
  assert.is(
    codeOf(() => measureCalibration(broken)),
    'evaluation/nan',
  );
  assert.is(
    codeOf(() => fitTemperature(broken)),
    'evaluation/nan',
  );
  assert.is(
    codeOf(() => scaleByTemperature(two, 2, 0)),
    'evaluation/temperature',
  );
  assert.is(
    codeOf(() => riskCoverage([], [])),
    'evaluation/empty',
  );
  assert.is(
    codeOf(() => riskCoverage([1], [])),
    'evaluation/shape',
  );
  assert.is(
    codeOf(() => riskCoverage([Number.NaN], [true])),
    'evaluation/nan',
  );
  assert.is(
    codeOf(() => riskCoverage([1], [true], [0])),
    'evaluation/shape',
  );
});

test.run();
