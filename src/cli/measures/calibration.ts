// selvedge measure calibration: as the model is, and after one temperature that the validation set has chosen, or, of a model that has
// none, each half of the test set for the other.

import { type Dataset, testHalves } from '../../data/index.ts';
import {
  type Calibration,
  fitTemperature,
  measureCalibration,
  scaleByTemperature,
} from '../../evaluation/calibration.ts';
import type { Measured, MeasuredModel, Subject } from './subject.ts';

/** Measures on the test set; the temperature is fitted on the validation set, or crosswise on halves of the test set. */
export async function measureCalibrationOf(subject: Subject): Promise<Measured> {
  const model = await subject.model();
  const { test } = subject.data;
  const classes = test.classNames.length;
  const probabilities = await model.probabilitiesOf(test);
  const uncalibrated = measureCalibration({ probabilities, labels: test.labels, classes });
  const fitted = await temperatureOf(model);
  if ('reason' in fitted) {
    const crossFitted = crossFit(probabilities, test);
    const [first, second] = crossFitted.temperatures.map((temperature) => temperature.toFixed(3));
    return {
      result: { uncalibrated, temperature: fitted, crossFitted, anchors: [] },
      text: [
        describe('As it is', uncalibrated),
        `No temperature of validation images: ${fitted.reason}`,
        describe(`Each half by a temperature fitted on the other, ${first} and ${second}`, crossFitted.calibrated),
      ].join('\n'),
    };
  }
  const scaled = scaleByTemperature(probabilities, classes, fitted.temperature);
  const calibrated = measureCalibration({ probabilities: scaled, labels: test.labels, classes });
  return {
    result: { uncalibrated, ...fitted, calibrated, anchors: [] },
    text: [
      describe('As it is', uncalibrated),
      describe(
        `By temperature ${fitted.temperature.toFixed(3)}, fitted on ${fitted.fittedOn} validation images`,
        calibrated,
      ),
    ].join('\n'),
  };
}

/** Each half of the test images by the temperature that suits the other half best: no image has a say in what it is measured by. */
function crossFit(probabilities: Float32Array, { labels, classNames, count }: Dataset) {
  const classes = classNames.length;
  const take = (indices: Int32Array) => ({
    probabilities: Float32Array.from(
      { length: indices.length * classes },
      (_, i) => probabilities[indices[Math.floor(i / classes)]! * classes + (i % classes)]!,
    ),
    labels: Uint8Array.from(indices, (index) => labels[index]!),
  });
  const halves = testHalves(count).map(take);
  const temperatures = [...halves].reverse().map((other) => fitTemperature({ ...other, classes }));
  const scaled = halves.map((half, i) => scaleByTemperature(half.probabilities, classes, temperatures[i]!));
  const calibrated = measureCalibration({
    probabilities: Float32Array.from(scaled.flatMap((values) => [...values])),
    labels: Uint8Array.from(halves.flatMap((half) => [...half.labels])),
    classes,
  });
  return { temperatures, calibrated };
}

async function temperatureOf(model: MeasuredModel) {
  const { validation } = model;
  if ('reason' in validation) return { reason: validation.reason };
  const probabilities = await model.probabilitiesOf(validation);
  const { labels, classNames, count } = validation;
  return { temperature: fitTemperature({ probabilities, labels, classes: classNames.length }), fittedOn: count };
}

const describe = (title: string, { ece, nll, brier, accuracy, confidence }: Calibration): string =>
  `${title}: ECE ${ece.toFixed(4)}, log loss ${nll.mean.toFixed(4)}, Brier score ${brier.mean.toFixed(4)}, ` +
  `mean confidence ${confidence.toFixed(4)} at accuracy ${accuracy.toFixed(4)}`;
