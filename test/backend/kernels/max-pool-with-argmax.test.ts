import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { assertClose, assertSameBits, type Computation, evaluateOnCpu, evaluateWithoutLeak, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

interface Settings {
  readonly shape: readonly [number, number, number, number];
  readonly filter: [number, number];
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid';
  readonly includeBatch: boolean;
}

/** Of noise in steps, so that maxima tie, with some values that are no maxima. */
const maxima =
  ({ shape, filter, strides, pad, includeBatch }: Settings, seed = 1): Computation =>
  () => {
    const values = noise(tf.util.sizeFromShape([...shape]), seed).map((value) => Math.round(value * 4));
    for (let i = seed % 5; i < values.length; i += 7) values[i] = i % 2 ? Number.NaN : -Infinity;
    const { result, indexes } = tf.maxPoolWithArgmax(
      tf.tensor4d(values, [...shape]),
      filter,
      strides,
      pad,
      includeBatch,
    );
    return [result!, indexes!];
  };

test('MaxPoolWithArgmax equals the cpu backend over random shapes, windows, strides, ties, NaN and -Infinity', async () => {
  const side = fc.integer({ min: 1, max: 9 });
  const tap = fc.integer({ min: 1, max: 3 });
  const settings = fc.record({
    shape: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 19 })),
    filter: fc.tuple(tap, tap),
    strides: fc.tuple(tap, tap),
    pad: fc.constantFrom('same', 'valid') as fc.Arbitrary<'same' | 'valid'>,
    includeBatch: fc.boolean(),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ seed, ...drawn }) => {
      const [, height, width] = drawn.shape;
      if (drawn.pad === 'valid' && (drawn.filter[0] > height || drawn.filter[1] > width)) return;
      const compute = maxima(drawn, seed);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
    }),
    { seed: 7, numRuns: 150 },
  );
});

test('MaxPoolWithArgmax finds the first of negative maxima, and counts from the image or from the batch', () => {
  tf.tidy(() => {
    const x = tf.tensor4d([-3, -1, -1, -2, -5, -5, -5, -4], [2, 2, 2, 1]);
    const places = (includeBatch: boolean): number[] => [
      ...tf.maxPoolWithArgmax(x, 2, 2, 'valid', includeBatch).indexes!.dataSync(),
    ];
    assert.equal([...tf.maxPoolWithArgmax(x, 2, 2, 'valid').result!.dataSync()], [-1, -4]);
    assert.equal(places(false), [1, 3]);
    assert.equal(places(true), [1, 7]);
  });
});

test('MaxPoolWithArgmax takes int32 and an empty batch', async () => {
  for (const x of [
    () => tf.tensor4d([1, 9, -3, 4], [1, 2, 2, 1], 'int32'),
    () => tf.zeros([0, 4, 4, 3]) as tf.Tensor4D,
  ]) {
    const compute: Computation = () => Object.values(tf.maxPoolWithArgmax(x(), 2, 1, 'valid'));
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
  }
});

test('MaxPoolWithArgmax gives the same bits on any number of threads', async () => {
  await engine.stop();
  const settings = { filter: [3, 2], strides: [2, 1], pad: 'same', includeBatch: true } as const;
  await assertSameBits({
    odd: maxima({ ...settings, shape: [20, 13, 11, 19], filter: [3, 2], strides: [2, 1] }),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
