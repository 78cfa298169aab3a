// frechetDistance against scipy's root of a matrix, and what it is of equal, shifted and scaled rows.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frechetDistance } from '../../src/evaluation/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

const size = 6;
/** Of the rows below, by scipy 1.17.1. */
const SCIPY = 2.23211229165706;
const first = { values: noise(40 * size, 1), size };
const second = {
  values: Float64Array.from(noise(30 * size, 2), (value, i) => (value * ((i % size) + 1)) / 3 + 0.25),
  size,
};

test('frechetDistance() equals what numpy and scipy.linalg.sqrtm give', () => {
  assert.ok(Math.abs(frechetDistance(first, second) - SCIPY) < 1e-9);
  assert.ok(Math.abs(frechetDistance(second, first) - SCIPY) < 1e-9);
});

test('frechetDistance() is zero of equal rows, and the squared way of shifted ones', () => {
  assert.ok(frechetDistance(first, first) < 1e-9);
  const shifted = { values: Float64Array.from(first.values, (value, i) => value + (i % size === 0 ? 3 : 0)), size };
  assert.ok(Math.abs(frechetDistance(first, shifted) - 9) < 1e-6);
});

test('frechetDistance() takes features that never vary', () => {
  const flat = { values: new Float32Array(4 * size), size };
  assert.is(frechetDistance(flat, flat), 0);
  assert.ok(Number.isFinite(frechetDistance(first, flat)));
});

test('frechetDistance() refuses rows of other sizes, one row, and NaN', () => {
  const wrong = [
    { values: [1, 2, 3], size: 2 },
    { values: [1, 2], size: 2 },
    { values: [1, Number.NaN, 3, 4], size: 2 },
  ];
  for (const rows of wrong) {
    assert.throws(
      () => frechetDistance({ values: [1, 2, 3, 4], size: 2 }, rows),
      (error: { code?: string }) => error.code === 'evaluation/features',
    );
  }
});

test.run();
