// Columns in place of a network's last dense layer: by the plan, features are those of tfjs, and logits the sum over them.
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildModel, initializeWeights, lastDenseOf, replaceLastDense } from '../../src/models/index.ts';
import { createNetworkPredictor } from '../../src/plan/index.ts';

const test = suite('last dense');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const images = Float32Array.from({ length: 300 * 784 }, (_, i) => ((i * 7919) % 255) / 255);

test('replaceLastDense() gives features, and logits by the columns of the last layer', () => {
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 3);
  const last = lastDenseOf(model)!;
  assert.equal([last.width, last.classes], [128, 10]);
  const before = tf.memory().numTensors;
  const replaced = replaceLastDense(model, last);
  const predictor = createNetworkPredictor(replaced.network, { batchSize: 256 });
  assert.is(predictor.unplanned, undefined);
  const [seen, scores] = predictor.predict(images) as [Float32Array, Float32Array];
  assert.equal([scores.length, seen.length], [3000, 300 * 128]);
  tf.tidy(() => {
    const trunk = tf.model({ inputs: model.inputs, outputs: last.features });
    const expected = (trunk.predict(tf.tensor4d(images, [300, 28, 28, 1])) as tf.Tensor).dataSync<'float32'>();
    let worst = 0;
    for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i]! - seen[i]!));
    assert.ok(worst < 1e-4, `${worst}`);
    for (const sample of [0, 255, 256, 299]) {
      for (let label = 0; label < 10; label++) {
        let sum = last.bias[label]!;
        for (let i = 0; i < 128; i++) sum += seen[sample * 128 + i]! * last.kernel[i * 10 + label]!;
        assert.ok(Math.abs(sum - scores[sample * 10 + label]!) < 1e-4);
      }
    }
  });
  const [, alone] = predictor.predict(images.subarray(784 * 7, 784 * 8));
  assert.equal(alone, scores.slice(70, 80));
  predictor.dispose();
  replaced.dispose();
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test('replaceLastDense() refuses columns that do not fit, and networks that end otherwise', () => {
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  const { kernel } = lastDenseOf(model)!;
  const refusal = (error: { code: string }) => error.code === 'models/columns';
  assert.throws(() => replaceLastDense(model, { kernel, bias: new Float32Array(3) }), refusal);
  model.dispose();
  const flat = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 2] })] });
  assert.is(lastDenseOf(flat), undefined);
  assert.throws(() => replaceLastDense(flat, { kernel, bias: new Float32Array(10) }), refusal);
});

test.run();
