// Contract: what a model looks at has the same bits everywhere.
import * as assert from 'uvu/assert';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import { explainImages, methodNames, openDifferentiable, paintMap } from '../../src/explain/index.ts';
import { buildModel, initializeWeights, type ModelName } from '../../src/models/index.ts';
import type { Bits, ContractTests } from './suite.ts';

const IMAGES = 2;
/** So few that an unthreaded engine is soon done. */
const OPTIONS = { steps: 6, samples: 4, window: 9, stride: 6 } as const;

async function explained(name: ModelName): Promise<Bits> {
  const { test } = await loadFashionMnistSample();
  const model = buildModel(name, { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 1);
  const differentiable = openDifferentiable(model);
  const before = tf.memory().numTensors;
  const images = Float32Array.from(test.images.subarray(0, IMAGES * 784), (level) => level / 255);
  const labels = Array.from(test.labels.subarray(0, IMAGES));
  const maps = methodNames.flatMap((method) => explainImages(differentiable, { images, labels }, method, OPTIONS));
  assert.is(tf.memory().numTensors, before);
  model.dispose();
  return maps.flatMap(({ values }) => [values, Uint8Array.from(paintMap(values))]);
}

export const explanationTests: ContractTests = {
  'maps of a plain network, by every method': () => explained('baseline'),
  'maps of a residual network with batch norm, by every method': () => explained('resnet20'),
};
