// The kernels of Adam, AdamW and SGD against the updates written out in single precision: the same bits, not a tolerance.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, float32Bits, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  type OptimizerKernel,
  updateArguments,
  updateVariable,
} from '../../../src/backend/kernels/optimizer-update.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const f = Math.fround;

/** Weights and slots after an update. Each operation is rounded to float32, which of two floats is exact in double precision. */
type Scalar = (state: State, constants: readonly number[], step: readonly number[]) => Float32Array[];

interface State {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly slots: readonly Float32Array[];
}

interface Kernel {
  readonly slots: number;
  /** Settings as tests use them by default, and the same of one update. */
  readonly constants: readonly number[];
  readonly step: readonly number[];
  readonly scalar: Scalar;
}

const adamScalar =
  (isDecaying: boolean): Scalar =>
  ({ weights, gradient, slots: [firstMoment, secondMoment] }, constants, step) => {
    const [beta1, beta2, epsilon] = constants as [number, number, number];
    const [stepSize, decay] = step as [number, number];
    const m = firstMoment!.map((value, i) => f(beta1 * value) + f(f(1 - beta1) * gradient[i]!));
    const v = secondMoment!.map((value, i) => f(beta2 * value) + f(f(1 - beta2) * f(gradient[i]! * gradient[i]!)));
    const w = weights.map((value, i) => {
      const update = f(f(stepSize * m[i]!) / f(f(Math.sqrt(v[i]!)) + epsilon));
      return value - (isDecaying ? f(update + f(decay * value)) : update);
    });
    return [w, m, v];
  };

const decayed = (gradient: Float32Array, weights: Float32Array, weightDecay: number): Float32Array =>
  gradient.map((value, i) => value + f(weightDecay * weights[i]!));

const momentumScalar =
  (isNesterov: boolean): Scalar =>
  ({ weights, gradient: plain, slots: [velocity] }, [weightDecay, momentum], [stepSize]) => {
    const gradient = decayed(plain, weights, weightDecay!);
    const v = velocity!.map((value, i) => f(momentum! * value) + gradient[i]!);
    const directions = isNesterov ? v.map((value, i) => gradient[i]! + f(momentum! * value)) : v;
    return [weights.map((value, i) => value - f(stepSize! * directions[i]!)), v];
  };

const kernels: Record<OptimizerKernel, Kernel> = {
  adam: { slots: 2, constants: [0.9, 0.999, 1e-7], step: [0.001, 0.5], scalar: adamScalar(false) },
  adamW: { slots: 2, constants: [0.9, 0.999, 1e-7], step: [0.001, 1e-5], scalar: adamScalar(true) },
  sgd: {
    slots: 0,
    constants: [0],
    step: [0.01],
    scalar: ({ weights, gradient }, [weightDecay], [stepSize]) => {
      const whole = decayed(gradient, weights, weightDecay!);
      return [weights.map((value, i) => value - f(stepSize! * whole[i]!))];
    },
  },
  sgdMomentum: { slots: 1, constants: [0, 0.9], step: [0.01], scalar: momentumScalar(false) },
  sgdNesterov: { slots: 1, constants: [0, 0.9], step: [0.01], scalar: momentumScalar(true) },
};
const names = Object.keys(kernels) as OptimizerKernel[];

/** Noise; the last slot, Adam's second moment, is not negative. */
function state(kernel: OptimizerKernel, size: number, seed: number): State {
  const { slots } = kernels[kernel];
  const part = (which: number): Float32Array => noise(size, 4 * seed + which);
  const made = Array.from({ length: slots }, (_, i) => (i === 1 ? part(3).map((v) => v * v) : part(2)));
  return { weights: part(0), gradient: part(1), slots: made };
}

interface Settings {
  readonly constants: readonly number[];
  readonly step: readonly number[];
}

/** Updates tensors of these values in place `times` times; weights, slots and gradient. */
function update(kernel: OptimizerKernel, start: State, settings: Settings = kernels[kernel], times = 1): tf.Tensor[] {
  const variable = tf.variable(tf.tensor1d(start.weights));
  const gradient = tf.tensor1d(start.gradient);
  const slots = start.slots.map((values) => tf.tensor1d(values));
  const { constants, step } = settings;
  const made = { variable, kernel, slots, constants: constants.map(float32Bits) };
  for (let i = 0; i < times; i++) updateVariable(currentBackend(), made, gradient, step.map(float32Bits));
  const weights = variable.clone();
  variable.dispose();
  return [weights, ...slots, gradient];
}

function assertEqualsScalar(kernel: OptimizerKernel, start: State, settings: Settings = kernels[kernel]): void {
  tf.tidy(() => {
    const found = update(kernel, start, settings).map((tensor) => tensor.dataSync());
    const expected = kernels[kernel].scalar(start, settings.constants.map(f), settings.step.map(f));
    assert.equal(found, [...expected, start.gradient], kernel);
  });
}

test('updateVariable() equals the scalar update to the bit for every tail and for sizes around a block', () => {
  const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
  for (const kernel of names) {
    for (const size of [1, 2, 3, 4, 5, 7, 1023, 1024, 1025, 2047, 3077, 9001]) {
      assertEqualsScalar(kernel, state(kernel, size, size));
    }
  }
  assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
});

test('updateVariable() equals the scalar update to the bit for any settings', () => {
  const share = fc.double({ min: 0, max: 0.9999, noNaN: true });
  const epsilon = fc.double({ min: 1e-12, max: 1, noNaN: true });
  const step = fc.double({ min: 1e-6, max: 10, noNaN: true });
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(1000),
      fc.tuple(share, share, epsilon),
      fc.tuple(step, share),
      (kernel, size, seed, constants, words) => {
        const count = { constants: kernels[kernel].constants.length, step: kernels[kernel].step.length };
        const settings = { constants: constants.slice(0, count.constants), step: words.slice(0, count.step) };
        assertEqualsScalar(kernel, state(kernel, size, seed), settings);
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

/** Runs a kernel over the first `units` units of guarded memory; the weights and slots, and whether all guards are whole. */
function runGuarded(
  kernel: OptimizerKernel,
  { weights, gradient, slots }: State,
  { units, elementsPerUnit, grain }: { units: number; elementsPerUnit: number; grain: number },
): { values: Float32Array[]; isGuarded: boolean } {
  const backend = currentBackend();
  const { constants, step } = kernels[kernel];
  const arrays = [weights, ...slots, gradient];
  const elements = weights.length;
  const stride = elements * 4 + 64;
  return backend.withMemory(arrays.length * stride, (block) => {
    const area = backend.bytes(block, arrays.length * stride).fill(0xab);
    const starts = arrays.map((_, i) => block + i * stride);
    arrays.forEach((values, i) => {
      backend.bytes(starts[i]!, elements * 4).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    });
    const offsets = { weights: starts[0]!, gradient: starts.at(-1)!, slots: starts.slice(1, -1) };
    const settings = { constants: constants.map(float32Bits) };
    const words = updateArguments(offsets, { elements, elementsPerUnit }, settings, step.map(float32Bits));
    backend.pool.run(kernel, units, words, { grain });
    const guards = arrays.flatMap((_, i) => [...area.subarray(i * stride + elements * 4, (i + 1) * stride)]);
    const values = starts
      .slice(0, -1)
      .map((start) => new Float32Array(backend.bytes(start, elements * 4).slice().buffer));
    return { values, isGuarded: guards.every((byte) => byte === 0xab) };
  });
}

test('updateArguments() makes units of any multiple of four elements, whose updates touch nothing outside of their range', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(100),
      (kernel, elements, quarter, grain, cut) => {
        const start = state(kernel, elements, elements);
        const elementsPerUnit = 4 * quarter;
        const units = Math.max(0, Math.ceil(elements / elementsPerUnit) - (cut % 3));
        const done = Math.min(units * elementsPerUnit, elements);
        const { values, isGuarded } = runGuarded(kernel, start, { units, elementsPerUnit, grain });
        const { constants, step, scalar } = kernels[kernel];
        const whole = scalar(start, constants.map(f), step.map(f));
        const before = [start.weights, ...start.slots];
        const expected = before.map((kept, i) => kept.map((value, k) => (k < done ? whole[i]![k]! : value)));
        assert.equal(values, expected, kernel);
        assert.ok(isGuarded, `${kernel} wrote behind ${elements} elements`);
      },
    ),
    { seed: 12, numRuns: 200 },
  );
});

test('updateVariable() leaves weights alone whose gradient and slots are zero, and spreads NaN no further than its element', () => {
  const gradient = Float32Array.of(0, Number.NaN, 0, 0, 0, 0);
  for (const kernel of names) {
    tf.tidy(() => {
      const { slots, constants, step } = kernels[kernel];
      const zeros = Array.from({ length: slots }, () => new Float32Array(6));
      const weights = Float32Array.of(1, -2, 3, -4, 5, -6);
      const settings = { constants, step: [step[0]!, 0] };
      const [found] = update(kernel, { weights, gradient, slots: zeros }, settings);
      assert.equal([...found!.dataSync()], [1, Number.NaN, 3, -4, 5, -6], kernel);
    });
  }
});

test('updateVariable() with adamW takes the decay from weights whose gradient is zero', () => {
  tf.tidy(() => {
    const size = 5;
    const zeros = [new Float32Array(size), new Float32Array(size)];
    const start = { weights: new Float32Array(size).fill(1), gradient: new Float32Array(size), slots: zeros };
    const settings = { constants: kernels.adamW.constants, step: [0.001, 2 ** -23] };
    const [found] = update('adamW', start, settings, 3);
    assert.equal([...found!.dataSync()], new Array(size).fill(1 - 3 * 2 ** -23));
  });
});

test('updateVariable() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits(
    Object.fromEntries(names.map((kernel) => [kernel, () => update(kernel, state(kernel, 50_003, 3), undefined, 5)])),
  );
  engine = await startBackend({ threads: 2 });
});

test.run();
