import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import type { FusedActivation } from '../../../src/backend/kernels/activation.ts';
import { relativeError } from './conv-2d-reference.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
  writeInPlace,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const sizes = fc.record({
  rows: fc.oneof(fc.constantFrom(1, 8), fc.integer({ min: 1, max: 21 })),
  depth: fc.integer({ min: 1, max: 35 }),
  columns: fc.oneof(fc.constantFrom(8, 16), fc.integer({ min: 1, max: 35 })),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  seed: fc.nat(1000),
});

type Size = { rows: number; depth: number; columns: number; transposeA: boolean; transposeB: boolean; seed: number };

/** The factors, each with its batch dimensions in front. */
function factors(size: Size, outerA: number[], outerB: number[]): [tf.Tensor, tf.Tensor] {
  const { rows, depth, columns, transposeA, transposeB, seed } = size;
  const a = noiseTensor([...outerA, ...(transposeA ? [depth, rows] : [rows, depth])] as [number, number], seed);
  const b = noiseTensor(
    [...outerB, ...(transposeB ? [columns, depth] : [depth, columns])] as [number, number],
    seed + 1,
  );
  return [a, b];
}

test('BatchMatMul equals the cpu backend for all transposes and batches', async () => {
  const batches = fc.constantFrom<[number[], number[]]>(
    [[], []],
    [[3], [3]],
    [[1], [4]],
    [[4], [1]],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [1, 1],
      [2, 3],
    ],
    [
      [2, 3],
      [1, 1],
    ],
    [[2, 3], [3]],
  );
  await fc.assert(
    fc.asyncProperty(sizes, batches, async (size, [outerA, outerB]) => {
      const compute: Computation = () => {
        const [a, b] = factors(size, outerA, outerB);
        return tf.matMul(a, b, size.transposeA, size.transposeB);
      };
      const what = JSON.stringify({ size, outerA, outerB });
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, what);
    }),
    { seed: 31, numRuns: 250 },
  );
});

test('BatchMatMul broadcasts each batch dimension by itself, as NumPy does', () => {
  const a = noiseTensor<tf.Rank.R4>([2, 1, 3, 5], 1);
  const b = noiseTensor<tf.Rank.R4>([1, 3, 5, 4], 2);
  const actual = evaluateWithoutLeak(() => tf.matMul(a, b));
  const expected = evaluate(() => tf.matMul(a.tile([1, 3, 1, 1]), b.tile([2, 1, 1, 1])));
  assertClose(actual, expected, 0);
  tf.dispose([a, b]);
});

test('BatchMatMul of depth 1152 differs from its definition by less than 1e-6', () => {
  const [rows, depth, columns] = [37, 1152, 41];
  const a = noiseTensor<tf.Rank.R2>([rows, depth], 1);
  const b = noiseTensor<tf.Rank.R2>([depth, columns], 2);
  const [x, y] = [a.dataSync(), b.dataSync()];
  const expected = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += x[row * depth + k]! * y[k * columns + column]!;
    return sum;
  });
  const [product] = evaluateWithoutLeak(() => tf.matMul(a, b));
  const error = relativeError(product!.values, expected);
  assert.ok(error < 1e-6, `relative error ${error}`);
  tf.dispose([a, b]);
});

const ACTIVATIONS: readonly FusedActivation[] = ['linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'prelu', 'sigmoid'];

test('_FusedMatMul equals the cpu backend for all transposes, activations and bias shapes', async () => {
  const extras = fc.record({
    activation: fc.constantFrom(...ACTIVATIONS),
    biasKind: fc.constantFrom('none', 'scalar', 'columns', 'row', 'rows', 'all'),
    batch: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, extras, async (size, { activation, biasKind, batch }) => {
      const { rows, columns, transposeA, transposeB, seed } = size;
      const shapes: Record<string, number[]> = {
        scalar: [],
        columns: [columns],
        row: [1, columns],
        rows: [rows, 1],
        all: [rows, columns],
      };
      const compute: Computation = () => {
        const [a, b] = factors(size, [batch], [batch]);
        return tf.fused.matMul({
          a,
          b,
          transposeA,
          transposeB,
          activation,
          leakyreluAlpha: 0.3,
          ...(biasKind === 'none' ? {} : { bias: noiseTensor(shapes[biasKind] as [number], seed + 2) }),
          ...(activation === 'prelu' ? { preluActivationWeights: noiseTensor([columns], seed + 3) } : {}),
        });
      };
      const what = JSON.stringify({ size, activation, biasKind, batch });
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, what);
    }),
    { seed: 32, numRuns: 250 },
  );
});

test('_FusedMatMul adds its bias once however deep the product is', () => {
  const outputs = evaluateWithoutLeak(() =>
    tf.fused.matMul({ a: tf.ones([2, 96]), b: tf.ones([3, 96]), transposeB: true, bias: tf.tensor1d([10, 20, 30]) }),
  );
  assert.equal([...(outputs[0]!.values as Float32Array)], [106, 116, 126, 106, 116, 126]);
});

test('BatchMatMul and _FusedMatMul take int32, empty batches and no depth', async () => {
  const integers = (shape: [number, number], seed: number) => noiseTensor<tf.Rank.R2>(shape, seed).mul(1e4).toInt();
  const empty = (shape: number[]) => tf.zeros(shape as [number, number]);
  const computations: Record<string, Computation> = {
    int32: () => tf.matMul(integers([7, 5], 1), integers([5, 9], 2)),
    'int32, transposed': () => tf.matMul(integers([5, 7], 1), integers([9, 5], 2), true, true),
    'int32, wrapping': () => tf.matMul(integers([2, 40], 1).mul(tf.scalar(5e4, 'int32')), integers([40, 3], 2)),
    'int32, fused': () =>
      tf.fused.matMul({ a: integers([7, 5], 1), b: integers([5, 9], 2), bias: tf.scalar(7, 'int32') }),
    'no rows': () => tf.matMul(empty([0, 3]), empty([3, 2])),
    'no batch': () => tf.matMul(empty([0, 2, 3]), empty([0, 3, 2])),
    'no depth': () => tf.matMul(empty([2, 0]), empty([0, 3])),
    'no depth, fused': () =>
      tf.fused.matMul({ a: empty([2, 0]), b: empty([0, 3]), bias: tf.ones([3]), activation: 'relu' }),
  };
  for (const [name, compute] of Object.entries(computations)) {
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, name);
  }
});

test('BatchMatMul keeps NaN through relu, as the cpu backend does', async () => {
  const compute: Computation = () => {
    const values = noise(20);
    values[7] = Number.NaN;
    return tf.fused.matMul({ a: tf.tensor2d(values, [4, 5]), b: noiseTensor([5, 9]), activation: 'relu' });
  };
  assertClose(evaluate(compute), await evaluateOnCpu(compute), 1e-5);
});

test('BatchMatMul differentiates as the cpu backend does, for all transposes', async () => {
  for (const [transposeA, transposeB] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ] as const) {
    const compute: Computation = () => {
      const inputs = factors({ rows: 6, depth: 11, columns: 9, transposeA, transposeB, seed: 1 }, [3], [3]);
      const product = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB);
      return tf.grads(product)(inputs, noiseTensor([3, 6, 9], 7));
    };
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, `${transposeA} ${transposeB}`);
  }
});

test('BatchMatMul and _FusedMatMul see weights that are written in place', () => {
  for (const rows of [1, 5, 40]) {
    const a = noiseTensor<tf.Rank.R2>([rows, 20], 1);
    const b = noiseTensor<tf.Rank.R2>([20, 16], 2);
    const bias = noiseTensor<tf.Rank.R1>([16], 3);
    const runs: Record<string, (weights: tf.Tensor, biases: tf.Tensor) => tf.Tensor> = {
      BatchMatMul: (weights) => tf.matMul(a, weights),
      _FusedMatMul: (weights, biases) => tf.fused.matMul({ a, b: weights, bias: biases, activation: 'relu' }),
    };
    for (const run of Object.values(runs)) evaluate(() => run(b, bias));
    writeInPlace(b, noise(320, 9));
    writeInPlace(bias, noise(16, 8));
    for (const [name, run] of Object.entries(runs)) {
      const actual = evaluateWithoutLeak(() => run(b, bias));
      const expected = evaluate(() => run(noiseTensor([20, 16], 9), noiseTensor([16], 8)));
      assertClose(actual, expected, 0, `${name}, ${rows} rows`);
    }
    tf.dispose([a, b, bias]);
  }
});

test('BatchMatMul and _FusedMatMul give the same bits on any number of threads', async () => {
  await engine.stop();
  const shapes: [string, Size, number[], number[]][] = [
    ['dense', { rows: 128, depth: 1152, columns: 128, transposeA: false, transposeB: false, seed: 1 }, [], []],
    ['dense, dX', { rows: 128, depth: 128, columns: 1152, transposeA: false, transposeB: true, seed: 2 }, [], []],
    ['dense, dW', { rows: 1152, depth: 128, columns: 128, transposeA: true, transposeB: false, seed: 3 }, [], []],
    ['batches', { rows: 33, depth: 65, columns: 35, transposeA: true, transposeB: true, seed: 4 }, [6], [1]],
    ['one row', { rows: 1, depth: 1152, columns: 512, transposeA: false, transposeB: false, seed: 5 }, [], []],
  ];
  const computations = shapes.map(([name, size, outerA, outerB]): [string, Computation] => [
    name,
    () => {
      const [a, b] = factors(size, outerA, outerB);
      const { transposeA, transposeB } = size;
      const bias = noiseTensor([size.columns], 7);
      return [
        tf.matMul(a, b, transposeA, transposeB),
        tf.fused.matMul({ a, b, transposeA, transposeB, bias, activation: 'relu' }),
      ];
    },
  ]);
  await assertSameBits(Object.fromEntries(computations));
  engine = await startBackend({ threads: 2 });
});

test('a product with one row has the bits of that row among others, whatever the bias', () => {
  tf.tidy(() => {
    for (const [depth, columns] of [
      [1, 1],
      [3, 7],
      [5, 8],
      [130, 1029],
    ] as const) {
      const a = noiseTensor<tf.Rank.R2>([9, depth], 1);
      const b = noiseTensor<tf.Rank.R2>([depth, columns], 2);
      for (const bias of [undefined, tf.scalar(0.25), noiseTensor<tf.Rank.R1>([columns], 3)]) {
        for (const activation of ['linear', 'relu', 'relu6'] as const) {
          const options = { b, activation, ...(bias ? { bias } : {}) };
          const many = tf.fused.matMul({ ...options, a });
          const one = tf.fused.matMul({ ...options, a: tf.slice(a, [4, 0], [1, depth]) });
          assert.equal(one.dataSync(), tf.slice(many, [4, 0], [1, columns]).dataSync(), `${depth} by ${columns}`);
        }
      }
    }
  });
});

test('BatchMatMul does not let the heap grow', () => {
  const compute: Computation = () => tf.matMul(noiseTensor([200, 300]), noiseTensor([300, 200]));
  const heapBytes = () => engine.backend.bytes(0, 4).buffer.byteLength;
  for (let i = 0; i < 3; i++) evaluate(compute);
  const before = heapBytes();
  for (let i = 0; i < 60; i++) evaluate(compute);
  assert.is(heapBytes(), before);
});

test.run();
