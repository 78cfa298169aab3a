import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Pool = (x: tf.Tensor4D) => tf.Tensor4D;

/** Output and gradient of a pooling of noise. */
const poolAndGradient =
  (shape: [number, number, number, number], pool: Pool, seed = 1): Computation =>
  () => {
    const x = noiseTensor<tf.Rank.R4>(shape, seed);
    const y = pool(x);
    const dy = noiseTensor<tf.Rank.R4>(y.shape, seed + 1);
    return [y, tf.grad((input: tf.Tensor) => pool(input as tf.Tensor4D))(x, dy)];
  };

const same =
  (filter: number | [number, number], strides: number | [number, number]): Pool =>
  (x) =>
    tf.maxPool(x, filter, strides, 'same');

test('MaxPool and MaxPoolGrad equal the cpu backend over random shapes, windows, strides and paddings', async () => {
  const side = fc.integer({ min: 1, max: 9 });
  const tap = fc.integer({ min: 1, max: 3 });
  const settings = fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    height: side,
    width: side,
    channels: fc.integer({ min: 1, max: 21 }),
    filter: fc.tuple(tap, tap),
    strides: fc.tuple(tap, tap),
    pad: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 1),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ batch, height, width, channels, filter, strides, pad, seed }) => {
      if (pad !== 'same' && (filter[0] > height || filter[1] > width)) return;
      const rounding = pad === 1 ? 'floor' : undefined;
      const compute = poolAndGradient(
        [batch, height, width, channels],
        (x) => tf.maxPool(x, filter, strides, pad, rounding),
        seed,
      );
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-6);
    }),
    { seed: 7, numRuns: 150 },
  );
});

test('MaxPoolGrad goes to the first maximum where every value is negative, zero or equal', () => {
  const x = tf.tensor4d([-3, -1, -1, -2, 0, 0, 0, 0, -5, -5, -5, -5], [3, 2, 2, 1]);
  const dy = tf.tensor4d([10, 20, 30], [3, 1, 1, 1]);
  const dx = tf.grad((input) => tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid'))(x, dy);
  assert.equal([...dx.dataSync()], [0, 10, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0]);
  tf.dispose([x, dy, dx]);
});

test('MaxPool and MaxPoolGrad pass over NaN and give -Infinity no gradient, as the cpu backend does', async () => {
  const values = [Number.NaN, 2, Number.NaN, 1, ...Array(4).fill(Number.NaN), ...Array(4).fill(-Infinity)];
  for (const channels of [1, 4]) {
    const compute: Computation = () => {
      const x = tf.tensor4d(values, [3, 2, 2, 1]).tile([1, 1, 1, channels]) as tf.Tensor4D;
      const pool = (input: tf.Tensor) => tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid');
      return [pool(x), tf.grad(pool)(x, tf.ones([3, 1, 1, channels]))];
    };
    assertClose(evaluate(compute), await evaluateOnCpu(compute), 0);
  }
});

test('MaxPoolGrad of pairs side by side equals the cpu backend for odd sizes, few channels, NaN and -Infinity', async () => {
  for (const [height, width, channels] of [
    [4, 4, 4],
    [5, 7, 3],
    [7, 4, 8],
    [3, 5, 17],
    [2, 3, 1],
  ] as const) {
    const compute: Computation = () => {
      const shape: [number, number, number, number] = [17, height, width, channels];
      const values = noise(tf.util.sizeFromShape(shape), 6);
      for (let i = 0; i < values.length; i += 3) values[i] = [Number.NaN, -Infinity, 0.25, -0.75][i % 4]!;
      const f = (x: tf.Tensor4D): tf.Tensor => tf.maxPool(x, 2, 2, 'valid');
      return tf.grad((x) => tf.mul(f(x as tf.Tensor4D), 3))(tf.tensor4d(values, shape));
    };
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `${height} x ${width} x ${channels}`);
  }
});

test('MaxPool takes an empty batch, int32 and one image without a batch', async () => {
  const empty = tf.maxPool(tf.zeros([0, 4, 4, 3]) as tf.Tensor4D, 2, 2, 'valid');
  assert.equal(empty.shape, [0, 2, 2, 3]);
  empty.dispose();
  for (const compute of [
    () => tf.maxPool(tf.tensor4d([1, 9, -3, 4], [1, 2, 2, 1], 'int32'), 2, 1, 'valid'),
    () => tf.maxPool(noiseTensor<tf.Rank.R3>([5, 5, 3]), 3, 2, 'same'),
  ]) {
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
  }
});

test('MaxPoolGrad equals finite differences', () => {
  const x = noiseTensor<tf.Rank.R4>([1, 5, 6, 5], 3);
  const loss = (input: tf.Tensor) =>
    tf
      .maxPool(input as tf.Tensor4D, [3, 2], [2, 1], 'same')
      .square()
      .sum();
  const gradient = tf.grad(loss)(x).dataSync();
  const values = x.dataSync();
  const step = 1e-3;
  for (let i = 0; i < values.length; i += 7) {
    const lossAt = (delta: number): number =>
      tf.tidy(() => {
        const moved = Float32Array.from(values);
        moved[i]! += delta;
        return loss(tf.tensor(moved, x.shape)).dataSync()[0]!;
      });
    const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
    assert.ok(Math.abs(slope - gradient[i]!) < 0.02, `element ${i}: ${slope} and ${gradient[i]}`);
  }
  x.dispose();
});

const bitIdentity = poolAndGradient([20, 13, 11, 19], same([3, 2], [2, 1]));
test('MaxPool and MaxPoolGrad give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    overlapping: bitIdentity,
    'two by two': poolAndGradient([3, 12, 10, 35], same(2, 2)),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
