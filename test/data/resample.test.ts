// Resampling keeps to its counts, to its classes and to its seed.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type ResampleOptions, resampleClasses } from '../../src/data/resample.ts';

const labels = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2];
const all = Int32Array.from(labels, (_, i) => i);
const sorted = (values: Int32Array): number[] => [...values].sort((a, b) => a - b);

function countsOf(indices: Int32Array, of: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const index of indices) counts[of[index]!]! += 1;
  return counts;
}

test('resampleClasses() brings every class to the largest by repetition alone', () => {
  const drawn = resampleClasses(all, labels, { counts: 'largest', seed: 1 });
  assert.equal(countsOf(drawn, labels, 3), [5, 5, 5]);
  const times = all.map((index) => drawn.filter((other) => other === index).length);
  assert.equal([...times.subarray(0, 5)], [1, 1, 1, 1, 1]);
  assert.equal(sorted(times.subarray(5, 8)), [1, 2, 2]);
  assert.equal(sorted(times.subarray(8)), [2, 3]);
});

test('resampleClasses() brings every class to the smallest without repetition', () => {
  const drawn = resampleClasses(all, labels, { counts: 'smallest', seed: 1 });
  assert.equal(countsOf(drawn, labels, 3), [2, 2, 2]);
  assert.is(new Set(drawn).size, 6);
});

test('resampleClasses() gives any counts, none of a class among them', () => {
  const drawn = resampleClasses(all, labels, { counts: [1, 0, 7], seed: 1 });
  assert.equal(countsOf(drawn, labels, 3), [1, 0, 7]);
});

test('resampleClasses() draws from the indices given alone, and leaves classes without any alone', () => {
  const given = Int32Array.of(9, 2, 0, 1);
  const drawn = resampleClasses(given, labels, { counts: 'largest', seed: 3 });
  assert.equal(sorted(drawn), [0, 1, 2, 9, 9, 9]);
  assert.equal([...given], [9, 2, 0, 1], 'its input stays');
});

test('resampleClasses() is a function of its seed, and another seed chooses otherwise', () => {
  const many = new Uint8Array(200).map((_, i) => (i < 150 ? 0 : 1));
  const indices = Int32Array.from(many, (_, i) => i);
  const draw = (seed: number) => resampleClasses(indices, many, { counts: 'smallest', seed });
  assert.equal(draw(7), draw(7));
  assert.not.equal(sorted(draw(7)), sorted(draw(8)));
});

test('resampleClasses() keeps its choice for a seed across releases', () => {
  assert.equal([...resampleClasses(all, labels, { counts: 'smallest', seed: 1 })], [2, 8, 9, 6, 7, 4]);
});

test('resampleClasses() meets its counts and spreads a class evenly, for any labels', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat({ max: 100 }), { minLength: 5, maxLength: 5 }),
      fc.nat({ max: 0xffffffff }),
      (classes, wishes, seed) => {
        const counts = wishes.map((wish, label) => (classes.includes(label) ? wish : 0));
        fc.pre(counts.some((count) => count > 0));
        const indices = Int32Array.from(classes, (_, i) => i);
        const drawn = resampleClasses(indices, classes, { counts, seed });
        assert.equal(countsOf(drawn, classes, 5), counts);
        const times = countsOf(drawn, indices, classes.length);
        for (const label of new Set(classes)) {
          const own = times.filter((_, index) => classes[index] === label);
          assert.ok(Math.max(...own) - Math.min(...own) <= 1, `class ${label}: ${own}`);
        }
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test('resampleClasses() refuses what it cannot give, with a typed error', () => {
  const refused: [Int32Array, ResampleOptions['counts'], string, RegExp][] = [
    [new Int32Array(0), 'largest', 'resample/empty', /0 examples: expected at least one index/],
    [all, [1, 2], 'resample/counts', /2 counts: expected one a class, up to class 2/],
    [all, [1, 2, -1], 'resample/counts', /-1 examples: expected a whole number from 0/],
    [all, [1, 2, 1.5], 'resample/counts', /1.5 examples/],
    [all, [1, 2, Number.NaN], 'resample/counts', /NaN examples/],
    [all, [0, 0, 0], 'resample/counts', /expected a count above 0/],
    [Int32Array.of(0), [1, 4], 'resample/counts', /4 examples of class 1: expected 0/],
    [Int32Array.of(10), 'largest', 'dataset/bad-index', /10/],
  ];
  for (const [indices, counts, code, message] of refused) {
    try {
      resampleClasses(indices, labels, { counts, seed: 1 });
      assert.unreachable(`${counts}`);
    } catch (error) {
      assert.instance(error, SelvedgeError);
      assert.is((error as SelvedgeError).code, code);
      assert.match((error as SelvedgeError).message, message);
    }
  }
  assert.throws(() => resampleClasses(all, labels, { counts: 'largest', seed: -1 }), /Cannot seed a generator/);
});

test.run();
