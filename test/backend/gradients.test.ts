// Gradients that run kernels of ours: equal to tfjs's own, on our backend alone, and gone when it stops.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noiseTensor,
} from './kernels/oracle.ts';

const stock = ['Relu', 'Sum', 'Mean'].map((name) => tf.getGradient(name));

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

test('the gradient of relu equals that of the cpu backend to the bit, with NaN, infinities and zeros on either side', async () => {
  const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -2.5, 1e-45];
  const compute: Computation = () => {
    const x = tf.tensor1d(special.flatMap((value) => special.map(() => value)));
    const dy = tf.tensor1d(special.flatMap(() => special));
    const wide = noiseTensor([33, 1001], 1) as tf.Tensor;
    return [
      tf.grad((input) => tf.relu(input))(x, dy),
      tf.grad((input) => tf.relu(input))(wide, noiseTensor([33, 1001], 2) as tf.Tensor),
      tf.grad((input) => tf.relu(input))(tf.zeros([0, 3])),
      tf.grad((input) => tf.relu(input))(tf.scalar(2)),
    ];
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0);
});

test('the gradient of relu runs one kernel', () => {
  const x = noiseTensor([5, 7]) as tf.Tensor;
  const names = tf.tidy(() => {
    const ran: string[] = [];
    const { kernelName, kernelFunc } = tf.getKernel('ReluGrad', 'wasm');
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: (call) => {
        ran.push(kernelName);
        return kernelFunc(call);
      },
    });
    tf.grad((input) => tf.relu(input))(x);
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
    return ran;
  });
  x.dispose();
  assert.equal(names, ['ReluGrad']);
});

test('gradients of sums and means over any axes equal those of the cpu backend to the bit', async () => {
  for (const axes of [[], [0], [1], [2], [0, 2], [1, 2], [0, 1, 2], undefined]) {
    for (const keepDims of [false, true]) {
      const compute: Computation = () => {
        const x = noiseTensor([3, 5, 7], 4) as tf.Tensor;
        const weight = (y: tf.Tensor): tf.Tensor => tf.mul(y, noiseTensor(y.shape as [number], 5));
        return [
          tf.grad((input) => weight(tf.sum(input, axes, keepDims)))(x),
          tf.grad((input) => weight(tf.mean(input, axes, keepDims)))(x),
        ];
      };
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, `by [${axes}]`);
    }
  }
});

test('second derivatives through relu, sums and means equal those of the cpu backend', async () => {
  const compute: Computation = () => {
    const x = noiseTensor([4, 6], 7) as tf.Tensor;
    const f = (input: tf.Tensor): tf.Tensor =>
      tf.sum(tf.square(tf.mul(tf.relu(input), tf.mean(tf.relu(tf.square(input)), 1, true))));
    return tf.grad((input) => tf.sum(tf.square(tf.grad(f)(input))))(x);
  };
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-4);
});

test('gradients of ours give the same bits on any number of threads, and tfjs has its own back when the backend stops', async () => {
  await engine.stop();
  assert.equal(
    ['Relu', 'Sum', 'Mean'].map((name, i) => tf.getGradient(name) === stock[i]),
    [true, true, true],
  );
  assert.is(tf.getGradient('ReluGrad'), undefined);
  await assertSameBits({
    relu: () => tf.grad((x) => tf.square(tf.relu(x)))(noiseTensor([61, 1331]) as tf.Tensor),
    sum: () => tf.grad((x) => tf.square(tf.sum(x, [0, 1])))(noiseTensor([61, 133, 9]) as tf.Tensor),
    mean: () => tf.grad((x) => tf.square(tf.mean(x, 1)))(noiseTensor([61, 133, 9]) as tf.Tensor),
  });
  engine = await startBackend({ threads: 2 });
});

test('on the cpu backend tfjs runs its own gradients while ours is started', async () => {
  await tf.setBackend('cpu');
  const [dx] = evaluate(() => tf.grad((x) => tf.mean(tf.relu(x)))(tf.tensor1d([-1, 2])));
  assert.equal([...Array.from(dx!.values)], [0, 0.5]);
  await tf.setBackend('wasm');
});

test.run();
