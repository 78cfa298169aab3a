// Concatenations of a plan against the operations one by one: any number of inputs, the same one twice, and inputs of which other
// readers use more than the concatenation does. Borders of zeros, which are copies of the same kind.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import { apply, assertPlansAgree, batches, CLASSES, classifier, type Scenario } from './op-by-op.ts';

const { layers } = tf;

test('a plan concatenates as the operations do, for random branches', async () => {
  const samples = fc.sample(
    fc.record({
      inputShape: fc.tuple(
        fc.integer({ min: 5, max: 9 }),
        fc.integer({ min: 5, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
      ),
      branches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      /** The image itself, the shared value, and the first branch once more. */
      extras: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
      poolSize: fc.constantFrom(0, 2),
      /** Reads all of the shared value, where the pooling of what is concatenated leaves a row. */
      isShared: fc.boolean(),
      batches,
    }),
    { seed: 23, numRuns: 30 },
  );
  const scenarios = samples.map((sample): Scenario => {
    const build = () => {
      const input = tf.input({ shape: [...sample.inputShape] });
      const shared = apply(input, layers.conv2d({ filters: 5, kernelSize: 3, padding: 'same', activation: 'relu' }));
      const values = sample.branches.map((filters) =>
        apply(shared, layers.conv2d({ filters, kernelSize: filters % 2 === 0 ? 1 : 3, padding: 'same' })),
      );
      const more = [input, shared, values[0]!].filter((_, i) => sample.extras[i] || (i === 1 && values.length === 1));
      let joined = layers.concatenate().apply([...values, ...more]) as tf.SymbolicTensor;
      if (sample.poolSize) joined = apply(joined, layers.maxPooling2d({ poolSize: 2 }));
      joined = apply(joined, layers.flatten());
      if (sample.isShared) {
        joined = layers.concatenate().apply([joined, apply(shared, layers.flatten())]) as tf.SymbolicTensor;
      }
      return tf.model({
        inputs: input,
        outputs: apply(joined, layers.dense({ units: CLASSES, activation: 'softmax' })),
      });
    };
    return { name: JSON.stringify(sample), build, ...sample.batches };
  });
  await assertPlansAgree(scenarios);
});

test('a plan puts zeros around images as the operations do', async () => {
  const margin = fc.tuple(fc.nat(3), fc.nat(3));
  const samples = fc.sample(
    fc.record({
      outer: fc.tuple(margin, margin),
      inner: fc.tuple(margin, margin),
      strides: fc.constantFrom(1, 2, 3),
      batches,
    }),
    { seed: 24, numRuns: 20 },
  );
  const scenarios = samples.map((sample): Scenario => {
    const build = () => {
      const input = tf.input({ shape: [6, 7, 3] });
      const stack = [
        layers.zeroPadding2d({ padding: sample.outer }),
        layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, activation: 'relu' }),
        layers.zeroPadding2d({ padding: sample.inner }),
        // Need not reach the last rows: less than the whole border, or not even the whole image, is used.
        layers.conv2d({ filters: 4, kernelSize: 1, strides: sample.strides }),
        ...classifier(),
      ];
      return tf.model({ inputs: input, outputs: apply(input, ...stack) });
    };
    return { name: JSON.stringify(sample), build, ...sample.batches };
  });
  await assertPlansAgree(scenarios);
});

test.run();
