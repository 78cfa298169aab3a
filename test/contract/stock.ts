// Contract: stock tfjs, with none of our kernels, starts and infers through our loader on every runtime, the edge included.
// Invariant: it runs while no engine of ours does.
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as assert from 'uvu/assert';
import { loadGlue } from '../../src/backend/glue.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';
import { noiseTensor } from '../backend/kernels/oracle.ts';
import type { Bits } from './suite.ts';

const IMAGES = 3;
/** Sums of up to a thousand products, in another order. */
const TOLERANCE = 1e-5;

/** Infers with the study's network, on backends of tfjs alone. */
export async function inferOnStockTfjs(): Promise<Bits> {
  const { module } = await loadGlue(false);
  // Another engine's `stop` gives this place back to whoever had it.
  const earlier = tf.findBackendFactory('wasm') as ReturnType<typeof tf.findBackendFactory> | null;
  if (earlier) tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => new BackendWasm(module as never), 3);
  await tf.setBackend('wasm');
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 7);
  const infer = (): Float32Array =>
    tf.tidy(() => {
      const images = noiseTensor<tf.Rank.R4>([IMAGES, 28, 28, 1], 5);
      return (model.predict(images) as tf.Tensor).dataSync<'float32'>().slice();
    });
  try {
    const found = infer();
    assert.is(tf.getBackend(), 'wasm');
    assert.is(tf.getKernel('Conv2DBackpropFilter', 'wasm') as unknown, undefined, 'a kernel of ours is registered');
    await tf.setBackend('cpu');
    const expected = infer();
    assert.is(found.length, IMAGES * 10);
    found.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) < TOLERANCE, `probability ${i} is ${value}, not ${expected[i]}`);
    });
    return [found];
  } finally {
    model.dispose();
    tf.removeBackend('wasm');
    if (earlier) tf.registerBackend('wasm', earlier, 2);
  }
}
