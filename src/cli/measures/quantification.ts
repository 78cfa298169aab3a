// selvedge measure quantification: how far told shares of classes are from true ones, over bags of test images with artificial prevalence.
// Not here: the methods (src/apps/trends/). What corrects is measured on the validation set.
import { correctCounts, drawBag, fitQuantifier, quantifierMethods, quantify } from '../../apps/trends/index.ts';
import { fitTemperature, scaleByTemperature } from '../../evaluation/calibration.ts';
import { confusionMatrix } from '../../evaluation/confusion-matrix.ts';
import type { Measured, Subject } from './subject.ts';

const SEED = 1;
const BAGS = 1000;
const BAG_SIZE = 500;

const names = [...quantifierMethods, 'counts'] as const;
type Name = (typeof names)[number];

const what: Readonly<Record<Name, string>> = {
  cc: 'counting, uncorrected',
  acc: 'counting, solved by the error rates',
  pcc: 'probabilities, uncorrected',
  pacc: 'probabilities, solved by their means',
  em: 'probabilities, most likely shares (EM)',
  counts: 'counting, most likely shares (EM), as selvedge trends does',
};

/** Measures bags of test images. */
export async function measureQuantification(subject: Subject): Promise<Measured> {
  const model = await subject.model();
  const { validation } = model;
  const { test } = subject.data;
  if ('reason' in validation) {
    const { reason } = validation;
    return { result: { reason, anchors: [] }, text: `Nothing to correct by: ${reason}` };
  }
  const classes = test.classNames.length;
  const held = { probabilities: await model.probabilitiesOf(validation), labels: validation.labels, classes };
  const temperature = fitTemperature(held);
  const quantifier = fitQuantifier(
    scaleByTemperature(held.probabilities, classes, temperature),
    validation.labels,
    classes,
  );
  const probabilities = scaleByTemperature(await model.probabilitiesOf(test), classes, temperature);
  const { predicted } = confusionMatrix(probabilities, test.labels, classes);
  const errors: Record<Name, number[]> = { cc: [], acc: [], pcc: [], pacc: [], em: [], counts: [] };
  for (let bag = 0; bag < BAGS; bag++) {
    if (bag % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
    const { samples, shares } = drawBag(test.labels, { seed: SEED, bag, size: BAG_SIZE, classes });
    const rows = new Float32Array(samples.length * classes);
    const counts = new Float64Array(classes);
    samples.forEach((sample, i) => {
      rows.set(probabilities.subarray(sample * classes, (sample + 1) * classes), i * classes);
      counts[predicted[sample]!]!++;
    });
    for (const name of names) {
      const told = name === 'counts' ? correctCounts(quantifier, counts) : quantify(quantifier, rows, name);
      errors[name].push(told.reduce((sum, share, label) => sum + Math.abs(share - shares[label]!), 0) / classes);
    }
  }
  const methods = names.map((name) => ({ method: name, what: what[name], ...summaryOf(errors[name]) }));
  const result = {
    seed: SEED,
    bags: BAGS,
    bagSize: BAG_SIZE,
    temperature,
    correctedOn: validation.count,
    methods,
    anchors: [],
  };
  const text = methods
    .map(({ method, what: said, absoluteError, interval95 }) => {
      const range = `${interval95.low.toFixed(5)} to ${interval95.high.toFixed(5)}`;
      return `${method.padEnd(6)}  ${absoluteError.toFixed(5)} (${range})  ${said}`;
    })
    .join('\n');
  return { result, text: `Mean absolute error of a share, ${BAGS} bags of ${BAG_SIZE} test images\n${text}` };
}

function summaryOf(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const half = 1.959963984540054 * Math.sqrt(variance / values.length);
  const worst = values.reduce((most, value) => Math.max(most, value), 0);
  return { absoluteError: mean, interval95: { low: mean - half, high: mean + half }, worstBag: worst };
}
