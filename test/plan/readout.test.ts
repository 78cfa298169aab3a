import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';
import { compileReadout, lastDenseOf } from '../../src/plan/index.ts';

const test = suite('compileReadout');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const images = Float32Array.from({ length: 300 * 784 }, (_, i) => ((i * 7919) % 255) / 255);

test('compileReadout() gives logits by the columns of the last layer, and features by an identity', () => {
  const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 3);
  const last = lastDenseOf(model)!;
  assert.equal([last.width, last.classes], [128, 10]);
  const before = tf.memory().numTensors;
  const logits = compileReadout(model, last);
  const kernel = new Float32Array(128 * 128);
  for (let i = 0; i < 128; i++) kernel[i * 129] = 1;
  const features = compileReadout(model, { kernel, bias: new Float32Array(128) });
  const [scores, seen] = [logits.read(images), features.read(images)];
  assert.equal([scores.length, seen.length], [3000, 300 * 128]);
  tf.tidy(() => {
    const trunk = tf.model({ inputs: model.inputs, outputs: model.layers.at(-1)!.input as tf.SymbolicTensor });
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
  assert.equal(logits.read(images.subarray(784 * 7, 784 * 8)), scores.slice(70, 80));
  logits.dispose();
  features.dispose();
  assert.is(tf.memory().numTensors, before);
  assert.throws(() => compileReadout(model, { kernel, bias: new Float32Array(3) }), /expected a dense layer/);
  model.dispose();
});

test.run();
