// The program as a user meets it. Every call is a process; the data is the shipped sample, whatever this machine has.
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../src/cli/commands.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const test = suite('selvedge');
test.after(remove);

/** What standard output says, which must be JSON and nothing else. */
function jsonOf({ code, out, err }: Ended, expectedCode = 0) {
  assert.is(code, expectedCode, err);
  return JSON.parse(out);
}

/** The one line of an error. */
function errorLine({ code, out, err }: Ended, expectedCode = 1): string {
  assert.equal([code, out], [expectedCode, ''], err);
  const lines = err.split('\n').filter((line) => line.startsWith('selvedge: '));
  assert.is(lines.length, 1, err);
  assert.not.match(err, /^ {4}at /m);
  return lines[0]!;
}

test('selvedge info --json prints only JSON, with what the engine got', async () => {
  const ended = await selvedge('info', '--json', '--threads', '2');
  const info = jsonOf(ended);
  assert.equal([info.backend, info.threads, info.simd, info.sharedMemory, ended.err], ['wasm', 2, true, true, '']);
});

test('selvedge --help explains all commands', async () => {
  const { code, out, err } = await selvedge('--help');
  assert.equal([code, err], [0, '']);
  const names = [...out.matchAll(/^ {2}([\w-]+) {2,}/gm)].map(([, name]) => name!);
  assert.equal(
    names,
    commands.map(({ name }) => name),
  );
  assert.ok(names.includes('train') && names.includes('bench'));
});

test('selvedge data tells a sample from the whole', async () => {
  const ended = await selvedge('data', '--json');
  const data = jsonOf(ended);
  assert.equal([data.source.isSample, data.train, data.test], [true, 2000, 1000]);
  assert.match(ended.err, 'not the whole data set');
});

test('selvedge data refuses a truncated file by name', async () => {
  const bad = path.join(folder, 'bad');
  cpSync(fileURLToPath(sampleFolderUrl()), bad, { recursive: true });
  truncateSync(path.join(bad, 'train-images-idx3-ubyte.gz'), 1000);
  const line = errorLine(await selvedge('data', '--data', 'bad'));
  assert.match(line, path.join(bad, 'train-images-idx3-ubyte.gz'));
  assert.match(line, '(1000 bytes) [data/wrong-hash]');
});

test('selvedge explore draws the figures that need no training', async () => {
  const { figures } = jsonOf(await selvedge('explore', '--run', 'study', '--json'));
  assert.is(figures.length, 4);
  for (const file of figures) assert.match(readFileSync(file, 'utf8'), '<svg ');
});

test('selvedge train, evaluate and report make a study', async () => {
  const training = ['train', '--run', 'study', '--examples', '300', '--epochs', '1'];
  const trained = await selvedge(...training, '--json');
  const { status, updates } = jsonOf(trained);
  assert.equal([status, updates], ['complete', 3]);
  assert.match(trained.err, /^dropout epoch 1\/1: loss \d/m);
  const again = await selvedge(...training);
  assert.match(again.out, /is trained for 1 epoch already; --again trains it anew\n$/);
  const evaluation = jsonOf(await selvedge('evaluate', '--run', 'study', '--json'));
  assert.equal([evaluation.count, evaluation.correct + evaluation.incorrect], [1000, 1000]);
  const { report } = jsonOf(await selvedge('report', '--run', 'study', '--json'));
  assert.match(readFileSync(report, 'utf8'), /^<!doctype html>/);
});

test('selvedge train refuses a run of other settings and says what differs', async () => {
  const line = errorLine(
    await selvedge('train', '--run', 'study', '--examples', '200', '--epochs', '1', '--seed', '7'),
  );
  assert.match(line, 'seed 1, not 7; examples 300, not 200');
  assert.match(line, '--again');
  const shorter = ['train', '--run', 'study', '--examples', '200', '--epochs', '1', '--seed', '7', '--again', '--json'];
  assert.is(jsonOf(await selvedge(...shorter)).updatesNow, 2);
});

test('selvedge train keeps the optimiser and the smoothing that it was given, and report shows them', async () => {
  const common = ['--run', 'sgd', '--examples', '128', '--epochs', '1', '--optimizer', 'sgd'];
  const training = ['train', ...common, '--momentum', '0.9', '--label-smoothing', '0.1'];
  assert.is(jsonOf(await selvedge(...training, '--json')).updatesNow, 1);
  assert.match(
    errorLine(await selvedge('train', ...common)),
    /optimizer \{.*"momentum":0\.9.*; labelSmoothing 0\.1, not 0/,
  );
  assert.match(errorLine(await selvedge('train', '--momentum', '0.9'), 2), '"--momentum" does not go with');
  jsonOf(await selvedge('evaluate', '--run', 'sgd', '--json'));
  const { report } = jsonOf(await selvedge('report', '--run', 'sgd', '--json'));
  const text = readFileSync(report, 'utf8');
  assert.match(text, 'SGD, learning rate 0.01, momentum 0.9');
  assert.match(text, 'categorical cross-entropy, labels smoothed by 0.1');
});

test('selvedge report shows a recipe, which may keep nothing to validate', async () => {
  const recipe = {
    network: { family: 'plain', stem: 4, widths: [4], depth: 1 },
    epochs: 1,
    batchSize: 50,
    optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0, nesterov: false, weightDecay: 0 },
    schedule: { name: 'linear', warmUp: 0.2, start: 0.2, final: 0 },
    labelSmoothing: 0,
    validation: false,
  };
  writeFileSync(path.join(folder, 'tiny.json'), JSON.stringify(recipe));
  jsonOf(await selvedge('train', '--run', 'tiny', '--recipe', 'tiny.json', '--examples', '200', '--json'));
  jsonOf(await selvedge('evaluate', '--run', 'tiny', '--model', 'tiny', '--json'));
  const report = jsonOf(await selvedge('report', '--run', 'tiny', '--json'));
  assert.equal(
    report.models.map(({ name }: { name: string }) => name),
    ['tiny'],
  );
  const html = readFileSync(report.report, 'utf8');
  assert.match(html, 'All 200 training samples train, and none validate.');
  assert.not.match(html, /He normal|NaN|undefined/);
});

test('selvedge train goes on from the older checkpoint where the newer is damaged, and begins anew where both are', async () => {
  const model = path.join(folder, 'runs', 'damaged', 'dropout');
  const training = ['train', '--run', 'damaged', '--examples', '128', '--epochs'];
  assert.is((await selvedge(...training, '2')).code, 0);
  const weights = readFileSync(path.join(model, 'model', 'weights.bin'));
  truncateSync(path.join(model, 'checkpoint-1.bin'), 5000);
  const resumed = await selvedge(...training, '2');
  assert.equal([resumed.code, /Going on in epoch 2, after update 1/.test(resumed.err)], [0, true], resumed.err);
  assert.ok(readFileSync(path.join(model, 'model', 'weights.bin')).equals(weights));
  for (const name of ['checkpoint-0.bin', 'checkpoint-1.bin'])
    writeFileSync(path.join(model, name), 'not a checkpoint');
  const anew = await selvedge(...training, '2');
  assert.equal([anew.code, /No checkpoint in .* is whole/.test(anew.err)], [0, true], anew.err);
  assert.ok(readFileSync(path.join(model, 'model', 'weights.bin')).equals(weights));
});

test('selvedge train --again keeps a finished run where it cannot replace it', async () => {
  const training = ['train', '--run', 'kept', '--examples', '128', '--epochs', '1'];
  assert.is((await selvedge(...training)).code, 0);
  const model = path.join(folder, 'runs', 'kept', 'dropout');
  const before = readdirSync(model, { recursive: true, encoding: 'utf8' }).sort();
  const config = readFileSync(path.join(model, 'config.json'), 'utf8');
  const few = ['train', '--run', 'kept', '--examples', '3', '--epochs', '1', '--class-weights', 'balanced', '--again'];
  assert.match(errorLine(await selvedge(...few)), /class \d has no training example.* \[training\/settings\]$/);
  assert.equal(readdirSync(model, { recursive: true, encoding: 'utf8' }).sort(), before);
  assert.is(readFileSync(path.join(model, 'config.json'), 'utf8'), config);
  const replaced = await selvedge('train', '--run', 'kept', '--examples', '200', '--epochs', '1', '--again');
  assert.is(replaced.code, 0, replaced.err);
});

test('selvedge train stops at a loss that is not finite', async () => {
  const line = errorLine(
    await selvedge('train', '--run', 'diverged', '--examples', '512', '--epochs', '1', '--learning-rate', '1e30'),
  );
  assert.match(line, /the loss became .* \[training\/diverged\]$/);
});

test('selvedge evaluate and report name what is missing', async () => {
  assert.match(
    errorLine(await selvedge('evaluate', '--run', 'none')),
    /config\.json": train it first: .* \[run\/not-found\]$/,
  );
  assert.match(errorLine(await selvedge('report', '--run', 'none')), /holds no trained model.* \[run\/not-found\]$/);
  assert.is(existsSync(path.join(folder, 'runs', 'none')), false);
});

test('selvedge evaluate --model best measures what ships, and writes no run', async () => {
  const evaluation = jsonOf(await selvedge('evaluate', '--model', 'best', '--json'));
  assert.equal([evaluation.model, evaluation.count, evaluation.views], ['best', 1000, 'shifted']);
  assert.ok(evaluation.accuracy > 0.93);
  assert.is(existsSync(path.join(folder, 'runs', 'default', 'best')), false);
});

test('selvedge evaluate tells a damaged model', async () => {
  cpSync(path.join(folder, 'runs', 'study'), path.join(folder, 'runs', 'torn'), { recursive: true });
  truncateSync(path.join(folder, 'runs', 'torn', 'dropout', 'model', 'weights.bin'), 1000);
  assert.match(errorLine(await selvedge('evaluate', '--run', 'torn')), /got 1000 \[models\/format\]$/);
});

test('selvedge bench lists what there is', async () => {
  assert.match(errorLine(await selvedge('bench'), 2), /expected one of .*training/);
  assert.match(errorLine(await selvedge('bench', 'nothing'), 2), 'Unknown benchmark "nothing"');
});

test('selvedge leaves no half-written file behind', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  assert.equal(
    files.filter((file) => file.endsWith('.part')),
    [],
  );
});

test.run();
