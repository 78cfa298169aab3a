import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  calibrate,
  chooseThresholds,
  openCategoriser,
  openShippedCategoriser,
  summarizeAnswers,
} from '../../../src/apps/index.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { createPhilox } from '../../../src/core/philox.ts';
import { makeImages } from '../../../src/data/made-images.ts';
import { usualPreparation } from '../../../src/data/preparation.ts';
import { loadFashionMnistSample } from '../../../src/data/sources.ts';
import { loadShippedModel, openShippedClassifier } from '../../../src/models/index.ts';

const test = suite('categoriser');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const median = (values: ArrayLike<number>): number => Float64Array.from(values).sort()[values.length >> 1]!;

test('openShippedCategoriser() answers as the classifier does, alike in every batch, and leaves no tensors', async () => {
  const { test: set } = await loadFashionMnistSample();
  const images = set.images.subarray(0, 300 * 784);
  const before = tf.memory().numTensors;
  const categoriser = await openShippedCategoriser('dropout');
  const found = categoriser.categorise(images);
  const expected = (await openShippedClassifier('dropout')).classify(images);
  for (let i = 0; i < 300; i++) {
    const row = expected.subarray(i * 10, i * 10 + 10);
    assert.is(found.labels[i], row.indexOf(Math.max(...row)));
    assert.ok(Math.abs(found.confidences[i]! - Math.max(...row)) < 1e-5);
  }
  const alone = categoriser.categorise(images.subarray(7 * 784, 8 * 784));
  assert.equal([alone.confidences[0], alone.outliers![0]], [found.confidences[7], found.outliers![7]]);
  const noise = makeImages({ kind: 'shuffled', count: 200, seed: 1, width: 28, height: 28, real: set.images });
  const { outlier } = chooseThresholds(categoriser.calibration, { errorRate: 0.02, falseAlarms: 0.01 });
  assert.ok(median(categoriser.categorise(noise).outliers!) > 2 * outlier!);
  assert.ok(median(found.outliers!) < outlier! / 2);
  categoriser.dispose();
  assert.is(tf.memory().numTensors, before);
});

test('calibrate() makes a gate whose false alarms are as many as asked, and refuses one of other weights', async () => {
  const { train, test: held } = await loadFashionMnistSample();
  const { model } = await loadShippedModel();
  const before = tf.memory().numTensors;
  const calibration = await calibrate(model, { training: train, held, on: 'a sample' });
  const again = JSON.parse(JSON.stringify(calibration));
  const { outlier, confidence, errors } = chooseThresholds(again, { errorRate: 0.05, falseAlarms: 0.1 });
  const gate = { network: model, gate: again.gate };
  const settings = { classNames: held.classNames, preparation: usualPreparation };
  const categoriser = await openCategoriser(model, { ...settings, gate });
  const { outliers } = categoriser.categorise(held.images);
  const alarms = Array.from(outliers!).filter((each) => each > outlier!).length;
  assert.ok(Math.abs(alarms - 100) <= 2, `${alarms}`);
  assert.ok(confidence > 0.3 && errors <= 0.05);
  categoriser.dispose();
  try {
    await openCategoriser(model, { ...settings, gate: { network: model, gate: { ...again.gate, weights: 'other' } } });
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'categorise/calibration');
  }
  assert.is(tf.memory().numTensors, before);
  model.dispose();
});

test('chooseThresholds() keeps its promise with room for chance, and says where none is kept', () => {
  const confidences = Float64Array.from({ length: 4000 }, (_, i) => 1 - i / 4000);
  // Right while sure; one in ten wrong below the middle.
  const isRight = Array.from(confidences, (_, i) => i < 2000 || i % 10 !== 0);
  const calibration = { weights: '', on: '', answers: summarizeAnswers(confidences, isRight) };
  const { confidence, errors, taken } = chooseThresholds(calibration, { errorRate: 0.02, falseAlarms: 0.01 });
  assert.ok(errors < 0.0155 && errors > 0.005 && taken > 0.52 && taken < 0.6, `${confidence} ${errors} ${taken}`);
  assert.ok(Math.abs(1 - taken - confidence) < 0.01);
  assert.throws(() => chooseThresholds(calibration, { errorRate: 1e-6, falseAlarms: 0.01 }), /no confidence keeps it/);
  assert.throws(() => summarizeAnswers([Number.NaN], [true]), /expected confidences/);
});

test('chooseThresholds() keeps its promise on pictures to come, whichever images it was calibrated on', () => {
  const draws = createPhilox({ seed: 1, stream: 99 });
  // Wrong with probability (1 - confidence) / 5, confidences uniform: of what is taken from t up, (1 - t) / 10.
  let broken = 0;
  for (let trial = 0; trial < 100; trial++) {
    const confidences = Float64Array.from({ length: 6000 }, () => draws.nextUniform());
    const isRight = Array.from(confidences, (confidence) => draws.nextUniform() >= (1 - confidence) / 5);
    const calibration = { weights: '', on: '', answers: summarizeAnswers(confidences, isRight) };
    const { confidence } = chooseThresholds(calibration, { errorRate: 0.08, falseAlarms: 0.01 });
    if ((1 - confidence) / 10 > 0.08) broken++;
  }
  assert.ok(broken <= 2, `${broken}`);
});

test.run();
