import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeGraph } from '../../bench/peers/graph.ts';
import { channelsFirstKernel, denseKernel, weightOf } from '../../bench/peers/layout.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { buildModel } from '../../src/models/index.ts';

const test = suite('graph');
test.before(async () => {
  await tf.setBackend('cpu');
});

test('describeGraph() lists the study network in order, activations apart', () => {
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  const { graph, values } = describeGraph(model);
  assert.equal(
    graph.nodes.map(({ op }) => op),
    [
      ...['convolution', 'activation', 'maxPool', 'dropout', 'convolution', 'activation', 'maxPool', 'dropout'],
      ...['convolution', 'activation', 'dropout', 'flatten', 'dense', 'activation', 'dropout', 'dense', 'activation'],
    ],
  );
  assert.is(values.length, 241_546);
  assert.equal(
    graph.nodes.find(({ op }) => op === 'dense'),
    {
      inputs: [graph.nodes.find(({ op }) => op === 'flatten')!.output],
      output: graph.nodes[13]!.inputs[0],
      shape: [128],
      op: 'dense',
      kernel: 'dense_1/kernel',
      bias: 'dense_1/bias',
      flattened: [3, 3, 128],
    },
  );
  assert.equal(graph.nodes.at(-1)!.shape, [10]);
  assert.is(graph.nodes.at(-1)!.output, graph.output);
  model.dispose();
});

test('describeGraph() follows branches and batch normalisation', () => {
  const input = tf.input({ shape: [6, 6, 2] });
  const left = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', useBias: false }).apply(input);
  const normal = tf.layers.batchNormalization({ momentum: 0.9 }).apply(left);
  const right = tf.layers.conv2d({ filters: 3, kernelSize: 1 }).apply(input);
  const sum = tf.layers.add().apply([normal as tf.SymbolicTensor, right as tf.SymbolicTensor]);
  const pooled = tf.layers.globalAveragePooling2d({}).apply(sum);
  const output = tf.layers.dense({ units: 2, activation: 'softmax' }).apply(pooled) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  const { graph } = describeGraph(model);
  assert.equal(
    graph.nodes.map(({ op }) => op),
    ['convolution', 'batchNormalization', 'convolution', 'add', 'globalAveragePool', 'dense', 'activation'],
  );
  const [first, normalised, second, add] = graph.nodes;
  assert.equal([first!.inputs, second!.inputs], [[graph.input], [graph.input]]);
  assert.equal(add!.inputs, [normalised!.output, second!.output]);
  assert.ok(normalised!.op === 'batchNormalization' && normalised!.momentum === 0.9 && normalised!.gamma);
  model.dispose();
});

test('describeGraph() refuses a layer that the peers lack, by name', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [2, 2, 1] }),
      tf.layers.dense({ units: 2, activation: 'tanh', name: 'odd' }),
    ],
  });
  assert.throws(
    () => describeGraph(model),
    (error: unknown) =>
      error instanceof SelvedgeError && error.code === 'bench/unsupported-layer' && /layer "odd"/.test(error.message),
  );
  model.dispose();
});

test('channelsFirstKernel() puts outputs and inputs in front', () => {
  const values = Float32Array.from({ length: 2 * 1 * 3 * 2 }, (_, i) => i);
  const graph = {
    input: 'x',
    inputShape: [],
    output: 'y',
    nodes: [],
    weights: { w: { offset: 0, shape: [2, 1, 3, 2] } },
  };
  const { shape, values: permuted } = channelsFirstKernel({ graph, values }, 'w');
  assert.equal(shape, [2, 3, 2, 1]);
  // Output 0, input 0, both taps; then input 1, …
  assert.equal([...permuted], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  assert.is(weightOf({ graph, values }, 'w').values.buffer, values.buffer);
});

test('denseKernel() reorders the rows of a flattened image', () => {
  const values = Float32Array.from({ length: 4 }, (_, i) => i);
  const graph = { input: 'x', inputShape: [], output: 'y', nodes: [], weights: { w: { offset: 0, shape: [4, 1] } } };
  const node = { op: 'dense', inputs: ['x'], output: 'y', shape: [1], kernel: 'w', flattened: [1, 2, 2] } as const;
  assert.equal([...denseKernel({ graph, values }, node)], [0, 2, 1, 3]);
});

test.run();
