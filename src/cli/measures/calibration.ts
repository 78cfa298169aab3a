// selvedge measure calibration: as the model is, and after one temperature that the validation set has chosen.
import {
  type Calibration,
  fitTemperature,
  measureCalibration,
  scaleByTemperature,
} from '../../evaluation/calibration.ts';
import type { Measured, MeasuredModel, Subject } from './subject.ts';

/** Measures on the test set; the temperature is fitted on the validation set. */
export async function measureCalibrationOf(subject: Subject): Promise<Measured> {
  const model = await subject.model();
  const { test } = subject.data;
  const classes = test.classNames.length;
  const probabilities = await model.probabilitiesOf(test);
  const uncalibrated = measureCalibration({ probabilities, labels: test.labels, classes });
  const fitted = await temperatureOf(model);
  if ('reason' in fitted) {
    const text = `${describe('As it is', uncalibrated)}\nNo temperature: ${fitted.reason}`;
    return { result: { uncalibrated, temperature: fitted, anchors: [] }, text };
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
