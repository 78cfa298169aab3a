// createForward against the model's own call: the same logits in inference, and in training the same gradients as tfjs takes
// of the whole model on the cpu backend.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { createForward } from '../../src/training/forward.ts';
import { crossEntropy } from '../../src/training/operations.ts';
import { assertClose, type Computation, evaluate, evaluateOnCpu, noiseTensor } from '../backend/kernels/oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const inputShape = [9, 8, 2];
const { layers } = tf;

/** The layers of the study's models, small, dropout at rate 0. */
const plain = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ inputShape, filters: 4, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0 }),
      layers.conv2d({ filters: 5, kernelSize: 2, activation: 'relu', useBias: false }),
      layers.flatten(),
      layers.dense({ units: 7, activation: 'relu' }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });

/** Two branches, a sum, a concatenation, batch norm, depthwise convolution, and a layer that is used twice. */
const branches = (): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const shared = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'linear' });
  const left = layers.conv2d({ filters: 4, kernelSize: 1, activation: 'tanh' }).apply(input) as tf.SymbolicTensor;
  const right = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(input) as tf.SymbolicTensor;
  const again = [left, right].map((branch) => shared.apply(branch) as tf.SymbolicTensor);
  const sum = layers.add().apply([...again, left]) as tf.SymbolicTensor;
  const normal = layers.batchNormalization().apply(sum) as tf.SymbolicTensor;
  const active = layers.activation({ activation: 'relu' }).apply(normal) as tf.SymbolicTensor;
  const joined = layers.concatenate().apply([active, right]) as tf.SymbolicTensor;
  const deep = layers.depthwiseConv2d({ kernelSize: 3, strides: 2 }).apply(joined) as tf.SymbolicTensor;
  const pooled = layers.globalAveragePooling2d({}).apply(deep) as tf.SymbolicTensor;
  const output = layers.dense({ units: 3, activation: 'softmax' }).apply(pooled) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output });
};

const inner = (options: { inputShape: number[] }): tf.Sequential =>
  tf.sequential({
    layers: [layers.conv2d({ ...options, filters: 3, kernelSize: 2, activation: 'relu' }), layers.batchNormalization()],
  });

/** A nested model in the middle; a Softmax layer ends it. */
const nested = (): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const first = layers.conv2d({ filters: 2, kernelSize: 2, activation: 'elu' }).apply(input) as tf.SymbolicTensor;
  const middle = inner({ inputShape: [8, 7, 2] }).apply(first) as tf.SymbolicTensor;
  const flat = layers.flatten().apply(middle) as tf.SymbolicTensor;
  const logits = layers.dense({ units: 3 }).apply(flat) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: layers.softmax().apply(logits) as tf.SymbolicTensor });
};

/** A nested model comes first; an activation layer ends it; a dense layer of more than two dimensions is in between. */
const nestedFirst = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      inner({ inputShape }),
      layers.dense({ units: 2, activation: 'sigmoid' }),
      layers.flatten(),
      layers.dense({ units: 3 }),
      layers.activation({ activation: 'softmax' }),
    ],
  });

const channelsFirst = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.permute({ inputShape, dims: [3, 1, 2] }),
      layers.conv2d({ filters: 3, kernelSize: 2, activation: 'relu', dataFormat: 'channelsFirst' }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });

/** Activations as settings and as layers; those that are not ours too. */
const activated = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      layers.conv2d({ inputShape, filters: 5, kernelSize: 2, activation: 'tanh' }),
      layers.batchNormalization({ axis: 3, momentum: 0.8, epsilon: 0.01 }),
      layers.leakyReLU({ alpha: 0.1 }),
      layers.conv2d({ filters: 3, kernelSize: 2, activation: 'elu' }),
      layers.reLU({ maxValue: 0.5 }),
      layers.conv2d({ filters: 4, kernelSize: 1, activation: 'softplus' }),
      layers.activation({ activation: 'relu6' }),
      layers.flatten(),
      layers.dense({ units: 6, activation: 'sigmoid' }),
      layers.batchNormalization(),
      layers.elu(),
      layers.activation({ activation: 'selu' }),
      layers.leakyReLU({ alpha: -0.2 }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });

const models = { plain, branches, activated, nested, nestedFirst, channelsFirst };

/** A model with weights of noise; variances are not negative. */
function withWeights(build: () => tf.LayersModel): tf.LayersModel {
  const model = build();
  tf.tidy(() => {
    model.setWeights(
      model.weights.map(({ shape, originalName }, i) => {
        const values = noiseTensor(shape as [number], i + 1).mul(0.7);
        return originalName.includes('variance') ? values.abs().add(0.5) : values;
      }),
    );
  });
  return model;
}

const images = (): tf.Tensor4D => noiseTensor<tf.Rank.R4>([6, ...inputShape] as [number, number, number, number], 77);
const labels = (): tf.Tensor2D => tf.oneHot(tf.tensor1d([0, 1, 2, 2, 1, 0], 'int32'), 3).toFloat() as tf.Tensor2D;

for (const [name, build] of Object.entries(models)) {
  test(`createForward() in inference agrees with model.predict(): ${name}`, () => {
    const model = withWeights(build);
    const forward = createForward(model);
    const before = tf.memory().numTensors;
    const found = evaluate(() => tf.softmax(forward(images(), { training: false, seed: 0, step: 0 })));
    const expected = evaluate(() => model.predict(images()) as tf.Tensor);
    assertClose(found, expected, 1e-6);
    assert.is(tf.memory().numTensors, before);
    model.dispose();
  });

  test(`createForward() in training has the loss, gradients and statistics of tfjs on the cpu backend: ${name}`, async () => {
    const compute =
      (isOurs: boolean): Computation =>
      () => {
        const model = withWeights(build);
        const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
        const x = images();
        const y = labels();
        const forward = createForward(model);
        const lossOf = (): tf.Scalar => {
          if (isOurs) return crossEntropy(forward(x, { training: true, seed: 0, step: 0 }), y, () => undefined);
          const probabilities = model.apply(x, { training: true }) as tf.Tensor;
          return tf.neg(probabilities.log().mul(y).sum(-1).mean());
        };
        const { value, grads } = tf.variableGrads(lossOf, variables);
        const statistics = model.weights.filter(({ trainable }) => !trainable).map((weight) => weight.read().clone());
        const outputs = [value, ...variables.map((variable) => grads[variable.name]!), ...statistics];
        model.dispose();
        return outputs;
      };
    assertClose(evaluate(compute(true)), await evaluateOnCpu(compute(false)), 3e-5, name);
  });
}

test('createForward() drops by seed, step and layer in training alone', () => {
  const model = tf.sequential({
    layers: [layers.dropout({ inputShape: [40], rate: 0.5 }), layers.dropout({ rate: 0.5 }), layers.softmax()],
  });
  const forward = createForward(model);
  const run = (training: boolean, seed: number, step: number): string =>
    evaluate(() => forward(tf.ones([3, 40]), { training, seed, step }))
      .map(({ values }) => Array.from(values).join())
      .join();
  const first = run(true, 1, 0);
  assert.is(run(true, 1, 0), first);
  assert.is.not(run(true, 2, 0), first);
  assert.is.not(run(true, 1, 1), first);
  assert.is(run(false, 1, 0), Array(120).fill(1).join());
  // Two layers of rate .5 with masks of their own keep a quarter; with one mask they would keep half.
  const kept = first.split(',').filter((value) => value === '4').length / 120;
  assert.ok(kept > 0.1 && kept < 0.4, `kept ${kept}`);
  model.dispose();
});

const head = (): tf.layers.Layer[] => [layers.flatten(), layers.dense({ units: 2, activation: 'softmax' })];
const sequence = (...first: tf.layers.Layer[]): tf.LayersModel => tf.sequential({ layers: [...first, ...head()] });
const dropoutOf = (options: object): tf.layers.Layer =>
  layers.dropout({ inputShape: [4, 4], rate: 0.5, ...options } as Parameters<typeof layers.dropout>[0]);

const unsupported: Record<string, { build: () => tf.LayersModel; message: RegExp }> = {
  'two inputs': {
    build: () => {
      const inputs = [tf.input({ shape: [2] }), tf.input({ shape: [2] })];
      return tf.model({ inputs, outputs: layers.softmax().apply(layers.add().apply(inputs)) as tf.SymbolicTensor });
    },
    message: /expected one input and one output, got 2 and 1/,
  },
  'no softmax at the end': {
    build: () => tf.sequential({ layers: [layers.dense({ inputShape: [3], units: 2, activation: 'sigmoid' })] }),
    message: /expected it to end in a softmax, got layer "dense/,
  },
  'an output of three dimensions': {
    build: () => tf.sequential({ layers: [layers.dense({ inputShape: [4, 3], units: 2, activation: 'softmax' })] }),
    message: /expected an output of shape \[batch, classes\], got \[, 4, 2\]/,
  },
  'dropout with a noise shape': { build: () => sequence(dropoutOf({ noiseShape: [1, 4] })), message: /noise shape/ },
  'dropout of everything': { build: () => sequence(dropoutOf({ rate: 1 })), message: /rate of 1, expected below 1/ },
  'Gaussian noise': {
    build: () => sequence(layers.gaussianNoise({ inputShape: [4, 4], stddev: 1 })),
    message: /layer "gaussian_noise\S*" draws random numbers/,
  },
  'dropout in a nested model': {
    build: () =>
      sequence(layers.reshape({ inputShape: [16], targetShape: [4, 4] }), tf.sequential({ layers: [dropoutOf({})] })),
    message: /draws random numbers/,
  },
  'dropout in a recurrent layer': {
    build: () => sequence(layers.lstm({ inputShape: [4, 4], units: 3, dropout: 0.1, returnSequences: true })),
    message: /layer "lstm\S*" draws random numbers/,
  },
  'dropout in a wrapped layer': {
    build: () => sequence(layers.timeDistributed({ inputShape: [4, 4], layer: layers.dropout({ rate: 0.2 }) })),
    message: /draws random numbers/,
  },
};

for (const [what, { build, message }] of Object.entries(unsupported)) {
  test(`createForward() refuses a model with ${what}`, () => {
    const model = build();
    assert.throws(
      () => createForward(model),
      (error: unknown) =>
        error instanceof SelvedgeError && error.code === 'training/unsupported-model' && message.test(error.message),
    );
    model.dispose();
  });
}

test('createForward() takes random layers that never draw: nested dropout of rate 0', () => {
  const reshape = layers.reshape({ inputShape: [16], targetShape: [4, 4] });
  const model = sequence(reshape, tf.sequential({ layers: [dropoutOf({ rate: 0 })] }));
  createForward(model);
  model.dispose();
});

test.run();
