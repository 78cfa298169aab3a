// selvedge measure categorise: what the shipped categorisers promise, and what becomes of it on the test set; what is no clothing and gets
// through. Not here: thresholds (src/apps/categorise/), which are chosen without the test set.
import {
  type CategoriserCalibration,
  type ChosenThresholds,
  chooseThresholds,
  decide,
  openShippedCategoriser,
} from '../../apps/categorise/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { subsetOf, testHalves } from '../../data/index.ts';
import { type MadeImageKind, madeImageKinds, makeImages } from '../../data/made-images.ts';
import { findNpmDigits, loadNpmDigits } from '../../data/npm-digits.ts';
import { type Interval, wilsonInterval95 } from '../../evaluation/statistics.ts';
import { shippedNames } from '../../models/index.ts';
import { platform } from '../../platform/index.ts';
import type { Measured, Subject } from './subject.ts';

const ERROR_RATES = [0.05, 0.02, 0.01, 0.005];
const FALSE_ALARMS = 0.01;
const SEED = 1;
const MADE = 1000;

/** Measures a shipped model. */
export async function measureCategorise(subject: Subject): Promise<Measured> {
  const { model, folder } = await subject.model();
  const name = shippedNames.find((shipped) => shipped === model.name);
  if (name === undefined) {
    const reason = `${folder === undefined ? model.name : `the model in "${folder}"`} does not ship`;
    return { result: { reason }, text: `No promises to measure: ${reason}` };
  }
  // Promises are measured on images that the model was not calibrated on.
  const test =
    name === 'dropout'
      ? subject.data.test
      : subsetOf(subject.data.test, testHalves(subject.data.test.count)[1], 'test');
  const categoriser = await openShippedCategoriser(name);
  const { calibration } = categoriser;
  try {
    const look = async (images: Uint8Array) => {
      const [labels, confidences, outliers]: number[][] = [[], [], []];
      for (let first = 0; first < images.length; first += 500 * 784) {
        await platform.giveWay();
        const found = categoriser.categorise(images.subarray(first, first + 500 * 784));
        labels!.push(...Array.from(found.labels));
        confidences!.push(...Array.from(found.confidences));
        outliers!.push(...Array.from(found.outliers!));
      }
      return { labels: labels!, confidences: confidences!, outliers: outliers! };
    };
    const seen = await look(test.images);
    const promises = ERROR_RATES.map((errorRate) => {
      const thresholds = promiseOf(calibration, errorRate);
      if ('reason' in thresholds) return { errorRate, reason: thresholds.reason };
      let [taken, wrong] = [0, 0];
      seen.labels.forEach((label, i) => {
        if (decide(seen.confidences[i]!, seen.outliers[i], thresholds) !== 'sure') return;
        taken++;
        if (label !== test.labels[i]) wrong++;
      });
      const errors = wilsonInterval95(wrong, taken);
      return {
        errorRate,
        ...thresholds,
        test: { taken: taken / test.count, errors: wrong / taken, errors95: errors },
      };
    });
    const thresholds = chooseThresholds(calibration, { errorRate: 0.02, falseAlarms: FALSE_ALARMS });
    const strange = seen.outliers.filter((outlier) => outlier > thresholds.outlier!).length / test.count;
    // Told by the features of dropout, whatever the model.
    const notClothing: { name: string; count: number; calledStrange: number; asked: number }[] = [];
    for (const [kind, images] of name === 'dropout' ? await outliersOf(subject) : []) {
      const found = await look(images);
      const decisions = found.labels.map((_, i) => decide(found.confidences[i]!, found.outliers[i], thresholds));
      const share = (of: (decision: string) => boolean): number => decisions.filter(of).length / decisions.length;
      notClothing.push({
        name: kind,
        count: decisions.length,
        calledStrange: share((decision) => decision === 'strange'),
        asked: share((decision) => decision !== 'sure'),
      });
    }
    const result = {
      categoriser: name,
      calibratedOn: calibration.on,
      measuredOn: test.count,
      falseAlarms: FALSE_ALARMS,
      strange,
      promises,
      notClothing,
    };
    const text = [
      `${name}, calibrated on ${calibration.on}`,
      ...promises.map(describePromise),
      `clothing called strange: ${percent(strange)}, wanted ${percent(FALSE_ALARMS)}`,
      ...notClothing.map(
        ({ name: kind, calledStrange, asked }) =>
          `${kind}: called strange ${percent(calledStrange)}, asked about ${percent(asked)}`,
      ),
    ].join('\n');
    return { result, text };
  } finally {
    categoriser.dispose();
  }
}

const percent = (value: number): string => `${(100 * value).toFixed(2)}%`;

/** Or why nothing can be promised. */
function promiseOf(
  calibration: CategoriserCalibration,
  errorRate: number,
): ChosenThresholds | { readonly reason: string } {
  try {
    return chooseThresholds(calibration, { errorRate, falseAlarms: FALSE_ALARMS });
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'categorise/no-threshold') return { reason: error.message };
    throw error;
  }
}

interface Kept {
  readonly errorRate: number;
  readonly confidence: number;
  readonly test: { readonly taken: number; readonly errors: number; readonly errors95: Interval };
}

function describePromise(promise: Kept | { readonly errorRate: number; readonly reason: string }): string {
  if ('reason' in promise) return promise.reason;
  const { errorRate, confidence, test } = promise;
  const { taken, errors, errors95 } = test;
  return (
    `promised ${percent(errorRate)} errors: from confidence ${confidence.toFixed(4)} takes ${percent(taken)} of the test images, ` +
    `of them wrong ${percent(errors)} (${percent(errors95.low)} to ${percent(errors95.high)})`
  );
}

async function outliersOf({ data: { test }, context }: Subject): Promise<[string, Uint8Array][]> {
  const found: [string, Uint8Array][] = [];
  const folder = await findNpmDigits(context.cwd);
  if (folder !== undefined) found.push(['digits', (await loadNpmDigits(folder)).images]);
  const { width, height, images: real } = test;
  for (const kind of Object.keys(madeImageKinds) as MadeImageKind[]) {
    found.push([kind, makeImages({ kind, count: Math.min(MADE, test.count), seed: SEED, width, height, real })]);
  }
  return found;
}
