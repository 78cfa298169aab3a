import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classificationReport } from '../../src/evaluation/classification-report.ts';
import { mostConfusedPairs, weakestClasses } from '../../src/evaluation/confusions.ts';

const names = ['shirt', 'coat', 'bag'];
const confusion = [
  [6, 1, 3],
  [4, 6, 0],
  [0, 0, 10],
];

test('weakestClasses() orders by F1, least first, and cuts to the count', () => {
  const report = classificationReport(confusion, names);
  assert.equal(
    weakestClasses(report, 2).map(({ name, label }) => [name, label]),
    [
      ['shirt', 0],
      ['coat', 1],
    ],
  );
});

test('mostConfusedPairs() adds both directions and names the more mistaken class first', () => {
  const [first, second, ...rest] = mostConfusedPairs(confusion, names);
  assert.equal(first, {
    label: 1,
    name: 'coat',
    otherLabel: 0,
    otherName: 'shirt',
    asOther: 4,
    fromOther: 1,
    total: 5,
    shareOfMistakes: 5 / 8,
  });
  assert.is(second!.name, 'shirt');
  assert.is(second!.otherName, 'bag');
  assert.is(rest.length, 0, 'pairs without a mistake are left out');
});

test('mostConfusedPairs() of a perfect matrix is empty', () => {
  assert.equal(
    mostConfusedPairs(
      [
        [3, 0],
        [0, 2],
      ],
      ['a', 'b'],
    ),
    [],
  );
});

test.run();
