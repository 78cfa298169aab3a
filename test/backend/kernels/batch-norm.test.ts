// batchNorm and batchNormGrad against a definition in double precision, tf.layers and tf.grads on the cpu backend at batch 128, and
// central differences. Tolerances are relative to max(1, |expected|).
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { batchNorm, batchNormGrad } from '../../../src/backend/kernels/batch-norm.ts';
import type { OutputActivation } from '../../../src/backend/kernels/output-activation.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const EPSILON = Math.fround(0.001);

interface Setup {
  readonly rows: number;
  readonly channels: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly activation?: 'linear' | 'relu' | 'tanh';
  /** Added to all inputs. */
  readonly offset?: number;
}

const inputOf = ({ rows, channels, offset = 0 }: Setup): Float32Array =>
  noise(rows * channels, 1).map((value, i) => value * (1 + (i % channels)) + (i % channels) / 4 + offset);

/** y, statistics, moving averages, dx, dGamma, dBeta; the gradient may have to do without y. */
const differentiate =
  (setup: Setup, hasOutputs = true): Computation =>
  () => {
    const { rows, channels, center, scale } = setup;
    const activation: OutputActivation = { name: setup.activation ?? 'linear' };
    const backend = currentBackend();
    const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);
    const x = tf.tensor2d(inputOf(setup), [rows, channels]);
    const moving = { mean: noiseTensor<tf.Rank.R1>([channels], 4), variance: noiseTensor<tf.Rank.R1>([channels], 5) };
    const forward = batchNorm(backend, {
      x,
      gamma: scale ? noiseTensor<tf.Rank.R1>([channels], 2) : undefined,
      beta: center ? noiseTensor<tf.Rank.R1>([channels], 3) : undefined,
      moving: { ...moving, momentum: 0.75 },
      epsilon: EPSILON,
      activation,
    });
    const [y, statistics] = [track(forward.y), track(forward.statistics)];
    const dy = noiseTensor<tf.Rank.R2>([rows, channels], 6);
    const gradients = batchNormGrad(backend, {
      dy,
      x,
      statistics,
      activated: { ...(hasOutputs && { y }), activation },
    });
    const { dx, dGamma, dBeta } = gradients;
    return [y, statistics, moving.mean, moving.variance, ...[dx, dGamma, dBeta].map(track)];
  };

const activations = {
  linear: { value: (z: number) => z, slope: () => 1 },
  relu: { value: (z: number) => Math.max(0, z), slope: (y: number) => (y > 0 ? 1 : 0) },
  tanh: { value: Math.tanh, slope: (y: number) => 1 - y * y },
};

/** The same from the definition, in double precision; the slope of relu is that of the output given. */
function byDefinition(setup: Setup, outputs: ArrayLike<number>): Float64Array[] {
  const { rows, channels, center, scale } = setup;
  const { value } = activations[setup.activation ?? 'linear'];
  const { slope } = activations[setup.activation ?? 'linear'];
  const [x, dOutput] = [inputOf(setup), noise(rows * channels, 6)];
  const [gammas, betas] = [noise(channels, 2), noise(channels, 3)];
  const [movingMean, movingVariance] = [noise(channels, 4), noise(channels, 5)].map((from) => Float64Array.from(from));
  const y = new Float64Array(rows * channels);
  const dx = new Float64Array(rows * channels);
  const statistics = new Float64Array(5 * channels);
  const dGamma = new Float64Array(channels);
  const dBeta = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const at = Array.from({ length: rows }, (_, row) => row * channels + channel);
    const mean = at.reduce((sum, i) => sum + x[i]!, 0) / rows;
    const variance = at.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / rows;
    const reciprocal = 1 / Math.sqrt(variance + EPSILON);
    const gain = (scale ? gammas[channel]! : 1) * reciprocal;
    const shift = (center ? betas[channel]! : 0) - mean * gain;
    [mean, variance, reciprocal, gain, shift].forEach((statistic, row) => {
      statistics[row * channels + channel] = statistic;
    });
    movingMean![channel] = 0.75 * movingMean![channel]! + 0.25 * mean;
    movingVariance![channel] = 0.75 * movingVariance![channel]! + 0.25 * variance;
    const dy = at.map((i) => dOutput[i]! * slope(outputs[i]!));
    const normal = at.map((i) => (x[i]! - mean) * reciprocal);
    dBeta[channel] = dy.reduce((sum, g) => sum + g, 0);
    dGamma[channel] = dy.reduce((sum, g, row) => sum + g * normal[row]!, 0);
    at.forEach((i, row) => {
      y[i] = value(gain * x[i]! + shift);
      dx[i] = gain * (dy[row]! - dBeta[channel]! / rows - (normal[row]! * dGamma[channel]!) / rows);
    });
  }
  return [y, statistics, movingMean!, movingVariance!, dx, dGamma, dBeta];
}

const NAMES = ['y', 'statistics', 'moving mean', 'moving variance', 'dx', 'dGamma', 'dBeta'];

function assertDefinition(setup: Setup, tolerance: number): void {
  const found = evaluateWithoutLeak(differentiate(setup));
  const wanted = byDefinition(setup, found[0]!.values);
  const [mean, , reciprocal, gain] = Array.from({ length: 5 }, (_, row) =>
    wanted[1]!.subarray(row * setup.channels, (row + 1) * setup.channels),
  );
  // A mean in single precision is known to 6e-8 of itself, an output to that many deviations; gradients are as large as their terms.
  const condition = mean!.reduce((most, value, i) => Math.max(most, 1 + Math.abs(value * reciprocal![i]!)), 1);
  const term = gain!.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  wanted.forEach((expected, i) => {
    const { values } = found[i]!;
    const largest =
      { dx: term, dGamma: setup.rows, dBeta: setup.rows }[NAMES[i]!] ??
      expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    expected.forEach((value, at) => {
      const error = Math.abs(values[at]! - value);
      assert.ok(
        error <= tolerance * largest * condition,
        `${JSON.stringify(setup)}: ${NAMES[i]} ${at}: got ${values[at]}, expected ${value}`,
      );
    });
  });
}

test('batchNorm() and batchNormGrad() equal their definition over random shapes, with and without gamma, beta and activation', () => {
  const setups = fc.record({
    rows: fc.integer({ min: 2, max: 700 }),
    channels: fc.integer({ min: 1, max: 45 }),
    center: fc.boolean(),
    scale: fc.boolean(),
    activation: fc.constantFrom<'linear' | 'relu' | 'tanh'>('linear', 'relu', 'tanh'),
  });
  fc.assert(
    fc.property(setups, (setup) => assertDefinition(setup, 4e-6)),
    { seed: 51, numRuns: 60 },
  );
});

test('batchNorm() sums several chunks, the last of them short', () => {
  // 32,768 floats a chunk: three chunks of 2,048 rows and one of 77.
  assertDefinition({ rows: 3 * 2048 + 77, channels: 16, center: true, scale: true }, 1e-6);
  assertDefinition({ rows: 2 * 10_922 + 5, channels: 3, center: true, scale: true }, 1e-6);
});

test('batchNorm() keeps the variance of inputs far from zero', () => {
  const setup = { rows: 5000, channels: 5, center: true, scale: true, offset: 1000 };
  const [, statistics] = evaluateWithoutLeak(differentiate(setup));
  const [, expected] = byDefinition(setup, new Float64Array(25_000));
  for (let channel = 0; channel < 5; channel++) {
    const [found, wanted] = [statistics!.values[5 + channel]!, expected![5 + channel]!];
    assert.ok(Math.abs(found / wanted - 1) < 2e-7, `variance ${found}, expected ${wanted}`);
  }
});

test('batchNorm() of one row is beta, and its gradient zero', () => {
  const [y, , , , dx] = evaluateWithoutLeak(differentiate({ rows: 1, channels: 6, center: true, scale: true }));
  assertClose([{ shape: [1, 6], values: y!.values }], [{ shape: [1, 6], values: noise(6, 3) }], 2e-5);
  assert.ok(Array.from(dx!.values).every((value) => Math.abs(value) < 2e-5));
});

test('batchNorm() of an empty batch is empty and moves no average', () => {
  const [y, statistics, mean, variance, dx, dGamma, dBeta] = evaluateWithoutLeak(
    differentiate({ rows: 0, channels: 3, center: true, scale: true }),
  );
  assert.equal(
    [y!.shape, statistics!.shape, dx!.shape],
    [
      [0, 3],
      [5, 3],
      [0, 3],
    ],
  );
  assert.equal([mean!.values, variance!.values], [noise(3, 4), noise(3, 5)]);
  assert.equal([dGamma!.values, dBeta!.values], [new Float32Array(3), new Float32Array(3)]);
});

test('batchNorm() and batchNormGrad() equal tf.layers.batchNormalization() and tf.grads() on the cpu backend at batch 128', async () => {
  const shape: [number, number, number, number] = [128, 7, 6, 19];
  const compute =
    (isOurs: boolean): Computation =>
    () => {
      const x = noiseTensor<tf.Rank.R4>(shape, 1).mul(3).add(0.5) as tf.Tensor4D;
      const dy = noiseTensor<tf.Rank.R4>(shape, 2);
      const [gamma, beta] = [noiseTensor<tf.Rank.R1>([19], 3), noiseTensor<tf.Rank.R1>([19], 4)];
      if (isOurs) {
        const backend = currentBackend();
        const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);
        const moving = { mean: tf.zeros([19]), variance: tf.ones([19]) };
        const forward = batchNorm(backend, { x, gamma, beta, moving: { ...moving, momentum: 0.99 }, epsilon: 1e-3 });
        const { dx, dGamma, dBeta } = batchNormGrad(backend, { dy, x, statistics: track(forward.statistics) });
        return [track(forward.y), ...[dx, dGamma, dBeta].map(track), moving.mean, moving.variance];
      }
      const layer = tf.layers.batchNormalization({ inputShape: shape.slice(1) });
      const model = tf.sequential({ layers: [layer] });
      model.setWeights([gamma, beta, tf.zeros([19]), tf.ones([19])]);
      const y = model.apply(x, { training: true }) as tf.Tensor;
      const [, , mean, variance] = model.getWeights().map((weight) => weight.clone());
      const normalise = (input: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor => {
        const moments = tf.moments(input, [0, 1, 2]);
        return tf.batchNorm(
          input as tf.Tensor4D,
          moments.mean as tf.Tensor1D,
          moments.variance as tf.Tensor1D,
          shift as tf.Tensor1D,
          scale as tf.Tensor1D,
          1e-3,
        );
      };
      const gradients = tf.grads((input, scale, shift) => normalise(input!, scale!, shift!))([x, gamma, beta], dy);
      model.dispose();
      return [y, ...gradients, mean!, variance!];
    };
  // The sums of the cpu backend are in single precision, 5,376 terms.
  assertClose(evaluateWithoutLeak(compute(true)), await evaluateOnCpu(compute(false)), 3e-5);
});

test('batchNormGrad() finds the sign of a relu again from its inputs, to the bit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40 }), (rows, channels) => {
      const setup: Setup = { rows, channels, center: true, scale: true, activation: 'relu' };
      const [reading, finding] = [true, false].map((hasOutputs) => evaluate(differentiate(setup, hasOutputs)));
      finding!.forEach(({ values }, i) => {
        assert.equal(values, reading![i]!.values, NAMES[i]);
      });
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('batchNormGrad() equals central differences of the definition', () => {
  const setup: Setup = { rows: 7, channels: 3, center: true, scale: true };
  const found = evaluate(differentiate(setup));
  const x = Float64Array.from(inputOf(setup));
  const dy = noise(21, 6);
  const [gamma, beta] = [noise(3, 2), noise(3, 3)];
  const loss = (): number => {
    let sum = 0;
    for (let channel = 0; channel < 3; channel++) {
      const column = Array.from({ length: 7 }, (_, row) => x[row * 3 + channel]!);
      const mean = column.reduce((total, value) => total + value, 0) / 7;
      const variance = column.reduce((total, value) => total + (value - mean) ** 2, 0) / 7;
      column.forEach((value, row) => {
        const normal = (value - mean) / Math.sqrt(variance + EPSILON);
        sum += dy[row * 3 + channel]! * (gamma[channel]! * normal + beta[channel]!);
      });
    }
    return sum;
  };
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    x[i] = value + 1e-6;
    const above = loss();
    x[i] = value - 1e-6;
    const slope = (above - loss()) / 2e-6;
    x[i] = value;
    assert.ok(Math.abs(found[4]!.values[i]! - slope) < 1e-5, `${i}: ${found[4]!.values[i]}, ${slope}`);
  }
});

test('batchNorm() and batchNormGrad() give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    'several chunks': differentiate({ rows: 9000, channels: 16, center: true, scale: true }),
    'odd channels': differentiate({ rows: 3000, channels: 37, center: false, scale: true, activation: 'relu' }),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
