// The view into a network before its last layer: its logits are those of the predictor, and cosines those of the plain sum.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { nearestCosines, viewNetwork } from '../../src/cli/measures/features.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { scoresOfLogits } from '../../src/evaluation/index.ts';
import { averageModels, loadShippedModel } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';

const test = suite('features');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

const single = async () => (await loadShippedModel()).model;
/** Of two members of the same weights. */
const ensemble = async () => {
  const members = [await single(), await single()];
  const model = await averageModels(members);
  for (const member of members) member.dispose();
  return model;
};

for (const [name, open, width] of [
  ['a network', single, 128],
  ['an ensemble, with the features of its members,', ensemble, 256],
] as const) {
  test(`viewNetwork() of ${name} gives the logits whose softmax the predictor gives`, async () => {
    const model = await open();
    const { test: sample } = await loadFashionMnistSample();
    const images = sample.images.subarray(0, 100 * 784);
    const before = tf.memory().numTensors;
    const view = viewNetwork(model);
    const { features, logits } = await view.look(images);
    view.dispose();
    assert.is(tf.memory().numTensors, before);
    assert.equal([view.width, features.length, logits.length], [width, 100 * width, 1000]);
    assert.equal(features.subarray(0, 128), features.subarray(width - 128, width));
    const predictor = createPredictor(model);
    const probabilities = predictor.predict(Float32Array.from(images, (level) => Math.fround(level / 255)));
    scoresOfLogits(logits, 10).softmax.forEach((share, sample) => {
      const largest = Math.max(...probabilities.subarray(10 * sample, 10 * sample + 10));
      assert.ok(Math.abs(share - largest) < 1e-5, `${share} is not ${largest}`);
    });
    predictor.dispose();
    model.dispose();
  });
}

test('viewNetwork() refuses a network without a dense layer at its end, by code', () => {
  const model = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 2] })] });
  assert.throws(
    () => viewNetwork(model),
    (error: { code: string }) => error.code === 'measure/no-features',
  );
});

test('nearestCosines() finds the nearest direction, and 0 for no direction', async () => {
  const found = await nearestCosines(Float32Array.of(3, 4, 0, 0), Float32Array.of(0, 1, 1, 0, 6, 8), 2);
  assert.ok(Math.abs(found[0]! - 1) < 1e-6);
  assert.is(found[1], 0);
});

test.run();
