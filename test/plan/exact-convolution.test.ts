// Exact convolutions: on a backend started for them, plan and operations compute no convolution by Winograd's algorithm.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import { initializeWeights } from '../../src/models/index.ts';
import { compileTraining } from '../../src/plan/index.ts';

/** Kernels that a step of a plan and a tfjs convolution run. */
async function kernelsOf(exactConvolution: boolean): Promise<Set<string>> {
  const engine = await startBackend({ threads: 1, exactConvolution });
  try {
    assert.is(engine.info.exactConvolution, exactConvolution);
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [9, 9, 16], filters: 16, kernelSize: 3, activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    });
    initializeWeights(model, 1);
    const { pool } = engine.backend;
    const asked = new Set<string>();
    const { kernelIndex, run } = pool;
    pool.kernelIndex = (name) => {
      asked.add(name);
      return kernelIndex.call(pool, name);
    };
    pool.run = (name, ...rest) => {
      asked.add(name);
      run.call(pool, name, ...rest);
    };
    const plan = compileTraining(model, { batchSize: 16, seed: 1, updates: [] });
    if ('reason' in plan) throw new Error(plan.reason);
    // Compiled when it is asked for.
    assert.ok(plan.dispatches > 0);
    tf.dispose(model.predict(tf.ones([2, 9, 9, 16])));
    plan.dispose();
    return asked;
  } finally {
    await engine.stop();
  }
}

test('startBackend() with exactConvolution keeps Winograd out of plans and operations', async () => {
  const isWinograd = (name: string): boolean => name.toLowerCase().includes('winograd');
  const fast = [...(await kernelsOf(false))].filter(isWinograd);
  assert.ok(fast.includes('planWinogradInput') && fast.some((name) => !name.startsWith('plan')), fast.join());
  const exact = [...(await kernelsOf(true))];
  assert.equal(exact.filter(isWinograd), []);
  assert.ok(exact.includes('conv2d'));
});

test.run();
