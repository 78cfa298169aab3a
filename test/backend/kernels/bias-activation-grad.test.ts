import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { biasActivationGrad } from '../../../src/backend/kernels/bias-activation-grad.ts';
import { activate, type OutputActivation } from '../../../src/backend/kernels/output-activation.ts';
import { assertSameBits, type Computation, evaluateWithoutLeak, noise, noiseTensor } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const differentiate =
  (shape: number[], seed: number, name: OutputActivation['name']): Computation =>
  () => {
    const activation = { name, alpha: 0.25 };
    const dy = noiseTensor(shape as [number], seed);
    const z = noiseTensor(shape as [number], seed + 1);
    const y = tf.engine().makeTensorFromTensorInfo(activate(currentBackend(), z, activation));
    const { dz, biasGradient } = biasActivationGrad(currentBackend(), { dy, y, activation });
    return [biasGradient, ...(dz ? [dz] : [])].map((info) => tf.engine().makeTensorFromTensorInfo(info));
  };

/** Slopes at z; what is exact in single precision is compared to the bit. */
const slopes: Record<OutputActivation['name'], (z: number) => number> = {
  linear: () => 1,
  relu: (z) => (z > 0 ? 1 : 0),
  relu6: (z) => (z > 0 && z < 6 ? 1 : 0),
  leakyRelu: (z) => (z > 0 ? 1 : 0.25),
  elu: (z) => (z > 0 ? 1 : 0.25 * Math.exp(z)),
  sigmoid: (z) => Math.exp(-z) / (1 + Math.exp(-z)) ** 2,
  tanh: (z) => 1 - Math.tanh(z) ** 2,
};

test('biasActivationGrad() equals its definition over random shapes and activations', () => {
  const shapes = fc.tuple(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 45 }));
  const names = fc.constantFrom(...(Object.keys(slopes) as OutputActivation['name'][]));
  fc.assert(
    fc.property(shapes, fc.nat(1000), names, ([rows, channels], seed, name) => {
      const [biasGradient, dz] = evaluateWithoutLeak(differentiate([rows, channels], seed, name));
      const z = noise(rows * channels, seed + 1);
      const expected = Float64Array.from(noise(rows * channels, seed), (value, i) => value * slopes[name](z[i]!));
      const isExact = ['relu', 'relu6', 'leakyRelu'].includes(name);
      if (isExact)
        assert.equal(
          dz!.values,
          Float32Array.from(expected, (value) => value + 0),
        );
      else if (name === 'linear') assert.is(dz, undefined);
      else {
        const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(dz!.values[i]! - value)), 0);
        assert.ok(error < 3e-7, `${name}: ${error}`);
      }
      const sums = new Float64Array(channels);
      const magnitudes = new Float64Array(channels);
      expected.forEach((value, i) => {
        sums[i % channels]! += value;
        magnitudes[i % channels]! += Math.abs(value);
      });
      assert.equal(biasGradient!.shape, [channels]);
      sums.forEach((sum, channel) => {
        assert.ok(Math.abs(biasGradient!.values[channel]! - sum) <= 1e-6 * magnitudes[channel]!);
      });
    }),
    { seed: 41, numRuns: 60 },
  );
});

test('biasActivationGrad() gives zeros for an empty batch', () => {
  const [biasGradient, dz] = evaluateWithoutLeak(differentiate([0, 4, 3], 1, 'relu'));
  assert.equal([biasGradient!.shape, dz!.shape], [[3], [0, 4, 3]]);
  assert.equal([...(biasGradient!.values as Float32Array)], [0, 0, 0]);
});

test('biasActivationGrad() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    convolution: differentiate([9, 26, 26, 32], 1, 'relu'),
    dense: differentiate([128, 128], 2, 'tanh'),
    linear: differentiate([3000, 10], 3, 'linear'),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
