// dropout against masks drawn by src/core/philox.ts in the layout that assembly/dropout.ts draws.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { type DropoutKey, dropout, dropoutGrad } from '../../../src/backend/kernels/dropout.ts';
import { philox4x32 } from '../../../src/core/philox.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

/** The sixteen random bits of an element: half `half` of word w of counter 4 g + lane, for element 32 g + 8 w + 2 lane + half. */
function bitsOf(element: number, { seed, step, layer }: DropoutKey): number {
  const group = Math.floor(element / 32);
  const word = (element % 32) >> 3;
  const lane = (element & 7) >> 1;
  const block = new Uint32Array(4);
  philox4x32(block, 4 * group + lane, step, layer, 0, seed, 0);
  return element & 1 ? block[word]! >>> 16 : block[word]! & 0xffff;
}

const isKept = (element: number, rate: number, key: DropoutKey): boolean =>
  bitsOf(element, key) >= Math.min(0xffff, Math.round(rate * 65536));

function dropScalar(x: Float32Array, rate: number, key: DropoutKey): Float32Array {
  const scale = Math.fround(1 / (1 - rate));
  return x.map((value, element) => (isKept(element, rate, key) ? value * scale : 0));
}

/** Output and the gradient of ones. */
function drop(x: Float32Array, rate: number, key: DropoutKey): [tf.Tensor, tf.Tensor] {
  const backend = currentBackend();
  const { y, mask } = dropout(backend, tf.tensor1d(x), rate, key);
  track(mask);
  return [track(y), track(dropoutGrad(backend, tf.ones([x.length]), mask, rate))];
}

const read = (x: Float32Array, rate: number, key: DropoutKey): [Float32Array, Float32Array] => {
  const before = tf.memory().numTensors;
  const found = tf.tidy(() => drop(x, rate, key).map((tensor) => tensor.dataSync()));
  assert.is(tf.memory().numTensors, before, 'leak');
  return found as [Float32Array, Float32Array];
};

const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x80000000, 0xffffffff));

test('dropout() and dropoutGrad() equal masks of philox4x32() to the bit for any size, rate and key', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.record({ seed: uint32, step: uint32, layer: uint32 }),
      (size, rate, key) => {
        const x = noise(size, size);
        const [y, dx] = read(x, rate, key);
        assert.equal(y, dropScalar(x, rate, key));
        assert.equal(dx, dropScalar(new Float32Array(size).fill(1), rate, key));
      },
    ),
    { seed: 12, numRuns: 120 },
  );
});

test('dropout() equals the scalar masks around groups and blocks', () => {
  const key = { seed: 7, step: 3, layer: 2 };
  for (const size of [1, 3, 31, 32, 33, 2047, 2048, 2049, 2080, 6145]) {
    const x = noise(size, size);
    assert.equal(read(x, 0.4, key)[0], dropScalar(x, 0.4, key), `${size} elements`);
  }
});

test('dropout() drops the share asked for: within four standard deviations of 200,000 elements', () => {
  const size = 200_000;
  const ones = new Float32Array(size).fill(1);
  for (const rate of [0.01, 0.25, 0.3, 0.4, 0.5, 0.9]) {
    const [y] = read(ones, rate, { seed: 1, step: 0, layer: 0 });
    const dropped = y.reduce((count, value) => count + (value === 0 ? 1 : 0), 0) / size;
    const deviation = Math.sqrt((rate * (1 - rate)) / size);
    assert.ok(Math.abs(dropped - rate) < 4 * deviation, `rate ${rate}: dropped ${dropped}`);
    const mean = y.reduce((sum, value) => sum + value, 0) / size;
    assert.ok(Math.abs(mean - 1) < (4 * deviation) / (1 - rate) + 1e-4, `rate ${rate}: mean ${mean}`);
  }
});

test('dropout() has another mask for each seed, step and layer: two of rate .5 agree in about half of the elements', () => {
  const size = 20_000;
  const ones = new Float32Array(size).fill(1);
  const key = { seed: 1, step: 1, layer: 1 };
  const [first] = read(ones, 0.5, key);
  assert.equal(read(ones, 0.5, key)[0], first);
  for (const other of [{ seed: 2 }, { step: 2 }, { layer: 2 }, { seed: 0x80000001 }]) {
    const [second] = read(ones, 0.5, { ...key, ...other });
    const equal = first.reduce((count, value, i) => count + (value === second[i] ? 1 : 0), 0) / size;
    assert.ok(Math.abs(equal - 0.5) < 4 * Math.sqrt(0.25 / size), `${JSON.stringify(other)}: ${equal}`);
  }
});

test('dropout() keeps everything at rate 0 and next to nothing just below 1', () => {
  const x = noise(5000, 5);
  const key = { seed: 9, step: 1, layer: 0 };
  assert.equal(read(x, 0, key)[0], x);
  const rate = 1 - 2 ** -20;
  const [y] = read(x, rate, key);
  assert.equal(y, dropScalar(x, rate, key));
  assert.ok(y.filter((value) => value !== 0).length < 3);
});

test('dropout() gives zero for a dropped NaN or infinity and keeps a kept one', () => {
  const key = { seed: 3, step: 1, layer: 0 };
  for (const value of [Number.NaN, Infinity]) {
    const x = new Float32Array(37).fill(value);
    assert.equal([...read(x, 0.5, key)[0]], [...dropScalar(x, 0.5, key)]);
  }
});

test('dropout() writes nothing behind the last element, nor behind the last mask of 32', () => {
  const backend = currentBackend();
  for (const elements of [1, 33, 2047, 2050]) {
    const maskBytes = Math.ceil(elements / 32) * 32;
    backend.withMemory(2 * elements * 4 + maskBytes + 128, (block) => {
      const x = block;
      const y = x + elements * 4;
      const mask = y + elements * 4 + 64;
      const area = backend.bytes(block, 2 * elements * 4 + maskBytes + 128).fill(0xab);
      backend.pool.run('dropout', Math.ceil(elements / 2048), [x, y, mask, elements, 32768, 0, 1, 2, 3]);
      const behindY = area.subarray(2 * elements * 4, 2 * elements * 4 + 64);
      const behindMask = area.subarray(2 * elements * 4 + 64 + maskBytes);
      assert.ok([...behindY, ...behindMask].every((byte) => byte === 0xab));
    });
  }
});

test('dropout() and dropoutGrad() give the same bits on any number of threads', async () => {
  await engine.stop();
  const x = noise(70_001, 2);
  await assertSameBits({ 'rate .3': () => drop(x, 0.3, { seed: 4, step: 11, layer: 5 }) });
  engine = await startBackend({ threads: 2 });
});

test.run();
