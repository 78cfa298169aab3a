// selvedge ensemble: members by name, shares, and what later commands make of the result. Every call is a process.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const test = suite('selvedge ensemble');
test.before(async () => {
  for (const seed of ['1', '2']) {
    const settings = ['--model', 'baseline', '--examples', '200', '--epochs', '1', '--seed', seed];
    const { code, err } = await selvedge('train', '--run', `seed-${seed}`, ...settings);
    assert.is(code, 0, err);
  }
});
test.after(remove);

const members = ['seed-1/baseline', 'seed-2/baseline'];

test('an ensemble is evaluated like a trained model, but is no member of another', async () => {
  const made = await selvedge('ensemble', ...members, '--run', 'both', '--json');
  assert.is(made.code, 0, made.err);
  assert.is(JSON.parse(made.out).parameters % 2, 0);
  const again = await selvedge('ensemble', ...members, '--run', 'other', '--weights', '2,2', '--json');
  assert.is(JSON.parse(again.out).weights, JSON.parse(made.out).weights, 'shares are relative');
  const evaluated = await selvedge('evaluate', '--run', 'both', '--model', 'ensemble', '--json');
  assert.is(evaluated.code, 0, evaluated.err);
  assert.is(JSON.parse(evaluated.out).count, 1000);
  const measured = await selvedge('measure', 'classification', '--run', 'both', '--model', 'ensemble', '--json');
  assert.is(measured.code, 0, measured.err);
  assert.is(JSON.parse(measured.out).accuracy, JSON.parse(evaluated.out).accuracy);
  const nested = await selvedge('ensemble', 'both/ensemble', 'seed-1/baseline', '--run', 'nested');
  assert.equal([nested.code, nested.out], [1, ''], 'it ends in no dense layer');
  assert.match(nested.err, /end in a dense layer with softmax, got layer "probabilities" \[models\/ensemble\]/);
});

test('members that kept the same images from training are stacked by them', async () => {
  const made = await selvedge('ensemble', ...members, '--run', 'stacked', '--stack', '--json');
  assert.is(made.code, 0, made.err);
  const { stack } = JSON.parse(made.out);
  assert.equal([stack.factors.length, stack.bias.length], [2, 10]);
  assert.ok(stack.outOfFoldLoss < stack.meanLoss, made.out);
  const evaluated = await selvedge('evaluate', '--run', 'stacked', '--model', 'ensemble', '--json');
  assert.is(evaluated.code, 0, evaluated.err);
});

test('snapshots of one run are members', async () => {
  const snapshots = ['cyclic/baseline@1', 'cyclic/baseline@2'];
  const settings = ['--model', 'baseline', '--examples', '200', '--epochs', '2'];
  const cycles = ['--schedule', 'cosine', '--cycles', '2'];
  const trained = await selvedge('train', '--run', 'cyclic', ...settings, ...cycles);
  assert.is(trained.code, 0, trained.err);
  const made = await selvedge('ensemble', ...snapshots, '--run', 'snapshots', '--json');
  assert.is(made.code, 0, made.err);
  const missing = await selvedge('ensemble', 'cyclic/baseline@1', 'cyclic/baseline@3', '--run', 'wrong');
  assert.equal([missing.code, missing.out], [1, '']);
  assert.match(missing.err, /Cannot find snapshot 3 of .*: it keeps 1, 2; .* \[ensemble\/snapshot\]/);
  const uneven = await selvedge('train', '--run', 'uneven', ...settings, '--schedule', 'cosine', '--cycles', '3');
  assert.match(uneven.err, /2 epochs of 3 cycles: expected cycles of whole epochs/);
  const other = await selvedge('train', '--run', 'uneven', ...settings, '--cycles', '2');
  assert.match(other.err, /"--cycles" does not go with --schedule constant/);
  assert.is(other.code, 2);
});

const wrong: [args: string[], code: number, expected: RegExp][] = [
  [[], 2, /got 0 member: expected two or more/],
  [['seed-1/baseline'], 2, /got 1 member: expected two or more/],
  [['seed-1', 'seed-2/baseline'], 2, /got member "seed-1": expected <run>\/<model>/],
  [['seed-1/baseline/x', 'seed-2/baseline'], 2, /got member "seed-1\/baseline\/x"/],
  [['../x/baseline', 'seed-2/baseline'], 2, /got member "..\/x\/baseline"/],
  [['seed-1/other', 'seed-2/baseline'], 2, /got "other"/],
  [['seed-1/baseline@', 'seed-2/baseline'], 2, /got member "seed-1\/baseline@"/],
  [['seed-1/baseline@1', 'seed-2/baseline'], 1, /Cannot find snapshot 1 of .*: it keeps none/],
  [[...members, '--stack', '--weights', '1,1'], 2, /"--stack" and "--weights" exclude each other/],
  [['seed-9/baseline', 'seed-2/baseline'], 1, /train it first: selvedge train/],
  [[...members, '--weights', '1'], 2, /"--weights" got "1": expected 2 numbers above 0/],
  [[...members, '--weights', '1,0'], 2, /got "1,0"/],
  [[...members, '--weights', '1,'], 2, /got "1,"/],
  [[...members, '--weights', '1,Infinity'], 2, /got "1,Infinity"/],
  [[...members, '--seeds', '1,2'], 2, /"--seeds" needs "--recipe"/],
  [[...members, '--recipe', 'record-30', '--seeds', '1,2'], 2, /"--recipe" got members beside it/],
  [['--recipe', 'record-30'], 2, /"--seeds" got "": expected two or more different numbers/],
  [['--recipe', 'record-30', '--seeds', '1,1'], 2, /"--seeds" got "1,1"/],
  [['--recipe', 'record-30', '--seeds', '1,x'], 2, /"--seeds" got "1,x"/],
  [['--recipe', 'none', '--seeds', '1,2'], 1, /\[recipe\/unknown\]/],
  [['--recipe', 'record-30', '--seeds', '1,2', '--stack'], 1, /keeps none to validate \[ensemble\/stack\]/],
  [[...members, '--artefacts', 'a'], 2, /"--artefacts" needs "--queue"/],
  [[...members, '--verify', '0.5'], 2, /"--verify" needs "--queue"/],
  [[...members, '--queue', 'nowhere'], 1, /got no address \[queue\/address\]/],
];
for (const [args, code, expected] of wrong) {
  test(`selvedge ensemble ${args.join(' ')} ends with ${code}`, async () => {
    const ended = await selvedge('ensemble', ...args, '--run', 'wrong');
    assert.equal([ended.code, ended.out], [code, ''], ended.err);
    assert.match(ended.err, expected);
    assert.not.match(ended.err, /^ {4}at /m);
  });
}

test('a member without its weights is an error, and nothing is written', async () => {
  rmSync(path.join(folder, 'runs/seed-2/baseline/model/weights.bin'));
  const ended = await selvedge('ensemble', ...members, '--run', 'half');
  assert.equal([ended.code, ended.out], [1, '']);
  const evaluated = await selvedge('evaluate', '--run', 'half', '--model', 'ensemble');
  assert.is(evaluated.code, 2, evaluated.err);
});

test.run();
