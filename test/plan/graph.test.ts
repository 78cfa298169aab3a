// graphOf: which operations a model comes to, and which models it refuses.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Graph, graphOf, type Operation } from '../../src/plan/graph.ts';

test.before(async () => {
  await tf.setBackend('cpu');
});

const { layers } = tf;

function graphOfPlanned(model: tf.LayersModel): Graph {
  const graph = graphOf(model);
  if ('reason' in graph) throw new Error(graph.reason);
  return graph;
}

function operationsOf(model: tf.LayersModel): readonly Operation[] {
  const { operations } = graphOfPlanned(model);
  model.dispose();
  return operations;
}

const kindsOf = (model: tf.LayersModel): string[] => operationsOf(model).map(({ kind }) => kind);

/** Layers between an image and a softmax over three classes. */
const classifier = (...inner: tf.layers.Layer[]): tf.Sequential =>
  tf.sequential({
    layers: [
      layers.inputLayer({ inputShape: [8, 9, 4] }),
      ...inner,
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });

test('graphOf() lists a sequential model in order of computation, activations apart, the last softmax left out', () => {
  const model = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [8, 9, 4], filters: 5, kernelSize: [3, 2], strides: [1, 2], activation: 'relu' }),
      layers.batchNormalization({ momentum: 0.9, epsilon: 0.01 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0.25 }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  const {
    operations,
    inputs: [input],
    outputs: [logits],
    shapes,
  } = graphOfPlanned(model);
  assert.equal(
    operations.map(({ kind, shape }) => `${kind} ${shape}`),
    [
      'convolution 6,4,5',
      'activation 6,4,5',
      'batchNormalization 6,4,5',
      'maxPooling 3,2,5',
      'dropout 3,2,5',
      'flatten 1,1,30',
      'dense 1,1,3',
    ],
  );
  assert.equal(shapes.get(input!), [8, 9, 4]);
  // A chain: each reads what the one before made.
  assert.equal(
    operations.map(({ inputs }) => inputs),
    [input!, ...operations.slice(0, -1).map(({ output }) => output)].map((id) => [id]),
  );
  assert.is(logits, operations.at(-1)!.output);
  for (const { output, shape } of operations) assert.equal(shapes.get(output), shape);
  const [convolution, activation, normalization, pooling, dropout] = operations;
  assert.ok(convolution?.kind === 'convolution');
  assert.equal([convolution.size, convolution.strides, convolution.dilations], [[3, 2], [1, 2], [1, 1]]); // biome-ignore format: a row
  assert.is(convolution.padding, 'valid');
  assert.is(convolution.kernel, model.layers[0]!.weights[0]);
  assert.is(convolution.bias, model.layers[0]!.weights[1]);
  assert.ok(activation?.kind === 'activation' && activation.code === 1);
  assert.ok(normalization?.kind === 'batchNormalization');
  assert.equal([normalization.momentum, normalization.epsilon], [0.9, 0.01]);
  const { gamma, beta, movingMean, movingVariance } = normalization;
  assert.equal(
    [gamma, beta, movingMean, movingVariance].map((weight) => weight!.originalName.split('/').pop()),
    ['gamma', 'beta', 'moving_mean', 'moving_variance'],
  );
  assert.ok(pooling?.kind === 'maxPooling');
  assert.equal([pooling.size, pooling.strides, pooling.padding], [[2, 2], [2, 2], 'valid']);
  assert.ok(dropout?.kind === 'dropout' && dropout.rate === 0.25);
  model.dispose();
});

test('graphOf() leaves out what does nothing: dropout of rate 0 and linear activations', () => {
  const model = classifier(
    layers.conv2d({ filters: 2, kernelSize: 1, activation: 'linear' }),
    layers.dropout({ rate: 0 }),
    layers.activation({ activation: 'linear' }),
  );
  assert.equal(kindsOf(model), ['convolution', 'flatten', 'dense']);
});

test('graphOf() numbers dropout layers by the order of computation of all layers, as masks are drawn op by op', () => {
  const model = classifier(
    layers.dropout({ rate: 0.5 }),
    layers.conv2d({ filters: 2, kernelSize: 1, activation: 'relu' }),
    layers.dropout({ rate: 0 }),
    layers.dropout({ rate: 0.5 }),
  );
  const numbers = operationsOf(model).flatMap((operation) =>
    operation.kind === 'dropout' ? [operation.layerNumber] : [],
  );
  assert.equal(numbers, [0, 3]);
});

test('graphOf() takes a separable convolution for a depthwise and a 1x1 convolution', () => {
  const model = classifier(
    layers.separableConv2d({ filters: 6, kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'tanh' }),
  );
  const [depthwise, pointwise, activation] = operationsOf(model);
  assert.ok(depthwise?.kind === 'depthwise' && pointwise?.kind === 'convolution' && activation?.kind === 'activation');
  assert.equal(depthwise.shape, [8, 9, 8]);
  assert.equal([depthwise.size, depthwise.padding, depthwise.bias], [[3, 3], 'same', undefined]);
  assert.equal([pointwise.size, pointwise.strides, pointwise.shape], [[1, 1], [1, 1], [8, 9, 6]]); // biome-ignore format: a row
  assert.ok(pointwise.bias);
});

test('graphOf() gives every activation layer its code and slope', () => {
  const codes = (layer: tf.layers.Layer): unknown[] =>
    operationsOf(classifier(layer)).flatMap((operation) =>
      operation.kind === 'activation' ? [[operation.code, operation.alpha]] : [],
    );
  assert.equal(codes(layers.reLU()), [[1, 0]]);
  assert.equal(codes(layers.reLU({ maxValue: 6 })), [[2, 0]]);
  assert.equal(codes(layers.leakyReLU({ alpha: 0.2 })), [[3, 0.2]]);
  assert.equal(codes(layers.elu()), [[4, 1]]);
  for (const [name, code] of Object.entries({ relu: 1, relu6: 2, elu: 4, sigmoid: 5, tanh: 6 })) {
    const activation = name as 'relu';
    assert.equal(codes(layers.activation({ activation })), [[code, code === 4 ? 1 : 0]]);
    assert.equal(codes(layers.conv2d({ filters: 2, kernelSize: 1, activation })), [[code, code === 4 ? 1 : 0]]);
  }
});

test('graphOf() lists branches, each value once, whatever the order in which a graph was built', () => {
  const input = tf.input({ shape: [6, 6, 4] });
  const x = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(input) as tf.SymbolicTensor;
  const sum = layers.add().apply([x, input]) as tf.SymbolicTensor;
  const joined = layers.concatenate().apply([x, sum, input]) as tf.SymbolicTensor;
  const pooled = layers.globalAveragePooling2d({}).apply(joined) as tf.SymbolicTensor;
  const logits = layers.dense({ units: 3 }).apply(pooled) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: layers.softmax().apply(logits) as tf.SymbolicTensor });
  const graph = graphOfPlanned(model);
  const [convolution, add, concatenate, pooling, dense] = graph.operations;
  assert.equal(
    graph.operations.map(({ kind }) => kind),
    ['convolution', 'add', 'concatenate', 'globalAveragePooling', 'dense'],
  );
  assert.equal(add!.inputs, [convolution!.output, graph.inputs[0]]);
  assert.equal(concatenate!.inputs, [convolution!.output, add!.output, graph.inputs[0]]);
  assert.equal([concatenate!.shape, pooling!.shape], [[6, 6, 12], [1, 1, 12]]); // biome-ignore format: a row
  assert.is(graph.outputs[0], dense!.output);
  model.dispose();
});

test('graphOf() finds a softmax that is a layer or an activation layer of its own', () => {
  for (const softmax of [layers.softmax(), layers.activation({ activation: 'softmax' })]) {
    const model = tf.sequential({
      layers: [layers.flatten({ inputShape: [2, 2, 1] }), layers.dense({ units: 3 }), softmax],
    });
    assert.equal(kindsOf(model), ['flatten', 'dense']);
  }
});

/** Models that are refused, and what the reason says. */
const refused: Readonly<Record<string, [build: () => tf.LayersModel, reason: RegExp]>> = {
  'a layer that it does not know': [
    () =>
      classifier(
        layers.cropping2D({
          name: 'small',
          cropping: [
            [1, 1],
            [1, 1],
          ],
        }),
      ),
    /layer "small" is a Cropping2D/,
  ],
  'an activation that it does not know': [
    () => classifier(layers.conv2d({ filters: 2, kernelSize: 1, activation: 'selu', name: 'odd' })),
    /layer "odd" has activation "selu"/,
  ],
  'a softmax within': [
    () => classifier(layers.conv2d({ filters: 2, kernelSize: 1, activation: 'softmax', name: 'within' })),
    /layer "within" has activation "softmax"/,
  ],
  'a relu with another maximum': [
    () => classifier(layers.reLU({ maxValue: 3, name: 'low' })),
    /layer "low" has a maximum of 3/,
  ],
  'a negative slope': [() => classifier(layers.leakyReLU({ alpha: -0.1, name: 'down' })), /layer "down"/],
  'a regulariser': [
    () => classifier(layers.conv2d({ filters: 2, kernelSize: 1, kernelRegularizer: 'l1l2', name: 'small' })),
    /layer "small" has a regulariser/,
  ],
  'channels first': [
    () => classifier(layers.maxPooling2d({ poolSize: 2, dataFormat: 'channelsFirst', name: 'first' })),
    /layer "first" has channels first/,
  ],
  'batch norm over another axis': [
    () => classifier(layers.batchNormalization({ axis: 1, name: 'rows' })),
    /layer "rows" has another axis/,
  ],
  'dropout with a noise shape': [
    () => classifier(layers.dropout({ rate: 0.5, noiseShape: [1, 1, 1, 4], name: 'noise' })),
    /layer "noise" has a noise shape/,
  ],
  'a model within': [
    () => {
      const inner = tf.sequential({ layers: [layers.reLU({ inputShape: [8, 9, 4] })], name: 'inner' });
      return classifier(inner);
    },
    /layer "inner"/,
  ],
  'dense layers on images': [
    () =>
      tf.sequential({
        layers: [
          layers.dense({ inputShape: [4, 4, 2], units: 3, name: 'each' }),
          layers.flatten(),
          layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    /layer "each" takes images/,
  ],
  'a layer that is used twice': [
    () => {
      const input = tf.input({ shape: [4, 4, 2] });
      const twice = layers.conv2d({ filters: 2, kernelSize: 1, name: 'twice' });
      const x = layers.flatten().apply(twice.apply(twice.apply(input)) as tf.SymbolicTensor) as tf.SymbolicTensor;
      const outputs = layers.dense({ units: 3, activation: 'softmax' }).apply(x) as tf.SymbolicTensor;
      return tf.model({ inputs: input, outputs });
    },
    /layer "twice" is used several times/,
  ],
  'a concatenation of rows': [
    () => {
      const input = tf.input({ shape: [4, 4, 2] });
      const rows = layers.concatenate({ axis: 1, name: 'rows' }).apply([input, input]) as tf.SymbolicTensor;
      const flat = layers.flatten().apply(rows) as tf.SymbolicTensor;
      const outputs = layers.dense({ units: 3, activation: 'softmax' }).apply(flat) as tf.SymbolicTensor;
      return tf.model({ inputs: input, outputs });
    },
    /layer "rows" does not concatenate channels/,
  ],
  'two inputs': [
    () => {
      const inputs = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
      const sum = layers.add().apply(inputs) as tf.SymbolicTensor;
      return tf.model({
        inputs,
        outputs: layers.dense({ units: 3, activation: 'softmax' }).apply(sum) as tf.SymbolicTensor,
      });
    },
    /expected one input and one output, got 2 and 1/,
  ],
  'images of an open size': [
    () =>
      tf.sequential({
        layers: [
          layers.conv2d({ inputShape: [null, null, 1], filters: 3, kernelSize: 3 }),
          layers.globalAveragePooling2d({}),
          layers.softmax(),
        ],
      }),
    /its input has an open shape/,
  ],
  'a sequence': [
    () =>
      tf.sequential({
        layers: [layers.flatten({ inputShape: [5, 2] }), layers.dense({ units: 3, activation: 'softmax' })],
      }),
    /its input has rank 3/,
  ],
  'an output that is no softmax: a dense layer': [
    () =>
      tf.sequential({
        layers: [
          layers.flatten({ inputShape: [2, 2, 1] }),
          layers.dense({ units: 3, activation: 'sigmoid', name: 'last' }),
        ],
      }),
    /expected it to end in a softmax, got layer "last"/,
  ],
  'an output that is no softmax: an activation layer': [
    () =>
      tf.sequential({
        layers: [
          layers.flatten({ inputShape: [2, 2, 1] }),
          layers.dense({ units: 3 }),
          layers.activation({ activation: 'sigmoid', name: 'last' }),
        ],
      }),
    /expected it to end in a softmax, got layer "last"/,
  ],
  'a softmax of images': [
    () =>
      tf.sequential({
        layers: [layers.conv2d({ inputShape: [4, 4, 1], filters: 3, kernelSize: 3 }), layers.softmax()],
      }),
    /expected an output of shape \[batch, classes\]/,
  ],
};

for (const [what, [build, reason]] of Object.entries(refused)) {
  test(`graphOf() refuses ${what}, and says so`, () => {
    const model = build();
    const graph = graphOf(model);
    assert.match('reason' in graph ? graph.reason : 'planned', reason);
    model.dispose();
  });
}

test.run();
