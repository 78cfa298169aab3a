import { readFileSync } from 'node:fs';
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

// 157 matrices and what scikit-learn 1.9.1 on NumPy 2.4.6 prints for them.
const { cases } = JSON.parse(readFileSync(new URL('golden-reports.json', import.meta.url), 'utf8')) as {
  cases: { confusion: number[][]; names: string[]; text: string }[];
};

test(`formatClassificationReport() prints ${cases.length} matrices as scikit-learn 1.9.1 does, to the character`, () => {
  assert.is(cases.length, 157);
  for (const { confusion, names, text } of cases) {
    assert.is(formatClassificationReport(classificationReport(confusion, names)), text);
  }
});

test('classificationReport() takes F1 as 2tp / (2tp + fp + fn), whose ties round to even', () => {
  const text = formatClassificationReport(
    classificationReport(
      [
        [5, 2],
        [4, 5],
      ],
      ['a', 'b'],
    ),
  );
  assert.equal(text.match(/0\.62/g)?.length, 6, text);
});

test('classificationReport() adds from eight classes on in the order of NumPy', () => {
  const hits = [13, 11, 17, 10, 16, 16, 19, 10, 17, 14];
  const confusion = hits.map((right, label) =>
    hits.map((_, other) => (other === label ? right : other === (label + 1) % 10 ? 20 - right : 0)),
  );
  const report = classificationReport(
    confusion,
    hits.map((_, label) => `class ${label}`),
  );
  assert.match(formatClassificationReport(report), /macro avg {7}0\.\d\d {6}0\.71/);
});

test('classificationReport() adds more than 128 classes in halves', () => {
  // Recalls 1, 1/2, … 1/300. NumPy's np.sum gives 6.282663880299504 for them, adding in turn …502.
  const names = Array.from({ length: 300 }, (_, label) => `${label}`);
  const confusion = names.map((_, label) =>
    names.map((_, other) => (other === label ? 1 : other === (label + 1) % 300 ? label : 0)),
  );
  assert.is(classificationReport(confusion, names).macro.recall, 0.02094221293433168);
});

test('formatClassificationReport() writes supports as floats where nothing is right, as scikit-learn does', () => {
  const report = classificationReport(
    [
      [0, 3, 0],
      [2, 0, 0],
      [0, 0, 0],
    ],
    ['a', 'b', 'c'],
  );
  assert.is(
    formatClassificationReport(report),
    [
      '              precision    recall  f1-score   support',
      '',
      '           a       0.00      0.00      0.00       3.0',
      '           b       0.00      0.00      0.00       2.0',
      '           c       0.00      0.00      0.00       0.0',
      '',
      '    accuracy                           0.00       5.0',
      '   macro avg       0.00      0.00      0.00       5.0',
      'weighted avg       0.00      0.00      0.00       5.0',
      '',
    ].join('\n'),
  );
});

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
