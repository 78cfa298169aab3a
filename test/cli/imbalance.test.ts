// selvedge train on uneven classes, --resample and --logit-adjustment: what they train on, what goes on after a stop, what is refused; by options,
// recipes and spaces of tune alike. Not here: what is another run (earlier-run.test.ts), what a report says (setting-rows.test.ts).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeIdx } from '../../src/data/idx.ts';
import { type Dataset, loadFashionMnistSample } from '../../src/data/index.ts';
import { readJournal } from '../../src/experiments/index.ts';
import { type Ended, interruptAndResume, makeFolder, run, runInProcess } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
/** For what is refused before an engine starts. */
const inProcess = (...args: string[]): Promise<Ended> => runInProcess(folder, ['train', ...args]);
const test = suite('selvedge train --resample');
test.after(remove);

/** Images of each class: 96, 24 and 10 of them are left to train on, 32 in all to validate. */
const COUNTS = [120, 30, 12];
const uneven = ['--data', 'uneven', '--batch-size', '16'];

/** The first images of each class. */
function writePart(name: string, { images, labels, height, width }: Dataset, counts: readonly number[]): void {
  const size = height * width;
  const chosen = counts.flatMap((count, label) => {
    const members = [...labels.keys()].filter((index) => labels[index] === label);
    return members.slice(0, count);
  });
  const pixels = Uint8Array.from(chosen.flatMap((index) => [...images.subarray(index * size, (index + 1) * size)]));
  const of = path.join(folder, 'uneven', name);
  const shape = [chosen.length, height, width];
  writeFileSync(`${of}-images.idx`, encodeIdx({ type: 'uint8', shape, data: pixels }));
  const data = Uint8Array.from(chosen, (index) => labels[index]!);
  writeFileSync(`${of}-labels.idx`, encodeIdx({ type: 'uint8', shape: [chosen.length], data }));
}

const read = (...parts: string[]): string => readFileSync(path.join(folder, 'runs', ...parts), 'utf8');
const settingsOf = (...parts: string[]) => JSON.parse(read(...parts, 'config.json')).settings;
const digestOf = (...parts: string[]): string => JSON.parse(read(...parts, 'model', 'model.json')).weightsSha256;

function jsonOf({ code, out, err }: Ended) {
  assert.is(code, 0, err);
  return JSON.parse(out);
}

const recipe = {
  network: { family: 'baseline' },
  epochs: 1,
  batchSize: 16,
  optimizer: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  schedule: { name: 'constant', warmUp: 0, start: 0 },
  labelSmoothing: 0,
  validation: true,
};
const writeRecipe = (name: string, changes: object): void =>
  writeFileSync(path.join(folder, `${name}.json`), JSON.stringify({ ...recipe, ...changes }));

test.before(async () => {
  const sample = await loadFashionMnistSample();
  mkdirSync(path.join(folder, 'uneven'));
  writePart('train', sample.train, COUNTS);
  writePart('test', sample.test, [20, 20, 20]);
});

test('a stopped run goes on to the same weights; training examples are resampled, validation examples are not', async () => {
  const options = [...uneven, '--resample', 'oversample', '--logit-adjustment', '0.5', '--augment', '--epochs', '10'];
  const whole = jsonOf(await selvedge('train', '--run', 'whole', ...options, '--json'));
  assert.is(whole.updates, (10 * 3 * 96) / 16);
  const { resampling, logitAdjustment, examples, validationExamples } = settingsOf('whole', 'dropout');
  assert.equal([resampling, logitAdjustment, examples, validationExamples], ['oversample', 0.5, 130, 32]);
  await interruptAndResume(folder, ['--run', 'stopped', ...options]);
  assert.is(digestOf('stopped', 'dropout'), digestOf('whole', 'dropout'));
});

test('each remedy alone makes other weights, and the same by a recipe, by options and in a trial of a space', async () => {
  const training = ['train', '--run', 'remedies', '--data', 'uneven', '--json'];
  const byOptions = (run: string, ...args: string[]): Promise<Ended> =>
    selvedge('train', '--run', run, ...uneven, '--model', 'baseline', '--epochs', '1', '--json', ...args);
  const plain = jsonOf(await byOptions('plain'));
  assert.is(plain.updates, Math.ceil(130 / 16));
  for (const name of ['resampling', 'logitAdjustment']) assert.not(name in settingsOf('plain', 'baseline'), name);
  const remedies = {
    under: { settings: { resampling: 'undersample' }, args: ['--resample', 'undersample'], updates: 2 },
    adjusted: { settings: { logitAdjustment: 1 }, args: ['--logit-adjustment', '1'], updates: plain.updates },
  };
  const accuracies: Record<string, number> = {};
  for (const [name, { settings, args, updates }] of Object.entries(remedies)) {
    writeRecipe(name, settings);
    const byRecipe = jsonOf(await selvedge(...training, '--recipe', `${name}.json`));
    assert.is(byRecipe.updates, updates, name);
    accuracies[name] = byRecipe.validationAccuracy;
    jsonOf(await byOptions(name, ...args));
    assert.is(digestOf('remedies', name), digestOf(name, 'baseline'), name);
    assert.is.not(digestOf(name, 'baseline'), digestOf('plain', 'baseline'), name);
  }
  writeRecipe('space', { resampling: { choice: [null, 'undersample'] }, logitAdjustment: { choice: [null, 1] } });
  jsonOf(await selvedge('tune', 'space.json', '--data', 'uneven', '--sampler', 'grid', '--pruner=none', '--json'));
  const [study] = await readJournal(path.join(folder, 'runs', 'space', 'journal.jsonl'));
  const values = new Map(
    study!.trials.map(({ parameters, value }) => [`${parameters.resampling} ${parameters.logitAdjustment}`, value]),
  );
  assert.equal(
    ['null null', 'undersample null', 'null 1'].map((trial) => values.get(trial)),
    [plain.validationAccuracy, accuracies.under, accuracies.adjusted],
  );
});

test('what makes no sense is refused, by its option or by its path in a recipe', async () => {
  writeRecipe('over', { resampling: 'over' });
  writeRecipe('negative', { logitAdjustment: -1 });
  const wrong: [args: string[], code: number, expected: RegExp][] = [
    [['--resample', 'over'], 2, /"--resample" got "over": expected one of oversample, undersample/],
    [['--logit-adjustment', '-1'], 2, /a logit adjustment of tau -1: expected from 0 to 100/],
    [
      ['--recipe', 'over.json'],
      1,
      /resampling: expected \("oversample" \| "undersample"\), got "over" \[recipe\/bad\]/,
    ],
    [['--recipe', 'negative.json'], 1, /logitAdjustment: expected >=0, got -1 \[recipe\/bad\]/],
    [['--recipe', 'under.json', '--resample', 'oversample'], 2, /"--recipe" and "--resample" exclude each other/],
    [
      ['--recipe', 'under.json', '--logit-adjustment', '1'],
      2,
      /"--recipe" and "--logit-adjustment" exclude each other/,
    ],
  ];
  for (const [args, code, expected] of wrong) {
    const ended = await inProcess('--run', 'wrong', '--data', 'uneven', ...args);
    assert.is(ended.code, code, ended.err);
    assert.match(ended.err, expected);
  }
});

test.run();
