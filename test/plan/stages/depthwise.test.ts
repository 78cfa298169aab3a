// Depthwise and separable convolutions of a plan against the operations one by one; tfjs has no gradient of dilated ones, which are
// compared with larger filters that have zeros between their taps. Its depthwise layer has a dilation, and convolves without.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../../src/backend/index.ts';
import { initializeWeights } from '../../../src/models/index.ts';
import { noiseStep, runPlanned } from '../both-roads.ts';
import { apply, assertPlansAgree, batches, CLASSES, classifier, type Scenario } from './op-by-op.ts';

const { layers } = tf;

const settings = fc.record({
  depthMultiplier: fc.integer({ min: 1, max: 3 }),
  kernelSize: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  stride: fc.integer({ min: 1, max: 3 }),
  padding: fc.constantFrom('same' as const, 'valid' as const),
  useBias: fc.boolean(),
  activation: fc.constantFrom('linear' as const, 'relu6' as const, 'sigmoid' as const),
  /** Of the pointwise convolution that makes it separable. */
  filters: fc.option(fc.integer({ min: 1, max: 13 })),
  rate: fc.constantFrom(0, 0, 0.25),
});

test('a plan convolves channel by channel as the operations do, for random convolutions', async () => {
  const samples = fc.sample(
    fc.record({
      inputShape: fc.tuple(
        fc.integer({ min: 4, max: 11 }),
        fc.integer({ min: 4, max: 11 }),
        fc.integer({ min: 1, max: 21 }),
      ),
      first: settings,
      second: settings,
      batches,
    }),
    { seed: 21, numRuns: 40 },
  );
  const layerOf = ({ filters, stride, rate, kernelSize, ...rest }: (typeof samples)[number]['first']) => [
    filters === null
      ? layers.depthwiseConv2d({ ...rest, kernelSize, strides: [stride, stride] })
      : layers.separableConv2d({ ...rest, kernelSize, strides: [stride, stride], filters }),
    ...(rate > 0 ? [layers.dropout({ rate })] : []),
  ];
  const scenarios = samples.map(({ inputShape, first, second, batches }): Scenario => {
    const build = () => {
      const input = tf.input({ shape: [...inputShape] });
      // The second is 'same', for whatever the first leaves of the image.
      const stack = [...layerOf(first), ...layerOf({ ...second, padding: 'same' }), ...classifier()];
      return tf.model({ inputs: input, outputs: apply(input, ...stack) });
    };
    return { name: JSON.stringify({ inputShape, first, second, batches }), build, ...batches };
  });
  await assertPlansAgree(scenarios);
});

/** Rows and columns of zeros between the taps of a depthwise kernel. */
function spread(kernel: tf.Tensor4D, dilation: number): tf.Tensor4D {
  const [height, width, channels, multiplier] = kernel.shape;
  const size = (extent: number) => (extent - 1) * dilation + 1;
  const wide = tf.buffer([size(height), size(width), channels, multiplier]);
  const taps = kernel.arraySync();
  taps.forEach((row, y) => {
    row.forEach((tap, x) => {
      tap.forEach((outputs, channel) => {
        outputs.forEach((value, i) => {
          wide.set(value, y * dilation, x * dilation, channel, i);
        });
      });
    });
  });
  return wide.toTensor() as tf.Tensor4D;
}

test('a plan trains a dilated separable convolution as one with zeros between its taps', async () => {
  const engine = await startBackend({ threads: 2 });
  const build = (kernelSize: number, dilationRate: number): tf.LayersModel => {
    const input = tf.input({ shape: [11, 10, 3] });
    const middle = layers.separableConv2d({
      kernelSize,
      dilationRate,
      depthMultiplier: 2,
      filters: 7,
      padding: 'same',
    });
    return tf.model({
      inputs: input,
      outputs: apply(input, layers.conv2d({ filters: 5, kernelSize: 2 }), middle, ...classifier()),
    });
  };
  const dilated = build(3, 2);
  const wide = build(5, 1);
  initializeWeights(dilated, 3);
  const spreadAll = (weights: tf.Tensor[]): tf.Tensor[] =>
    weights.map((weight, i) => (i === 2 ? spread(weight as tf.Tensor4D, 2) : weight));
  wide.setWeights(spreadAll(dilated.getWeights()));
  const step = noiseStep([13, 11, 10, 3], { classes: CLASSES, seed: 1, learningRate: 0.125 });
  for (const model of [dilated, wide]) {
    const outcome = runPlanned(model, [step], { capacity: 13 });
    assert.not('reason' in outcome);
  }
  // Zeros between taps got an update too: only the taps are compared.
  const taps = tf.onesLike(dilated.getWeights()[2]!) as tf.Tensor4D;
  const isTap = spread(taps, 2);
  const expected = wide.getWeights().map((weight, i) => (i === 2 ? tf.mul(weight, isTap) : weight));
  spreadAll(dilated.getWeights()).forEach((weight, i) => {
    const difference = tf.max(tf.abs(tf.sub(weight, expected[i]!))).dataSync()[0]!;
    assert.ok(difference < 1e-6, `weight ${i} is off by ${difference}`);
  });
  await engine.stop();
});

test.run();
