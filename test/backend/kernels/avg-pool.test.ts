// Average pooling against tfjs's cpu backend, where the stock kernel wrote outside its tensor: output sizes that XNNPACK does not find.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { SelvedgeError } from '../../../src/core/errors.ts';
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

type Rounding = 'floor' | 'round' | 'ceil';

/** What follows an operation is right: a matrix product of known value. */
function assertSound(what: string): void {
  tf.tidy(() => {
    const product = tf.matMul(tf.ones([5, 7]), tf.fill([7, 3], 2)).dataSync();
    assert.ok(
      product.every((value) => value === 14),
      `matMul after ${what}`,
    );
  });
}

test('AvgPool equals the cpu backend over random shapes, windows, strides, paddings and roundings, and harms nothing', async () => {
  const side = fc.integer({ min: 1, max: 9 });
  const tap = fc.integer({ min: 1, max: 4 });
  const settings = fc.record({
    shape: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 21 })),
    filter: fc.tuple(tap, tap),
    strides: fc.tuple(tap, tap),
    pad: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0, 1, 2),
    rounding: fc.constantFrom<Rounding>('floor', 'round', 'ceil'),
    seed: fc.nat(999),
  });
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(settings, async ({ shape, filter, strides, pad, rounding, seed }) => {
      const mode = typeof pad === 'number' ? rounding : undefined;
      const { outShape } = tf.backend_util.computePool2DInfo(shape, filter, strides, 1, pad, mode);
      if (outShape.some((extent) => extent < 1)) return;
      const compute: Computation = () => tf.avgPool(noiseTensor<tf.Rank.R4>(shape, seed), filter, strides, pad, mode);
      const what = JSON.stringify({ shape, filter, strides, pad, mode });
      const expected = await evaluateOnCpu(compute);
      assertClose(evaluateWithoutLeak(compute), expected, 1e-5, what);
      assertSound(what);
      seen++;
    }),
    { seed: 4, numRuns: 300, endOnFailure: true },
  );
  assert.ok(seen > 150, `${seen}`);
});

const valuesOf = (compute: () => tf.Tensor): number[] => tf.tidy(() => [...compute().dataSync()]);

test('tf.avgPool() gives averages of what is inside where tfjs and XNNPACK count outputs differently', () => {
  const ones = tf.tidy(() => tf.avgPool(tf.ones<tf.Rank.R3>([20, 13, 12]), [4, 1], 1, 0, 'round'));
  assert.equal(ones.shape, [17, 10, 12]);
  assert.ok(ones.dataSync().every((value) => value === 1));
  ones.dispose();
  assertSound('a window of [4, 1]');
  const square = (side: number): tf.Tensor4D => tf.range(0, side * side).reshape([1, side, side, 1]);
  assert.equal(
    valuesOf(() => tf.avgPool(square(5), 2, 2, 0, 'ceil')),
    [3, 5, 6.5, 13, 15, 16.5, 20.5, 22.5, 24],
  );
  assert.is(valuesOf(() => tf.avgPool(square(6), [3, 1], 1, 0)).length, 16);
  assertSound('a window of [3, 1]');
});

test('A window larger than its input is a typed error, and the engine goes on', () => {
  const calls: Record<string, () => tf.Tensor> = {
    avgPool: () => tf.avgPool(tf.ones<tf.Rank.R4>([1, 2, 2, 1]), 4, 1, 'valid'),
    maxPool: () => tf.maxPool(tf.ones<tf.Rank.R4>([1, 2, 2, 1]), 4, 1, 'valid'),
    depthwiseConv2d: () =>
      tf.depthwiseConv2d(tf.ones<tf.Rank.R4>([1, 2, 2, 1]), tf.ones<tf.Rank.R4>([4, 4, 1, 1]), 1, 'valid'),
    conv2d: () => tf.conv2d(tf.ones<tf.Rank.R4>([1, 2, 2, 1]), tf.ones<tf.Rank.R4>([4, 4, 1, 1]), 1, 'valid'),
  };
  for (const [name, call] of Object.entries(calls)) {
    assert.throws(
      () => tf.tidy(() => void call()),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'backend/shape',
      name,
    );
    assertSound(name);
  }
});

test('AvgPool gives the same bits on any number of threads and on unshared memory', async () => {
  await engine.stop();
  await assertSameBits({
    overlapping: () => tf.avgPool(noiseTensor<tf.Rank.R4>([20, 13, 11, 19]), [3, 2], [2, 1], 'same'),
    'two by two': () => tf.avgPool(noiseTensor<tf.Rank.R4>([3, 12, 10, 35]), 2, 2, 'valid'),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
