// Contract: what a trained model answers and what is counted of it is the same everywhere.
import * as assert from 'uvu/assert';
import * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnistSample, placeDataset } from '../../src/data/index.ts';
import { evaluateModel } from '../../src/evaluation/index.ts';
import { buildModel, initializeWeights, loadModel, saveModel } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { fit, fitDefaults } from '../../src/training/index.ts';
import type { Bits, ContractContext, ContractTests } from './suite.ts';

const TEST_IMAGES = 230;
/** A plan sums in another order than operations do. */
const TOLERANCE = 1e-4;

/** Trains a model for a moment, saves it, loads it, and lets it judge test images. */
async function evaluated({ folder }: ContractContext): Promise<Bits> {
  const { train, test } = await loadFashionMnistSample();
  const trained = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
  initializeWeights(trained, 1);
  const [training, testing] = [placeDataset(train), placeDataset(test)];
  await fit(trained, { training: training.examples(), settings: { ...fitDefaults, epochs: 1 } });
  await saveModel(trained, folder);
  trained.dispose();
  const { model } = await loadModel(folder);
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
  for (const resident of [training, testing]) resident.dispose();
  model.dispose();
  assert.is(evaluation.count, TEST_IMAGES);
  assert.ok(evaluation.accuracy > 0.4, `accuracy ${evaluation.accuracy}`);
  const sum = evaluation.confusion.flat().reduce((total, count) => total + count, 0);
  assert.is(sum, TEST_IMAGES);
  assert.match(evaluation.reportText, 'Ankle boot');
  return [...scores, Int32Array.from(evaluation.confusion.flat()), Int32Array.from(evaluation.predictions.label)];
}

export const evaluationTests: ContractTests = {
  'a model that was saved and loaded judges test images': evaluated,
};
