// Add, Sub, Multiply, RealDiv, Maximum, Minimum and SquaredDifference against the cpu backend, whose loop is scalar.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { broadcastWalk } from '../../../src/backend/kernels/elementwise-binary.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Operation = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** One rounding each, so that float32 arithmetic and rounded float64 arithmetic agree to the bit. */
const exact: Readonly<Record<string, Operation>> = {
  Add: (a, b) => tf.add(a, b),
  Sub: (a, b) => tf.sub(a, b),
  Multiply: (a, b) => tf.mul(a, b),
  RealDiv: (a, b) => tf.div(a, b),
  Maximum: (a, b) => tf.maximum(a, b),
  Minimum: (a, b) => tf.minimum(a, b),
};
const squaredDifference: Operation = (a, b) => tf.squaredDifference(a, b);

const axis = fc.record({ size: fc.integer({ min: 1, max: 6 }), inA: fc.boolean(), inB: fc.boolean() });
const broadcast = fc
  .record({
    axes: fc.array(axis, { maxLength: 5 }),
    droppedA: fc.integer({ max: 5, min: 0 }),
    emptyAxis: fc.integer({ min: 0, max: 30 }),
  })
  .map(({ axes, droppedA, emptyAxis }) => {
    const shape = axes.map(({ size }, i) => (i === emptyAxis ? 0 : size));
    const a = axes.map(({ inA }, i) => (inA ? shape[i]! : 1));
    const b = axes.map(({ inB }, i) => (inB ? shape[i]! : 1));
    // Leading axes that a does not have are axes of length 1.
    const kept = a.findIndex((size) => size !== 1);
    return { a: a.slice(Math.min(droppedA, kept < 0 ? a.length : kept)), b };
  });

test('Add, Sub, Multiply, RealDiv, Maximum and Minimum equal the cpu backend to the bit for every broadcast', async () => {
  await fc.assert(
    fc.asyncProperty(broadcast, async ({ a, b }) => {
      const compute: Computation = () => {
        const [first, second] = [noiseTensor(a as [number], 3), noiseTensor(b as [number], 4)];
        return Object.values(exact).map((operation) => operation(first, second));
      };
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `[${a}], [${b}]`);
    }),
    { seed: 11, numRuns: 150 },
  );
});

test('SquaredDifference equals the cpu backend within a rounding', async () => {
  const compute: Computation = () => [
    squaredDifference(noiseTensor([7, 331], 1), noiseTensor([331], 2)),
    squaredDifference(noiseTensor([1001], 1), tf.scalar(0.25)),
    squaredDifference(tf.scalar(0.25), noiseTensor([1001], 1)),
  ];
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-6);
});

test('elementwise kernels treat NaN, infinities and zeros as the cpu backend does, in vectors and in what is left over', async () => {
  const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -2.5, 3e38, 1e-45];
  const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
  const compute: Computation = () => {
    const a = tf.tensor1d(pairs.map(([first]) => first));
    const b = tf.tensor1d(pairs.map(([, second]) => second));
    return [...Object.values(exact), squaredDifference].flatMap((operation) => [
      operation(a, b),
      // 1 / x tells 0 from -0.
      tf.div(tf.scalar(1), operation(a, b)),
    ]);
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
});

test('elementwise kernels cut long rows, short rows and rows across units alike', async () => {
  for (const [a, b] of [
    [[40009], [40009]],
    [[3, 12007], [12007]],
    [[9001, 5], [5]],
    [[5], [9001, 5]],
    [
      [9001, 1],
      [1, 5],
    ],
    [
      [70, 1, 33],
      [1, 41, 1],
    ],
    [
      [13, 1, 11, 1, 3],
      [1, 7, 1, 9, 1],
    ],
    [
      [2, 3, 1, 5, 1, 7],
      [2, 1, 4, 1, 6, 7],
    ],
  ] as const) {
    const compute: Computation = () =>
      tf.sub(noiseTensor(a as unknown as [number], 3), noiseTensor(b as unknown as [number], 4));
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `[${a}], [${b}]`);
  }
});

test('Add of other types and of mixed types stays as it was', async () => {
  const compute: Computation = () => [
    tf.add(tf.tensor1d([1, 2, 2 ** 30], 'int32'), tf.scalar(2 ** 30, 'int32')),
    tf.add(tf.tensor1d([1, 2], 'int32'), tf.tensor1d([0.5, 0.25])),
    tf.mul(tf.tensor1d([true, false], 'bool'), tf.tensor1d([0.5, 0.25])),
  ];
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
});

test('stock operations of two tensors equal the cpu backend for every broadcast, of integers and booleans too', async () => {
  const axis = fc.record({ size: fc.integer({ min: 1, max: 7 }), a: fc.boolean(), b: fc.boolean() });
  const settings = fc.record({ axes: fc.array(axis, { maxLength: 4 }), skipped: fc.nat(4) });
  await fc.assert(
    fc.asyncProperty(settings, async ({ axes, skipped }) => {
      const shapeA = axes.map(({ size, a }) => (a ? size : 1));
      const shapeB = axes.map(({ size, b }) => (b ? size : 1)).slice(skipped);
      const compute: Computation = () => {
        const [a, b] = [noiseTensor(shapeA as [number], 3), noiseTensor(shapeB as [number], 4)];
        const [wholeA, wholeB] = [tf.cast(tf.mul(a, 9), 'int32'), tf.cast(tf.mul(b, 9), 'int32')];
        const [isA, isB] = [tf.greater(a, 0), tf.greater(b, 0)];
        return [
          ...[tf.add, tf.sub, tf.mul, tf.maximum].map((f) => f(wholeA, wholeB)),
          ...[tf.equal, tf.less, tf.greaterEqual].flatMap((f) => [f(a, b), f(wholeA, wholeB)]),
          tf.logicalAnd(isA, isB),
          tf.logicalOr(isA, isB),
          tf.mod(tf.abs(a), tf.add(tf.abs(b), 0.5)),
        ];
      };
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-6, `[${shapeA}] and [${shapeB}]`);
    }),
    { seed: 11, numRuns: 60 },
  );
});

test('broadcastWalk() joins axes over which both inputs do the same, and gives up above four runs', () => {
  const bias = broadcastWalk([128, 26, 26, 32], [32])!;
  assert.equal([bias.inner, bias.stepA, bias.stepB, ...bias.sizes], [32, 1, 1, 1, 128 * 26 * 26]);
  assert.equal(
    [bias.stridesA, bias.stridesB],
    [
      [0, 0, 32],
      [0, 0, 0],
    ],
  );
  assert.is(broadcastWalk([2, 3], [2, 3])!.inner, 6);
  assert.equal(broadcastWalk([1, 4], [1])!.stepB, 0);
  assert.is(broadcastWalk([2, 1, 2, 1, 2], [1, 2, 1, 2, 1]), undefined);
  assert.throws(() => broadcastWalk([2, 3], [2]), /broadcast/);
});

test('elementwise kernels give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    same: () => tf.div(noiseTensor([61, 1331]), noiseTensor([61, 1331], 2)),
    bias: () => tf.add(noiseTensor([1609, 33]), noiseTensor([33], 2)),
    columns: () => tf.sub(noiseTensor([1609, 33]), noiseTensor([1609, 1], 2)),
    scalar: () => tf.squaredDifference(noiseTensor([60007]), tf.scalar(0.5)),
    middle: () => tf.maximum(noiseTensor([17, 1, 333]), noiseTensor([17, 21, 1], 2)),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
