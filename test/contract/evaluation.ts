// Contract: what a trained model answers and what is counted of it is the same everywhere.
import * as assert from 'uvu/assert';
import * as tf from '../../src/backend/tfjs.ts';
import { type Dataset, loadFashionMnistSample, placeDataset } from '../../src/data/index.ts';
import { evaluateModel } from '../../src/evaluation/index.ts';
import { buildModel, initializeWeights, loadModel, saveModel } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { platform } from '../../src/platform/index.ts';
import { fit, fitDefaults } from '../../src/training/index.ts';
import type { Bits, ContractTests, FileTest, FileTests } from './suite.ts';

const TEST_IMAGES = 230;
const SAVED_IMAGES = 128;
/** A plan sums in another order than operations do. */
const TOLERANCE = 1e-4;

/** A model that was trained for a moment. */
async function train(dataset: Dataset): Promise<tf.LayersModel> {
  const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(model, 1);
  const training = placeDataset(dataset);
  await fit(model, { training: training.examples(), settings: { ...fitDefaults, epochs: 1 } });
  training.dispose();
  return model;
}

/** Lets a trained model judge test images, by plan and op by op. */
async function evaluated(): Promise<Bits> {
  const { train: trainingSet, test } = await loadFashionMnistSample();
  const model = await train(trainingSet);
  const testing = placeDataset(test);
  const predictor = createPredictor(model, { batchSize: 100 });
  assert.is(predictor.unplanned, undefined);
  const examples = testing.examples();
  const scores: Float32Array[] = [];
  const predict = (start: number, end: number): Float32Array => {
    const planned = predictor.predictExamples(examples, start, end);
    const opByOp = tf.tidy(() => {
      const { x } = testing.batch(Int32Array.from({ length: end - start }, (_, i) => start + i));
      return (model.predict(x) as tf.Tensor).dataSync<'float32'>().slice();
    });
    planned.forEach((probability, i) => {
      assert.ok(Math.abs(probability - opByOp[i]!) < TOLERANCE, `${probability}, but ${opByOp[i]} op by op`);
    });
    scores.push(planned.slice(), opByOp);
    return planned;
  };
  const labels = test.labels.subarray(0, TEST_IMAGES);
  const set = { name: 'test', classNames: test.classNames, labels };
  const evaluation = await evaluateModel(predict, set, { model: 'baseline', batchSize: 100 });
  predictor.dispose();
  testing.dispose();
  model.dispose();
  assert.is(evaluation.count, TEST_IMAGES);
  assert.ok(evaluation.accuracy > 0.4, `accuracy ${evaluation.accuracy}`);
  const sum = evaluation.confusion.flat().reduce((total, count) => total + count, 0);
  assert.is(sum, TEST_IMAGES);
  assert.match(evaluation.reportText, 'Ankle boot');
  return [...scores, Int32Array.from(evaluation.confusion.flat()), Int32Array.from(evaluation.predictions.label)];
}

const saved: FileTest = async ({ folder }) => {
  const { images, labels, ...rest } = (await loadFashionMnistSample()).train;
  const few = { images: images.subarray(0, SAVED_IMAGES * 28 * 28), labels: labels.subarray(0, SAVED_IMAGES) };
  const trained = await train({ ...rest, ...few, count: SAVED_IMAGES });
  await saveModel(trained, folder);
  const { model } = await loadModel(folder);
  const [before, after] = [trained, model].map((each) => each.getWeights().map((weight) => weight.dataSync().slice()));
  assert.equal(after, before);
  const names = ['model.json', 'weights.bin'];
  assert.equal(await platform.files.list(folder), names);
  const files = await Promise.all(names.map((name) => platform.files.readBytes(platform.files.join(folder, name))));
  for (const each of [trained, model]) each.dispose();
  return files;
};

export const evaluationTests: ContractTests = {
  'a trained model judges test images, by plan and op by op': evaluated,
};

export const evaluationFileTests: FileTests = {
  'a model that was saved is loaded with the same weights, from the same files': saved,
};
