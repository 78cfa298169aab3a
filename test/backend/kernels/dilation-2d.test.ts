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
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

interface Settings {
  readonly shape: readonly [number, number, number, number];
  readonly filter: readonly [number, number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: 'same' | 'valid';
}

/** Values in steps of 1 / `steps`, so that sums tie; noise without steps. */
function drawn<R extends tf.Rank>(shape: readonly number[], seed: number, steps: number): tf.Tensor<R> {
  const values = noiseTensor<R>(shape as tf.ShapeMap[R], seed);
  return steps === 0 ? values : (tf.div(tf.round(tf.mul(values, steps)), steps) as tf.Tensor<R>);
}

/** Output and both gradients. */
const dilationAndGradients =
  ({ shape, filter, strides, dilations, pad }: Settings, seed = 1, steps = 0): Computation =>
  () => {
    const x = drawn<tf.Rank.R4>(shape, seed, steps);
    const taps = drawn<tf.Rank.R3>([...filter, shape[3]], seed + 1, steps);
    const dilate = (image: tf.Tensor, kernel: tf.Tensor): tf.Tensor4D =>
      tf.dilation2d(image as tf.Tensor4D, kernel as tf.Tensor3D, strides, pad, dilations);
    const y = dilate(x, taps);
    return [y, ...tf.grads(dilate)([x, taps], noiseTensor<tf.Rank.R4>(y.shape, seed + 2))];
  };

test('Dilation2D and its gradients equal the cpu backend over random shapes, windows, strides, dilations and ties', async () => {
  const side = fc.integer({ min: 1, max: 8 });
  const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
  const settings = fc.record({
    shape: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 19 })),
    filter: pair(3),
    strides: pair(3),
    dilations: pair(3),
    pad: fc.constantFrom('same', 'valid') as fc.Arbitrary<'same' | 'valid'>,
    seed: fc.nat(1000),
    steps: fc.constantFrom(0, 1, 2, 10),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ seed, steps, ...drawn }) => {
      const reach = drawn.filter.map((taps, axis) => (taps - 1) * drawn.dilations[axis]! + 1);
      if (drawn.pad === 'valid' && (reach[0]! > drawn.shape[1] || reach[1]! > drawn.shape[2])) return;
      const compute = dilationAndGradients(drawn, seed, steps);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
    }),
    { seed: 7, numRuns: 150 },
  );
});

test('Dilation2D finds negative maxima, and passes over NaN', async () => {
  for (const channels of [1, 4]) {
    const compute: Computation = () => {
      const x = tf.tensor4d([-3, -1, Number.NaN, -2], [1, 2, 2, 1]).tile([1, 1, 1, channels]) as tf.Tensor4D;
      return tf.dilation2d(x, tf.fill<tf.Rank.R3>([2, 2, channels], -1), 1, 'valid');
    };
    const outputs = evaluateWithoutLeak(compute);
    assert.equal([...Array.from(outputs[0]!.values)], Array(channels).fill(-2));
    assertClose(outputs, await evaluateOnCpu(compute), 0);
  }
});

test('Dilation2D of a window with nothing inside the image gives what the cpu backend gives, and so do its gradients', async () => {
  const compute = dilationAndGradients({
    shape: [2, 2, 2, 5],
    filter: [2, 2],
    strides: [1, 1],
    dilations: [3, 3],
    pad: 'same',
  });
  const outputs = evaluateWithoutLeak(compute);
  assert.is(Math.min(...Array.from(outputs[0]!.values)), Math.fround(Number.MIN_SAFE_INTEGER));
  assertClose(outputs, await evaluateOnCpu(compute), 1e-6);
});

test('gradients of Dilation2D tell sums apart that are one number as float32', async () => {
  const compute: Computation = () => {
    const x = tf.tensor4d([0.1, 0.3], [1, 1, 2, 1]);
    const filter = tf.tensor3d([0.2, 0], [1, 2, 1]);
    const dilate = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.dilation2d(a as tf.Tensor4D, b as tf.Tensor3D, 1, 'valid');
    return tf.grads(dilate)([x, filter]);
  };
  const outputs = evaluate(compute);
  assert.equal(
    outputs.map(({ values }) => Array.from(values)),
    [
      [0, 1],
      [0, 1],
    ],
  );
  assertClose(outputs, await evaluateOnCpu(compute), 0);
});

test('gradients of Dilation2D equal finite differences', () => {
  const x = noiseTensor<tf.Rank.R4>([1, 4, 5, 3], 3);
  const filter = noiseTensor<tf.Rank.R3>([2, 3, 3], 4);
  const loss = (image: tf.Tensor, taps: tf.Tensor): tf.Tensor =>
    tf
      .dilation2d(image as tf.Tensor4D, taps as tf.Tensor3D, [2, 1], 'same')
      .square()
      .sum();
  const gradients = tf
    .grads(loss)([x, filter])
    .map((gradient) => gradient.dataSync());
  const step = 1e-3;
  for (const [input, tensor] of [x, filter].entries()) {
    const values = tensor.dataSync();
    for (let i = 0; i < values.length; i += 5) {
      const lossAt = (delta: number): number =>
        tf.tidy(() => {
          const moved = Float32Array.from(values);
          moved[i]! += delta;
          const other = tf.tensor(moved, tensor.shape);
          return loss(input === 0 ? other : x, input === 1 ? other : filter).dataSync()[0]!;
        });
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      assert.ok(Math.abs(slope - gradients[input]![i]!) < 0.02, `${input}, ${i}: ${slope}, ${gradients[input]![i]}`);
    }
  }
});

test('Dilation2D of no image has no output, and a filter gradient of zeros', () => {
  const outputs = evaluateWithoutLeak(() => {
    const inputs = { x: tf.zeros([0, 3, 3, 2]), filter: tf.ones([2, 2, 2]), dy: tf.zeros([0, 3, 3, 2]) };
    const attrs = { strides: 1, pad: 'same', dilations: 1 };
    return ['Dilation2D', 'Dilation2DBackpropInput', 'Dilation2DBackpropFilter'].map(
      (name) => tf.engine().runKernel(name, inputs as unknown as tf.NamedTensorMap, attrs) as tf.Tensor,
    );
  });
  assert.equal(
    outputs.map(({ shape }) => shape),
    [
      [0, 3, 3, 2],
      [0, 3, 3, 2],
      [2, 2, 2],
    ],
  );
  assert.equal(Array.from(outputs[2]!.values), Array(8).fill(0));
});

test('Dilation2D and its gradients give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    many: dilationAndGradients({
      shape: [19, 11, 9, 21],
      filter: [3, 2],
      strides: [2, 1],
      dilations: [1, 1],
      pad: 'same',
    }),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
