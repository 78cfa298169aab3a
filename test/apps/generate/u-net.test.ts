// The generator's network and its normalisation against the same of stock tfjs operations on the cpu backend, forward and backward.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normalizeAndModulate } from '../../../src/apps/generate/operations.ts';
import { shippedShape } from '../../../src/apps/generate/train.ts';
import {
  countWeights,
  fromPatches,
  type GeneratorInputs,
  type GeneratorShape,
  initialWeights,
  timeFeatures,
  toPatches,
  velocityOf,
  weightShapes,
} from '../../../src/apps/generate/u-net.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
} from '../../backend/kernels/oracle.ts';
import { modulatedNormReference, velocityReference } from './reference.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const normShapes: [number, number, number, number][] = [
  [1, 1, 1, 4],
  [3, 5, 2, 8],
  [2, 7, 7, 12],
];

test('normalizeAndModulate() and its gradient equal stock operations on the cpu backend', async () => {
  for (const shape of normShapes) {
    const inputs = (): [tf.Tensor4D, tf.Tensor2D, tf.Tensor] => [
      noiseTensor<tf.Rank.R4>(shape, 1).mul(3).add(0.5) as tf.Tensor4D,
      noiseTensor<tf.Rank.R2>([shape[0], 2 * shape[3]], 2),
      noiseTensor(shape, 3),
    ];
    const both = (operation: typeof modulatedNormReference) => () => {
      const [x, modulation, weights] = inputs();
      const { value, grads } = tf.valueAndGrads((a: tf.Tensor, b: tf.Tensor) =>
        tf.sum(tf.mul(operation(a as tf.Tensor4D, b as tf.Tensor2D), weights)),
      )([x, modulation]);
      return [value, operation(x, modulation), ...grads];
    };
    const expected = await evaluateOnCpu(both(modulatedNormReference));
    assertClose(evaluateWithoutLeak(both(normalizeAndModulate)), expected, 3e-5, `[${shape}]`);
  }
});

test('normalizeAndModulate() takes a picture of one level, far from 0', () => {
  const [{ values }] = evaluate(() =>
    normalizeAndModulate(tf.fill<tf.Rank.R4>([1, 3, 3, 4], 1000), tf.zeros<tf.Rank.R2>([1, 8])),
  ) as unknown as [{ values: Float32Array }];
  assert.ok(Array.from(values).every((value) => value === 0));
});

test('normalizeAndModulate() refuses channels that are no multiple of 4, and rows of another length', () => {
  for (const [channels, length] of [
    [6, 12],
    [8, 8],
  ] as const) {
    assert.throws(
      () => normalizeAndModulate(tf.zeros([1, 2, 2, channels]), tf.zeros([1, length])),
      (error: { code?: string }) => error.code === 'generate/shape',
    );
  }
});

const small: GeneratorShape = { side: 14, classes: 3, width: 8, condition: 12, blocks: [1, 2, 1] };

/** Weights of which none is zero, so that every gradient is more than zero. */
const weightsOf = (shape: GeneratorShape): Record<string, tf.Tensor> =>
  Object.fromEntries(
    weightShapes(shape).map(({ name, shape: extents }, i) => [name, noiseTensor([...extents], i + 1).mul(0.3)]),
  );

const inputsOf = ({ side, classes }: GeneratorShape, count = 2): GeneratorInputs => ({
  x: noiseTensor<tf.Rank.R4>([count, side / 2, side / 2, 4], 91),
  time: tf.tensor2d(timeFeatures([0.2, 0.9].slice(0, count)), [count, 32]),
  classes: tf.tensor2d(Float32Array.from([1, 0, 0, 0, 0, 0.25, 0.75, 0].slice(0, count * (classes + 1))), [
    count,
    classes + 1,
  ]),
});

test('velocityOf() and its gradient by every weight equal stock operations on the cpu backend', async () => {
  const both = (network: typeof velocityReference) => () => {
    const weights = weightsOf(small);
    const inputs = inputsOf(small);
    const names = Object.keys(weights);
    const target = noiseTensor([2, 7, 7, 4], 92);
    const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const own = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      return tf.mean(tf.squaredDifference(network(small, own, inputs), target));
    })(Object.values(weights));
    return [value, network(small, weights, inputs), ...grads];
  };
  const expected = await evaluateOnCpu(both(velocityReference));
  const actual = evaluateWithoutLeak(both(velocityOf));
  assertClose(actual, expected, 3e-4);
  for (const { values } of actual) assert.ok(Array.from(values).some((value) => value !== 0));
});

test('velocityOf() gives the same bits at any number of threads, gradients too', async () => {
  await engine.stop();
  await assertSameBits({
    velocity: () => velocityOf(small, weightsOf(small), inputsOf(small)),
    gradients: () => {
      const weights = weightsOf(small);
      const names = Object.keys(weights);
      return tf.grads((...values: tf.Tensor[]) => {
        const own = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        return tf.sum(velocityOf(small, own, inputsOf(small)));
      })(Object.values(weights));
    },
  });
  engine = await startBackend({ threads: 2 });
});

test('initialWeights() is seeded, and the network begins as no velocity', () => {
  const [first, same, other] = [1, 1, 2].map((seed) => initialWeights(small, seed));
  assert.equal(first, same);
  assert.not.equal(first, other);
  const [{ values }] = evaluate(() => {
    const weights = Object.fromEntries(
      weightShapes(small).map(({ name, shape }, i) => [name, tf.tensor(first![i]!, [...shape])]),
    );
    return velocityOf(small, weights, inputsOf(small));
  }) as unknown as [{ values: Float32Array }];
  assert.ok(Array.from(values).every((value) => value === 0));
});

test('shippedShape is at most 4 MB as float16', () => {
  assert.ok(2 * countWeights(shippedShape) <= 4e6);
});

test('timeFeatures() are cosines and sines of multiples of the time', () => {
  const features = timeFeatures([0, 0.3, 1]);
  for (const [row, time] of [0, 0.3, 1].entries()) {
    for (let k = 0; k < 16; k++) {
      const angle = (Math.PI * Math.fround(time) * (k + 1)) / 2;
      assert.ok(Math.abs(features[row * 32 + k]! - Math.cos(angle)) < 1e-6, `cosine ${k} of ${time}`);
      assert.ok(Math.abs(features[row * 32 + 16 + k]! - Math.sin(angle)) < 1e-6, `sine ${k} of ${time}`);
    }
  }
});

test('fromPatches() undoes toPatches(), whose four channels are neighbours', () => {
  const pictures = noise(2 * 36);
  const patches = toPatches(pictures, 6);
  assert.equal([...patches.subarray(0, 4)], [pictures[0], pictures[1], pictures[6], pictures[7]]);
  assert.equal(fromPatches(patches, 6), pictures);
});

test.run();
