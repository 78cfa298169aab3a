// Our differentiable operations against the same composed of stock tfjs ops on the cpu backend, and their gradients against
// central differences of definitions in double precision.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import type { BatchLoss } from '../../src/plan/index.ts';
import {
  activation,
  batchNormalization,
  type ConvolutionSettings,
  convolution,
  crossEntropy,
  dense,
  type OutputActivation,
  seededDropout,
} from '../../src/training/operations.ts';
import { convolveByDefinition } from '../backend/kernels/conv-2d-reference.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
} from '../backend/kernels/oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Products of noise of at most a few hundred terms. */
const TOLERANCE = 2e-5;

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Output and the gradients for an output gradient of noise. */
function withGradients(inputs: tf.Tensor[], compute: Operation): tf.Tensor[] {
  const y = compute(...inputs);
  return [y, ...tf.grads(compute)(inputs, noiseTensor(y.shape as [number], 99))];
}

interface ConvolutionCase {
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly settings: ConvolutionSettings;
  readonly hasBias: boolean;
}

const stockActivations: Record<OutputActivation['name'], (y: tf.Tensor, alpha: number) => tf.Tensor> = {
  linear: (y) => y,
  relu: (y) => tf.relu(y),
  relu6: (y) => tf.relu6(y),
  leakyRelu: (y, alpha) => tf.leakyRelu(y, alpha),
  elu: (y) => tf.elu(y),
  sigmoid: (y) => tf.sigmoid(y),
  tanh: (y) => tf.tanh(y),
};

const stockActivation = (y: tf.Tensor, { name, alpha = 1 }: OutputActivation): tf.Tensor =>
  stockActivations[name](y, alpha);

/** The same computation by our operation or by stock ops. */
const convolve =
  ({ x, filter, settings, hasBias }: ConvolutionCase, isOurs: boolean): Computation =>
  () => {
    const images = noiseTensor<tf.Rank.R4>(x, 1);
    const { strides, dilations, padding, activation, needsInputGradient } = settings;
    const compute = (input: tf.Tensor, kernel: tf.Tensor, bias?: tf.Tensor): tf.Tensor => {
      const [x4, f4] = [input as tf.Tensor4D, kernel as tf.Tensor4D];
      if (isOurs) return convolution(x4, f4, bias as tf.Tensor1D | undefined, settings);
      const sum = tf.conv2d(x4, f4, strides, padding, 'NHWC', dilations);
      return stockActivation(bias ? sum.add(bias) : sum, activation);
    };
    const parameters = [
      noiseTensor<tf.Rank.R4>(filter, 2),
      ...(hasBias ? [noiseTensor<tf.Rank.R1>([filter[3]], 3)] : []),
    ];
    return needsInputGradient
      ? withGradients([images, ...parameters], compute as Operation)
      : withGradients(parameters, ((kernel: tf.Tensor, bias?: tf.Tensor) =>
          compute(images, kernel, bias)) as Operation);
  };

const settingsOf = (name: OutputActivation['name']): OutputActivation =>
  name === 'leakyRelu' ? { name, alpha: 0.3 } : name === 'elu' ? { name, alpha: 1 } : { name };
const activations = fc.constantFrom(...(Object.keys(stockActivations) as OutputActivation['name'][])).map(settingsOf);

test('convolution() and its gradients equal stock ops on the cpu backend for any shape, stride, padding and activation', async () => {
  const side = fc.integer({ min: 3, max: 9 });
  const small = fc.integer({ min: 1, max: 3 });
  const cases = fc.record({
    x: fc.tuple(small, side, side, fc.integer({ min: 1, max: 5 })),
    taps: fc.tuple(small, small),
    outChannels: fc.integer({ min: 1, max: 17 }),
    strides: fc.tuple(small, small),
    padding: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
    activation: activations,
    hasBias: fc.boolean(),
    needsInputGradient: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ x, taps, outChannels, hasBias, ...settings }) => {
      const setup: ConvolutionCase = {
        x,
        filter: [taps[0], taps[1], x[3], outChannels],
        settings: { ...settings, dilations: [1, 1] },
        hasBias,
      };
      assertClose(evaluateWithoutLeak(convolve(setup, true)), await evaluateOnCpu(convolve(setup, false)), TOLERANCE);
    }),
    { seed: 21, numRuns: 80 },
  );
});

test('convolution() gradients equal central differences of the definition, dilated too', () => {
  for (const dilations of [
    [1, 1],
    [2, 1],
    [2, 2],
  ] as [number, number][]) {
    for (const name of ['linear', 'relu'] as const) {
      const x: [number, number, number, number] = [2, 7, 6, 2];
      const filter: [number, number, number, number] = [3, 2, 2, 3];
      const settings = {
        strides: [1, 1],
        dilations,
        padding: 'same',
        activation: { name },
        needsInputGradient: true,
      } as const;
      const setup = { x, filter, settings: { ...settings, strides: [1, 1] as [number, number] }, hasBias: true };
      const [, dx, dFilter, dBias] = evaluateWithoutLeak(convolve(setup, true));
      const info = tf.backend_util.computeConv2DInfo(x, filter, [1, 1], dilations, 'same');
      const inputs = [noise(tf.util.sizeFromShape(x), 1), noise(tf.util.sizeFromShape(filter), 2), noise(3, 3)];
      const dy = noise(tf.util.sizeFromShape(info.outShape), 99);
      const loss = ([images, kernel, bias]: Float64Array[]): number => {
        const { y } = convolveByDefinition(info, images!, kernel!, dy);
        return y.reduce((sum, value, i) => {
          const z = value + bias![i % 3]!;
          return sum + dy[i]! * (name === 'relu' ? Math.max(0, z) : z);
        }, 0);
      };
      assertCentralDifferences(loss, inputs, [dx!, dFilter!, dBias!]);
    }
  }
});

/**
 * Slopes by central differences in double precision: a step of 1e-6 leaves about 1e-9; the gradients are float32. Every seventh
 * element of each input.
 */
function assertCentralDifferences(
  loss: (inputs: Float64Array[]) => number,
  inputs: readonly ArrayLike<number>[],
  gradients: readonly { readonly values: ArrayLike<number> }[],
): void {
  const at = inputs.map((input) => Float64Array.from(input));
  const step = 1e-6;
  at.forEach((input, which) => {
    for (let i = 0; i < input.length; i += 7) {
      const value = input[i]!;
      input[i] = value + step;
      const above = loss(at);
      input[i] = value - step;
      const slope = (above - loss(at)) / (2 * step);
      input[i] = value;
      const found = gradients[which]!.values[i]!;
      assert.ok(
        Math.abs(found - slope) < TOLERANCE * Math.max(1, Math.abs(slope)),
        `input ${which}, ${i}: ${found}, ${slope}`,
      );
    }
  });
}

interface DenseCase {
  readonly batch: number;
  readonly inputs: number;
  readonly units: number;
  readonly activation: OutputActivation;
  readonly hasBias: boolean;
  readonly needsInputGradient: boolean;
}

const multiply =
  ({ batch, inputs, units, activation, hasBias, needsInputGradient }: DenseCase, isOurs: boolean): Computation =>
  () => {
    const x = noiseTensor<tf.Rank.R2>([batch, inputs], 4);
    const compute = (input: tf.Tensor, kernel: tf.Tensor, bias?: tf.Tensor): tf.Tensor => {
      const [x2, k2] = [input as tf.Tensor2D, kernel as tf.Tensor2D];
      if (isOurs) return dense(x2, k2, bias as tf.Tensor1D | undefined, { activation, needsInputGradient });
      const sum = tf.matMul(x2, k2);
      return stockActivation(bias ? sum.add(bias) : sum, activation);
    };
    const parameters = [
      noiseTensor<tf.Rank.R2>([inputs, units], 5),
      ...(hasBias ? [noiseTensor<tf.Rank.R1>([units], 6)] : []),
    ];
    return needsInputGradient
      ? withGradients([x, ...parameters], compute as Operation)
      : withGradients(parameters, ((kernel: tf.Tensor, bias?: tf.Tensor) => compute(x, kernel, bias)) as Operation);
  };

test('dense() and its gradients equal stock ops on the cpu backend for any shape and activation', async () => {
  const cases = fc.record({
    batch: fc.integer({ min: 1, max: 40 }),
    inputs: fc.integer({ min: 1, max: 70 }),
    units: fc.integer({ min: 1, max: 40 }),
    activation: activations,
    hasBias: fc.boolean(),
    needsInputGradient: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(cases, async (setup) => {
      assertClose(evaluateWithoutLeak(multiply(setup, true)), await evaluateOnCpu(multiply(setup, false)), TOLERANCE);
    }),
    { seed: 22, numRuns: 80 },
  );
});

test('dense() gradients equal central differences of the definition', () => {
  const setup: DenseCase = {
    batch: 5,
    inputs: 9,
    units: 7,
    activation: { name: 'relu' },
    hasBias: true,
    needsInputGradient: true,
  };
  const [, dx, dKernel, dBias] = evaluate(multiply(setup, true));
  const dy = noise(35, 99);
  const loss = ([x, kernel, bias]: Float64Array[]): number => {
    let sum = 0;
    for (let row = 0; row < 5; row++) {
      for (let unit = 0; unit < 7; unit++) {
        let z = bias![unit]!;
        for (let k = 0; k < 9; k++) z += x![row * 9 + k]! * kernel![k * 7 + unit]!;
        sum += dy[row * 7 + unit]! * Math.max(0, z);
      }
    }
    return sum;
  };
  assertCentralDifferences(loss, [noise(45, 4), noise(63, 5), noise(7, 6)], [dx!, dKernel!, dBias!]);
});

test('activation() and its gradient equal stock ops on the cpu backend', async () => {
  for (const name of Object.keys(stockActivations) as OutputActivation['name'][]) {
    const settings = settingsOf(name);
    const compute =
      (isOurs: boolean): Computation =>
      () => {
        const x = noiseTensor<tf.Rank.R4>([3, 5, 2, 7], 8).mul(7) as tf.Tensor4D;
        const apply = (input: tf.Tensor): tf.Tensor =>
          isOurs ? activation(input, settings) : stockActivation(input.mul(1), settings);
        return withGradients([x], apply as Operation);
      };
    assertClose(evaluateWithoutLeak(compute(true)), await evaluateOnCpu(compute(false)), 5e-7, name);
  }
});

test('batchNormalization() moves averages that share their memory with another tensor in a copy', () => {
  tf.tidy(() => {
    const [mean, variance] = [tf.zeros([2]), tf.ones([2])];
    const movingMean = tf.variable(mean);
    const movingVariance = tf.variable(variance);
    const settings = { epsilon: 0, momentum: 0.5, movingMean, movingVariance };
    const y = batchNormalization(tf.tensor2d([1, 10, 3, 30], [2, 2]), undefined, undefined, settings);
    assert.equal([...y.dataSync()].map(Math.round), [-1, -1, 1, 1]);
    assert.equal(
      [[...movingMean.dataSync()], [...movingVariance.dataSync()]],
      [
        [1, 10],
        [1, 50.5],
      ],
    );
    assert.equal(
      [[...mean.dataSync()], [...variance.dataSync()]],
      [
        [0, 0],
        [1, 1],
      ],
    );
    tf.dispose([movingMean, movingVariance]);
  });
});

test('batchNormalization() takes gradients of x, gamma and beta, whichever it has, and leaves nothing behind', async () => {
  for (const [scale, center] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    const compute =
      (isOurs: boolean): Computation =>
      () => {
        const x = noiseTensor<tf.Rank.R3>([6, 5, 7], 1);
        const vectors = [
          ...(scale ? [noiseTensor<tf.Rank.R1>([7], 2)] : []),
          ...(center ? [noiseTensor<tf.Rank.R1>([7], 3)] : []),
        ];
        const moving = { movingMean: tf.variable(tf.zeros([7])), movingVariance: tf.variable(tf.ones([7])) };
        const normalise = (input: tf.Tensor, ...parameters: tf.Tensor[]): tf.Tensor => {
          const gamma = scale ? (parameters[0] as tf.Tensor1D) : undefined;
          const beta = center ? (parameters.at(-1) as tf.Tensor1D) : undefined;
          if (isOurs) return batchNormalization(input, gamma, beta, { epsilon: 1e-3, momentum: 0.9, ...moving });
          const { mean, variance } = tf.moments(input, [0, 1]);
          // tf.batchNorm has no gradient without gamma and beta.
          const normal = input.sub(mean).div(variance.add(1e-3).sqrt());
          return normal.mul(gamma ?? 1).add(beta ?? 0);
        };
        const outputs = withGradients([x, ...vectors], normalise as Operation);
        tf.dispose(Object.values(moving));
        return outputs;
      };
    assertClose(
      evaluateWithoutLeak(compute(true)),
      await evaluateOnCpu(compute(false)),
      TOLERANCE,
      `${scale} ${center}`,
    );
  }
});

test('seededDropout() passes the gradient where it passed the value, scaled alike', () => {
  const key = { seed: 1, step: 2, layer: 3 };
  const [y, dx] = evaluateWithoutLeak(() => {
    const x = tf.ones([3, 50, 7]);
    const drop = (input: tf.Tensor): tf.Tensor => seededDropout(input, 0.4, key);
    return [drop(x), tf.grad(drop)(x, tf.ones(x.shape))];
  });
  assert.equal(y!.shape, [3, 50, 7]);
  assert.equal(y, dx);
  const kept = Array.from(y!.values).filter((value) => value !== 0);
  assert.ok(kept.every((value) => value === Math.fround(1 / 0.6)));
  assert.ok(Math.abs(kept.length / 1050 - 0.6) < 0.06);
});

const logitsOf = (rows: number, classes: number): Float32Array => noise(rows * classes, 7).map((value) => value * 6);
const labelAt = (row: number, classes: number): number => (row * 3 + 1) % classes;
const oneHot = (rows: number, classes: number): tf.Tensor2D =>
  tf.oneHot(
    tf.tensor1d(
      Array.from({ length: rows }, (_, row) => labelAt(row, classes)),
      'int32',
    ),
    classes,
  ) as tf.Tensor2D;

test('crossEntropy() and its gradient equal tf.losses.softmaxCrossEntropy() on the cpu backend', async () => {
  const results: BatchLoss[] = [];
  const compute =
    (isOurs: boolean): Computation =>
    () => {
      const labels = oneHot(37, 10).toFloat() as tf.Tensor2D;
      const logits = tf.tensor2d(logitsOf(37, 10), [37, 10]);
      const loss = (x: tf.Tensor): tf.Tensor =>
        isOurs
          ? crossEntropy(x as tf.Tensor2D, labels, (result) => results.push(result))
          : tf.losses.softmaxCrossEntropy(labels, x);
      return [loss(logits), tf.grad((x) => loss(x).mul(3))(logits)];
    };
  const found = evaluateWithoutLeak(compute(true));
  assertClose(found, await evaluateOnCpu(compute(false)), 1e-6);
  assert.is(results.length, 2);
  assert.is(Math.fround(results[0]!.lossSum / 37), found[0]!.values[0]);
  const hits = Array.from({ length: 37 }, (_, row) => {
    const logits = [...logitsOf(37, 10).subarray(row * 10, row * 10 + 10)];
    return logits.indexOf(Math.max(...logits)) === labelAt(row, 10);
  });
  assert.is(results[0]!.hits, hits.filter(Boolean).length);
});

test('crossEntropy() gradient equals central differences of the definition', () => {
  const [gradient] = evaluate(() => {
    const labels = oneHot(6, 5).toFloat() as tf.Tensor2D;
    return tf.grad((x) => crossEntropy(x as tf.Tensor2D, labels, () => undefined))(tf.tensor2d(logitsOf(6, 5), [6, 5]));
  });
  const loss = ([logits]: Float64Array[]): number => {
    let sum = 0;
    for (let row = 0; row < 6; row++) {
      const values = logits!.subarray(row * 5, row * 5 + 5);
      sum += Math.log(values.reduce((total, value) => total + Math.exp(value), 0)) - values[labelAt(row, 5)]!;
    }
    return sum / 6;
  };
  assertCentralDifferences(loss, [logitsOf(6, 5)], [gradient!]);
});

test('the operations and their gradients give the same bits on any number of threads', async () => {
  await engine.stop();
  const settings = { strides: [1, 1], dilations: [1, 1], padding: 'valid', needsInputGradient: true } as const;
  const convolutionCase: ConvolutionCase = {
    x: [9, 13, 13, 8],
    filter: [3, 3, 8, 20],
    settings: { ...settings, strides: [1, 1], dilations: [1, 1], activation: { name: 'relu' } },
    hasBias: true,
  };
  const denseCase = { batch: 70, inputs: 300, units: 33, hasBias: true, needsInputGradient: true } as const;
  await assertSameBits({
    convolution: convolve(convolutionCase, true),
    dense: multiply({ ...denseCase, activation: { name: 'relu' } }, true),
    'linear dense': multiply({ ...denseCase, activation: { name: 'linear' } }, true),
    'elu convolution': convolve(
      { ...convolutionCase, settings: { ...convolutionCase.settings, activation: settingsOf('elu') } },
      true,
    ),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
