// clipGradients against its definition and PyTorch, in any number of threads.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { clipGradients } from '../../../src/backend/kernels/clip-gradient.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const compute = (gradients: readonly Float32Array[], limit: number): tf.Tensor[] =>
  clipGradients(
    currentBackend(),
    gradients.map((values) => tf.tensor1d(values)),
    limit,
  ).map((info) => tf.engine().makeTensorFromTensorInfo(info));

function run(gradients: readonly Float32Array[], limit: number): Float32Array[] {
  const before = tf.memory().numTensors;
  const found = tf.tidy(() => compute(gradients, limit).map((tensor) => tensor.dataSync<'float32'>()));
  assert.is(tf.memory().numTensors, before, 'leak');
  return found;
}

const normOf = (gradients: readonly Float32Array[]): number =>
  Math.sqrt(gradients.reduce((sum, values) => values.reduce((total, value) => total + value * value, sum), 0));

test('clipGradients() multiplies by min(1, limit / (norm + 1e-6)), for any number and size of gradients', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(1e-3, 1, 50, 1e6),
      (sizes, limit) => {
        const gradients = sizes.map((size, i) => noise(size, i + size));
        const factor = Math.min(1, Math.fround(limit) / (normOf(gradients) + 1e-6));
        for (const [i, found] of run(gradients, limit).entries()) {
          found.forEach((value, k) => {
            const expected = gradients[i]![k]! * factor;
            assert.ok(Math.abs(value - expected) <= 2e-7 * Math.abs(expected), `${value}, not ${expected}`);
          });
        }
      },
    ),
    { seed: 4, numRuns: 40 },
  );
});

test('clipGradients() leaves gradients below the limit as they are, to the bit', () => {
  const gradients = [noise(1001, 1), noise(3, 2)];
  assert.equal(run(gradients, normOf(gradients) + 1), gradients);
});

test('clipGradients() equals torch.nn.utils.clip_grad_norm_', () => {
  // torch 1.13.0: gradients [3, -4, 1.5] and [[0.25], [-2]], clip_grad_norm_(parameters, 1.0), in double precision.
  const [first, second] = run([Float32Array.of(3, -4, 1.5), Float32Array.of(0.25, -2)], 1);
  const expected = [
    0.5361203661221582, -0.7148271548295443, 0.2680601830610791, 0.04467669717684652, -0.35741357741477214,
  ];
  for (const [i, value] of [...first!, ...second!].entries()) {
    assert.ok(Math.abs(value - expected[i]!) <= 1e-7 * Math.abs(expected[i]!), `${value}, not ${expected[i]}`);
  }
});

test('clipGradients() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({ clipped: () => compute([noise(100_003, 1), noise(17, 2), noise(40_000, 3)], 2) });
  engine = await startBackend({ threads: 2 });
});

test.run();
