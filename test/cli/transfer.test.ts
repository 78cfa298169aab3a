// selvedge train --from, --freeze and --preprocess: what later commands make of them, what goes on after a stop, what is refused.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommandContext } from '../../src/cli/command.ts';
import { parseStep, words } from '../../src/cli/step.ts';
import { planTraining, train } from '../../src/cli/train.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { rgbaPng } from '../data/image-files.ts';
import { type Ended, interruptAndResume, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const test = suite('selvedge train --from');
const short = ['--examples', '200', '--epochs', '1'];

interface Settings {
  readonly model: string;
  readonly network?: { readonly family: string };
  readonly members?: unknown;
  readonly preprocessing?: string;
  readonly from?: { readonly model: string; readonly weights: string };
  readonly frozen?: readonly string[];
  readonly initialWeights: string;
}

const read = (...parts: string[]): string => readFileSync(path.join(folder, 'runs', ...parts), 'utf8');
const settingsOf = (...parts: string[]): Settings => JSON.parse(read(...parts, 'config.json')).settings as Settings;

/** Bytes of the weights of a layer in a saved model. */
function layerWeights(of: string, layer: string): string {
  const { weightsManifest } = JSON.parse(read(of, 'model', 'model.json'));
  const bytes = readFileSync(path.join(folder, 'runs', of, 'model', 'weights.bin'));
  let at = 0;
  const found: Buffer[] = [];
  for (const { name, shape } of weightsManifest[0].weights as { name: string; shape: number[] }[]) {
    const length = 4 * shape.reduce((product, extent) => product * extent, 1);
    if (name.startsWith(`${layer}/`)) found.push(bytes.subarray(at, at + length));
    at += length;
  }
  assert.ok(found.length > 0, `${layer} has weights`);
  return Buffer.concat(found).toString('hex');
}

test.before(async () => {
  const { code, err } = await selvedge('train', '--run', 'source', ...short);
  assert.is(code, 0, err);
});
test.after(remove);

test('a run starts from the weights of another, and frozen layers keep them', async () => {
  const made = await selvedge(
    'train',
    '--run',
    'head',
    '--from',
    'source/dropout',
    '--freeze',
    'all-but-last',
    ...short,
  );
  assert.is(made.code, 0, made.err);
  assert.match(made.err, /Frozen: conv2d_1, conv2d_2, conv2d_3, dense_1\n/);
  const { from, frozen, model } = settingsOf('head', 'dropout');
  assert.equal([from?.model, from?.weights.length, model], ['dropout', 64, 'dropout']);
  assert.equal(frozen, ['conv2d_1', 'conv2d_2', 'conv2d_3', 'dense_1']);
  for (const layer of frozen!) assert.is(layerWeights('head/dropout', layer), layerWeights('source/dropout', layer));
  assert.is.not(layerWeights('head/dropout', 'dense_2'), layerWeights('source/dropout', 'dense_2'));
  const evaluated = await selvedge('evaluate', '--run', 'head', '--json');
  assert.is(JSON.parse(evaluated.out).count, 1000, evaluated.err);
});

test('a folder of a model is a source, too, and a layer that is named stays', async () => {
  const from = path.join('runs', 'source', 'dropout', 'model');
  const made = await selvedge('train', '--run', 'named', '--from', from, '--freeze', 'conv2d_2,dense_1', ...short);
  assert.is(made.code, 0, made.err);
  const weights = ['conv2d_1', 'conv2d_2', 'dense_1', 'dense_2'].map(
    (layer) => layerWeights('named/dropout', layer) === layerWeights('source/dropout', layer),
  );
  assert.equal(weights, [false, true, true, false]);
});

test('a model.json by its name, one that ships and a file of export are sources, too, and export again', async () => {
  const named = path.join('runs', 'source', 'dropout', 'model', 'model.json');
  const first = await selvedge('train', '--run', 'first', '--from', named, '--freeze', 'all-but-last', ...short);
  assert.is(first.code, 0, first.err);
  assert.is(layerWeights('first/dropout', 'dense_1'), layerWeights('source/dropout', 'dense_1'));

  const best = await selvedge('train', '--run', 'second', '--from', 'best', '--freeze', 'all-but-last', ...short);
  assert.is(best.code, 0, best.err);
  const { model, members, network, from } = settingsOf('second', 'record-120');
  assert.equal([model, members, network?.family, from?.model], ['record-120', undefined, 'plain', 'best']);

  const exported = await selvedge(
    'export',
    '--run',
    'second',
    '--model',
    'record-120',
    '--max-loss',
    '100',
    '--out',
    'x.selvedge',
  );
  assert.is(exported.code, 0, exported.err);
  const third = await selvedge('train', '--run', 'third', '--from', 'x.selvedge', ...short);
  assert.is(third.code, 0, third.err);
  const evaluated = await selvedge('measure', 'classification', '--model-folder', 'x.selvedge', '--json');
  assert.is(JSON.parse(evaluated.out).count, 1000, evaluated.err);

  writeFileSync(path.join(folder, 'cut.selvedge'), readFileSync(path.join(folder, 'x.selvedge')).subarray(0, 5000));
  const cut = await selvedge('train', '--run', 'fourth', '--from', 'cut.selvedge', ...short);
  assert.equal(
    [cut.code, /cut\.selvedge": .*expected \d+ bytes, got 5000.*\[edge\/truncated\]/.test(cut.err)],
    [1, true],
    cut.err,
  );
});

test('a source of other classes gets a new head, and says so', async () => {
  const from = path.join(folder, 'digits');
  mkdirSync(from);
  const json = JSON.parse(read('source', 'dropout', 'model', 'model.json'));
  json.userDefinedMetadata.classNames = [...'0123456789'];
  writeFileSync(path.join(from, 'model.json'), JSON.stringify(json));
  writeFileSync(
    path.join(from, 'weights.bin'),
    readFileSync(path.join(folder, 'runs/source/dropout/model/weights.bin')),
  );
  const made = await selvedge('train', '--run', 'digits', '--from', 'digits', ...short);
  assert.is(made.code, 0, made.err);
  assert.match(made.err, /Layer "dense_2" of "digits" is made anew: it tells other classes/);
});

/** Plans a training, which needs no engine. */
function plan(run: string, from: string): ReturnType<typeof planTraining> {
  const given = words({ run, from });
  return planTraining(parseStep(train, given), { cwd: folder } as CommandContext, given);
}

test('what starts from an ensemble is no ensemble by name, and no training replaces its source', async () => {
  const ensemble = path.join(folder, 'runs', 'both', 'ensemble', 'model');
  mkdirSync(ensemble, { recursive: true });
  const settings = { model: 'ensemble', members: [1, 2].map(() => ({ settings: { model: 'dropout' } })) };
  writeFileSync(path.join(ensemble, 'model.json'), JSON.stringify({ userDefinedMetadata: { settings } }));
  const planned = await plan('both', 'both/ensemble');
  assert.is(planned.order.name, 'fine-tuned');
  assert.is(planned.folder, path.join(folder, 'runs', 'both', 'fine-tuned'));
  for (const from of ['source/dropout', path.join('runs', 'source', 'dropout', 'model', 'model.json')]) {
    const refused = await plan('source', from).catch((error: unknown) => error);
    assert.ok(refused instanceof SelvedgeError && refused.code === 'train/from', String(refused));
    assert.match((refused as SelvedgeError).message, /which this training would replace; use another --run/);
  }
});

test('a recipe gives the regime, and its network must fit', async () => {
  const recipe = {
    network: { family: 'baseline' },
    epochs: 1,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: true },
    schedule: { name: 'constant', warmUp: 0, start: 0 },
    labelSmoothing: 0,
    preprocessing: 'clahe',
    validation: true,
  };
  writeFileSync(path.join(folder, 'fit.json'), JSON.stringify({ ...recipe, preprocessing: undefined }));
  writeFileSync(
    path.join(folder, 'other.json'),
    JSON.stringify({ ...recipe, network: { family: 'linear' }, preprocessing: undefined }),
  );
  writeFileSync(path.join(folder, 'clahe.json'), JSON.stringify(recipe));
  const options = ['--from', 'source/dropout', '--examples', '200'];
  const fits = await selvedge('train', '--run', 'recipes', '--recipe', 'fit.json', ...options);
  assert.is(fits.code, 0, fits.err);
  assert.is(settingsOf('recipes', 'fit').from?.model, 'dropout');
  const other = await selvedge('train', '--run', 'recipes', '--recipe', 'other.json', ...options);
  assert.match(other.err, /expected 1 layers with weights, got 5 \[models\/transfer-network\]/);
  const clahe = await selvedge('train', '--run', 'recipes', '--recipe', 'clahe.json', ...options);
  assert.match(clahe.err, /with preprocessing "clahe": expected none.*\[train\/preprocessing\]/);
});

test('a stopped run that starts from another goes on to the same weights, and another source is another run', async () => {
  const options = ['--from', 'source/dropout', '--freeze', 'conv2d_1', '--examples', '2000', '--epochs', '2'];
  const whole = await selvedge('train', '--run', 'whole', ...options);
  assert.is(whole.code, 0, whole.err);
  await interruptAndResume(folder, ['--run', 'stopped', ...options]);
  const digest = (name: string): string => JSON.parse(read(name, 'dropout', 'model', 'model.json')).weightsSha256;
  assert.is(digest('stopped'), digest('whole'));
  const other = await selvedge('train', '--run', 'whole', ...options.with(1, 'head/dropout'));
  assert.match(
    other.err,
    /other settings \(from \{"model":"dropout","weights":"[0-9a-f]+"\}, not .*\[run\/other-settings\]/,
  );
});

for (const name of ['equalize', 'standardize', 'standardize-image']) {
  test(`a model trained with --preprocess ${name} is evaluated and predicts with it, and hands it on`, async () => {
    const made = await selvedge('train', '--run', name, '--preprocess', name, '--epochs', '2');
    assert.is(made.code, 0, made.err);
    assert.is(settingsOf(name, 'dropout').preprocessing, name);
    const { userDefinedMetadata } = JSON.parse(read(name, 'dropout', 'model', 'model.json'));
    assert.is(userDefinedMetadata.settings.preprocessing, name);
    const evaluated = await selvedge('evaluate', '--run', name, '--json');
    const { predictions } = JSON.parse(read(name, 'dropout', 'evaluation.json'));
    assert.ok(JSON.parse(evaluated.out).accuracy > 0.4, evaluated.out || evaluated.err);
    assert.is(predictions.label.length, 1000);
    const next = await selvedge(
      'train',
      '--run',
      `${name}-next`,
      '--from',
      `${name}/dropout`,
      '--freeze',
      'conv2d_1',
      ...short,
    );
    assert.is(next.code, 0, next.err);
    assert.is(settingsOf(`${name}-next`, 'dropout').preprocessing, name);
  });
}

test('--recipe hog-linear trains a linear classifier on oriented gradients', async () => {
  const made = await selvedge('train', '--run', 'hog', '--recipe', 'hog-linear', '--epochs', '5', '--json');
  assert.is(made.code, 0, made.err);
  assert.ok(JSON.parse(made.out).validationAccuracy > 0.7, made.out);
  const evaluated = await selvedge('evaluate', '--run', 'hog', '--model', 'hog-linear', '--json');
  assert.ok(JSON.parse(evaluated.out).accuracy > 0.7, evaluated.out || evaluated.err);
  const picture = path.join(folder, 'bar.png');
  const data = new Uint8Array(20 * 20 * 4).fill(255);
  data.fill(0, 4 * 20 * 5, 4 * 20 * 12);
  writeFileSync(picture, rgbaPng({ width: 20, height: 20, data: data.map((level, i) => (i % 4 === 3 ? 255 : level)) }));
  const predicted = await selvedge('predict', picture, '--run', 'hog', '--model', 'hog-linear', '--json');
  assert.is(predicted.code, 0, predicted.err);
  assert.is(Object.keys(JSON.parse(predicted.out).images[0].probabilities).length, 10);
  const views = await selvedge('evaluate', '--run', 'hog', '--model', 'hog-linear', '--views', 'mirrored');
  assert.match(views.err, /\[evaluate\/views\]/);
  const exported = await selvedge('export', '--run', 'hog', '--model', 'hog-linear', '--out', 'hog.selvedge');
  assert.match(exported.err, /preprocessed by "hog".*\[export\/preprocessing\]/);
});

const wrong: [args: string[], code: number, expected: RegExp][] = [
  [['--from', 'source/resnet20'], 1, /Cannot start from "source\/resnet20".*got nothing \[train\/from\]/],
  [['--from', 'nowhere'], 1, /\[train\/from\]/],
  [['--from', 'source'], 1, /\[train\/from\]/],
  [['--from', ''], 2, /"--from" needs a value/],
  [['--from', 'source/dropout', '--model', 'dropout'], 2, /"--from" and "--model" exclude each other/],
  [['--from', 'source/dropout', '--freeze', 'conv'], 1, /got "conv" \[models\/freeze\]/],
  [['--from', 'source/dropout', '--freeze', ''], 2, /"--freeze" needs a value/],
  [['--from', 'source/dropout', '--freeze', 'conv2d_1,conv2d_2,conv2d_3,dense_1,dense_2'], 1, /got all of/],
  [['--from', 'source/dropout', '--preprocess', 'lbp'], 1, /expected none.*\[train\/preprocessing\]/],
  [['--freeze', 'all-but-last'], 2, /"--freeze" needs "--from"/],
  [['--preprocess', 'sharpen'], 2, /preprocess/],
  [['--preprocess', 'lbp', '--augment'], 1, /Cannot augment images preprocessed by "lbp".*\[train\/preprocessing\]/],
  [['--preprocess', 'hog'], 1, /./],
];
for (const [args, code, expected] of wrong) {
  test(`selvedge train ${args.join(' ')} ends with ${code}`, async () => {
    const ended = await selvedge('train', '--run', 'wrong', ...args, ...short);
    assert.equal([ended.code, ended.out], [code, ''], ended.err);
    assert.match(ended.err, expected);
    assert.not.match(ended.err, /^ {4}at /m);
  });
}

test('an unfinished source, and one that is no JSON, are errors that say so', async () => {
  rmSync(path.join(folder, 'runs/named/dropout/model/model.json'));
  const unfinished = await selvedge('train', '--run', 'wrong', '--from', 'named/dropout', ...short);
  assert.match(unfinished.err, /its training is not finished; finish it first \[train\/from\]/);
  writeFileSync(path.join(folder, 'digits', 'model.json'), '{');
  const broken = await selvedge('train', '--run', 'wrong', '--from', 'digits', ...short);
  assert.match(broken.err, /\[models\/format\]/);
});

test.run();
