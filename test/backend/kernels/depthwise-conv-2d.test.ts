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
  noise,
  noiseTensor,
  writeInPlace,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

interface Convolution {
  readonly input: [number, number, number, number];
  readonly filter: [number, number];
  readonly multiplier: number;
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid' | number;
  readonly dilations?: [number, number];
}

/** tfjs wants a rounding with a padding by number, and refuses it with a padding by name. */
const roundingOf = (pad: Convolution['pad']) => (typeof pad === 'number' ? 'floor' : undefined);

const apply = (x: tf.Tensor, w: tf.Tensor, { strides, pad, dilations }: Convolution): tf.Tensor4D =>
  tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad, 'NHWC', dilations ?? [1, 1], roundingOf(pad));

const makeOperands = ({ input, filter, multiplier }: Convolution, seed = 1) => ({
  x: noiseTensor<tf.Rank.R4>(input, seed),
  w: noiseTensor<tf.Rank.R4>([...filter, input[3], multiplier], seed + 1),
});

/** Output and both gradients of a convolution of noise. */
const convolveAndGradients =
  (convolution: Convolution, seed = 1): Computation =>
  () => {
    const { x, w } = makeOperands(convolution, seed);
    const y = apply(x, w, convolution);
    if (convolution.dilations) return y;
    const dy = noiseTensor(y.shape, seed + 2);
    return [y, ...tf.grads((input: tf.Tensor, filter: tf.Tensor) => apply(input, filter, convolution))([x, w], dy)];
  };

/** The definition, one multiplication at a time, in double precision. */
function reference(convolution: Convolution, x: Float32Array, w: Float32Array): number[] {
  const { input, filter, multiplier, strides, pad, dilations } = convolution;
  const info = tf.backend_util.computeConv2DInfo(
    input,
    [...filter, input[3], multiplier],
    strides,
    dilations ?? 1,
    pad,
    roundingOf(pad),
    true,
  );
  const [batch, height, width, channels] = input;
  const sums: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let row = 0; row < info.outHeight; row++)
      for (let column = 0; column < info.outWidth; column++)
        for (let out = 0; out < channels * multiplier; out++) {
          let sum = 0;
          for (let r = 0; r < filter[0]; r++)
            for (let k = 0; k < filter[1]; k++) {
              const y = row * info.strideHeight - info.padInfo.top + r * info.dilationHeight;
              const z = column * info.strideWidth - info.padInfo.left + k * info.dilationWidth;
              if (y < 0 || z < 0 || y >= height || z >= width) continue;
              const channel = Math.floor(out / multiplier);
              sum +=
                x[((b * height + y) * width + z) * channels + channel]! *
                w[(r * filter[1] + k) * channels * multiplier + out]!;
            }
          sums.push(sum);
        }
  return sums;
}

const side = fc.integer({ min: 1, max: 11 });
const tap = fc.integer({ min: 1, max: 4 });
const convolutions = fc.record({
  input: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 21 })),
  filter: fc.tuple(tap, tap),
  multiplier: fc.constantFrom(1, 1, 2, 3),
  strides: fc.tuple(tap, tap),
  pad: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 1),
});
const fits = ({ input, filter, pad }: Convolution): boolean =>
  pad === 'same' || (filter[0] <= input[1] && filter[1] <= input[2]);

test('DepthwiseConv2dNative and its gradients equal the cpu backend over random shapes, strides and paddings', async () => {
  await fc.assert(
    fc.asyncProperty(convolutions, fc.nat(1000), async (convolution, seed) => {
      if (!fits(convolution)) return;
      const compute = convolveAndGradients(convolution, seed);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 2e-5);
    }),
    { seed: 11, numRuns: 120 },
  );
});

test('DepthwiseConv2dNative equals its definition over random dilations', () => {
  fc.assert(
    fc.property(convolutions, fc.tuple(tap, tap), (base, dilations) => {
      const convolution: Convolution = { ...base, strides: [1, 1], pad: 'same', dilations };
      const { x, w } = tf.tidy(() => makeOperands(convolution));
      const values = reference(convolution, x.dataSync() as Float32Array, w.dataSync() as Float32Array);
      const y = evaluate(() => apply(x, w, convolution));
      tf.dispose([x, w]);
      assertClose(y, [{ shape: y[0]!.shape, values }], 1e-5);
    }),
    { seed: 12, numRuns: 60 },
  );
});

test('DepthwiseConv2dNative takes an empty batch, int32, one image and channels first', async () => {
  const filter = () => noiseTensor<tf.Rank.R4>([2, 2, 3, 1], 5);
  const empty = tf.tidy(() => tf.depthwiseConv2d(tf.zeros([0, 4, 4, 3]) as tf.Tensor4D, filter(), 1, 'valid'));
  assert.equal(empty.shape, [0, 3, 3, 3]);
  empty.dispose();
  const single: Computation = () => tf.depthwiseConv2d(noiseTensor<tf.Rank.R3>([5, 6, 3]), filter(), 1, 'same');
  assertClose(evaluateWithoutLeak(single), await evaluateOnCpu(single), 1e-5);
  const x = noiseTensor<tf.Rank.R4>([2, 5, 6, 3]);
  const w = filter();
  const last = evaluate(() => tf.depthwiseConv2d(x, w, 1, 'same'));
  const first = evaluateWithoutLeak(() =>
    tf.transpose(tf.depthwiseConv2d(tf.transpose(x, [0, 3, 1, 2]) as tf.Tensor4D, w, 1, 'same', 'NCHW'), [0, 2, 3, 1]),
  );
  assert.equal(first, last);
  tf.dispose([x, w]);
});

test('DepthwiseConv2dNativeBackpropFilter of an empty batch is zero', () => {
  const gradient = tf.tidy(() =>
    tf.grad((w) => tf.depthwiseConv2d(tf.zeros([0, 4, 4, 3]) as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid'))(
      noiseTensor([2, 2, 3, 1]),
    ),
  );
  assert.equal([...gradient.dataSync()], Array(12).fill(0));
  gradient.dispose();
});

test('the gradients of depthwise convolution equal finite differences', () => {
  const convolution: Convolution = { input: [2, 5, 4, 5], filter: [3, 2], multiplier: 1, strides: [2, 1], pad: 'same' };
  const operands = makeOperands(convolution, 21);
  const loss = (x: tf.Tensor, w: tf.Tensor): tf.Tensor => apply(x, w, convolution).square().sum();
  const gradients = tf
    .grads(loss)([operands.x, operands.w])
    .map((gradient) => gradient.dataSync());
  const tensors = [operands.x, operands.w];
  const step = 1e-2;
  tensors.forEach((tensor, which) => {
    const values = tensor.dataSync();
    for (let i = 0; i < values.length; i += 3) {
      const lossAt = (delta: number): number =>
        tf.tidy(() => {
          const moved = Float32Array.from(values);
          moved[i]! += delta;
          const inputs = [...tensors];
          inputs[which] = tf.tensor(moved, tensor.shape) as tf.Tensor4D;
          return loss(inputs[0]!, inputs[1]!).dataSync()[0]!;
        });
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      const got = gradients[which]![i]!;
      assert.ok(Math.abs(slope - got) < 0.01 * Math.max(1, Math.abs(got)), `${which}, ${i}: ${slope} and ${got}`);
    }
  });
  tf.disposeVariables();
  tf.dispose(tensors);
});

test('FusedDepthwiseConv2D equals the cpu backend for every activation and shape of bias', async () => {
  const activations = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;
  const biases = [undefined, [7], [1], [], [1, 1, 1, 7], [2, 5, 6, 7]];
  for (const activation of activations)
    for (const bias of biases) {
      const compute: Computation = () =>
        tf.fused.depthwiseConv2d({
          x: tf.mul(noiseTensor<tf.Rank.R4>([2, 5, 6, 7]), 6),
          filter: noiseTensor<tf.Rank.R4>([3, 3, 7, 1], 2),
          strides: 1,
          pad: 'same',
          ...(bias ? { bias: noiseTensor(bias as [number], 3) } : {}),
          activation,
          ...(activation === 'prelu' ? { preluActivationWeights: noiseTensor<tf.Rank.R1>([7], 4) } : {}),
          ...(activation === 'leakyrelu' ? { leakyreluAlpha: 0.3 } : {}),
        });
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, `${activation}, bias [${bias}]`);
    }
});

test('depthwise kernels see weights that were written in place', () => {
  const x = noiseTensor<tf.Rank.R4>([2, 6, 5, 9]);
  const w = noiseTensor<tf.Rank.R4>([3, 3, 9, 1], 2);
  const bias = noiseTensor<tf.Rank.R1>([9], 3);
  const compute = (filter: tf.Tensor4D, shift: tf.Tensor1D): Computation => {
    const shared = { x, filter, bias: shift, strides: 1, pad: 'same', activation: 'relu' } as const;
    return () => [tf.depthwiseConv2d(x, filter, 1, 'same'), tf.fused.depthwiseConv2d(shared)];
  };
  const before = evaluate(compute(w, bias));
  writeInPlace(w, noise(81, 7));
  writeInPlace(bias, noise(9, 8));
  const fresh = { w: noiseTensor<tf.Rank.R4>([3, 3, 9, 1], 7), bias: noiseTensor<tf.Rank.R1>([9], 8) };
  const after = evaluate(compute(w, bias));
  assert.equal(after, evaluate(compute(fresh.w, fresh.bias)));
  for (const [i, output] of after.entries()) assert.not.equal(output, before[i]);
  tf.dispose([fresh.w, fresh.bias]);
  tf.dispose([x, w, bias]);
});

test('depthwise kernels give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    'stride 1': convolveAndGradients({
      input: [19, 9, 8, 18],
      filter: [3, 3],
      multiplier: 1,
      strides: [1, 1],
      pad: 'same',
    }),
    multiplier: convolveAndGradients({
      input: [2, 7, 9, 5],
      filter: [3, 2],
      multiplier: 3,
      strides: [2, 1],
      pad: 'valid',
    }),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
