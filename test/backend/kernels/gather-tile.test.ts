// GatherV2 and Tile, which copy, and FusedBatchNorm by given statistics, against the cpu backend.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
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

const size = fc.integer({ min: 1, max: 6 });

/** Whole numbers in [0, limit). */
const indicesBelow = (limit: number, shape: number[], seed = 1): tf.Tensor =>
  tf.tensor(
    Int32Array.from(noise(tf.util.sizeFromShape(shape), seed), (value) => Math.floor((value + 1) * 0.5 * limit)),
    shape,
    'int32',
  );

const types: readonly tf.NumericDataType[] = ['float32', 'int32', 'bool'];

/** The same numbers as each type. */
const ofEveryType = (shape: number[]): tf.Tensor[] =>
  types.map((type) => tf.cast(tf.mul(noiseTensor(shape as [number], 5), 100), type));

test('GatherV2 equals the cpu backend along every axis, with batch dimensions, for every type', async () => {
  const settings = fc.record({
    shape: fc.array(size, { minLength: 1, maxLength: 4 }),
    axis: fc.nat(3),
    batchDims: fc.nat(3),
    more: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ shape, axis, batchDims, more }) => {
      const along = Math.min(axis, shape.length - 1);
      const batch = Math.min(batchDims, along);
      const compute: Computation = () => {
        const indices = indicesBelow(shape[along]!, [...shape.slice(0, batch), ...more]);
        return ofEveryType(shape).map((x) => tf.gather(x, indices as tf.Tensor1D, along, batch));
      };
      const what = `[${shape}] along ${along}, indices [${more}], ${batch} batch dimensions`;
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, what);
    }),
    { seed: 17, numRuns: 80 },
  );
});

test('GatherV2 takes long slices and refuses indices out of range', async () => {
  const compute: Computation = () => tf.gather(noiseTensor([40, 28, 28, 1]), indicesBelow(40, [64]) as tf.Tensor1D);
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
  const x = noiseTensor([4, 3]) as tf.Tensor;
  assert.throws(() => tf.tidy(() => tf.gather(x, tf.tensor1d([0, 4], 'int32'))), /index value 4 is not in \[0, 3\]/);
  assert.throws(() => tf.tidy(() => tf.gather(x, tf.tensor1d([-1], 'int32'))), /index value -1/);
  x.dispose();
});

test('Tile equals the cpu backend for every repetition and type', async () => {
  const settings = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 4 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(settings, async (axes) => {
      const shape = axes.map(([length]) => length);
      const repeats = axes.map(([, count]) => count);
      const compute: Computation = () => ofEveryType(shape).map((x) => tf.tile(x, repeats));
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `[${shape}] by [${repeats}]`);
    }),
    { seed: 19, numRuns: 80 },
  );
});

const batchNormOf = (shape: number[], { scaled = true } = {}): Computation => {
  const channels = shape.at(-1)!;
  return () => {
    const x = noiseTensor(shape as [number, number, number, number], 1) as tf.Tensor4D;
    const [mean, offset, scale] = [2, 3, 4].map((seed) => noiseTensor([channels], seed) as tf.Tensor1D);
    const variance = tf.abs(noiseTensor([channels], 5)) as tf.Tensor1D;
    return scaled
      ? tf.batchNorm(x, mean!, variance, offset, scale, 1e-3)
      : tf.batchNorm(x, mean!, variance, undefined, undefined, 1e-3);
  };
};

test('FusedBatchNorm equals the cpu backend for every number of channels, with and without scale and offset', async () => {
  for (const channels of [1, 2, 3, 4, 5, 8, 17, 64]) {
    for (const scaled of [true, false]) {
      for (const rows of [0, 1, 3, 1001]) {
        const compute = batchNormOf([rows, 1, 2, channels], { scaled });
        assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 2e-6, `${rows} x ${channels}`);
      }
    }
  }
});

test('FusedBatchNorm with statistics of the whole shape stays as it was', async () => {
  const compute: Computation = () => {
    const shape: [number, number, number, number] = [2, 3, 3, 4];
    const [x, mean, offset] = [1, 2, 3].map((seed) => noiseTensor(shape, seed) as tf.Tensor4D);
    return tf.batchNorm(x!, mean!, tf.abs(noiseTensor(shape, 4)) as tf.Tensor4D, offset);
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 2e-6);
});

test('the gradients of a batch norm equal those of the cpu backend', async () => {
  const compute: Computation = () => {
    const inputs = [noiseTensor([5, 4, 3, 6], 1), noiseTensor([6], 2), noiseTensor([6], 3), noiseTensor([6], 4)];
    const f = (x: tf.Tensor, mean: tf.Tensor, offset: tf.Tensor, scale: tf.Tensor): tf.Tensor =>
      tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        tf.fill([6], 0.7) as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
      );
    return tf.grads(f as (...args: tf.Tensor[]) => tf.Tensor)(inputs as tf.Tensor[]);
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
});

test('GatherV2, Tile and FusedBatchNorm give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    gather: () => tf.gather(noiseTensor([50, 1031]), indicesBelow(50, [333]) as tf.Tensor1D),
    gatherNumbers: () => tf.gather(noiseTensor([50]), indicesBelow(50, [60007]) as tf.Tensor1D),
    tile: () => tf.tile(noiseTensor([7, 1, 33]), [3, 101, 2]),
    tileNumbers: () => tf.tile(noiseTensor([1]), [60007]),
    batchNorm: batchNormOf([33, 9, 9, 17]),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
