// Average precision against values of a transcription of COCO's own evaluation (golden-detection.json), and against cases worked out by hand.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { averagePrecision, type Box, operatingPoint } from '../../../src/apps/detect/index.ts';
import type { SelvedgeError } from '../../../src/core/errors.ts';

interface Golden {
  /** Class, left, top, width, height. */
  readonly truth: readonly (readonly number[][])[];
  /** Class, score, left, top, width, height. */
  readonly found: readonly (readonly number[][])[];
  readonly mean: number;
  readonly at50: number;
  readonly at75: number;
  readonly recallAt50: number;
  /** Class, at .5, mean. */
  readonly classes: readonly (readonly number[])[];
}

const golden = JSON.parse(readFileSync(new URL('golden-detection.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};
const boxOf = ([left, top, width, height]: readonly number[]): Box => [left!, top!, left! + width!, top! + height!];
const isNear = (a: number, b: number, what: string): void => assert.ok(Math.abs(a - b) < 1e-12, `${what}: ${a}, ${b}`);

golden.cases.forEach((expected, i) => {
  test(`averagePrecision() has COCO's values: case ${i}`, () => {
    const truth = expected.truth.map((items) => items.map(([label, ...box]) => ({ label: label!, box: boxOf(box) })));
    const found = expected.found.map((items) =>
      items.map(([label, score, ...box]) => ({ label: label!, score: score!, box: boxOf(box) })),
    );
    const result = averagePrecision(truth, found);
    for (const name of ['mean', 'at50', 'at75', 'recallAt50'] as const) isNear(result[name], expected[name], name);
    assert.is(result.classes.length, expected.classes.length);
    result.classes.forEach(({ label, at50, mean }, k) => {
      assert.is(label, expected.classes[k]![0]);
      isNear(at50, expected.classes[k]![1]!, 'class at50');
      isNear(mean, expected.classes[k]![2]!, 'class mean');
    });
  });
});

const box = (left: number): Box => [left, 0, left + 10, 10];

test('averagePrecision() is worked out by hand: one of two found, a false one above it', () => {
  const truth = [
    [
      { label: 0, box: box(0) },
      { label: 0, box: box(50) },
    ],
  ];
  const found = [
    [
      { label: 0, score: 0.9, box: box(200) },
      { label: 0, score: 0.8, box: box(0) },
    ],
  ];
  // Precision 1/2 up to a recall of 1/2: 51 of 101 points.
  isNear(averagePrecision(truth, found).at50, (51 / 101) * 0.5, 'at50');
  isNear(averagePrecision(truth, found).recallAt50, 0.5, 'recall');
});

test('averagePrecision() counts an item once, and a class that nothing was found of', () => {
  const truth = [[{ label: 0, box: box(0) }], [{ label: 1, box: box(0) }]];
  const twice = [
    [
      { label: 0, score: 0.9, box: box(0) },
      { label: 0, score: 0.8, box: box(0) },
    ],
    [],
  ];
  isNear(averagePrecision(truth, twice).at50, 0.5, 'at50');
  // Of a class that no picture shows nothing is measured.
  const other = [[...twice[0]!, { label: 7, score: 1, box: box(0) }], []];
  isNear(averagePrecision(truth, other).at50, 0.5, 'at50');
});

test('averagePrecision() refuses what it cannot measure', () => {
  const codeOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return (error as SelvedgeError).code;
    }
    return '';
  };
  assert.is(
    codeOf(() => averagePrecision([[]], [[]])),
    'detect/pictures',
  );
  assert.is(
    codeOf(() => averagePrecision([[{ label: 0, box: box(0) }]], [])),
    'detect/pictures',
  );
});

test('operatingPoint() counts boxes of the right class that overlap by half', () => {
  const truth = [
    [
      { label: 0, box: box(0) },
      { label: 1, box: box(50) },
    ],
  ];
  const found = [
    [
      { label: 0, score: 0.9, box: box(2) },
      { label: 0, score: 0.7, box: box(50) },
      { label: 1, score: 0.3, box: box(50) },
    ],
  ];
  assert.equal(operatingPoint(truth, found, 0.5), { threshold: 0.5, precision: 0.5, recall: 0.5, f1: 0.5 });
  assert.is(operatingPoint(truth, found, 0.2).recall, 1);
  assert.equal(operatingPoint(truth, [[]], 0.5), { threshold: 0.5, precision: 0, recall: 0, f1: 0 });
});

test.run();
