// What is folded where a model only infers, and what is not.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { type Graph, graphOf } from '../../src/plan/graph.ts';
import { foldBatchNormalizations } from '../../src/plan/inference-graph.ts';
import { add, convolve, modelOf, normalise, relu } from './stages/models.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

type Symbolic = tf.SymbolicTensor;

function foldingOf(body: (x: Symbolic) => Symbolic, isTraining = false) {
  const model = modelOf([6, 6, 4], body);
  const graph = graphOf(model, isTraining);
  model.dispose();
  if ('reason' in graph) throw new Error(graph.reason);
  return foldBatchNormalizations(graph);
}

const kindsOf = ({ operations }: Graph): string => operations.map(({ kind }) => kind).join(' ');

test('foldBatchNormalizations() folds into the layer with weights before', () => {
  const { graph, folds } = foldingOf((x) => relu(normalise(convolve(x))));
  assert.is(kindsOf(graph), 'convolution activation flatten dense');
  assert.is(folds.length, 1);
  const [{ shift, bias, channels, batchNormalization }] = folds as [(typeof folds)[0]];
  assert.is(bias, undefined);
  assert.is(shift, batchNormalization.movingMean);
  assert.is(channels, 16);
  const [convolution, activation] = graph.operations;
  assert.ok(convolution?.kind === 'convolution' && convolution.bias === shift);
  assert.equal(activation!.inputs, [convolution?.output]);
});

test('foldBatchNormalizations() keeps the name of a bias that there is', () => {
  const { graph, folds } = foldingOf((x) => normalise(tf.layers.dense({ units: 3 }).apply(flat(x)) as Symbolic));
  assert.is(kindsOf(graph), 'flatten dense dense');
  assert.is(folds[0]!.shift, folds[0]!.bias);
});

const flat = (x: Symbolic): Symbolic => tf.layers.flatten().apply(x) as Symbolic;

test('foldBatchNormalizations() leaves what two read, what has no weights before it, and the second in a row', () => {
  const two = foldingOf((x) => {
    const read = convolve(x);
    return add(normalise(read), read);
  });
  assert.is(kindsOf(two.graph), 'convolution batchNormalization add flatten dense');
  assert.is(kindsOf(foldingOf((x) => normalise(x)).graph), 'batchNormalization flatten dense');
  const row = foldingOf((x) => normalise(normalise(convolve(x))));
  assert.is(kindsOf(row.graph), 'convolution batchNormalization flatten dense');
  assert.equal(row.graph.operations[1]!.inputs, [row.graph.operations[0]!.output]);
});

test('graphOf() for inference leaves out dropout, noise and regularisers, which only training has', () => {
  const body = (x: Symbolic): Symbolic => {
    const convolution = tf.layers.conv2d({ filters: 2, kernelSize: 1, kernelRegularizer: tf.regularizers.l2() });
    return [convolution, tf.layers.dropout({ rate: 0.5 }), tf.layers.gaussianNoise({ stddev: 1 })].reduce(
      (value, layer) => layer.apply(value) as Symbolic,
      x,
    );
  };
  assert.is(kindsOf(foldingOf(body).graph), 'convolution flatten dense');
  assert.throws(() => foldingOf(body, true), /regulariser/);
});

test.run();
