// What the reading of a model makes of the attributes of layers: each is honoured, or the model is not planned, with the reason.
// Oracle: tfjs's own `model.predict` on its cpu backend. That an exported model has the bits of the plan is in export-model.test.ts.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { groupNormalization } from '../../src/models/index.ts';
import { graphOf } from '../../src/plan/graph.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { layerClasses } from '../../src/plan/layer-attributes.ts';
import { createForward } from '../../src/training/forward.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { noiseStep, runOpByOp, runPlanned } from './both-roads.ts';

const { layers } = tf;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const reasonOf = (model: tf.LayersModel): string => {
  const graph = graphOf(model);
  return 'reason' in graph ? graph.reason : '';
};

/** Probabilities by tfjs alone. */
async function predictOnCpu(model: tf.LayersModel, values: Float32Array): Promise<Float32Array> {
  await tf.setBackend('cpu');
  try {
    return tf.tidy(() => {
      const shape = [-1, ...(model.inputs[0]!.shape.slice(1) as number[])];
      return (model.predict(tf.tensor1d(values).reshape(shape)) as tf.Tensor).dataSync<'float32'>();
    });
  } finally {
    await tf.setBackend('wasm');
  }
}

const side = fc.integer({ min: 3, max: 9 });
const small = fc.integer({ min: 1, max: 3 });
const pair = fc.tuple(small, small);
const format = fc.constantFrom<'channelsFirst' | 'channelsLast'>('channelsFirst', 'channelsLast', 'channelsLast');
const padding = fc.constantFrom<'same' | 'valid'>('same', 'valid');
const activation = fc.constantFrom(
  ...([
    'linear',
    'relu',
    'relu6',
    'elu',
    'sigmoid',
    'tanh',
    'selu',
    'swish',
    'gelu' as 'swish',
    'gelu_new' as 'swish',
    'softmax',
  ] as const),
);
const window = { strides: pair, padding, dataFormat: format };
const convolution = { ...window, kernelSize: pair, activation, useBias: fc.boolean(), dilationRate: small };

/** Strides and dilations are not both above 1. */
const legal = <T extends { strides: [number, number]; dilationRate: number }>(drawn: T): T =>
  drawn.dilationRate > 1 ? { ...drawn, strides: [1, 1] } : drawn;

/** A layer of each class that the plan knows, with any of its attributes. */
const drawnLayer: fc.Arbitrary<() => tf.layers.Layer> = fc.oneof(
  fc.record({ ...convolution, filters: small }).map((drawn) => () => layers.conv2d(legal(drawn))),
  fc.record({ ...convolution, depthMultiplier: small }).map((drawn) => () => layers.depthwiseConv2d(legal(drawn))),
  fc
    .record({ ...convolution, depthMultiplier: small, filters: small })
    .map((drawn) => () => layers.separableConv2d(legal(drawn))),
  fc.record({ ...window, poolSize: pair }).map((drawn) => () => layers.maxPooling2d(drawn)),
  fc.record({ ...window, poolSize: pair }).map((drawn) => () => layers.averagePooling2d(drawn)),
  fc.record({ padding: fc.tuple(pair, pair), dataFormat: format }).map((drawn) => () => layers.zeroPadding2d(drawn)),
  fc.record({ dataFormat: format }).map((drawn) => () => layers.globalMaxPooling2d(drawn)),
  fc.record({ dataFormat: format }).map((drawn) => () => layers.globalAveragePooling2d(drawn)),
  fc
    .record({
      axis: fc.constantFrom(-1, 3, 1, 2),
      center: fc.boolean(),
      scale: fc.boolean(),
      epsilon: fc.constantFrom(1e-3, 0.5),
    })
    .map((drawn) => () => layers.batchNormalization(drawn)),
  fc.record({ ...convolution, filters: small }).map(
    ({ dilationRate: _, ...drawn }) =>
      () =>
        layers.conv2dTranspose(drawn),
  ),
  fc
    .record({ size: pair, dataFormat: format, interpolation: fc.constantFrom('nearest' as const, 'bilinear' as const) })
    .map((drawn) => () => layers.upSampling2d(drawn)),
  fc
    .record({ axis: fc.constantFrom(-1, 3, 1), epsilon: fc.constantFrom(1e-3, 0.5) })
    .map((drawn) => () => layers.layerNormalization(drawn)),
  fc
    .record({ groups: fc.constant(1), center: fc.boolean(), scale: fc.boolean(), epsilon: fc.constantFrom(1e-3, 0.5) })
    .map((drawn) => () => groupNormalization(drawn)),
  fc.record({ activation }).map((drawn) => () => layers.activation(drawn)),
  fc.constantFrom(undefined, 6, 0.3).map((maxValue) => () => layers.reLU(maxValue === undefined ? {} : { maxValue })),
  fc.constantFrom(0.1, 0, -0.5).map((alpha) => () => layers.leakyReLU({ alpha })),
  fc.constant(() => layers.elu()),
  fc.record({ rate: fc.constantFrom(0, 0.4) }).map((drawn) => () => layers.dropout(drawn)),
  fc.record({ axis: fc.constantFrom(-1, 1, 3) }).map((drawn) => () => layers.softmax(drawn)),
);

test('createPredictor() gives what the layers compute, or says why not, for any attributes of any layer', async () => {
  const seen = new Map<string, { planned: number; all: number }>();
  const drawn = fc.record({
    shape: fc.tuple(side, side, fc.integer({ min: 1, max: 5 })),
    inner: fc.array(drawnLayer, { minLength: 1, maxLength: 3 }),
    flatten: fc.constantFrom(undefined, 'channelsLast' as const, 'channelsFirst' as const),
    seed: fc.nat(999),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ shape, inner, flatten, seed }) => {
      let model: tf.LayersModel;
      const made = inner.map((make) => make());
      try {
        let value = tf.input({ shape });
        const input = value;
        for (const layer of made) value = layer.apply(value) as tf.SymbolicTensor;
        if (value.shape.slice(1).some((extent) => !(extent! > 0))) return;
        // Sums of more values, as images that are made larger twice have, round too much on the cpu.
        if (value.shape.slice(1).reduce<number>((size, extent) => size * extent!, 1) > 2000) return;
        if (value.shape.length === 4) {
          value = layers.flatten(flatten ? { dataFormat: flatten } : {}).apply(value) as tf.SymbolicTensor;
        }
        const head = layers.dense({ units: 4, activation: 'softmax' });
        model = tf.model({ inputs: input, outputs: head.apply(value) as tf.SymbolicTensor });
      } catch {
        // tfjs makes no such layer of such an input.
        return;
      }
      tf.tidy(() => {
        model.setWeights(
          model.getWeights().map((weight, i) =>
            tf
              .tensor(noise(weight.size, seed + i), weight.shape)
              .abs()
              .mul(0.4)
              .add(0.1),
          ),
        );
      });
      const images = noise(3 * shape[0] * shape[1] * shape[2], seed);
      const expected = await predictOnCpu(model, images).catch(() => undefined);
      if (!expected) {
        // tfjs's own layers fail, as those of channels first do now and then.
        assert.is.not(reasonOf(model), '');
        return;
      }
      const predictor = createPredictor(model);
      const found = predictor.predict(images);
      for (const layer of made) {
        const count = seen.get(layer.getClassName()) ?? { planned: 0, all: 0 };
        count.all++;
        if (predictor.unplanned === undefined) count.planned++;
        seen.set(layer.getClassName(), count);
      }
      const opByOp = tf.tidy(() => {
        const x = tf.tensor(images, [3, ...shape]);
        return tf.softmax(createForward(model)(x, { training: false, seed: 0, step: 0 })).dataSync<'float32'>();
      });
      const what = made.map((layer) => `${layer.getClassName()} ${JSON.stringify(layer.getConfig())}`).join('\n');
      found.forEach((value, i) => {
        assert.ok(
          Math.abs(value - expected[i]!) < 1e-4,
          `${what}\n${shape}, flatten ${flatten}: ${value}, not ${expected[i]}`,
        );
        assert.ok(
          Math.abs(opByOp[i]! - expected[i]!) < 1e-4,
          `${what}\n${shape}, op by op: ${opByOp[i]}, not ${expected[i]}`,
        );
      });
      predictor.dispose();
      model.dispose();
    }),
    { seed: 3, numRuns: 600, endOnFailure: true },
  );
  // These join two values, come last in each model, or draw without a seed.
  const others = [
    'Add',
    'AlphaDropout',
    'Concatenate',
    'Dense',
    'Embedding',
    'Flatten',
    'GaussianDropout',
    'GaussianNoise',
    'Multiply',
    'Reshape',
    'SpatialDropout1D',
  ];
  assert.equal([...seen.keys()].sort(), layerClasses.filter((name) => !others.includes(name)).sort());
  for (const [name, { planned, all }] of seen)
    assert.ok(all > 10 && (planned > 3 || name === 'Softmax'), `${name}: ${planned} of ${all}`);
});

const identityModel = (flatten: tf.layers.Layer, inputShape: [number, number, number]): tf.Sequential => {
  const units = inputShape[0] * inputShape[1] * inputShape[2];
  const model = tf.sequential({
    layers: [
      layers.inputLayer({ inputShape }),
      flatten,
      layers.dense({ units, activation: 'softmax', useBias: false }),
    ],
  });
  tf.tidy(() => model.layers.at(-1)!.setWeights([tf.eye(units)]));
  return model;
};

test('A flatten layer of channels first is honoured where it changes nothing, and a reason elsewhere', async () => {
  const values = Float32Array.from({ length: 12 }, (_, i) => i / 11);
  const model = identityModel(layers.flatten({ dataFormat: 'channelsFirst' }), [2, 2, 3]);
  const predictor = createPredictor(model);
  assert.match(predictor.unplanned!, /has channels first$/);
  const order = [...predictor.predict(values)].map((value, i) => [value, i] as const).sort(([a], [b]) => a - b);
  assert.equal(
    order.map(([, i]) => i),
    [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11],
  );
  predictor.dispose();
  for (const [shape, isPlanned] of [
    [[1, 4, 3], true],
    [[4, 1, 1], true],
    [[2, 1, 3], false],
  ] as [[number, number, number], boolean][]) {
    const other = identityModel(layers.flatten({ dataFormat: 'channelsFirst' }), shape);
    assert.is(reasonOf(other) === '', isPlanned, `${shape}`);
    other.dispose();
  }
  model.dispose();
});

test('A depthwise layer convolves without its dilation, as tfjs does', async () => {
  const model = tf.sequential({
    layers: [
      layers.depthwiseConv2d({ inputShape: [5, 5, 1], kernelSize: 3, dilationRate: 2, depthwiseInitializer: 'ones' }),
      layers.flatten(),
      layers.dense({ units: 9, activation: 'softmax', useBias: false }),
    ],
  });
  tf.tidy(() => model.layers.at(-1)!.setWeights([tf.eye(9)]));
  const values = noise(25, 4);
  const expected = await predictOnCpu(model, values);
  const predictor = createPredictor(model);
  assert.is(predictor.unplanned, undefined);
  predictor.predict(values).forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) < 1e-6);
  });
  predictor.dispose();
  model.dispose();
});

/** A dense layer with something more to it. */
class Doubled extends tf.layers.Layer {
  static readonly className = 'Dense';
  override getClassName(): string {
    return 'Dense';
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul([inputs].flat()[0]!, 2);
  }
}

const around = (layer: tf.layers.Layer): tf.Sequential =>
  tf.sequential({
    layers: [layers.inputLayer({ inputShape: [6] }), layer, layers.dense({ units: 3, activation: 'softmax' })],
  });

test('An attribute that nobody knows, a call of its own, another class of a known name and another type each end a plan', () => {
  const newer = layers.dense({ units: 4 });
  const config = newer.getConfig();
  newer.getConfig = () => ({ ...config, temperature: 2 });
  const overridden = layers.dense({ units: 6 });
  overridden.call = (inputs) => tf.mul([inputs].flat()[0]!, 2);
  const cases: [tf.layers.Layer, RegExp][] = [
    [newer, /has an attribute "temperature", which is not known of a Dense$/],
    [overridden, /has a call of its own$/],
    [new Doubled(), /is another class by the name of Dense$/],
    [layers.thresholdedReLU({ theta: 1 }), /is a ThresholdedReLU$/],
  ];
  for (const [layer, reason] of cases) {
    const model = around(layer);
    assert.match(reasonOf(model), reason);
    // Op by op, the layer itself is asked.
    const values = noise(12, 5);
    const logits = tf.tidy(() =>
      createForward(model)(tf.tensor(values, [2, 6]), { training: false, seed: 0, step: 0 }),
    );
    const expected = tf.tidy(() => (model.predict(tf.tensor(values, [2, 6])) as tf.Tensor).dataSync());
    tf.softmax(logits)
      .dataSync()
      .forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]!) < 1e-6);
      });
    logits.dispose();
    model.dispose();
  }
  const whole = tf.sequential({
    layers: [
      layers.activation({ activation: 'relu', inputShape: [6], dtype: 'int32' }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  assert.match(reasonOf(whole), /computes in int32$/);
  whole.dispose();
});

test('The table of layers takes no number of tfjs from the names of a user', () => {
  const before = layers.dense({ units: 1 }).name;
  const model = around(layers.dense({ units: 4 }));
  reasonOf(model);
  const numberOf = (name: string): number => Number(/\d+$/.exec(name)![0]);
  // Two layers of the model lie between.
  assert.is(numberOf(layers.dense({ units: 1 }).name), numberOf(before) + 3);
  model.dispose();
});

test('A plan and the operations one by one train a model with attributes of many kinds alike', () => {
  const make = (): tf.LayersModel =>
    tf.sequential({
      layers: [
        layers.depthwiseConv2d({
          inputShape: [8, 7, 3],
          kernelSize: 3,
          dilationRate: 2,
          depthMultiplier: 2,
          activation: 'relu',
        }),
        layers.zeroPadding2d({
          padding: [
            [1, 0],
            [0, 2],
          ],
        }),
        layers.averagePooling2d({ poolSize: 3, strides: [2, 1], padding: 'same' }),
        layers.elu(),
        layers.flatten({ dataFormat: 'channelsLast' }),
        layers.dense({ units: 3, activation: 'softmax' }),
      ],
    });
  const models = [make(), make()] as const;
  models[1].setWeights(models[0].getWeights());
  const step = noiseStep([4, 8, 7, 3], { classes: 3, seed: 2, learningRate: 2 ** 20 });
  const planned = runPlanned(models[0], [step], { capacity: 4 });
  assert.ok(!('reason' in planned));
  const single = runOpByOp(models[1], [step]);
  planned[0]!.changes.forEach((values, i) => {
    values.forEach((value, k) => {
      const difference = Math.abs(value - single[0]!.changes[i]![k]!) / step.learningRate;
      assert.ok(difference < 1e-5, `weight ${i}, ${k}: ${difference}`);
    });
  });
  for (const model of models) model.dispose();
  tf.dispose([step.x, step.y]);
});

test.run();
