// activate and activateGrad: relative errors against double precision, slopes against tf.grad on the cpu backend, special values.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  activate,
  activateGrad,
  activationCodes,
  type OutputActivation,
} from '../../../src/backend/kernels/output-activation.ts';
import { assertSameBits, type Computation, evaluate, evaluateOnCpu, evaluateWithoutLeak, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

const valuesOf = (x: Float32Array, activation: OutputActivation): ArrayLike<number> =>
  evaluate(() => track(activate(currentBackend(), tf.tensor1d(x), activation)))[0]!.values;

const definitions: Record<OutputActivation['name'], (x: number, alpha: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  leakyRelu: (x, alpha) => (x > 0 ? x : alpha * x),
  elu: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** A grid of 100,000 from low to high, and one around 0 that shows whether small results keep their digits. */
const grids = [
  [-87, 87],
  [-12, 12],
  [-1, 1],
  [-1e-3, 1e-3],
] as const;

for (const [name, definition] of Object.entries(definitions) as [
  OutputActivation['name'],
  (typeof definitions)['elu'],
][]) {
  test(`activate() has a relative error below 3e-7: ${name}`, () => {
    for (const [low, high] of grids) {
      const x = Float32Array.from({ length: 100_000 }, (_, i) => low + ((high - low) * i) / 99_999);
      const alpha = Math.fround(0.7);
      const y = valuesOf(x, { name, alpha });
      let worst = 0;
      x.forEach((value, i) => {
        const expected = definition(value, alpha);
        if (y[i] !== expected) worst = Math.max(worst, Math.abs(y[i]! - expected) / Math.abs(expected));
      });
      assert.ok(worst < 3e-7, `[${low}, ${high}]: ${worst}`);
    }
  });
}

test('activate() keeps NaN and gives the limits at the infinities and beyond the range of exp', () => {
  const x = Float32Array.from([Number.NaN, -Infinity, -1000, -100, 100, 1000, Infinity]);
  const limits: Record<OutputActivation['name'], number[]> = {
    linear: [-Infinity, -1000, -100, 100, 1000, Infinity],
    relu: [0, 0, 0, 100, 1000, Infinity],
    relu6: [0, 0, 0, 6, 6, 6],
    leakyRelu: [-Infinity, -500, -50, 100, 1000, Infinity],
    elu: [-0.5, -0.5, -0.5, 100, 1000, Infinity],
    // e^-100 = 3.78e-44 is a subnormal float: 27 of the smallest.
    sigmoid: [0, 0, 27 * 2 ** -149, 1, 1, 1],
    tanh: [-1, -1, -1, 1, 1, 1],
  };
  for (const [name, expected] of Object.entries(limits) as [OutputActivation['name'], number[]][]) {
    assert.equal([...(valuesOf(x, { name, alpha: 0.5 }) as Float32Array)], [Number.NaN, ...expected], name);
  }
});

const stock: Record<OutputActivation['name'], (x: tf.Tensor, alpha: number) => tf.Tensor> = {
  linear: (x) => x.clone(),
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  leakyRelu: (x, alpha) => tf.leakyRelu(x, alpha),
  elu: (x) => tf.elu(x),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
};

test('activate() and activateGrad() equal stock ops and tf.grad() on the cpu backend for any number of elements', async () => {
  const names = Object.keys(activationCodes) as OutputActivation['name'][];
  const cases = fc.record({ name: fc.constantFrom(...names), length: fc.integer({ min: 0, max: 9000 }) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ name, length }) => {
      const alpha = name === 'leakyRelu' ? 0.3 : 1;
      const compute =
        (isOurs: boolean): Computation =>
        () => {
          const x = tf.tensor1d(noise(length, 1).map((value) => value * 9));
          const dy = tf.tensor1d(noise(length, 2));
          if (!isOurs) return [stock[name](x, alpha), tf.grad((input) => stock[name](input, alpha))(x, dy)];
          const y = track(activate(currentBackend(), x, { name, alpha }));
          return [y, track(activateGrad(currentBackend(), { dy, y }, { name, alpha }))];
        };
      const found = evaluateWithoutLeak(compute(true));
      (await evaluateOnCpu(compute(false))).forEach(({ shape, values }, output) => {
        assert.equal(found[output]!.shape, shape);
        // The slope of sigmoid and tanh is 1 minus what is next to 1: absolute, not relative.
        for (let i = 0; i < length; i++) {
          const [a, b] = [found[output]!.values[i]!, values[i]!];
          assert.ok(
            Math.abs(a - b) <= 3e-7 * Math.max(1, Math.abs(b)),
            `${name} ${output} ${i}: got ${a}, expected ${b}`,
          );
        }
      });
    }),
    { seed: 61, numRuns: 60 },
  );
});

test('activate() and activateGrad() give the same bits on any number of threads', async () => {
  await engine.stop();
  const computations = Object.keys(activationCodes).map((key): [string, Computation] => {
    const activation = { name: key as OutputActivation['name'], alpha: 0.3 };
    return [
      key,
      () => {
        const x = tf.tensor1d(noise(20_003, 3).map((value) => value * 5));
        const y = track(activate(currentBackend(), x, activation));
        return [y, track(activateGrad(currentBackend(), { dy: x, y }, activation))];
      },
    ];
  });
  await assertSameBits(Object.fromEntries(computations));
  engine = await startBackend({ threads: 2 });
});

test.run();
