import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { biasReluGrad } from '../../../src/backend/kernels/bias-relu-grad.ts';
import { assertSameBits, type Computation, evaluateWithoutLeak, noise, noiseTensor } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const differentiate =
  (shape: number[], seed: number, hasRelu: boolean): Computation =>
  () => {
    const dy = noiseTensor(shape as [number], seed);
    const y = noiseTensor(shape as [number], seed + 1);
    const { dz, biasGradient } = biasReluGrad(currentBackend(), { dy, y: hasRelu ? y : undefined });
    return [biasGradient, ...(dz ? [dz] : [])].map((info) => tf.engine().makeTensorFromTensorInfo(info));
  };

test('biasReluGrad() equals its definition over random shapes', () => {
  const shapes = fc.tuple(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 45 }));
  fc.assert(
    fc.property(shapes, fc.nat(1000), fc.boolean(), ([rows, channels], seed, hasRelu) => {
      const [biasGradient, dz] = evaluateWithoutLeak(differentiate([rows, channels], seed, hasRelu));
      const y = noise(rows * channels, seed + 1);
      const expected = noise(rows * channels, seed).map((value, i) => (hasRelu && y[i]! <= 0 ? 0 : value));
      if (hasRelu) assert.equal(dz!.values, expected);
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

test('biasReluGrad() gives zeros for an empty batch', () => {
  const [biasGradient, dz] = evaluateWithoutLeak(differentiate([0, 4, 3], 1, true));
  assert.equal([biasGradient!.shape, dz!.shape], [[3], [0, 4, 3]]);
  assert.equal([...(biasGradient!.values as Float32Array)], [0, 0, 0]);
});

test('biasReluGrad() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    convolution: differentiate([9, 26, 26, 32], 1, true),
    dense: differentiate([128, 128], 2, true),
    linear: differentiate([3000, 10], 3, false),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
