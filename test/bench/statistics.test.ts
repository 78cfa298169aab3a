import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ratioSpread, shortNumber, spreadOf, spreadText, timesText } from '../../bench/statistics.ts';

test('spreadOf() interpolates quartiles', () => {
  assert.equal(spreadOf([4, 1, 3, 2]), {
    samples: 4,
    minimum: 1,
    firstQuartile: 1.75,
    median: 2.5,
    thirdQuartile: 3.25,
    maximum: 4,
  });
  const one = spreadOf([7]);
  assert.equal([one.minimum, one.firstQuartile, one.median, one.thirdQuartile, one.maximum], [7, 7, 7, 7, 7]);
});

test('spreadOf() is in order, whatever the order of the values', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1 }), (values) => {
      const { minimum, firstQuartile, median, thirdQuartile, maximum } = spreadOf(values);
      assert.is(minimum, Math.min(...values));
      assert.is(maximum, Math.max(...values));
      assert.ok(minimum <= firstQuartile && firstQuartile <= median);
      assert.ok(median <= thirdQuartile && thirdQuartile <= maximum);
      assert.equal(spreadOf([...values].reverse()), spreadOf(values));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('ratioSpread() divides within rounds, not medians', () => {
  // Both slow down together: the ratio of every round is 2, that of the medians is not.
  assert.equal(ratioSpread([2, 20, 200], [1, 10, 100])!.minimum, 2);
  assert.equal(ratioSpread([2, 20, 200], [1, 10, 100])!.maximum, 2);
});

test('ratioSpread() leaves out rounds that one sat out', () => {
  const ratio = ratioSpread([8, 9, undefined], [2, undefined, 5])!;
  assert.equal([ratio.samples, ratio.median], [1, 4]);
  assert.is(ratioSpread([1, undefined], [undefined, 1]), undefined);
});

test('spreadText() shows median and quartiles with three digits, whole from 100 on', () => {
  assert.is(spreadText(spreadOf([1.23456, 12.3456, 12345.6])), '12.3 (6.79 to 6,179)');
  assert.equal([0.001234, 99.96, 100.4, 1e6].map(shortNumber), ['0.00123', '100', '100', '1,000,000']);
  assert.equal([1.5, 150.4].map(timesText), ['1.50x', '150x']);
});

test.run();
