// selvedge measure on the shipped sample: what it prints, what it writes, what it refuses. Figures of the whole set: results.test.ts.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge measure');
const measure = (...args: string[]): Promise<Ended> => run(folder, ['measure', ...args]);
test.after(remove);

test.before(async () => {
  const { code, err } = await run(folder, ['train', '--run', 'small', '--epochs', '1']);
  assert.is(code, 0, err);
});

function jsonOf({ code, out, err }: Ended) {
  assert.is(code, 0, err);
  return JSON.parse(out);
}

test('selvedge evaluate of a run that is not there is no figure of what ships', async () => {
  const { code, out, err } = await run(folder, ['evaluate', '--run', 'nosuch', '--model', 'best']);
  assert.equal([code, out], [2, '']);
  assert.match(err, /run "nosuch" holds \[cli\/usage\]\n$/);
});

test('selvedge measure classification says where the shipped model errs, and that the sample is a sample', async () => {
  const json = jsonOf(await measure('classification', '--json'));
  assert.equal(
    [json.measure, json.model.name, json.data.isSample, json.count],
    ['classification', 'dropout', true, 1000],
  );
  assert.ok(json.accuracy > 0.88);
  for (const {
    recall,
    recallInterval95: { low, high },
  } of json.classes)
    assert.ok(low <= recall && recall <= high);
  assert.is(json.riskCoverage.points.at(-1).accuracy, json.accuracy);
  // The sample is not what it was trained on: nobody knows which of its images it has seen.
  assert.match(json.promises.reason, 'other data');
});

test('selvedge measure --model best measures the file that ships', async () => {
  const json = jsonOf(await measure('classification', '--model', 'best', '--json'));
  assert.equal([json.model.name, json.count], ['best', 1000]);
  assert.ok(json.accuracy > 0.93);
  // The test's data are the shipped sample.
  assert.match(json.promises.reason, 'the model was trained on other data than this');
});

test('selvedge measure calibration fits its temperature on the validation images of a run', async () => {
  const json = jsonOf(await measure('calibration', '--run', 'small', '--into', 'results', '--json'));
  assert.is(json.fittedOn, 400);
  assert.ok(json.temperature > 0.05 && json.temperature < 20);
  assert.is(json.calibrated.accuracy, json.uncalibrated.accuracy);
  assert.equal(JSON.parse(readFileSync(path.join(folder, 'results', 'calibration.json'), 'utf8')), json);
});

test('selvedge measure calibration fits on either half of the test images where there is no validation part', async () => {
  const json = jsonOf(await measure('calibration', '--model', 'best', '--json'));
  assert.match(json.temperature.reason, 'the model was trained on other data');
  const { temperatures, calibrated } = json.crossFitted;
  assert.ok(temperatures.length === 2 && temperatures.every((each: number) => each > 0.05 && each < 20));
  assert.equal([calibrated.count, calibrated.accuracy], [json.uncalibrated.count, json.uncalibrated.accuracy]);
  assert.ok(calibrated.nll.mean < json.uncalibrated.nll.mean && calibrated.ece < json.uncalibrated.ece);
});

test('selvedge measure duplicates finds no equal images, and the nearest pairs of the sample', async () => {
  const json = jsonOf(await measure('duplicates', '--json'));
  assert.equal(json.equalGroups, []);
  assert.is(json.model, undefined);
  assert.equal(json.images, { training: 2000, test: 1000 });
  const { training, test: inTest, across } = json.pairs;
  assert.is(across.count, 1000);
  for (const { nearest } of [training, inTest, across]) {
    assert.ok(nearest[0].levels > 0 && nearest[0].levels <= nearest[1].levels);
  }
});

test('selvedge report shows what was measured of a run, pictures included', async () => {
  for (const name of ['classification', 'calibration', 'duplicates'])
    jsonOf(await measure(name, '--run', 'small', '--json'));
  for (const name of ['evaluate', 'report']) {
    const { code, err } = await run(folder, [name, '--run', 'small']);
    assert.is(code, 0, err);
  }
  const html = readFileSync(path.join(folder, 'runs', 'small', 'report.html'), 'utf8');
  assert.match(html, 'Limitations, measured');
  for (const text of ['as it is and by its temperature', 'over coverage', 'The nearest pairs: across'])
    assert.match(html, text);
  assert.match(html, 'no measures of its own of robustness, outliers, explain, labels: ');
  assert.match(html, 'Accuracy of “dropout” that ships under corruption');
  // Its images are by their numbers in the whole data set, which is not here.
  assert.not.match(html, 'whose labels are likeliest wrong');
});

test('selvedge report names a measure that it cannot read', async () => {
  const file = path.join(folder, 'runs', 'small', 'dropout', 'measures', 'labels.json');
  writeFileSync(file, '{');
  const { code, err } = await run(folder, ['report', '--run', 'small']);
  rmSync(file);
  assert.is(code, 1);
  assert.match(err, 'labels.json');
  assert.match(err, '[run/format]');
});

test('selvedge measure labels trains out of fold, and says what it found of what it flipped', async () => {
  const json = jsonOf(await measure('labels', '--epochs', '1', '--json'));
  assert.equal([json.count, json.settings.epochs, json.flips.flipped], [2000, 1, 100]);
  assert.is(json.knownErrors.of, 0);
  assert.is(json.flips.pairs.length, 20);
  assert.ok(json.likeliest.length > 0 && json.likeliest.length <= 100);
});

test('selvedge measure refuses what it does not know in one line', async () => {
  const refusals: [string[], number, string | RegExp][] = [
    [[], 2, '[cli/usage]'],
    [
      ['colour'],
      2,
      /expected one of classification, calibration, duplicates, .*, labels, .*, or study, apps or all of them/,
    ],
    [['calibration', '--model', 'dropout'], 2, 'Option "--model" needs "--run"'],
    [['calibration', '--run', 'none'], 1, '[run/not-found]'],
    [['calibration', '--data', 'nowhere'], 1, 'nowhere'],
    [['calibration', '--queue', 'mysql://a:secret@b/c'], 1, 'got an address of "mysql:" [queue/address]'],
    [['calibration', '--verify', '1'], 2, 'Option "--verify" needs "--queue"'],
    [['calibration', '--queue', 'pglite:q', '--artefacts', 's3://a:secret@b'], 1, '[artefact/address]'],
  ];
  for (const [args, expected, text] of refusals) {
    const { code, out, err } = await measure(...args);
    assert.equal([code, out], [expected, ''], err);
    assert.match(err, text);
    assert.not.match(err, /^ {4}at |secret/m);
  }
});

test.run();
