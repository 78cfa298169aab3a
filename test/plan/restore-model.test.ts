// Model files as models again: the bits of the classifier of the same file, and files that do not tell what they are.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { createClassifier, decodeModelFile, edgeKernelsDigest, encodeModelFile } from '../../src/edge/index.ts';
import { buildNetwork, initializeWeights, readShippedFile, shippedNames } from '../../src/models/index.ts';
import { createPredictor, exportModel, restoreModel } from '../../src/plan/index.ts';

const kernels = await WebAssembly.compile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)));
const COUNT = 9;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

async function assertSameBits(file: Uint8Array): Promise<void> {
  const images = (await loadFashionMnistSample()).test.images.subarray(0, COUNT * 784);
  const before = tf.memory().numTensors;
  const { model, description } = await restoreModel(file);
  const predictor = createPredictor(model);
  const got = predictor.predict(Float32Array.from(images, (level) => level / 255));
  predictor.dispose();
  model.dispose();
  assert.is(tf.memory().numTensors, before);
  const classifier = await createClassifier({ model: file, kernels });
  assert.equal(got, classifier.classify(images));
  assert.equal(description, classifier.model);
}

for (const name of shippedNames) {
  test(`restoreModel() of the shipped file "${name}" has the bits of its classifier`, async () => {
    await assertSameBits(await readShippedFile(name));
  });
}

test('restoreModel() of an exported model has the bits of its classifier', async () => {
  const network = { family: 'residual', widths: [4, 8], depth: 1 } as const;
  const model = buildNetwork(network, { inputShape: [28, 28, 1], classes: 3 });
  initializeWeights(model, 5);
  const options = { name: 'mine', labels: ['a', 'b', 'c'], kernels: edgeKernelsDigest(kernels), settings: { network } };
  await assertSameBits(await exportModel(model, options));
  model.dispose();
});

test('restoreModel() refuses a file that tells of no network, or of another', async () => {
  const { description, network } = await decodeModelFile(await readShippedFile('dropout'));
  const before = tf.memory().numTensors;
  for (const [settings, pattern] of [
    [{}, /expected settings with a network/],
    [{ model: 'mine' }, /expected settings with a network/],
    [{ network: { family: 'plain', stem: 0 } }, /expected settings with a network/],
    [{ network: { family: 'plain', stem: 4, widths: [4], depth: 1 } }, /the weights of the network that it tells of/],
    [{ model: 'resnet20' }, /the weights of the network that it tells of/],
  ] as const) {
    const file = await encodeModelFile({ ...description, settings }, network);
    const error = await restoreModel(file).then(
      () => undefined,
      (thrown: Error & { code: string }) => thrown,
    );
    assert.is(error?.code, 'restore/network', JSON.stringify(settings));
    assert.match(error!.message, pattern);
  }
  assert.is(tf.memory().numTensors, before);
  const foreign = await restoreModel(new Uint8Array(99)).catch((error: { code: string }) => error);
  assert.is((foreign as { code: string }).code, 'edge/foreign');
});

test.run();
