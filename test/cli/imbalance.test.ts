// selvedge train on uneven classes, --resample and --logit-adjustment: what they train on, what goes on after a stop, what is another run, what is
// refused; by options, recipes and spaces of tune alike.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { train } from '../../src/cli/train.ts';
import { encodeIdx } from '../../src/data/idx.ts';
import { type Dataset, loadFashionMnistSample } from '../../src/data/index.ts';
import { readJournal } from '../../src/experiments/index.ts';
import { type Ended, makeFolder, run, runInProcess, start } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
/** For what is refused before an engine starts. */
const inProcess = (...args: string[]): Promise<Ended> => runInProcess(folder, train, args);
const test = suite('selvedge train --resample');
test.after(remove);

/** Images of each class: 96, 24 and 10 of them are left to train on, 32 in all to validate. */
const COUNTS = [120, 30, 12];
const uneven = ['--data', 'uneven', '--batch-size', '16'];
const both = ['--resample', 'oversample', '--logit-adjustment', '0.5'];

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

test('training examples are resampled, validation examples are not, and both remedies are settings of the run', async () => {
  const over = jsonOf(await selvedge('train', '--run', 'over', ...uneven, ...both, '--epochs', '1', '--json'));
  assert.is(over.updates, (3 * 96) / 16);
  const { resampling, logitAdjustment, examples, validationExamples } = settingsOf('over', 'dropout');
  assert.equal([resampling, logitAdjustment, examples, validationExamples], ['oversample', 0.5, 130, 32]);
  jsonOf(await selvedge('evaluate', '--run', 'over', '--data', 'uneven', '--json'));
  const { report } = jsonOf(await selvedge('report', '--run', 'over', '--data', 'uneven', '--json'));
  const text = readFileSync(report, 'utf8');
  assert.match(text, 'each class drawn as often as the largest');
  assert.match(text, 'logits adjusted by the shares of classes, tau 0.5');
  const under = ['train', '--run', 'under', ...uneven, '--resample', 'undersample', '--epochs', '1', '--json'];
  assert.is(jsonOf(await selvedge(...under)).updates, Math.ceil((3 * 10) / 16));
  const plain = jsonOf(await selvedge('train', '--run', 'plain', ...uneven, '--epochs', '1', '--json'));
  assert.is(plain.updates, Math.ceil(130 / 16));
  for (const name of ['resampling', 'logitAdjustment']) assert.not(name in settingsOf('plain', 'dropout'), name);
});

test('a stopped run goes on to the same weights, and other values are other runs, which are told', async () => {
  const options = [...uneven, ...both, '--augment', '--epochs', '10'];
  const whole = await selvedge('train', '--run', 'whole', ...options);
  assert.is(whole.code, 0, whole.err);
  const stopped = start(folder, ['train', '--run', 'stopped', ...options, '--checkpoint-every', '1', '--verbose']);
  await stopped.hears('made its first update');
  stopped.interrupt();
  assert.is((await stopped.ended).code, 130);
  const resumed = await selvedge('train', '--run', 'stopped', ...options);
  assert.is(resumed.code, 0, resumed.err);
  assert.match(resumed.err, /Going on in epoch/);
  assert.is(digestOf('stopped', 'dropout'), digestOf('whole', 'dropout'));
  const others: [string[], RegExp][] = [
    [['--resample', 'undersample', ...both.slice(2)], /\(resampling "oversample", not "undersample"\)/],
    [['--focal', '2'], /\(focalGamma none, not 2; logitAdjustment 0\.5, not none; resampling "oversample", not none\)/],
  ];
  for (const [changed, expected] of others) {
    const { code, err } = await selvedge('train', '--run', 'whole', ...uneven, ...changed, '--augment', '--epochs=10');
    assert.is(code, 1, err);
    assert.match(err, expected);
    assert.match(err, '[run/other-settings]');
  }
});

test('a recipe and a trial of a space train as the options do', async () => {
  writeRecipe('under', { resampling: 'undersample', logitAdjustment: 1 });
  const training = ['train', '--run', 'recipes', '--data', 'uneven'];
  const byRecipe = jsonOf(await selvedge(...training, '--recipe', 'under.json', '--json'));
  const options = ['--batch-size=16', '--resample=undersample', '--logit-adjustment=1', '--epochs=1'];
  jsonOf(await selvedge(...training, '--model', 'baseline', ...options, '--json'));
  assert.is(digestOf('recipes', 'under'), digestOf('recipes', 'baseline'));
  writeRecipe('space', { resampling: { choice: [null, 'oversample', 'undersample'] }, logitAdjustment: 1 });
  jsonOf(await selvedge('tune', 'space.json', '--data', 'uneven', '--sampler', 'grid', '--pruner=none', '--json'));
  const [study] = await readJournal(path.join(folder, 'runs', 'space', 'journal.jsonl'));
  assert.equal(
    study!.trials.map(({ state }) => state),
    ['complete', 'complete', 'complete'],
  );
  const trial = study!.trials.find(({ parameters }) => parameters.resampling === 'undersample');
  assert.is(trial?.value, byRecipe.validationAccuracy);
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
  const few = await selvedge('train', '--data', 'uneven', '--examples', '3', '--logit-adjustment', '1');
  assert.match(few.err, /class \d has no training example; its share has no logarithm \[training\/settings\]/);
});

test.run();
