// Sum, Mean, Max and Min against the cpu backend, which sums in float64 in a scalar loop.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { reductionSteps } from '../../../src/backend/kernels/reduce.ts';
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

const reductions = [tf.sum, tf.mean, tf.max, tf.min] as const;

/** All four over the same axes. */
const reduceBy =
  (x: () => tf.Tensor, axes: number[] | undefined, keepDims = false): Computation =>
  () => {
    const input = x();
    return reductions.map((reduction) => reduction(input, axes, keepDims));
  };

test('Sum, Mean, Max and Min equal the cpu backend over any axes', async () => {
  const axis = fc.record({
    size: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 23)),
    isReduced: fc.boolean(),
  });
  const settings = fc.record({ axes: fc.array(axis, { maxLength: 4 }), keepDims: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(settings, async ({ axes, keepDims }) => {
      const shape = axes.map(({ size }) => size);
      const reduced = axes.flatMap(({ isReduced }, i) => (isReduced ? [i] : []));
      const compute = reduceBy(() => noiseTensor(shape as [number], 3), reduced, keepDims);
      // A sum of n numbers below 1, in runs of additions that each round.
      const tolerance = 3e-6 + 3e-7 * reduced.reduce((count, i) => count * shape[i]!, 1);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), tolerance, `[${shape}] by [${reduced}]`);
    }),
    { seed: 13, numRuns: 150 },
  );
});

test('long reductions of rows, columns and both stay within 1e-6 of the sum of magnitudes', () => {
  for (const [shape, axes] of [
    [[100003], [0]],
    [[3, 30011], [1]],
    [[30011, 3], [0]],
    [[20011, 10], [0]],
    [[1152, 129], [0]],
    [[600, 700], [0]],
    [[5, 1300, 36], [1]],
    [
      [11, 13, 17, 19],
      [0, 2],
    ],
    [
      [4, 9001],
      [0, 1],
    ],
  ] as const) {
    const length = tf.util.sizeFromShape([...shape]);
    const values = noise(length, 9);
    const [sum] = evaluate(() => tf.sum(tf.tensor(values, [...shape]), [...axes]));
    const expected = sumOf(values, shape, axes);
    assert.is(sum!.values.length, expected.sums.length);
    expected.sums.forEach((wanted, i) => {
      const error = Math.abs(sum!.values[i]! - wanted);
      assert.ok(error <= 1e-6 * expected.magnitudes[i]!, `[${shape}] by [${axes}], element ${i}: error ${error}`);
    });
  }
});

/** Sums in float64, and the sums of magnitudes. */
function sumOf(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): { sums: Float64Array; magnitudes: Float64Array } {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const sums = new Float64Array(tf.util.sizeFromShape(kept));
  const magnitudes = new Float64Array(sums.length);
  values.forEach((value, i) => {
    let rest = i;
    let at = 0;
    let step = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += kept[axis] === 1 ? 0 : (rest % shape[axis]!) * step;
      step *= kept[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    sums[at]! += value;
    magnitudes[at]! += Math.abs(value);
  });
  return { sums, magnitudes };
}

test('reductions treat NaN and infinities as the cpu backend does, wherever they stand', async () => {
  for (let place = 0; place < 21; place++) {
    for (const special of [Number.NaN, Infinity, -Infinity]) {
      const values = noise(21 * 5, 2);
      values[place * 5 + (place % 5)] = special;
      for (const axes of [[0], [1], [0, 1]]) {
        const compute = reduceBy(() => tf.tensor2d(values, [21, 5]), axes);
        assertClose(evaluate(compute), await evaluateOnCpu(compute), 3e-6, `${special} at ${place} by [${axes}]`);
      }
    }
  }
});

test('reductions of nothing give what the cpu backend gives', async () => {
  for (const [shape, axes] of [
    [[0], [0]],
    [[3, 0], [1]],
    [[0, 3], [0]],
    [[0, 3], [1]],
    [[2, 0, 3], [1]],
  ] as const) {
    const compute = reduceBy(() => tf.zeros([...shape]), [...axes]);
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `[${shape}] by [${axes}]`);
  }
});

test('reductions of int32 and bool tensors stay as they were', async () => {
  const compute: Computation = () => {
    const x = tf.tensor2d([1, 2, 2 ** 24, 1, -4, 5], [2, 3], 'int32');
    const bits = tf.tensor1d([true, false, true], 'bool');
    return [tf.sum(x, 1), tf.max(x, 0), tf.min(x), tf.mean(x, 0), tf.sum(bits), tf.mean(bits)];
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-6);
});

test('reductionSteps() joins neighbouring axes and skips axes of length 1', () => {
  assert.equal(reductionSteps([2, 3, 4, 5], [0, 1, 2]), [{ outer: 1, rows: 24, columns: 5 }]);
  assert.equal(reductionSteps([2, 3, 4, 5], [0, 2]), [
    { outer: 6, rows: 4, columns: 5 },
    { outer: 1, rows: 2, columns: 15 },
  ]);
  assert.equal(reductionSteps([2, 1], [1]), []);
});

test('gradients through sums and means equal those of the cpu backend', async () => {
  const compute: Computation = () =>
    tf.grads((a, b) => tf.sum(tf.square(tf.sub(a, tf.add(tf.mean(a, [0, 1], true), b)))))([
      noiseTensor([9, 5, 6], 1) as tf.Tensor,
      noiseTensor([6], 2) as tf.Tensor,
    ]);
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
});

test('reductions give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    whole: reduceBy(() => noiseTensor([100003]), undefined),
    rows: reduceBy(() => noiseTensor([401, 203]), [1]),
    columns: reduceBy(() => noiseTensor([3001, 33]), [0]),
    wide: reduceBy(() => noiseTensor([70, 1031]), [0]),
    images: reduceBy(() => noiseTensor([17, 13, 13, 10]), [0, 1, 2]),
    pooling: reduceBy(() => noiseTensor([17, 13, 13, 10]), [1, 2]),
    alternate: reduceBy(() => noiseTensor([17, 13, 13, 10]), [0, 2]),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
