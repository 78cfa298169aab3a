// adam against the update written out in single precision: the same bits, not a tolerance.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { type AdamSettings, adam } from '../../../src/backend/kernels/adam.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const settings: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, stepSize: 0.001 };

interface State {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** Noise; second moments are not negative. */
function state(size: number, seed: number): State {
  const part = (which: number): Float32Array => noise(size, 4 * seed + which);
  return { weights: part(0), gradient: part(1), firstMoment: part(2), secondMoment: part(3).map((v) => v * v) };
}

/** Each operation rounded to float32; a double holds sums, products and quotients of two floats well enough for that to be exact. */
function updateScalar({ weights, gradient, firstMoment, secondMoment }: State, options: AdamSettings): State {
  const f = Math.fround;
  const [beta1, beta2, step, epsilon] = [options.beta1, options.beta2, options.stepSize, options.epsilon].map(f) as [
    number,
    number,
    number,
    number,
  ];
  const m = firstMoment.map((value, i) => f(beta1 * value) + f(f(1 - beta1) * gradient[i]!));
  const v = secondMoment.map((value, i) => f(beta2 * value) + f(f(1 - beta2) * f(gradient[i]! * gradient[i]!)));
  const w = weights.map((value, i) => value - f(f(step * m[i]!) / f(f(Math.sqrt(v[i]!)) + epsilon)));
  return { weights: w, gradient, firstMoment: m, secondMoment: v };
}

/** Updates tensors of these values in place `times` times; weights and moments. */
function update(start: State, options: AdamSettings, times = 1): tf.Tensor[] {
  const tensors = {
    weights: tf.tensor1d(start.weights),
    gradient: tf.tensor1d(start.gradient),
    firstMoment: tf.tensor1d(start.firstMoment),
    secondMoment: tf.tensor1d(start.secondMoment),
  };
  for (let i = 0; i < times; i++) adam(currentBackend(), tensors, start.weights.length, options);
  return [tensors.weights, tensors.firstMoment, tensors.secondMoment, tensors.gradient];
}

function assertEqualsScalar(start: State, options: AdamSettings): void {
  tf.tidy(() => {
    const found = update(start, options).map((tensor) => tensor.dataSync());
    const { weights, firstMoment, secondMoment, gradient } = updateScalar(start, options);
    assert.equal(found, [weights, firstMoment, secondMoment, gradient]);
  });
}

test('adam() equals the scalar update to the bit for every tail and for sizes around a block', () => {
  const before = tf.memory().numTensors;
  for (const size of [1, 2, 3, 4, 5, 7, 1023, 1024, 1025, 2047, 3077, 9001]) {
    assertEqualsScalar(state(size, size), settings);
  }
  assert.is(tf.memory().numTensors, before);
});

test('adam() equals the scalar update to the bit for any settings', () => {
  const decay = fc.double({ min: 0, max: 0.9999, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.nat(1000),
      fc.record({
        beta1: decay,
        beta2: decay,
        epsilon: fc.double({ min: 1e-12, max: 1, noNaN: true }),
        stepSize: fc.double({ min: 1e-6, max: 10, noNaN: true }),
      }),
      (size, seed, options) => assertEqualsScalar(state(size, seed), options),
    ),
    { seed: 11, numRuns: 100 },
  );
});

test('adam() leaves a weight alone whose gradient and moments are zero, and spreads NaN no further than its element', () => {
  tf.tidy(() => {
    const zeros = new Float32Array(6);
    const weights = Float32Array.of(1, -2, 3, -4, 5, -6);
    const gradient = Float32Array.of(0, Number.NaN, 0, 0, 0, 0);
    const [found] = update({ weights, gradient, firstMoment: zeros, secondMoment: zeros }, settings);
    assert.equal([...found!.dataSync()], [1, Number.NaN, 3, -4, 5, -6]);
  });
});

test('adam() writes nothing behind the last element', () => {
  const backend = currentBackend();
  for (const elements of [1, 3, 1023, 1026]) {
    const bytes = elements * 4;
    backend.withMemory(4 * (bytes + 64), (block) => {
      const area = backend.bytes(block, 4 * (bytes + 64)).fill(0xab);
      const starts = [0, 1, 2, 3].map((i) => block + i * (bytes + 64));
      for (const start of starts) backend.bytes(start, bytes).fill(0);
      backend.pool.run('adam', Math.ceil(elements / 1024), [...starts, elements, 1024, 0, 0, 0, 0]);
      const guards = [0, 1, 2, 3].flatMap((i) => [...area.subarray(i * (bytes + 64) + bytes, (i + 1) * (bytes + 64))]);
      assert.ok(guards.every((byte) => byte === 0xab));
    });
  }
});

test('adam() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({ 'five updates': () => update(state(100_003, 3), settings, 5) });
  engine = await startBackend({ threads: 2 });
});

test.run();
