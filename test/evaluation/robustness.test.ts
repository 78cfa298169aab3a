import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { summarizeRobustness } from '../../src/evaluation/index.ts';

const cell = (kind: string, strength: number, correct: number) => ({
  kind,
  group: 'noise',
  unit: 'levels',
  strength,
  amount: 10 * strength,
  correct,
});

test('summarizeRobustness() weighs every kind and strength the same', () => {
  const cells = [cell('a', 1, 80), cell('a', 2, 60), cell('b', 1, 40), cell('b', 2, 20)];
  const { clean, meanAccuracy, relativeAccuracy, byStrength, kinds } = summarizeRobustness(100, 100, cells);
  assert.is(clean.accuracy, 1);
  assert.ok(Math.abs(meanAccuracy - 0.5) < 1e-12 && Math.abs(relativeAccuracy - 0.5) < 1e-12);
  assert.equal(
    byStrength.map((value) => Number(value.toFixed(9))),
    [0.6, 0.4],
  );
  assert.equal(
    kinds.map(({ kind, strengths }) => [kind, strengths.length]),
    [
      ['a', 2],
      ['b', 2],
    ],
  );
});

test('summarizeRobustness() refuses what has gaps, by code', () => {
  const codeOf = (cells: ReturnType<typeof cell>[]): string => {
    try {
      summarizeRobustness(1, 1, cells);
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  assert.is(codeOf([]), 'evaluation/empty');
  assert.is(codeOf([cell('a', 1, 1), cell('a', 2, 1), cell('b', 1, 1)]), 'evaluation/shape');
});

test.run();
