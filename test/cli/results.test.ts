// docs/results says what the commands say: figures follow from the counts beside them, and the quick measures are made again where this
// machine has the whole data set. Not here: the slow ones, which `npm run results` makes.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFashionMnist } from '../../src/data/sources.ts';
import { classificationReport, wilsonInterval95 } from '../../src/evaluation/index.ts';
import { makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('docs/results');
test.after(remove);

const resultOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../docs/results/${name}.json`, import.meta.url), 'utf8'));
const isNear = (got: number, expected: number, tolerance = 2e-6): void => {
  assert.ok(Math.abs(got - expected) <= tolerance, `${got} is not ${expected}`);
};

/** Whether the whole data set is here without fetching it. */
async function hasData(): Promise<boolean> {
  try {
    await loadFashionMnist({ allowSample: false, places: { addresses: [], runCommand: null } });
    return true;
  } catch {
    return false;
  }
}

test('classification.json follows from its confusion matrix', () => {
  const { confusion, classes, accuracy, accuracyInterval95, count, correct } = resultOf('classification');
  const report = classificationReport(
    confusion,
    classes.map(({ name }: { name: string }) => name),
  );
  isNear(accuracy, report.accuracy);
  const { low, high } = wilsonInterval95(correct, count);
  isNear(accuracyInterval95.low, low);
  isNear(accuracyInterval95.high, high);
  report.classes.forEach((row, label) => {
    isNear(classes[label].recall, row.recall);
  });
});

test('calibration.json follows from its bins', () => {
  const { uncalibrated, calibrated } = resultOf('calibration');
  for (const { bins, count, ece } of [uncalibrated, calibrated]) {
    type Bin = { count: number; accuracy: number; confidence: number };
    isNear(
      ece,
      bins.reduce((sum: number, bin: Bin) => sum + (bin.count * Math.abs(bin.accuracy - bin.confidence)) / count, 0),
    );
  }
});

test('explain.json follows from its curves', () => {
  const { orders, images, randomisation } = resultOf('explain');
  // The area under a mean curve is the mean of the areas.
  const areaUnder = (curve: number[]): number =>
    (curve.slice(1, -1).reduce((sum, value) => sum + value, 0) + (curve[0]! + curve.at(-1)!) / 2) / (curve.length - 1);
  for (const { deletion, insertion, deletionArea, insertionArea, betterThanRandom } of orders) {
    isNear(deletionArea.mean, areaUnder(deletion));
    isNear(insertionArea.mean, areaUnder(insertion));
    // Both begin and end with the whole picture and the black one.
    isNear(deletion[0], insertion.at(-1));
    isNear(deletion.at(-1), insertion[0]);
    for (const share of Object.values(betterThanRandom) as number[])
      isNear(share * images, Math.round(share * images), 1e-3);
  }
  for (const { stages } of randomisation.methods) {
    assert.equal(
      stages.map(({ layers }: { layers: number }) => layers),
      stages.map((_: unknown, i: number) => i + 1),
    );
  }
});

test('duplicates.json holds no equal images, and pairs in their order', () => {
  const { equalGroups, pairs, images } = resultOf('duplicates');
  assert.equal([equalGroups, images], [[], { training: 60_000, test: 10_000 }]);
  for (const { nearest } of Object.values(pairs) as { nearest: { levels: number }[] }[]) {
    nearest.forEach(({ levels }, i) => {
      assert.ok(levels > 0 && levels >= (nearest[i - 1]?.levels ?? 0));
    });
  }
});

test('robustness.json and labels.json follow from their counts', () => {
  const { clean, kinds, count, meanAccuracy } = resultOf('robustness');
  type Kind = { strengths: { correct: number; accuracy: number }[] };
  const shares = (kinds as Kind[]).flatMap(({ strengths }) => strengths.map(({ correct }) => correct / count));
  assert.is(shares.length, 75);
  isNear(meanAccuracy, shares.reduce((sum, share) => sum + share, 0) / 75);
  isNear(clean.accuracy, resultOf('classification').accuracy);
  const { knownErrors, flips } = resultOf('labels');
  assert.is(knownErrors.found, knownErrors.images.filter(({ rank }: { rank: number }) => rank <= 2000).length);
  isNear(flips.recall, flips.found / flips.flipped);
  isNear(flips.precision, flips.found / flips.suspected);
});

test('the quick measures say again what is written', async () => {
  if (!(await hasData())) {
    console.log('docs/results: the whole data set is not here, so that nothing is measured again');
    return;
  }
  for (const name of ['classification', 'calibration']) {
    // An empty variable stands for none: the program looks where this test has looked.
    const { code, out, err } = await run(folder, ['measure', name, '--json'], { SELVEDGE_DATA: '' });
    assert.is(code, 0, err);
    assert.equal(JSON.parse(out), resultOf(name));
  }
});

test.run();
