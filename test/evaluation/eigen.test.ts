// eigenOf() gives vectors of length 1 that the matrix scales by their values.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eigenOf } from '../../src/evaluation/eigen.ts';
import { noise } from '../backend/kernels/oracle.ts';

const size = 7;
const indices = [...new Array(size).keys()];

test('eigenOf() takes a symmetric matrix apart, within 1e-12, and leaves it as it is', () => {
  const values = noise(size * size, 3);
  const matrix = Float64Array.from(values, (value, at) => value + values[(at % size) * size + Math.floor(at / size)]!);
  const before = matrix.slice();
  const { values: eigenvalues, vectors } = eigenOf(matrix, size);
  assert.equal(matrix, before);
  const dot = (a: number, b: number): number =>
    indices.reduce((sum, row) => sum + vectors[row * size + a]! * vectors[row * size + b]!, 0);
  for (const column of indices) {
    for (const other of indices) assert.ok(Math.abs(dot(column, other) - (column === other ? 1 : 0)) < 1e-12);
    for (const row of indices) {
      const product = indices.reduce((sum, k) => sum + matrix[row * size + k]! * vectors[k * size + column]!, 0);
      assert.ok(Math.abs(product - eigenvalues[column]! * vectors[row * size + column]!) < 1e-12);
    }
  }
});

test('eigenOf() has the values of a diagonal matrix, and of nothing but zeros', () => {
  const diagonal = Float64Array.from({ length: 9 }, (_, at) => (at % 4 === 0 ? at - 3 : 0));
  assert.equal([...eigenOf(diagonal, 3).values], [-3, 1, 5]);
  assert.equal([...eigenOf(new Float64Array(9), 3).values], [0, 0, 0]);
});

test.run();
