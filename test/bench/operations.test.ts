// That `bench operations` forgets no kernel. Not a measurement: sizes are tiny.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { operationCases, unmeasuredKernels } from '../../bench/operation-cases/index.ts';
import { operations } from '../../bench/operations.ts';
import { addStockBackend, STOCK } from '../../bench/stock-backend.ts';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';

const TINY = { side: 20, image: 16, channels: 8 };

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

test('operationCases() holds every registered kernel, or a reason why not', () => {
  const measured = new Set([...operationCases(TINY).map(({ kernel }) => kernel), ...Object.keys(unmeasuredKernels)]);
  const registered = tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName);
  assert.equal(
    registered.filter((name) => !measured.has(name)),
    [],
    'without a case',
  );
  assert.equal(
    [...measured].filter((name) => !registered.includes(name)),
    [],
    'not registered',
  );
});

test('operationCases() have names of their own', () => {
  const names = operationCases(TINY).map(({ name }) => name);
  assert.equal(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test('each case runs the kernel that it is named after, on ours and on stock', async () => {
  const remove = await addStockBackend();
  try {
    for (const backend of ['wasm', STOCK]) {
      await tf.setBackend(backend);
      for (const { kernel, name, prepare } of operationCases(TINY)) {
        if (!tf.getKernel(kernel, backend)) continue;
        tf.engine().startScope();
        const compute = prepare();
        const { kernelNames } = await tf.profile(() => compute() as tf.Tensor);
        tf.engine().endScope();
        assert.ok(kernelNames.includes(kernel), `${name} on ${backend} ran ${kernelNames}`);
      }
    }
  } finally {
    await tf.setBackend('wasm');
    remove();
  }
});

test('operations.run() compares with stock and leaves the backend as it was', async () => {
  const kernels = tf.getKernelsForBackend('wasm');
  const before = tf.memory().numTensors;
  const { json, text } = await operations.run({ engine: engine.info, rounds: 1, only: ['ExpandDims', 'ReluGrad'] });
  const { results } = json as { results: { name: string; ratio?: number }[] };
  assert.equal(
    results.map(({ name, ratio }) => [name, ratio !== undefined]),
    [
      ['ReluGrad', false],
      ['ExpandDims', true],
    ],
  );
  assert.match(text, /not in stock/);
  assert.is(tf.getBackend(), 'wasm');
  assert.equal(tf.getKernelsForBackend('wasm'), kernels);
  assert.is(tf.findBackend(STOCK), null);
  assert.is(tf.memory().numTensors, before);
});

test.run();
