// Cases of reductions, products, sorts and transforms: `selvedge bench operations`.
import * as tf from '@tensorflow/tfjs';
import { booleans, type CaseSizes, floats, integers, type OperationCase, operation } from './case.ts';

type Reduce = (x: tf.Tensor, axis?: number) => tf.Tensor;

const reductions: Readonly<Record<string, Reduce>> = {
  Max: tf.max,
  Mean: tf.mean,
  Min: tf.min,
  Prod: tf.prod,
  Sum: tf.sum,
};

export function sumCases(sizes: CaseSizes): OperationCase[] {
  return [...reductionCases(sizes), ...productCases(sizes), ...sortCases(sizes), ...transformCases(sizes)];
}

const on = (make: () => tf.Tensor, compute: (x: tf.Tensor) => tf.Tensor) => () => {
  const x = make();
  return () => compute(x);
};

function reductionCases({ side }: CaseSizes): OperationCase[] {
  const matrix = () => floats([side, side]);
  return [
    ...Object.entries(reductions).flatMap(([kernel, reduce]) => [
      operation(
        kernel,
        on(matrix, (x) => reduce(x)),
        'of all',
      ),
      operation(
        kernel,
        on(matrix, (x) => reduce(x, 1)),
        'of rows',
      ),
      operation(
        kernel,
        on(matrix, (x) => reduce(x, 0)),
        'of columns',
      ),
    ]),
    operation(
      'Sum',
      on(
        () => integers([side, side], 9),
        (x) => tf.sum(x, 1),
      ),
      'int32',
    ),
    operation(
      'All',
      on(
        () => booleans([side, side]),
        (x) => tf.all(x, 1),
      ),
    ),
    operation(
      'Any',
      on(
        () => booleans([side, side]),
        (x) => tf.any(x, 1),
      ),
    ),
    operation(
      'ArgMax',
      on(matrix, (x) => tf.argMax(x, 1)),
      'of rows',
    ),
    operation(
      'ArgMax',
      on(matrix, (x) => tf.argMax(x, 0)),
      'of columns',
    ),
    operation(
      'ArgMin',
      on(matrix, (x) => tf.argMin(x, 1)),
    ),
    operation(
      'Cumsum',
      on(matrix, (x) => tf.cumsum(x, 1)),
      'of rows',
    ),
    operation(
      'Cumsum',
      on(matrix, (x) => tf.cumsum(x, 0)),
      'of columns',
    ),
    operation(
      'Cumprod',
      on(matrix, (x) => tf.cumprod(x, 1)),
    ),
    operation(
      'Softmax',
      on(matrix, (x) => tf.softmax(x)),
    ),
    operation('Bincount', () => {
      const [x, weights] = [integers<tf.Rank.R1>([side * side], 100), tf.tensor1d([])];
      return () => tf.bincount(x, weights, 100);
    }),
    operation('DenseBincount', () => {
      const [x, weights] = [integers<tf.Rank.R1>([side * side], 100), tf.tensor1d([])];
      return () => tf.denseBincount(x, weights, 100);
    }),
  ];
}

function productCases({ side }: CaseSizes): OperationCase[] {
  const half = side / 2;
  const product =
    (shapeA: number[], shapeB: number[], transposeA = false, transposeB = false) =>
    () => {
      const [a, b] = [floats(shapeA), floats(shapeB)];
      return () => tf.matMul(a, b, transposeA, transposeB);
    };
  return [
    operation('BatchMatMul', product([half, half], [half, half]), 'of squares'),
    operation('BatchMatMul', product([1, side], [side, side]), 'of a row and a matrix'),
    operation('BatchMatMul', product([1, side], [side, side], false, true), 'of a row and a transposed matrix'),
    operation('BatchMatMul', product([side, side], [side, 1]), 'of a matrix and a column'),
    operation('BatchMatMul', product([side, side], [side, 1], true), 'of a transposed matrix and a column'),
    operation('BatchMatMul', product([1, side], [side, side - 1]), 'of a row and an odd matrix'),
    operation('BatchMatMul', product([4, side], [side, side]), 'of four rows and a matrix'),
    operation('BatchMatMul', product([side, 1], [1, side]), 'of a column and a row'),
    operation('BatchMatMul', product([100, 10, 20], [100, 20, 10]), 'of a batch'),
    operation('_FusedMatMul', () => {
      const [a, b, bias] = [floats([half, half]), floats([half, half]), floats([half])];
      return () => tf.fused.matMul({ a, b, bias, transposeA: false, transposeB: false, activation: 'relu' });
    }),
    operation(
      '_FusedMatMul',
      () => {
        const [a, b, bias] = [floats([1, side]), floats([side, side]), floats([side])];
        return () => tf.fused.matMul({ a, b, bias, transposeA: false, transposeB: false, activation: 'relu' });
      },
      'of a row',
    ),
    operation('Einsum', () => {
      const [a, b] = [floats([half, half]), floats([half, half])];
      return () => tf.einsum('ij,jk->ik', a, b);
    }),
  ];
}

function sortCases({ side }: CaseSizes): OperationCase[] {
  const tenth = side / 10;
  return [
    operation('TopK', () => {
      const x = floats([tenth, side]);
      return () => {
        const { values, indices } = tf.topk(x, 5);
        return [values, indices];
      };
    }),
    operation('Unique', () => {
      const x = integers<tf.Rank.R1>([tenth * side], 1000);
      return () => {
        const { values, indices } = tf.unique(x);
        return [values, indices];
      };
    }),
    operation('SearchSorted', () => {
      const [sorted, x] = [tf.linspace(0, 1, side), floats([tenth * side])];
      return () => tf.searchSorted(sorted, x);
    }),
  ];
}

function transformCases({ side }: CaseSizes): OperationCase[] {
  const tenth = side / 10;
  const complex = (compute: (x: tf.Tensor) => tf.Tensor) => () => {
    const x = tf.complex(floats([10, tenth]), floats([10, tenth]));
    return () => compute(x);
  };
  return [
    operation('Complex', () => {
      const x = floats([10, tenth]);
      return () => tf.complex(x, x);
    }),
    operation('ComplexAbs', complex(tf.abs)),
    operation('Real', complex(tf.real)),
    operation('Imag', complex(tf.imag)),
    operation('FFT', complex(tf.fft)),
    operation('IFFT', complex(tf.ifft)),
  ];
}
