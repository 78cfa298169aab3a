// The direct convolution of a plan against the operations one by one: random filters, strides, dilations and channels, and the sizes
// at which jobs and partial sums are cut.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../../src/backend/index.ts';
import { noiseStep, runPlanned } from '../both-roads.ts';
import { apply, assertPlansAgree, batches, CLASSES, classifier, type Scenario } from './op-by-op.ts';

const { layers } = tf;

const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const convolution = fc
  .record({
    filters: fc.integer({ min: 1, max: 19 }),
    kernelSize: pair(4),
    spread: pair(3),
    isDilated: fc.boolean(),
    padding: fc.constantFrom('same' as const, 'valid' as const),
    useBias: fc.boolean(),
    activation: fc.constantFrom('linear' as const, 'relu' as const, 'tanh' as const, 'elu' as const),
    pooling: fc.constantFrom(0, 0, 2),
    rate: fc.constantFrom(0, 0, 0.3),
  })
  .map(({ spread, isDilated, ...settings }) => ({
    ...settings,
    ...(isDilated ? { strides: [1, 1], dilationRate: spread } : { strides: spread, dilationRate: [1, 1] }),
  }));
type Convolution = typeof convolution extends fc.Arbitrary<infer T> ? T : never;

const extentAfter = (extent: number, { kernelSize, strides, dilationRate, padding }: Convolution, axis: 0 | 1) => {
  const reach = padding === 'same' ? 0 : (kernelSize[axis]! - 1) * dilationRate[axis]!;
  return Math.ceil((extent - reach) / strides[axis]!);
};

/** A chain of convolutions, each as far as the image is large enough for it. */
function chain(inputShape: readonly number[], convolutions: readonly Convolution[]): tf.LayersModel {
  const input = tf.input({ shape: [...inputShape] });
  let value = input;
  for (const { pooling, rate, ...settings } of convolutions) {
    const [height, width] = [0, 1].map((axis) =>
      extentAfter(value.shape[axis + 1]!, settings as Convolution, axis as 0),
    );
    if (Math.min(height!, width!) < 1) continue;
    value = apply(value, layers.conv2d(settings as Parameters<typeof layers.conv2d>[0]));
    if (pooling && Math.min(height!, width!) >= pooling)
      value = apply(value, layers.maxPooling2d({ poolSize: pooling }));
    if (rate) value = apply(value, layers.dropout({ rate }));
  }
  return tf.model({ inputs: input, outputs: apply(value, ...classifier()) });
}

const inputShape = fc.tuple(
  fc.integer({ min: 3, max: 14 }),
  fc.integer({ min: 3, max: 14 }),
  fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 9 })),
);

test('a plan convolves as the operations do, for random convolutions', async () => {
  const samples = fc.sample(
    fc.record({ inputShape, convolutions: fc.array(convolution, { minLength: 1, maxLength: 3 }), batches }),
    { seed: 20, numRuns: 60 },
  );
  await assertPlansAgree(
    samples.map(({ inputShape, convolutions, batches }) => ({
      name: JSON.stringify({ inputShape, convolutions, batches }),
      build: () => chain(inputShape, convolutions),
      ...batches,
    })),
  );
});

/** One layer between two small ones. */
function between(
  [height, width, channels]: readonly [number, number, number],
  ...middle: tf.layers.Layer[]
): tf.LayersModel {
  const input = tf.input({ shape: [height, width, 2] });
  const first = layers.conv2d({ filters: channels, kernelSize: 1, activation: 'tanh' });
  return tf.model({ inputs: input, outputs: apply(input, first, ...middle, ...classifier()) });
}

test('a plan convolves as the operations do where jobs of the filter are many', async () => {
  const conv = (filters: number, strides = 2) => layers.conv2d({ filters, kernelSize: 3, strides, activation: 'relu' });
  const cases: Record<string, () => tf.LayersModel> = {
    'rows of the whole batch': () => between([7, 7, 64], conv(64)),
    'rows whose panels are not full': () => between([7, 7, 36], conv(60)),
    'rows of odd channels': () => between([8, 8, 33], conv(57)),
    'sums of partitions': () => between([19, 19, 32], conv(40)),
    'one pixel': () => between([3, 3, 48], conv(100, 1)),
    'one line': () => between([3, 24, 12], layers.conv2d({ filters: 20, kernelSize: [3, 2] })),
    'many pixels of a prime number': () => between([19, 53, 3], layers.conv2d({ filters: 5, kernelSize: 1 })),
  };
  await assertPlansAgree(
    Object.entries(cases).map(([name, build]): Scenario => ({ name, build, batches: [20, 13], capacity: 24 })),
  );
});

test('a plan gives the gradient to all that was read: values of several readers, and one channel in the middle', async () => {
  const scenarios: Scenario[] = [
    {
      name: 'readers that use different parts',
      build: () => {
        const input = tf.input({ shape: [10, 9, 2] });
        const shared = apply(input, layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu' }));
        // The first reads all of it, the second all but the last row and column, the third every other pixel.
        const branches = [
          layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', strides: 2 }),
          layers.conv2d({ filters: 4, kernelSize: 2, strides: 2, activation: 'tanh' }),
          layers.conv2d({ filters: 5, kernelSize: 1, strides: 2 }),
        ].map((branch) => apply(shared, branch, layers.flatten()));
        const joined = layers.concatenate().apply(branches) as tf.SymbolicTensor;
        const output = apply(joined, layers.dense({ units: CLASSES, activation: 'softmax' }));
        return tf.model({ inputs: input, outputs: output });
      },
      batches: [13, 8],
      capacity: 16,
    },
    {
      name: 'one channel in the middle',
      build: () =>
        between(
          [12, 12, 5],
          layers.conv2d({ filters: 1, kernelSize: 1 }),
          layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }),
          layers.maxPooling2d({ poolSize: 2 }),
        ),
      batches: [7, 20],
      capacity: 21,
    },
    {
      name: 'a frozen layer in the middle',
      build: () =>
        between(
          [9, 7, 5],
          layers.conv2d({ filters: 6, kernelSize: 3, strides: 2, activation: 'relu', trainable: false }),
          layers.conv2d({ filters: 7, kernelSize: 2, activation: 'tanh' }),
        ),
      batches: [7, 8],
      capacity: 8,
    },
    {
      name: 'batch normalisation and a sum right after',
      build: () => {
        const input = tf.input({ shape: [11, 10, 3] });
        const normalised = (value: tf.SymbolicTensor, filters: number, kernelSize: number, strides: number) =>
          apply(
            value,
            layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false }),
            layers.batchNormalization(),
          );
        const stem = apply(normalised(input, 10, 3, 1), layers.activation({ activation: 'relu' }));
        const inner = apply(normalised(stem, 12, 3, 2), layers.activation({ activation: 'tanh' }));
        const shortcut = apply(stem, layers.conv2d({ filters: 12, kernelSize: 1, strides: 2, useBias: false }));
        const sum = layers.add().apply([normalised(inner, 12, 1, 1), shortcut, inner]) as tf.SymbolicTensor;
        const plainSum = layers.add().apply([sum, apply(sum, layers.conv2d({ filters: 12, kernelSize: 1 }))]);
        const head = [layers.globalAveragePooling2d({}), layers.dense({ units: CLASSES, activation: 'softmax' })];
        return tf.model({ inputs: input, outputs: apply(plainSum as tf.SymbolicTensor, ...head) });
      },
      batches: [13, 20],
      capacity: 20,
    },
  ];
  await assertPlansAgree(scenarios);
});

test('a plan lets a weight that is not a number reach the loss, through relu and pooling', async () => {
  const engine = await startBackend({ threads: 1 });
  for (const activation of ['relu', 'relu6', 'elu', 'tanh'] as const) {
    const model = between(
      [8, 8, 5],
      layers.conv2d({ filters: 6, kernelSize: 2, activation }),
      layers.maxPooling2d({ poolSize: 2 }),
    );
    const weights = model.getWeights().map((weight, i) => (i === 2 ? tf.fill(weight.shape, Number.NaN) : weight));
    model.setWeights(weights);
    const step = noiseStep([7, 8, 8, 2], { classes: CLASSES, seed: 1, learningRate: 0.125 });
    const outcome = runPlanned(model, [step], { capacity: 8 });
    assert.ok('reason' in outcome === false && Number.isNaN(outcome[0]!.lossSum), activation);
  }
  await engine.stop();
});

test.run();
