// Gradients of average pooling against their definition: each window gives equal shares to its pixels inside the image. tfjs's own cpu
// kernels are no oracle: they give shares to the padding, too. Golden values: PyTorch 1.13, `avg_pool2d` and `avg_pool3d` with
// count_include_pad=False, ones in, the sum of the outputs times 1, 2, 3, … out.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { type Graph, graphOf } from '../../../src/plan/graph.ts';
import { noiseStep, runOpByOp, runPlanned } from '../../plan/both-roads.ts';
import { referenceGradients } from '../../plan/float64-reference.ts';
import { assertSameBits, evaluateWithoutLeak, noise, noiseTensor } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Shape = [number, number, number, number];
type Pad = 'same' | 'valid' | number | [[0, 0], [number, number], [number, number], [0, 0]];
type Rounding = 'floor' | 'round' | 'ceil' | undefined;

interface Pooling {
  readonly filterSize: [number, number];
  readonly strides: [number, number];
  readonly pad: Pad;
  readonly dimRoundingMode: Rounding;
}

const infoOf = (shape: Shape, { filterSize, strides, pad, dimRoundingMode }: Pooling) =>
  tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad as 'same', dimRoundingMode);

/** Pixels [first, end) of window `output` along an axis that are inside. */
function insideOf(output: number, stride: number, filter: number, padding: number, size: number): number[] {
  const first = Math.max(0, output * stride - padding);
  const end = Math.min(size, output * stride - padding + filter);
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

function gradientByDefinition(shape: Shape, pooling: Pooling, dy: Float32Array): Float64Array {
  const info = infoOf(shape, pooling);
  const [batch, height, width, channels] = shape;
  const dx = new Float64Array(batch * height * width * channels);
  let at = 0;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < info.outHeight; y++) {
      for (let x = 0; x < info.outWidth; x++) {
        const rows = insideOf(y, info.strideHeight, info.filterHeight, info.padInfo.top, height);
        const columns = insideOf(x, info.strideWidth, info.filterWidth, info.padInfo.left, width);
        for (let channel = 0; channel < channels; channel++, at++) {
          for (const row of rows) {
            for (const column of columns) {
              const pixel = (image * height + row) * width + column;
              dx[pixel * channels + channel]! += dy[at]! / (rows.length * columns.length);
            }
          }
        }
      }
    }
  }
  return dx;
}

const runGradient = (dy: tf.Tensor, input: tf.Tensor, { filterSize, strides, pad }: Pooling): tf.Tensor =>
  tf.engine().runKernel('AvgPoolGrad', { dy, input }, { filterSize, strides, pad });

test('AvgPoolGrad equals its definition over random shapes, windows, strides, paddings and roundings', () => {
  const side = fc.integer({ min: 1, max: 9 });
  const tap = fc.integer({ min: 1, max: 4 });
  const margin = fc.nat(2);
  const pad: fc.Arbitrary<Pad> = fc.oneof(
    fc.constantFrom<Pad>('same', 'valid', 1, 2),
    fc.tuple(margin, margin, margin, margin).map(
      ([a, b, c, d]): Pad => [
        [0, 0],
        [a, b],
        [c, d],
        [0, 0],
      ],
    ),
  );
  const pooling = fc.record({
    filterSize: fc.tuple(tap, tap),
    strides: fc.tuple(tap, tap),
    pad,
    dimRoundingMode: fc.constantFrom<Rounding>('floor', 'round', 'ceil'),
  });
  let seen = 0;
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 9 })),
      pooling,
      fc.nat(999),
      (shape, settings, seed) => {
        const { outShape, outHeight, outWidth } = infoOf(shape, settings);
        fc.pre(outHeight > 0 && outWidth > 0);
        seen++;
        const dy = noise(tf.util.sizeFromShape(outShape), seed);
        const [found] = evaluateWithoutLeak(() => runGradient(tf.tensor(dy, outShape), tf.zeros(shape), settings));
        const expected = gradientByDefinition(shape, settings, dy);
        expected.forEach((value, i) => {
          assert.ok(Math.abs(found!.values[i]! - value) < 1e-5, `${i}: ${found!.values[i]}, not ${value}`);
        });
      },
    ),
    { seed: 8, numRuns: 300 },
  );
  assert.ok(seen > 200);
});

const weighted = (y: tf.Tensor): tf.Scalar => tf.sum(y.mul(tf.range(1, y.size + 1).reshape(y.shape)));

test('tf.grad() of tf.avgPool() and tf.avgPool3d() gives what PyTorch gives', () => {
  const gradient = (shape: number[], pool: (x: tf.Tensor) => tf.Tensor): number[] =>
    tf.tidy(() => [
      ...tf
        .grad((x: tf.Tensor) => weighted(pool(x)))(tf.ones(shape))
        .dataSync(),
    ]);
  const near = (found: number[], expected: number[]): void => {
    assert.is(found.length, expected.length);
    found.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < 2e-6, `${i}: ${value}`);
    });
  };
  near(
    tf.tidy(() => [
      ...tf
        .grad((x) => tf.avgPool(x as tf.Tensor3D, 3, 1, 'same').sum())(tf.ones([3, 3, 1]))
        .dataSync(),
    ]),
    [0.694444, 1.111111, 0.694444, 1.111111, 1.777778, 1.111111, 0.694444, 1.111111, 0.694444],
  );
  near(
    gradient([1, 3, 3, 1], (x) => tf.avgPool(x as tf.Tensor4D, 3, 1, 'same')),
    [1.805556, 3.555556, 2.638889, 4.888889, 8.888889, 6.222222, 4.305556, 7.555556, 5.138889],
  );
  near(
    gradient([1, 5, 4, 1], (x) => tf.avgPool(x as tf.Tensor4D, 3, 2, 1, 'floor')),
    [
      0.25, 0.583333, 0.333333, 0.333333, 0.75, 1.527778, 0.777778, 0.777778, 0.5, 0.944444, 0.444444, 0.444444, 1.75,
      3.194444, 1.444444, 1.444444, 1.25, 2.25, 1, 1,
    ],
  );
  const volume = tf.tidy(() => [
    ...tf
      .grad((x) => tf.avgPool3d(x as tf.Tensor5D, 3, 1, 'same').sum())(tf.ones([1, 3, 3, 3, 1]))
      .dataSync(),
  ]);
  const [corner, edge, face, centre] = [0.578704, 0.925926, 1.481481, 2.37037];
  const plane = [corner, edge, corner, edge, face, edge, corner, edge, corner];
  near(volume, [...plane, edge, face, edge, face, centre, face, edge, face, edge, ...plane]);
});

test('AvgPool3DGrad is the transpose of AvgPool3D over random shapes, windows, strides and paddings', () => {
  const side = fc.integer({ min: 2, max: 5 });
  const tap = fc.integer({ min: 1, max: 3 });
  const triple = fc.tuple(tap, tap, tap);
  const shape = fc.tuple(fc.constant(2), side, side, side, fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(shape, triple, triple, fc.constantFrom<'same' | 'valid' | 1>('same', 'valid', 1), (...drawn) => {
      const [of, filter, strides, pad] = drawn;
      fc.pre(pad !== 'valid' || filter.every((taps, axis) => taps <= of[axis + 1]!));
      tf.tidy(() => {
        const rounding = pad === 1 ? 'floor' : undefined;
        const pool = (x: tf.Tensor): tf.Tensor => tf.avgPool3d(x as tf.Tensor5D, filter, strides, pad, rounding);
        const x = noiseTensor<tf.Rank.R5>(of as [number, number, number, number, number], 3);
        const y = pool(x);
        fc.pre(y.size > 0);
        const dy = noiseTensor<tf.Rank.R5>(y.shape as [number, number, number, number, number], 4);
        const dx = tf.grad(pool)(x, dy);
        const [left, right] = [y.mul(dy).sum().dataSync()[0]!, x.mul(dx).sum().dataSync()[0]!];
        assert.ok(Math.abs(left - right) < 1e-4 * (1 + Math.abs(left)), `${left}, ${right}`);
      });
    }),
    { seed: 9, numRuns: 60 },
  );
});

test('A plan and the operations one by one give an average pooling with padding its gradient by definition', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [7, 6, 1], filters: 5, kernelSize: 3, padding: 'same' }),
      tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  const start = model.getWeights().map((weight) => weight.clone());
  // So large that rounding a weight leaves the digits of its gradient.
  const learningRate = 2 ** 20;
  const step = noiseStep([4, 7, 6, 1], { classes: 3, seed: 1, learningRate });
  const { gradients } = referenceGradients({
    graph: graphOf(model) as Graph,
    images: step.x.dataSync(),
    labels: step.y.dataSync(),
    batch: 4,
  });
  for (const run of [() => runPlanned(model, [step], { capacity: 4 }), () => runOpByOp(model, [step])]) {
    model.setWeights(start);
    const outcome = run();
    assert.ok(!('reason' in outcome));
    model.weights.forEach((weight, i) => {
      gradients.get(weight)!.forEach((value, k) => {
        const found = -outcome[0]!.changes[i]![k]! / learningRate;
        assert.ok(Math.abs(found - value) < 1e-6, `${weight.originalName}, ${k}: ${found}, not ${value}`);
      });
    });
  }
  model.dispose();
  tf.dispose([step.x, step.y, ...start]);
});

test('AvgPoolGrad gives the same bits on any number of threads and on unshared memory', async () => {
  await engine.stop();
  await assertSameBits({
    same: () => {
      const settings = { filterSize: [3, 3], strides: [2, 2], pad: 'same', dimRoundingMode: undefined } as Pooling;
      const shape: Shape = [5, 9, 8, 6];
      return runGradient(noiseTensor(infoOf(shape, settings).outShape as Shape), tf.zeros(shape), settings);
    },
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
