import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import type { FusedActivation } from '../../../src/backend/kernels/activation.ts';
import { assertClose, type Computation, evaluateOnCpu, evaluateWithoutLeak, noiseTensor } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const ACTIVATIONS: readonly FusedActivation[] = ['linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'prelu', 'sigmoid'];

test('FusedConv2D equals the cpu backend for every activation, bias shape and data format', async () => {
  const settings = fc.record({
    activation: fc.constantFrom(...ACTIVATIONS),
    dataFormat: fc.constantFrom('NHWC' as const, 'NCHW' as const),
    inChannels: fc.integer({ min: 1, max: 5 }),
    outChannels: fc.integer({ min: 1, max: 11 }),
    biasKind: fc.constantFrom('none', 'scalar', 'channels', 'pixels'),
    alphaKind: fc.constantFrom('scalar', 'channels', 'pixels'),
    pad: fc.constantFrom('same' as const, 'valid' as const),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(
      settings,
      async ({ activation, dataFormat, inChannels, outChannels, biasKind, alphaKind, pad, seed }) => {
        const isFirst = dataFormat === 'NCHW';
        const side = pad === 'same' ? 6 : 4;
        const perKind: Record<string, number[]> = {
          scalar: [],
          channels: [outChannels],
          pixels: isFirst ? [outChannels, side, side] : [side, side, outChannels],
        };
        // tfjs takes such biases and weights with channels last only.
        if (isFirst && (biasKind === 'pixels' || (activation === 'prelu' && alphaKind === 'pixels'))) return;
        const compute: Computation = () =>
          tf.fused.conv2d({
            x: noiseTensor<tf.Rank.R4>(isFirst ? [2, inChannels, 6, 6] : [2, 6, 6, inChannels], seed),
            filter: noiseTensor<tf.Rank.R4>([3, 3, inChannels, outChannels], seed + 1),
            strides: 1,
            pad,
            dataFormat,
            activation,
            leakyreluAlpha: 0.3,
            ...(biasKind === 'none' ? {} : { bias: noiseTensor(perKind[biasKind] as [number], seed + 2) }),
            ...(activation === 'prelu'
              ? { preluActivationWeights: noiseTensor(perKind[alphaKind] as [number], seed + 3) }
              : {}),
          });
        assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5, `${activation} ${dataFormat}`);
      },
    ),
    { seed: 21, numRuns: 150 },
  );
});

test('FusedConv2D differentiates relu and bias as the cpu backend does', async () => {
  const compute: Computation = () => {
    const inputs = [noiseTensor([2, 7, 6, 3], 1), noiseTensor([3, 3, 3, 10], 2), noiseTensor([10], 3)];
    const fused = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        bias,
        strides: [2, 1],
        pad: 'same',
        activation: 'relu',
      });
    return tf.grads(fused as (...args: tf.Tensor[]) => tf.Tensor)(inputs, noiseTensor([2, 4, 6, 10], 4));
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
});

test('FusedConv2D refuses an activation that it does not know', () => {
  const run = () =>
    tf
      .engine()
      .runKernel(
        'FusedConv2D',
        { x: tf.zeros([1, 3, 3, 1]), filter: tf.zeros([3, 3, 1, 1]) },
        { strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1, activation: 'swish6' as never },
      );
  assert.throws(() => tf.tidy(run), /Cannot apply activation "swish6"/);
});

test.run();
