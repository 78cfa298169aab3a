import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  classificationReport,
  formatClassificationReport,
  formatFixed,
  toOutputDict,
} from '../../src/evaluation/classification-report.ts';
import { goldenReports } from './golden-reports.ts';

for (const { names, digits, confusion, lines, dict } of goldenReports) {
  test(`formatClassificationReport() prints what scikit-learn prints for ${JSON.stringify(names)}`, () => {
    assert.is(formatClassificationReport(classificationReport(confusion, names), digits), lines.join('\n'));
  });

  test(`toOutputDict() has scikit-learn's keys and values to 1e-12 for ${JSON.stringify(names)}`, () => {
    const ours = toOutputDict(classificationReport(confusion, names));
    assert.equal(Object.keys(ours).sort(), Object.keys(dict).sort());
    for (const [key, expected] of Object.entries(dict)) {
      const actual = ours[key]!;
      const expectedScores = typeof expected === 'number' ? { value: expected } : expected;
      const actualScores = typeof actual === 'number' ? { value: actual } : { ...actual };
      assert.equal(Object.keys(actualScores), Object.keys(expectedScores));
      for (const [score, value] of Object.entries(expectedScores)) {
        assert.ok(Math.abs((actualScores as Record<string, number>)[score]! - value) <= 1e-12, `${key} ${score}`);
      }
    }
  });
}

test('classificationReport() gives 0 to a class that is never predicted or never occurs', () => {
  const { classes } = classificationReport(
    [
      [4, 0],
      [0, 0],
    ],
    ['seen', 'unseen'],
  );
  assert.equal(classes[1], { name: 'unseen', precision: 0, recall: 0, 'f1-score': 0, support: 0 });
});

test('classificationReport() refuses a matrix that does not fit the names or counts nothing', () => {
  const codeOf = (confusion: number[][]): string => {
    try {
      classificationReport(confusion, ['a', 'b']);
      return 'none';
    } catch (error) {
      return error instanceof SelvedgeError ? error.code : 'other';
    }
  };
  assert.is(codeOf([[1]]), 'report/shape');
  assert.is(codeOf([[1, 2], [1]]), 'report/shape');
  assert.is(
    codeOf([
      [0, 0],
      [0, 0],
    ]),
    'report/empty',
  );
});

test('formatFixed() rounds exact ties to even and everything else to nearest', () => {
  const expected: [number, number, string][] = [
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [0.5, 1, '0.5'],
    [0.25, 1, '0.2'],
    [0.75, 1, '0.8'],
    [0.005, 2, '0.01'], // the double is a little above
    [0.015, 2, '0.01'], // … and here a little below
    [0.145, 2, '0.14'],
    [0.995, 2, '0.99'],
    [1, 2, '1.00'],
    [0.0625, 3, '0.062'],
  ];
  for (const [value, digits, text] of expected) assert.is(formatFixed(value, digits), text, String(value));
});

test.run();
