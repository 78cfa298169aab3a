// Contract: kernels, ours and those of tfjs that stay, agree with the cpu backend and have the same bits everywhere.
import * as assert from 'uvu/assert';
import { currentBackend } from '../../src/backend/index.ts';
import { softmaxCrossEntropy } from '../../src/backend/kernels/softmax-cross-entropy.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { assertClose, type Computation, evaluate, evaluateOnCpu, noiseTensor } from '../backend/kernels/oracle.ts';
import type { Bits, ContractTest, ContractTests } from './suite.ts';

type Shape4 = [number, number, number, number];

/** Sums of up to a few hundred products of numbers below 1, by another order of summation. */
const TOLERANCE = 1e-4;

const images = (shape: Shape4, seed = 1): tf.Tensor4D => noiseTensor<tf.Rank.R4>(shape, seed);
const matrix = (rows: number, columns: number, seed = 1): tf.Tensor2D => noiseTensor<tf.Rank.R2>([rows, columns], seed);

/** A function's value and its gradients with respect to each input, for an output gradient of noise. */
function withGradients(inputs: tf.Tensor[], apply: (...inputs: tf.Tensor[]) => tf.Tensor): tf.Tensor[] {
  const value = apply(...inputs);
  return [value, ...tf.grads(apply)(inputs, noiseTensor(value.shape, 99))];
}

type Filter = tf.Tensor4D;
const computations: Readonly<Record<string, Computation>> = {
  'conv2d 3x3, as Winograd computes it, and its gradients': () =>
    withGradients([images([3, 14, 13, 8]), images([3, 3, 8, 12], 2)], (x, filter) =>
      tf.conv2d(x as tf.Tensor4D, filter as Filter, 1, 'same'),
    ),
  'conv2d 5x5 with strides and one channel, and its gradients': () =>
    withGradients([images([2, 17, 15, 1]), images([5, 5, 1, 7], 2)], (x, filter) =>
      tf.conv2d(x as tf.Tensor4D, filter as Filter, [2, 1], 'valid'),
    ),
  'depthwiseConv2d and its gradients': () =>
    withGradients([images([2, 9, 11, 6]), images([3, 3, 6, 1], 2)], (x, filter) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, filter as Filter, 1, 'same'),
    ),
  'matMul with and without transposes, and its gradients': () => [
    ...withGradients([matrix(13, 37), matrix(37, 11, 2)], (a, b) => tf.matMul(a, b)),
    tf.matMul(matrix(37, 13), matrix(11, 37, 2), true, true),
  ],
  'maxPool of values below zero and its gradient': () =>
    withGradients([images([2, 10, 9, 5]).sub(2)], (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')),
  'avgPool and its gradient': () =>
    withGradients([images([2, 8, 8, 3])], (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'same')),
  'sums, means, maxima and broadcasts': () => [
    images([3, 5, 7, 9]).sum([0, 2]),
    images([3, 5, 7, 9]).mean(),
    images([3, 5, 7, 9]).max(-1),
    images([3, 1, 7, 9]).mul(images([1, 5, 7, 1], 2)),
  ],
  'exp, log, sqrt, tanh, sigmoid and softmax': () => [
    matrix(9, 17).exp(),
    matrix(9, 17).abs().add(0.01).log(),
    matrix(9, 17).abs().sqrt(),
    matrix(9, 17).sigmoid(),
    matrix(9, 17).tanh(),
    matrix(9, 17).softmax(),
  ],
};

/** The bits are those of the wasm backend; the cpu backend computes with the engine's own Math. */
function matches(compute: Computation): ContractTest {
  return async () => {
    const outputs = evaluate(compute);
    assertClose(outputs, await evaluateOnCpu(compute), TOLERANCE);
    return outputs.map(({ values }) => Float32Array.from(values));
  };
}

function lossAndGradient(): Bits {
  return tf.tidy(() => {
    const logits = matrix(21, 10).mul(5) as tf.Tensor2D;
    const classes = Array.from({ length: 21 }, (_, i) => (i * 7) % 10);
    const labels = tf.oneHot(tf.tensor1d(classes, 'int32'), 10).toFloat() as tf.Tensor2D;
    const computed = softmaxCrossEntropy(currentBackend(), logits, labels);
    const [losses, gradient, hits] = [computed.losses, computed.gradient, computed.hits].map((info) =>
      tf.engine().makeTensorFromTensorInfo(info).dataSync().slice(),
    ) as [Float32Array, Float32Array, Int32Array];
    const expected = tf.losses.softmaxCrossEntropy(labels, logits, undefined, undefined, tf.Reduction.NONE).dataSync();
    losses.forEach((loss, i) => {
      assert.ok(Math.abs(loss - expected[i]!) < TOLERANCE, `loss ${i} is ${loss}, not ${expected[i]}`);
    });
    return [losses, gradient, hits];
  });
}

const notANumber = (): undefined => {
  tf.tidy(() => {
    const x = tf.tensor2d([1, Number.NaN, 3, 4], [2, 2]);
    const product = tf.matMul(x, tf.ones([2, 2])).dataSync();
    assert.equal([...product].map(Number.isNaN), [true, true, false, false]);
    assert.ok(Number.isNaN(x.relu().dataSync()[1]), 'relu keeps what is not a number');
  });
};

export const kernelTests: ContractTests = {
  ...Object.fromEntries(Object.entries(computations).map(([name, compute]) => [name, matches(compute)])),
  'softmax cross-entropy of a batch and its gradient': lossAndGradient,
  'what is not a number stays so': notANumber,
};
