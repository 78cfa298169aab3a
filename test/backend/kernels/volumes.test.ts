// Gradients of convolution and max pooling in three dimensions, beside references of plain loops and the cpu backend. Where the height of a
// pooling window is not its width, the cpu backend decodes places wrongly: there the reference alone is asked.
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
import { conv3dGradients, maxPool3dGradient, type Triple, type VolumeWindow } from './volume-reference.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Shape5D = [number, number, number, number, number];

interface Settings {
  readonly shape: Shape5D;
  readonly filter: Triple;
  readonly strides: Triple;
  readonly pad: 'same' | 'valid';
}

const triple = (max: number): fc.Arbitrary<Triple> => {
  const one = fc.integer({ min: 1, max });
  return fc.tuple(one, one, one);
};

const settings = (maxChannels: number) =>
  fc.record({
    shape: fc
      .tuple(fc.integer({ min: 1, max: 3 }), triple(7), fc.integer({ min: 1, max: maxChannels }))
      .map(([batch, sides, channels]): Shape5D => [batch, ...sides, channels]),
    filter: triple(3),
    strides: triple(3),
    pad: fc.constantFrom('same', 'valid') as fc.Arbitrary<'same' | 'valid'>,
    seed: fc.nat(1000),
  });

const fits = ({ shape, filter, pad }: Settings): boolean =>
  pad === 'same' || filter.every((taps, axis) => taps <= shape[axis + 1]!);

function windowOf({ shape, filter, strides, pad }: Settings, outChannels: number): VolumeWindow {
  const filterShape: Shape5D = [...filter, shape[4], outChannels];
  const info = tf.backend_util.computeConv3DInfo(shape, filterShape, strides, 1, pad);
  const { front, top, left } = info.padInfo;
  return {
    input: shape,
    output: info.outShape as Shape5D,
    filter,
    strides,
    padding: [front, top, left],
  };
}

const convolutionGradients =
  ({ shape, filter, strides, pad }: Settings, outChannels: number, seed = 1): Computation =>
  () => {
    const x = noiseTensor<tf.Rank.R5>(shape, seed);
    const taps = noiseTensor<tf.Rank.R5>([...filter, shape[4], outChannels], seed + 1);
    const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.conv3d(a as tf.Tensor5D, b as tf.Tensor5D, strides, pad);
    const dy = noiseTensor<tf.Rank.R5>(windowOf({ shape, filter, strides, pad }, outChannels).output, seed + 2);
    return tf.grads(convolve)([x, taps], dy);
  };

test('gradients of Conv3D equal plain loops and the cpu backend over random shapes, windows, strides and paddings', async () => {
  await fc.assert(
    fc.asyncProperty(settings(9), fc.integer({ min: 1, max: 9 }), async ({ seed, ...drawn }, outChannels) => {
      if (!fits(drawn)) return;
      const compute = convolutionGradients(drawn, outChannels, seed);
      const ours = evaluateWithoutLeak(compute);
      assertClose(ours, await evaluateOnCpu(compute), 1e-4, 'cpu backend');
      const window = windowOf(drawn, outChannels);
      const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
      const { dx, dw } = conv3dGradients(window, {
        x: noise(size(window.input), seed),
        filter: noise(size([...drawn.filter, drawn.shape[4], outChannels]), seed + 1),
        dy: noise(size(window.output), seed + 2),
      });
      const expected = [dx, dw].map((values, i) => ({ shape: ours[i]!.shape, values }));
      assertClose(ours, expected, 1e-4, 'plain loops');
    }),
    { seed: 7, numRuns: 120 },
  );
});

/** Of noise in steps, so that maxima tie. */
const stepped = (shape: readonly number[], seed: number): Float32Array =>
  noise(tf.util.sizeFromShape([...shape]), seed).map((value) => Math.round(value * 8) / 8);

const poolingGradient =
  ({ shape, filter, strides, pad }: Settings, seed = 1): Computation =>
  () => {
    const x = tf.tensor5d(stepped(shape, seed), shape);
    const pool = (a: tf.Tensor): tf.Tensor => tf.maxPool3d(a as tf.Tensor5D, filter, strides, pad);
    const dy = noiseTensor<tf.Rank.R5>(windowOf({ shape, filter, strides, pad }, shape[4]).output, seed + 1);
    return tf.grad(pool)(x, dy);
  };

test('MaxPool3DGrad equals plain loops, and the cpu backend where a window is as high as wide', async () => {
  await fc.assert(
    fc.asyncProperty(settings(19), async ({ seed, ...drawn }) => {
      if (!fits(drawn)) return;
      const compute = poolingGradient(drawn, seed);
      const ours = evaluateWithoutLeak(compute);
      const window = windowOf(drawn, drawn.shape[4]);
      const dy = noise(
        window.output.reduce((size, extent) => size * extent, 1),
        seed + 1,
      );
      const values = maxPool3dGradient(window, { x: stepped(drawn.shape, seed), dy });
      assertClose(ours, [{ shape: drawn.shape, values }], 1e-6, 'plain loops');
      if (drawn.filter[1] === drawn.filter[2]) assertClose(ours, await evaluateOnCpu(compute), 1e-6, 'cpu backend');
    }),
    { seed: 7, numRuns: 150 },
  );
});

test('MaxPool3DGrad goes to the last of negative maxima, and to nobody where all is NaN', () => {
  tf.tidy(() => {
    const values = [-3, -1, -1, -2, ...Array(4).fill(Number.NaN)];
    const pool = (x: tf.Tensor): tf.Tensor => tf.maxPool3d(x as tf.Tensor5D, [1, 2, 2], [1, 2, 2], 'valid');
    const dx = tf.grad(pool)(tf.tensor5d(values, [1, 2, 2, 2, 1]), tf.tensor5d([5, 7], [1, 2, 1, 1, 1]));
    assert.equal([...dx.dataSync()], [0, 0, 5, 0, 0, 0, 0, 0]);
  });
});

test('gradients of volumes take empty batches, and refuse a gradient of another shape', () => {
  const run = (name: string, inputs: object, attrs: object): tf.Tensor =>
    tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as tf.Tensor;
  const attrs = { strides: 1, pad: 'same', filterShape: [2, 2, 2, 3, 4], inputShape: [0, 3, 3, 3, 3] };
  const pool = { filterSize: 2, strides: 1, pad: 'same' };
  const outputs = evaluateWithoutLeak(() => {
    const [x, dy] = [tf.zeros([0, 3, 3, 3, 3]), tf.zeros([0, 3, 3, 3, 4])];
    return [
      run('Conv3DBackpropFilterV2', { x, dy }, attrs),
      run('Conv3DBackpropInputV2', { dy, filter: tf.ones([2, 2, 2, 3, 4]) }, attrs),
      run('MaxPool3DGrad', { dy: x, input: x, output: x }, pool),
    ];
  });
  assert.equal(Array.from(outputs[0]!.values), Array(96).fill(0));
  assert.equal(outputs[1]!.shape, [0, 3, 3, 3, 3]);
  const isShape = (error: { code?: string }): boolean => error.code === 'backend/shape';
  tf.tidy(() => {
    const [x, dy] = [tf.zeros([1, 3, 3, 3, 3]), tf.zeros([1, 2, 3, 3, 4])];
    assert.throws(() => run('Conv3DBackpropFilterV2', { x, dy }, attrs), isShape);
    assert.throws(() => run('MaxPool3DGrad', { dy, input: x, output: x }, pool), isShape);
  });
});

test('gradients of volumes give the same bits on any number of threads', async () => {
  await engine.stop();
  const odd: Settings = { shape: [19, 5, 6, 7, 6], filter: [3, 2, 3], strides: [1, 2, 1], pad: 'same' };
  await assertSameBits({
    convolution: convolutionGradients(odd, 5),
    pooling: poolingGradient({ ...odd, shape: [9, 5, 6, 7, 35] }),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
