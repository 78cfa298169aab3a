import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
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

test('UnsortedSegmentSum equals the cpu backend over random shapes and ids, ids outside dropped', async () => {
  const settings = fc.record({
    ids: fc.array(fc.integer({ min: -2, max: 7 }), { minLength: 1, maxLength: 20 }),
    rest: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
    segments: fc.integer({ min: 1, max: 6 }),
    seed: fc.nat(100),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ ids, rest, segments, seed }) => {
      const compute: Computation = () =>
        tf.unsortedSegmentSum(
          noiseTensor([ids.length, ...rest] as [number], seed),
          tf.tensor1d(ids, 'int32'),
          segments,
        );
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
    }),
    { seed: 3, numRuns: 80 },
  );
});

test('UnsortedSegmentSum keeps a NaN in its own segment and takes no rows and int32', async () => {
  const sums = tf.tidy(() =>
    tf.unsortedSegmentSum(tf.tensor1d([1, Number.NaN, 3]), tf.tensor1d([0, 1, 0], 'int32'), 3).dataSync(),
  );
  assert.equal([...sums], [4, Number.NaN, 0]);
  const none = tf.tidy(() =>
    tf.unsortedSegmentSum(tf.zeros([0, 2]), tf.zeros([0], 'int32') as tf.Tensor1D, 2).dataSync(),
  );
  assert.equal([...none], [0, 0, 0, 0]);
  const whole: Computation = () =>
    tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), tf.tensor1d([1, 1], 'int32'), 2);
  assertClose(evaluateWithoutLeak(whole), await evaluateOnCpu(whole), 0);
});

/** The gradient of an embedding's look-up. */
const gatherGradient: Computation = () => {
  const table = noiseTensor<tf.Rank.R2>([11, 37], 2);
  const rows = tf.tensor1d(
    Array.from({ length: 300 }, (_, i) => (i * 7) % 11),
    'int32',
  );
  return tf.grad((input) => tf.gather(input, rows).square())(table);
};

test('UnsortedSegmentSum differentiates a gather as the cpu backend does', async () => {
  assertClose(evaluateWithoutLeak(gatherGradient), await evaluateOnCpu(gatherGradient), 1e-5);
});

test('UnsortedSegmentSum gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({ gatherGradient });
  engine = await startBackend({ threads: 2 });
});

test.run();
