// Contract: an exported model, run by the edge package, answers with the bits of an inference plan of the same weights, everywhere.
import * as assert from 'uvu/assert';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { createClassifier, dequantise, edgeKernelsDigest, quantise } from '../../src/edge/index.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';
import { createPredictor, exportModel } from '../../src/plan/index.ts';
import { compileEngineFile } from '../../src/platform/index.ts';
import type { Bits, ContractTests } from './suite.ts';

/** Whole batches of eight, and a short one. */
const IMAGES = 19;

/** Replaces filters by what their int8 levels stand for. */
function roundFilters(model: tf.LayersModel): void {
  for (const weight of model.weights) {
    const extents = weight.shape as number[];
    if (extents.length < 2) continue;
    const levels = quantise(weight.read().dataSync<'float32'>().slice(), extents.at(-1)!);
    const rounded = tf.tensor(dequantise(levels), extents);
    weight.write(rounded);
    rounded.dispose();
  }
}

async function exported(name: string): Promise<Bits> {
  const { test } = await loadFashionMnistSample();
  const images = test.images.subarray(0, IMAGES * test.height * test.width);
  const model = buildModel(name, { inputShape: [test.height, test.width, 1], classes: test.classNames.length });
  initializeWeights(model, 1);
  const kernels = await compileEngineFile('edge.wasm');
  const settings = { name, labels: test.classNames, kernels: edgeKernelsDigest(kernels) };
  const file = await exportModel(model, settings);
  const classifier = await createClassifier({ model: file, kernels });
  const probabilities = classifier.classify(images);
  roundFilters(model);
  const predictor = createPredictor(model);
  const planned = predictor.predict(Float32Array.from(images, (level) => level / 255));
  predictor.dispose();
  model.dispose();
  assert.equal(probabilities, planned);
  // But for the kernels' digest the bytes of the file are the same too; the digest is that of the build, which all runtimes share.
  return [probabilities, file];
}

export const exportedModelTests: ContractTests = {
  'an exported dropout model has the bits of its inference plan': () => exported('dropout'),
  'an exported resnet20 model has the bits of its inference plan': () => exported('resnet20'),
};
