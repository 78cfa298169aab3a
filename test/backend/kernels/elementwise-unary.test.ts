// Functions of one tensor against the cpu backend, whose loop is scalar and whose exponentials are the engine's.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Operation = (x: tf.Tensor) => tf.Tensor;

/** At most one rounding. */
const exact: Readonly<Record<string, Operation>> = {
  abs: tf.abs,
  ceil: tf.ceil,
  floor: tf.floor,
  neg: tf.neg,
  reciprocal: tf.reciprocal,
  sqrt: tf.sqrt,
  square: tf.square,
  step: tf.step,
  stepWithAlpha: (x) => tf.step(x, -0.75),
  relu: tf.relu,
  relu6: tf.relu6,
};
/** Relative errors below 4e-7. */
const close: Readonly<Record<string, Operation>> = {
  rsqrt: tf.rsqrt,
  leakyRelu: (x) => tf.leakyRelu(x, 0.3),
  elu: tf.elu,
  exp: tf.exp,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
};

const applyTo =
  (operations: Readonly<Record<string, Operation>>, x: () => tf.Tensor): Computation =>
  () => {
    const input = x();
    return Object.values(operations).map((operation) => operation(input));
  };

test('functions of one tensor equal the cpu backend for odd, single and empty sizes', async () => {
  for (const shape of [[], [0], [3, 0], [1], [3], [4], [15], [16], [17], [33], [4, 5, 7], [40009]]) {
    const input = () => tf.mul(noiseTensor(shape as unknown as [number], 7), 9) as tf.Tensor;
    const [first, second] = [applyTo(exact, input), applyTo(close, input)];
    assertClose(evaluateWithoutLeak(first), await evaluateOnCpu(first), 0, `[${shape}]`);
    assertClose(evaluateWithoutLeak(second), await evaluateOnCpu(second), 4e-7, `[${shape}]`);
  }
});

test('functions of one tensor treat NaN, infinities and zeros as the cpu backend does, in vectors and in what is left over', async () => {
  const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 3e38, -3e38, 88.7, -87, 5.5, -5.5];
  const input = () => tf.tensor1d(Array.from({ length: 3 }, () => special).flat());
  const all = applyTo({ ...exact, ...close }, input);
  assertClose(evaluateWithoutLeak(all), await evaluateOnCpu(all), 1e-6);
});

test('Relu gives 0 for -0, as Math.max does', () => {
  const [y] = evaluate(() => tf.relu(tf.fill([5], -0)));
  assert.ok(Array.from(y!.values).every((value) => Object.is(value, 0)));
});

test('functions of int32 tensors stay as they were', async () => {
  const compute: Computation = () => {
    const x = tf.tensor1d([-3, 0, 9], 'int32');
    return [tf.abs(x), tf.neg(x), tf.square(x), tf.relu(x), tf.step(x)];
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
});

test('a gradient through relu, exp, square, sqrt and tanh equals that of the cpu backend', async () => {
  const compute: Computation = () => {
    const x = noiseTensor([13, 17], 5) as tf.Tensor;
    const f = (input: tf.Tensor): tf.Tensor =>
      tf.tanh(tf.sqrt(tf.add(tf.square(tf.exp(tf.relu(input))), tf.scalar(0.5))));
    return tf.grad(f)(x);
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-5);
});

test('functions of one tensor give the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits(
    Object.fromEntries(
      Object.entries({ ...exact, ...close }).map(([name, operation]) => [
        name,
        () => operation(noiseTensor([40009], 3)),
      ]),
    ),
  );
  engine = await startBackend({ threads: 2 });
});

test.run();
