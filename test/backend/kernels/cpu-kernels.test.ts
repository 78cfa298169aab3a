import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { missingKernels } from '../../../src/backend/kernels/cpu-kernels.ts';
import { assertClose, type Computation, evaluateOnCpu, evaluateWithoutLeak, noiseTensor } from './oracle.ts';

/** Before the backend starts: the kernels that stock wasm brings. */
const stock = new Set(tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName));

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

test('every kernel of the cpu backend is registered for wasm', () => {
  const missing = tf.getKernelsForBackend('cpu').filter(({ kernelName }) => !tf.getKernel(kernelName, 'wasm'));
  assert.equal(missing, []);
});

test('missingKernels lists what stock wasm lacks', () => {
  assert.equal(
    missingKernels.filter((name) => stock.has(name)),
    [],
  );
});

test('complex64 tensors are made, read, reshaped, computed with and disposed', async () => {
  const computations: Record<string, Computation> = {
    'a clone': () => tf.complex(noiseTensor([2, 3]), noiseTensor([2, 3], 2)).clone(),
    parts: () => {
      const z = tf.complex(noiseTensor([6]), noiseTensor([6], 2)).reshape([3, 2]);
      return [tf.real(z), tf.imag(z), tf.abs(z)];
    },
    'a broadcast product': () => {
      const z = tf.complex(noiseTensor([2, 3]), noiseTensor([2, 3], 2));
      return tf.mul(z, tf.complex(noiseTensor([3], 3), noiseTensor([3], 4)));
    },
    'a Fourier transform and back': () =>
      tf.spectral.ifft(tf.spectral.fft(tf.complex(noiseTensor([2, 12]), noiseTensor([2, 12], 2)))),
    einsum: () => tf.einsum('bij,bjk->bik', noiseTensor([2, 3, 4]), noiseTensor([2, 4, 5], 2)),
  };
  for (const [name, compute] of Object.entries(computations)) {
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, name);
  }
});

test('a complex64 tensor moves between backends', async () => {
  const z = tf.complex([1, 2], [3, 4]);
  const expected = z.dataSync();
  await tf.setBackend('cpu');
  const real = tf.complex([5], [6]);
  await tf.setBackend('wasm');
  assert.equal([...tf.tidy(() => tf.add(z, real)).dataSync()], [6, 9, 7, 10]);
  assert.equal(z.dataSync(), expected);
});

test('string tensors are compared, tiled, sliced and gathered as on the cpu backend', async () => {
  const words = () => tf.tensor1d(['ä', 'b', 'c', 'b'], 'string');
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    assert.equal([...tf.equal(words(), tf.scalar('b', 'string')).dataSync()], [0, 1, 0, 1]);
    assert.equal([...(tf.tile(words(), [2]).dataSync() as unknown as string[])].join(''), 'äbcbäbcb');
    assert.equal([...(tf.slice(words(), 1, 2).dataSync() as unknown as string[])], ['b', 'c']);
    assert.equal([...(tf.fill([2], 'x', 'string').dataSync() as unknown as string[])], ['x', 'x']);
  });
  assert.is(tf.memory().numTensors, before);
});

test('engine().reset() frees every tensor and leaves the backend usable', async () => {
  noiseTensor([100]);
  tf.complex([1], [2]);
  tf.tensor1d(['a'], 'string');
  tf.engine().reset();
  await tf.setBackend('wasm');
  assert.is(engine.backend.numDataIds(), 0);
  assert.equal([...tf.tidy(() => tf.add([1], [2])).dataSync()], [3]);
});

test('a tensor that does not fit is a typed error and leaves nothing behind', () => {
  const before = engine.backend.numDataIds();
  const isOutOfMemory = (error: { code?: string }): boolean => error.code === 'backend/out-of-memory';
  // 4 GiB: as a 32-bit number of bytes it would be zero.
  assert.throws(() => engine.backend.output([2 ** 30], 'float32'), isOutOfMemory);
  assert.throws(() => engine.backend.allocate(2 ** 32), isOutOfMemory);
  assert.is(engine.backend.numDataIds(), before);
});

test.run();
