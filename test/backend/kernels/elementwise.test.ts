// Prelu, ClipByValue and the stock kernels that corrected-kernels.ts corrects.
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
  writeInPlace,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const size = fc.integer({ min: 1, max: 7 });

test('Prelu equals the cpu backend for every broadcast of alpha', async () => {
  const settings = fc.record({
    shape: fc.tuple(size, size, size),
    kept: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    dropped: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ shape, kept, dropped }) => {
      const alphaShape = shape.map((length, axis) => (kept[axis] ? length : 1)).slice(dropped);
      const compute: Computation = () =>
        tf.prelu(noiseTensor(shape, 4), noiseTensor(alphaShape as [number], 5) as tf.Tensor);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-6, `[${shape}], [${alphaShape}]`);
    }),
    { seed: 5, numRuns: 80 },
  );
});

test('Prelu and its gradients keep NaN, infinities and the sign of zero as the cpu backend does', async () => {
  const values = [Number.NaN, Infinity, -Infinity, 0, -0, -1, 2];
  const compute: Computation = () => {
    const x = tf.tensor1d(values);
    const alpha = tf.tensor1d([0.5, 0.5, 0.5, 0.5, 0.5, -2, 3]);
    return [tf.prelu(x, alpha), ...tf.grads((a, b) => tf.prelu(a, b))([x, alpha])];
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
});

test('Prelu sees an alpha that was written in place', () => {
  const x = noiseTensor([2, 3, 4, 5]) as tf.Tensor;
  const alpha = noiseTensor([5], 2) as tf.Tensor;
  const before = evaluate(() => tf.prelu(x, alpha));
  writeInPlace(alpha, noise(5, 9));
  const after = evaluate(() => tf.prelu(x, alpha));
  assert.equal(
    after,
    evaluate(() => tf.prelu(x, noiseTensor([5], 9) as tf.Tensor)),
  );
  assert.not.equal(after, before);
  tf.dispose([x, alpha]);
});

test('ClipByValue keeps NaN, takes int32, empty and odd sizes', async () => {
  const inputs: (() => tf.Tensor)[] = [
    () => tf.tensor1d([-3, Number.NaN, 0.5, 9, Infinity, -Infinity, -0]),
    () => tf.tensor1d([-3, 0, 9], 'int32'),
    () => tf.zeros([0, 3]),
    () => noiseTensor([10007]),
  ];
  for (const input of inputs) {
    const compute: Computation = () => tf.clipByValue(input(), -0.25, 0.75);
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-7);
  }
});

test('Cast to bool asks whether a number is zero, and Slice refuses to read past the end', async () => {
  const compute: Computation = () => [
    tf.tensor1d([0, 256, -0.3, 3]).toBool(),
    tf.tensor1d([0, 256, -1], 'int32').toBool(),
  ];
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
  const x = tf.zeros([2, 2]) as tf.Tensor2D;
  assert.throws(() => tf.slice2d(x, [1, 1], [2, 2]), /begin\[0\]/);
  x.dispose();
});

test('Identity shares the data instead of copying it, and the data lives as long as any of the tensors', () => {
  const x = noiseTensor([4]);
  const before = tf.engine().backend.numDataIds();
  const copy = tf.clone(x);
  assert.equal(tf.engine().backend.numDataIds(), before);
  const values = x.dataSync();
  x.dispose();
  assert.equal(copy.dataSync(), values);
  copy.dispose();
  assert.equal(tf.engine().backend.numDataIds(), before - 1);
});

test('Prelu and ClipByValue give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    prelu: () => tf.prelu(noiseTensor([61, 331]), noiseTensor([331], 2)),
    clip: () => tf.clipByValue(noiseTensor([20011]), -0.5, 0.5),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
