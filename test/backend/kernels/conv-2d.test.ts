import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { conv2dForward } from '../../../src/backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../../../src/backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../../../src/backend/kernels/conv-2d-backprop-input.ts';
import { type Conv2DAttributes, conv2dInfo } from '../../../src/backend/kernels/conv-2d-geometry.ts';
import { winogradTileSize } from '../../../src/backend/kernels/winograd.ts';
import { convolveByDefinition, relativeError } from './conv-2d-reference.ts';
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

type Shape = [number, number, number, number];

interface Setting {
  readonly xShape: Shape;
  readonly filterShape: Shape;
  readonly attrs: Conv2DAttributes & { readonly strides: [number, number]; readonly dilations: [number, number] };
}

const side = fc.integer({ min: 1, max: 9 });
const channels = fc.integer({ min: 1, max: 19 });
const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const margin = fc.tuple(fc.nat(2), fc.nat(2));
const padding = fc.oneof(
  fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0, 1, 2),
  fc.tuple(margin, margin).map(([rows, columns]) => [[0, 0], rows, columns, [0, 0]] as tf.backend_util.ExplicitPadding),
);
/** Any convolution that tfjs takes: strides or dilations, not both. */
const settings: fc.Arbitrary<Setting> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    height: side,
    width: side,
    inChannels: fc.oneof(fc.constant(1), channels),
    outChannels: channels,
    filter: pair(4),
    spread: pair(3),
    isDilated: fc.boolean(),
    pad: padding,
  })
  .map(({ batch, height, width, inChannels, outChannels, filter, spread, isDilated, pad }): Setting => {
    const attrs = {
      strides: isDilated ? [1, 1] : spread,
      dilations: isDilated ? spread : [1, 1],
      pad,
      dataFormat: 'NHWC',
      ...(typeof pad === 'string' ? {} : { dimRoundingMode: 'floor' }),
    } as Setting['attrs'];
    return { xShape: [batch, height, width, inChannels], filterShape: [...filter, inChannels, outChannels], attrs };
  })
  .filter(({ xShape, filterShape, attrs }) => {
    const { strides, dilations, pad, dimRoundingMode } = attrs;
    const info = tf.backend_util.computeConv2DInfo(xShape, filterShape, strides, dilations, pad, dimRoundingMode);
    const { outHeight, outWidth } = info;
    return outHeight > 0 && outWidth > 0;
  });

const transpose = (shape: Shape): Shape => [shape[0], shape[3], shape[1], shape[2]];

test('Conv2D equals the cpu backend over random shapes, strides, paddings and dilations, NHWC and NCHW', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.boolean(), fc.nat(1000), async (setting, isFirst, seed) => {
      const { xShape, filterShape, attrs } = setting;
      const { pad } = attrs;
      const ordered = isFirst && Array.isArray(pad) ? [pad[0], pad[3], pad[1], pad[2]] : pad;
      const compute: Computation = () =>
        tf.conv2d(
          noiseTensor<tf.Rank.R4>(isFirst ? transpose(xShape) : xShape, seed),
          noiseTensor<tf.Rank.R4>(filterShape, seed + 1),
          attrs.strides,
          ordered as 'same',
          isFirst ? 'NCHW' : 'NHWC',
          attrs.dilations,
          attrs.dimRoundingMode,
        );
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, JSON.stringify(setting));
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('Conv2DBackpropInput and Conv2DBackpropFilter equal the cpu backend over random shapes, NHWC and NCHW', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.boolean(), fc.nat(1000), async (setting, isFirst, seed) => {
      const { xShape, filterShape, attrs } = setting;
      if (Array.isArray(attrs.pad) || attrs.dilations.some((dilation) => dilation > 1)) return;
      const compute: Computation = () => {
        const x = noiseTensor<tf.Rank.R4>(isFirst ? transpose(xShape) : xShape, seed);
        const filter = noiseTensor<tf.Rank.R4>(filterShape, seed + 1);
        const format = isFirst ? 'NCHW' : 'NHWC';
        const convolve = (input: tf.Tensor, weights: tf.Tensor) =>
          tf.conv2d(input as tf.Tensor4D, weights as tf.Tensor4D, attrs.strides, attrs.pad as 'same', format);
        const dy = noiseTensor<tf.Rank.R4>(convolve(x, filter).shape as Shape, seed + 2);
        return tf.grads(convolve)([x, filter], dy);
      };
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, JSON.stringify(setting));
    }),
    { seed: 12, numRuns: 200 },
  );
});

test('conv2dForward() and both gradients, direct, differ from their definition by less than 5e-7, dilated too', () => {
  fc.assert(
    fc.property(settings, fc.nat(1000), ({ xShape, filterShape, attrs }, seed) => {
      const info = conv2dInfo(xShape, filterShape, attrs);
      // Those by Winograd: winograd.test.ts.
      fc.pre(winogradTileSize(info) === 0);
      const x = noiseTensor<tf.Rank.R4>(xShape, seed);
      const filter = noiseTensor<tf.Rank.R4>(filterShape, seed + 1);
      const dy = noiseTensor<tf.Rank.R4>(info.outShape, seed + 2);
      const wanted = convolveByDefinition(info, x.dataSync(), filter.dataSync(), dy.dataSync());
      const results = {
        y: conv2dForward(engine.backend, { x, filter, convInfo: info }),
        dx: conv2dBackpropInput(engine.backend, { dy, filter, convInfo: info }),
        dw: conv2dBackpropFilter(engine.backend, { x, dy, convInfo: info }),
      };
      for (const [name, result] of Object.entries(results)) {
        const tensor = tf.engine().makeTensorFromTensorInfo(result);
        const error = relativeError(tensor.dataSync(), wanted[name as keyof typeof wanted]);
        assert.ok(
          error < 5e-7,
          `${name}: relative error ${error} for ${JSON.stringify({ xShape, filterShape, attrs })}`,
        );
        tensor.dispose();
      }
      tf.dispose([x, filter, dy]);
    }),
    { seed: 13, numRuns: 150 },
  );
});

test('Conv2D rounds output sizes as asked', async () => {
  for (const mode of ['floor', 'round', 'ceil'] as const) {
    const compute: Computation = () =>
      tf.conv2d(noiseTensor<tf.Rank.R4>([2, 8, 7, 3]), noiseTensor<tf.Rank.R4>([3, 2, 3, 5]), 2, 1, 'NHWC', 1, mode);
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, mode);
  }
});

test('Conv2D and its gradients take empty batches, one image without a batch, and filters as large as the image', async () => {
  const filter = () => noiseTensor<tf.Rank.R4>([3, 3, 2, 4], 5);
  const convolve = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid');
  const computations: Record<string, Computation> = {
    empty: () => convolve(tf.zeros([0, 5, 5, 2]), filter()),
    'empty, gradients': () => tf.grads(convolve)([tf.zeros([0, 5, 5, 2]), filter()], tf.zeros([0, 3, 3, 4])),
    'rank 3': () => tf.conv2d(noiseTensor<tf.Rank.R3>([5, 6, 2]), filter(), 1, 'same'),
    'no channels': () =>
      tf.fused.conv2d({
        x: tf.zeros([1, 4, 4, 0]) as tf.Tensor4D,
        filter: tf.zeros([3, 3, 0, 4]) as tf.Tensor4D,
        strides: 1,
        pad: 'valid',
        bias: tf.tensor1d([1, -2, 3, -4]),
        activation: 'relu',
      }),
    'no output': () => convolve(noiseTensor([1, 2, 3, 2]), filter()),
    whole: () => convolve(noiseTensor([2, 3, 3, 2]), filter()),
    'whole, gradients': () => tf.grads(convolve)([noiseTensor([2, 3, 3, 2]), filter()], noiseTensor([2, 1, 1, 4])),
  };
  for (const [name, compute] of Object.entries(computations)) {
    assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, name);
  }
});

test('Conv2D refuses a filter far larger than the image', () => {
  const convolve = () =>
    tf.conv2d(tf.zeros([1, 2, 2, 1]) as tf.Tensor4D, tf.zeros([5, 5, 1, 1]) as tf.Tensor4D, 1, 'valid');
  assert.throws(() => tf.tidy(convolve), /the filter is larger than the padded input/);
});

test('Conv2D keeps NaN through relu, as the cpu backend does', async () => {
  const compute: Computation = () => {
    const x = noise(2 * 6 * 6 * 3);
    x[40] = Number.NaN;
    const filter = noiseTensor<tf.Rank.R4>([3, 3, 3, 9]);
    return tf.fused.conv2d({ x: tf.tensor4d(x, [2, 6, 6, 3]), filter, strides: 1, pad: 'valid', activation: 'relu' });
  };
  assertClose(evaluate(compute), await evaluateOnCpu(compute), 1e-5);
});

test('conv2dTranspose() equals the cpu backend', async () => {
  const compute: Computation = () =>
    tf.conv2dTranspose(
      noiseTensor<tf.Rank.R4>([2, 5, 4, 6]),
      noiseTensor<tf.Rank.R4>([3, 3, 7, 6]),
      [2, 10, 8, 7],
      2,
      'same',
    );
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
});

test('Conv2DBackpropInput and Conv2DBackpropFilter equal finite differences', () => {
  const inputs = [noiseTensor([2, 5, 6, 3], 3), noiseTensor([3, 2, 3, 4], 4)] as const;
  const loss = (x: tf.Tensor, w: tf.Tensor) =>
    tf
      .conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [2, 1], 'same')
      .square()
      .sum();
  const gradients = tf.grads(loss)([...inputs]);
  const step = 1e-2;
  inputs.forEach((input, index) => {
    const values = input.dataSync();
    const gradient = gradients[index]!.dataSync();
    const lossAt = (at: number, delta: number): number =>
      tf.tidy(() => {
        const moved = Float32Array.from(values);
        moved[at]! += delta;
        const both = [...inputs] as tf.Tensor[];
        both[index] = tf.tensor(moved, input.shape);
        return loss(both[0]!, both[1]!).dataSync()[0]!;
      });
    for (let at = 0; at < values.length; at += 5) {
      // The loss is a quadratic: the central difference has no error but rounding.
      const slope = (lossAt(at, step) - lossAt(at, -step)) / (2 * step);
      assert.ok(Math.abs(slope - gradient[at]!) < 0.02, `input ${index}, element ${at}: ${slope}, ${gradient[at]}`);
    }
  });
  tf.dispose([...inputs, ...gradients]);
});

test('Conv2D, FusedConv2D and Conv2DBackpropInput see weights that are written in place', async () => {
  const shape: Shape = [3, 3, 2, 8];
  const x = noiseTensor<tf.Rank.R4>([2, 6, 6, 2], 1);
  const dy = noiseTensor<tf.Rank.R4>([2, 4, 4, 8], 2);
  const filter = noiseTensor<tf.Rank.R4>(shape, 3);
  const bias = noiseTensor<tf.Rank.R1>([8], 4);
  const runs: Record<string, (w: tf.Tensor4D) => tf.Tensor> = {
    Conv2D: (w) => tf.conv2d(x, w, 1, 'valid'),
    FusedConv2D: (w) => tf.fused.conv2d({ x, filter: w, bias, strides: 1, pad: 'valid', activation: 'relu' }),
    Conv2DBackpropInput: (w) => tf.conv2dTranspose(dy, w, [2, 6, 6, 2], 1, 'valid'),
  };
  for (const run of Object.values(runs)) evaluate(() => run(filter));
  const written = noise(tf.util.sizeFromShape(shape), 99);
  writeInPlace(filter, written);
  writeInPlace(bias, noise(8, 98));
  for (const [name, run] of Object.entries(runs)) {
    const fresh = () => run(tf.tensor4d(written, shape));
    assertClose(
      evaluateWithoutLeak(() => run(filter)),
      evaluate(fresh),
      0,
      name,
    );
  }
  tf.dispose([x, dy, filter, bias]);
});

const seedShapes: readonly [Shape, Shape, Conv2DAttributes['pad']][] = [
  [[4, 28, 28, 1], [3, 3, 1, 32], 'valid'],
  [[4, 13, 13, 32], [3, 3, 32, 64], 'valid'],
  [[9, 5, 5, 64], [3, 3, 64, 128], 'valid'],
  [[1, 30, 31, 5], [5, 4, 5, 37], 'same'],
];

test('Conv2D, FusedConv2D and both gradients give the same bits on any number of threads', async () => {
  await engine.stop();
  const computations = seedShapes.map(([xShape, filterShape, pad], index): [string, Computation] => [
    `${xShape} by ${filterShape}`,
    () => {
      const x = noiseTensor<tf.Rank.R4>(xShape, index);
      const filter = noiseTensor<tf.Rank.R4>(filterShape, index + 1);
      const bias = noiseTensor<tf.Rank.R1>([filterShape[3]], index + 2);
      const convolve = (input: tf.Tensor, weights: tf.Tensor) =>
        tf.conv2d(input as tf.Tensor4D, weights as tf.Tensor4D, 1, pad as 'same');
      const y = tf.fused.conv2d({ x, filter, bias, strides: 1, pad: pad as 'same', activation: 'relu6' });
      return [y, convolve(x, filter), ...tf.grads(convolve)([x, filter], y)];
    },
  ]);
  await assertSameBits(Object.fromEntries(computations));
  engine = await startBackend({ threads: 2 });
});

test('Conv2D and its gradients do not let the heap grow', () => {
  const compute: Computation = () => {
    const convolve = (input: tf.Tensor, weights: tf.Tensor) =>
      tf.conv2d(input as tf.Tensor4D, weights as tf.Tensor4D, 1, 'same');
    const inputs = [noiseTensor([8, 16, 16, 16]), noiseTensor([3, 3, 16, 20])];
    return tf.grads(convolve)(inputs, noiseTensor([8, 16, 16, 20]));
  };
  const heapBytes = () => engine.backend.bytes(0, 4).buffer.byteLength;
  for (let i = 0; i < 3; i++) evaluate(compute);
  const before = heapBytes();
  for (let i = 0; i < 60; i++) evaluate(compute);
  assert.is(heapBytes(), before);
});

test.run();
