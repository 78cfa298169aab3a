// initializeWeights: the distributions that Keras' initialisers name, seeded, and the same bits in every run.
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';

test.before(() => tf.setBackend('cpu').then(() => undefined));

type ConvolutionConfig = Parameters<typeof tf.layers.conv2d>[0];

const config = { inputShape: [28, 28, 1], classes: 10 } as const;

function weightsOf(model: tf.LayersModel): Float32Array[] {
  return model.getWeights().map((weight) => weight.dataSync<'float32'>());
}

const digestOf = (model: tf.LayersModel): string => {
  const hash = createHash('sha256');
  for (const values of weightsOf(model))
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
};

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: Float32Array): number =>
  values.reduce((sum, value) => sum + value * value, 0) / values.length - mean(values) ** 2;
const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

test('initializeWeights() draws a truncated He normal in the first convolution and Glorot uniform after it', () => {
  const model = buildModel('dropout', config);
  const alone = tf.sequential({
    layers: [tf.layers.conv2d(model.layers[0]!.getConfig() as unknown as ConvolutionConfig)],
  });
  // 300 seeds of the first kernel: its 288 weights are too few for a variance.
  const firsts: number[] = [];
  for (let seed = 0; seed < 300; seed++) {
    initializeWeights(alone, seed);
    firsts.push(...alone.getWeights()[0]!.dataSync());
  }
  alone.dispose();
  const first = Float32Array.from(firsts);
  const wanted = 2 / 9;
  // Standard error of the variance of a normal cut at two: below 1.1 / sqrt(86,400) = .4%.
  assert.ok(Math.abs(variance(first) / wanted - 1) < 0.015, `variance ${variance(first)}`);
  assert.ok(Math.abs(mean(first)) < 4 * Math.sqrt(wanted / first.length));
  const limit = (2 * Math.sqrt(wanted)) / 0.87962566103423978;
  assert.ok(largest(first) <= limit * 1.0000001 && largest(first) > 0.99 * limit, `largest ${largest(first)}`);

  initializeWeights(model, 1);
  for (const [index, fanIn, fanOut] of [
    [2, 9 * 32, 9 * 64],
    [4, 9 * 64, 9 * 128],
    [6, 1152, 128],
    [8, 128, 10],
  ] as const) {
    const values = weightsOf(model)[index]!;
    const bound = Math.sqrt(6 / (fanIn + fanOut));
    assert.ok(largest(values) <= bound * 1.0000001 && largest(values) > 0.99 * bound, `kernel ${index}`);
    // Relative standard error of the variance of a uniform: sqrt(.8 / n).
    const allowed = 4 * Math.sqrt(0.8 / values.length);
    assert.ok(Math.abs(variance(values) / (bound ** 2 / 3) - 1) < allowed, `kernel ${index}: ${variance(values)}`);
  }
  for (const index of [1, 3, 5, 7, 9]) assert.ok(weightsOf(model)[index]!.every((value) => value === 0));
  model.dispose();
});

test('initializeWeights() gives the same bits in every run and on every engine: digests pinned', () => {
  const digests = {
    baseline: '91d0459c7f9616b0daa269dafa7ab5c142840859a9d6c1b99665e33b4faa96ef',
    dropout: '06335ef4e23aa3205a2773dcc16f99b9dd2cba4c512b3cf4ad2cc68c22b09513',
  };
  for (const [name, digest] of Object.entries(digests)) {
    const model = buildModel(name, config);
    initializeWeights(model, 1);
    assert.is(digestOf(model), digest);
    initializeWeights(model, 2);
    assert.is.not(digestOf(model), digest);
    initializeWeights(model, 1);
    assert.is(digestOf(model), digest);
    model.dispose();
  }
});

test('initializeWeights() draws each layer and each weight from its own stream', () => {
  const { dense } = tf.layers;
  const layers = [dense({ inputShape: [6], units: 6 }), dense({ units: 6 })];
  const model = tf.sequential({ layers });
  initializeWeights(model, 1);
  const [first, , second] = weightsOf(model);
  assert.not.equal([...first!], [...second!]);
  model.dispose();
});

test('initializeWeights() knows the weights of batch norm, depthwise and separable convolution, and a fan of one dimension', () => {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.depthwiseConv2d({
        inputShape: [8, 8, 4],
        kernelSize: 3,
        depthMultiplier: 2,
        depthwiseInitializer: 'glorotUniform',
      }),
      layers.batchNormalization(),
      layers.separableConv2d({ filters: 3, kernelSize: 2, biasInitializer: 'glorotUniform' }),
    ],
  });
  initializeWeights(model, 3);
  const named: Record<string, Float32Array> = Object.fromEntries(
    model.weights.map(({ originalName }, i) => [originalName.split('/').pop(), weightsOf(model)[i]!]),
  );
  assert.ok(named.gamma!.every((value) => value === 1));
  assert.ok(named.beta!.every((value) => value === 0));
  assert.ok(named.moving_mean!.every((value) => value === 0));
  assert.ok(named.moving_variance!.every((value) => value === 1));
  // The bias of the separable convolution comes last: its fans are its length.
  assert.ok(largest(named.bias!) <= 1 && largest(named.bias!) > 0);
  const depthwise = weightsOf(model)[0]!;
  assert.ok(largest(depthwise) <= Math.sqrt(6 / (9 * 4 + 9 * 2)) * 1.0000001 && largest(depthwise) > 0);
  assert.ok(weightsOf(model).every((values) => values.every(Number.isFinite)));
  model.dispose();
});

test('initializeWeights() refuses an initialiser that it does not draw, naming the layer', () => {
  const model = tf.sequential({
    layers: [tf.layers.dense({ name: 'odd', inputShape: [3], units: 2, kernelInitializer: 'orthogonal' })],
  });
  assert.throws(
    () => initializeWeights(model, 1),
    (error: unknown) =>
      error instanceof SelvedgeError &&
      error.code === 'models/initializer' &&
      /layer "odd": got initializer "Orthogonal"/.test(error.message),
  );
  model.dispose();
});

test('initializeWeights() leaves no tensor behind', () => {
  const model = buildModel('baseline', config);
  const before = tf.memory().numTensors;
  initializeWeights(model, 1);
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test.run();
