// Poolings of a plan against the operations one by one: averages of windows and of images, maxima of windows over the border, of
// windows too large to number in a byte, and of whole images.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import { apply, assertPlansAgree, batches, CLASSES, classifier, type Scenario } from './op-by-op.ts';

const { layers } = tf;

const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const pooling = fc.record({
  kind: fc.constantFrom('average' as const, 'max' as const),
  poolSize: pair(3),
  strides: pair(3),
  padding: fc.constantFrom('same' as const, 'valid' as const),
});
type Pooling = typeof pooling extends fc.Arbitrary<infer T> ? T : never;

const poolingLayer = ({ kind, ...settings }: Pooling): tf.layers.Layer =>
  kind === 'average' ? layers.averagePooling2d(settings) : layers.maxPooling2d(settings);

test('a plan pools as the operations do, for random windows', async () => {
  const samples = fc.sample(
    fc.record({
      inputShape: fc.tuple(
        fc.integer({ min: 8, max: 13 }),
        fc.integer({ min: 8, max: 13 }),
        fc.integer({ min: 1, max: 3 }),
      ),
      filters: fc.integer({ min: 1, max: 11 }),
      first: pooling,
      second: pooling,
      activation: fc.constantFrom('linear' as const, 'relu' as const, 'tanh' as const),
      rate: fc.constantFrom(0, 0.3),
      isFirst: fc.boolean(),
      batches,
    }),
    { seed: 22, numRuns: 40 },
  );
  const scenarios = samples.map((sample): Scenario => {
    const { inputShape, filters, first, second, activation, rate, isFirst, batches } = sample;
    const build = () => {
      const input = tf.input({ shape: [...inputShape] });
      const convolution = layers.conv2d({ filters, kernelSize: 2, padding: 'same' });
      const stack = [
        ...(isFirst ? [] : [convolution]),
        poolingLayer(first),
        layers.activation({ activation }),
        ...(rate > 0 ? [layers.dropout({ rate })] : []),
        ...(isFirst ? [convolution] : []),
        poolingLayer({ ...second, padding: 'same' }),
        // Reads less than all of what was pooled.
        layers.conv2d({ filters: 3, kernelSize: 1, strides: 2 }),
        ...classifier(),
      ];
      return tf.model({ inputs: input, outputs: apply(input, ...stack) });
    };
    return { name: JSON.stringify(sample), build, ...batches };
  });
  await assertPlansAgree(scenarios);
});

test('a plan pools whole images as the operations do', async () => {
  const scenarios = [3, 16].flatMap((side) =>
    [layers.globalAveragePooling2d, layers.globalMaxPooling2d].map((poolingOf): Scenario => {
      const build = () => {
        const input = tf.input({ shape: [side + 2, side + 1, 2] });
        const stack = [
          layers.conv2d({ filters: 9, kernelSize: [3, 2], activation: 'tanh' }),
          poolingOf({}),
          layers.dropout({ rate: 0.2 }),
          layers.dense({ units: CLASSES, activation: 'softmax' }),
        ];
        return tf.model({ inputs: input, outputs: apply(input, ...stack) });
      };
      return { name: `${poolingOf({}).name} of ${side} x ${side}`, build, batches: [13, 8], capacity: 15 };
    }),
  );
  await assertPlansAgree(scenarios);
});

test('a plan gives the gradient of several poolings to the value that they read', async () => {
  const build = () => {
    const input = tf.input({ shape: [9, 9, 3] });
    const shared = apply(input, layers.conv2d({ filters: 6, kernelSize: 2, activation: 'relu' }));
    const vectors = [
      [layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), layers.flatten()],
      [layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), layers.flatten()],
      [layers.maxPooling2d({ poolSize: 3 }), layers.flatten()],
      [layers.globalAveragePooling2d({})],
      [layers.globalMaxPooling2d({})],
    ].map((branch) => apply(shared, ...branch));
    const joined = layers.concatenate().apply(vectors) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: apply(joined, layers.dense({ units: CLASSES, activation: 'softmax' })) });
  };
  await assertPlansAgree([{ name: 'five poolings', build, batches: [20, 7], capacity: 20 }]);
});

test.run();
