// Golden values: mpmath 1.3 at 60 digits, rounded to doubles.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { naturalExponential, naturalLogarithm } from '../../src/core/exponential.ts';

const logarithms: readonly [number, number][] = [
  [5e-324, -744.4400719213812],
  [1.3e-300, -690.5131636337462],
  [2.2e-10, -22.237393569576188],
  [0.11, -2.2072749131897207],
  [0.6, -0.5108256237659907],
  [0.7072345, -0.34639298491194936],
  [0.9999999, -1.0000000494736474e-7],
  [1.00001, 9.999950000398841e-6],
  [1.4143, 0.34663470904431704],
  [3.0, 1.0986122886681098],
  [23.5, 3.1570004211501135],
  [100000.0, 11.512925464970229],
  [4294967296.5, 22.180709778034664],
  [1.7e308, 709.7268368932282],
];
const exponentials: readonly [number, number][] = [
  [-707.9, 3.655411389615008e-308],
  [-300.25, 4.009422364622857e-131],
  [-20.0, 2.061153622438558e-9],
  [-1.0, 0.36787944117144233],
  [-1e-10, 0.9999999999],
  [1e-10, 1.0000000001],
  [0.33, 1.3909681284637803],
  [0.36, 1.4333294145603401],
  [1.25, 3.4903429574618414],
  [10.5, 36315.502674246636],
  [88.7, 3.325986980250579e38],
  [700.0, 1.0142320547350045e304],
  [708.9, 7.436322587880697e307],
];

const assertNear = (found: number, expected: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= 1e-15 * Math.abs(expected), `${what}: ${found}, not ${expected}`);

test('naturalLogarithm() and naturalExponential() are within a relative error of 1e-15 of mpmath', () => {
  for (const [x, expected] of logarithms) assertNear(naturalLogarithm(x), expected, `log ${x}`);
  for (const [x, expected] of exponentials) assertNear(naturalExponential(x), expected, `exp ${x}`);
});

test('naturalLogarithm() and naturalExponential() undo each other', () => {
  fc.assert(
    fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
      assert.ok(Math.abs(naturalLogarithm(naturalExponential(x)) - x) <= 1e-15 * (1 + 2 * Math.abs(x)), String(x));
    }),
    { seed: 3, numRuns: 500 },
  );
});

test('naturalLogarithm() and naturalExponential() say what comes of numbers that have none', () => {
  assert.is(naturalLogarithm(0), -Infinity);
  assert.is(naturalLogarithm(Infinity), Infinity);
  for (const x of [-1, Number.NaN]) assert.ok(Number.isNaN(naturalLogarithm(x)));
  assert.is(naturalExponential(-1e9), 0);
  assert.is(naturalExponential(1e9), Infinity);
  assert.ok(Number.isNaN(naturalExponential(Number.NaN)));
});

test.run();
