// selvedge study and its steps on data of the user's own: pictures in colour in folders, digits, and what is refused before the first epoch.
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeDigits } from '../../scripts/make-digits.ts';
import { rgbaPng } from '../data/image-files.ts';
import { drawColours, drawsOf, write, writeColours } from '../data/picture-sets.ts';
import { type Ended, makeFolder, run, start } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const test = suite('selvedge study');
test.after(remove);

const classes = ['blue', 'green', 'red'];
const at = (...names: string[]): string => path.join(folder, ...names);
const asColours = ['--data', 'colours', '--colour', '--image-size', '24'];

function jsonOf({ code, out, err }: Ended) {
  assert.is(code, 0, err);
  return JSON.parse(out);
}

async function refuses(args: readonly string[], code: string, words: RegExp, exitCode = 1): Promise<void> {
  const ended = await selvedge(...args);
  assert.equal([ended.code, ended.out], [exitCode, ''], ended.err);
  const lines = ended.err.split('\n').filter((line) => line.startsWith('selvedge: '));
  assert.is(lines.length, 1, ended.err);
  assert.match(lines[0]!, words);
  assert.ok(lines[0]!.endsWith(` [${code}]`), lines[0]);
}

test.before(() => {
  writeColours(at('colours'), classes, 40);
});

test('selvedge study explores, trains, evaluates and reports on pictures in colour, of classes of their own', async () => {
  const ended = await selvedge('study', ...asColours, '--epochs', '4', '--json');
  const done = jsonOf(ended);
  assert.match(ended.err, /Reading pictures: 120 of 120/);
  assert.equal(
    [done.status, done.classNames, done.training, done.test],
    ['complete', classes, [32, 32, 32], [8, 8, 8]],
  );
  assert.equal(
    done.models.map(({ model }: { model: string }) => model),
    ['baseline', 'dropout'],
  );
  assert.ok(done.models[0].accuracy > 0.6, JSON.stringify(done.models));
  const page = readFileSync(done.report, 'utf8');
  for (const words of ['A study of “colours”', 'Pictures in colour of 24 × 24 pixels in 3 classes', '[24, 24, 3]'])
    assert.ok(page.includes(words), words);
  for (const words of ['Fashion-MNIST', 'Distance to the original', 'clothes']) assert.not(page.includes(words), words);
  assert.match(page, /npx selvedge study --run study --data .*colours.* --image-size 24 --colour --epochs 4/);
  const { settings, source } = JSON.parse(readFileSync(at('runs/study/dropout/config.json'), 'utf8'));
  assert.equal(settings.preparation, { side: 24, channels: 3, fit: 'whole' });
  assert.equal([settings.examples, settings.validationExamples, source.kind], [78, 18, 'pictures']);
});

test('selvedge study goes on with what is there, and reads no picture again', async () => {
  const before = readFileSync(at('runs/study/dropout/model/weights.bin'));
  const ended = await selvedge('study', ...asColours, '--epochs', '4', '--json');
  jsonOf(ended);
  assert.not.match(ended.err, /Reading pictures/);
  assert.match(ended.err, /is trained for 4 epochs already/);
  assert.equal(readFileSync(at('runs/study/dropout/model/weights.bin')), before);
});

test('selvedge evaluate, report, predict and export know the data and the pictures of their run', async () => {
  renameSync(at('colours'), at('moved'));
  try {
    // What a run was trained on it keeps.
    const { count, accuracy } = jsonOf(await selvedge('evaluate', '--run', 'study', '--json'));
    assert.is(count, 24);
    jsonOf(await selvedge('report', '--run', 'study', '--json'));
    const { model } = {
      model: jsonOf(await selvedge('export', '--run', 'study', '--out', 'c.selvedge', '--json', '--max-loss', '20')),
    };
    assert.equal([model.accuracy.images, model.accuracy.float32], [24, accuracy]);
  } finally {
    renameSync(at('moved'), at('colours'));
  }
  const { images } = jsonOf(
    await selvedge(
      'predict',
      '--run',
      'study',
      '--model',
      'baseline',
      '--json',
      'colours/red/0.png',
      'colours/blue/0.png',
    ),
  );
  assert.equal(Object.keys(images[0].probabilities).sort(), classes);
  assert.is(images[0].ground, undefined);
  const explained = jsonOf(
    await selvedge('explain', '--run', 'study', '--json', '--out', 'map.png', 'colours/red/0.png'),
  );
  assert.equal([explained.images[0].explanations[0].map.length, explained.images[0].box.left], [24, 0]);
  jsonOf(await selvedge('ensemble', '--run', 'both', 'study/baseline', 'study/dropout', '--json'));
  assert.is(jsonOf(await selvedge('evaluate', '--run', 'both', '--model', 'ensemble', '--json')).count, 24);
  const program = start(folder, ['serve', '--port', '0', '--json', '--model', 'c.selvedge']);
  try {
    const { url } = JSON.parse(await program.firstLine()) as { url: string };
    const body = readFileSync(at('colours/red/0.png'));
    const answer = await fetch(`${url}/classify`, { method: 'POST', body, headers: { 'content-type': 'image/png' } });
    const { images: served } = (await answer.json()) as { images: { class: string; probabilities: object }[] };
    assert.equal(Object.keys(served[0]!.probabilities), classes);
  } finally {
    program.interrupt();
    await program.ended;
  }
});

test('selvedge evaluate and export refuse other data than those of the run', async () => {
  writeColours(at('others'), classes, 12, 9);
  await refuses(
    ['evaluate', '--run', 'study', '--data', 'others'],
    'run/other-data',
    /trained on that of the pictures in ".*colours"/,
  );
  await refuses(
    ['export', '--model-folder', 'runs/study/dropout/model'],
    'data/other-classes',
    /24x24x3 of 3 classes, got 28x28x1 of 10/,
  );
  await refuses(
    ['evaluate', '--model', 'best', '--data', 'others'],
    'run/other-data',
    /shipped model best: expected images of 28x28x1/,
  );
  await refuses(['train', '--run', 'study', '--data', 'colours', '--epochs', '1'], 'run/other-settings', /preparation/);
  // The images of the run are its own again.
  const { count } = jsonOf(await selvedge('evaluate', '--run', 'study', '--json'));
  assert.is(count, 24);
});

test('selvedge train refuses data before the first epoch, in one line that names what is wrong', async () => {
  const train = ['train', '--run', 'bad', '--epochs', '1', '--data'];
  await refuses([...train, 'none'], 'data/missing-file', /got nothing/);
  cpSync(at('colours'), at('spoilt'), { recursive: true });
  write(at('spoilt'), 'red/notes.txt', 'text');
  write(at('spoilt'), 'red/cut.png', rgbaPng(drawColours(drawsOf(8), 1)).slice(0, 99));
  await refuses([...train, 'spoilt'], 'data/unreadable', /2 of 122 pictures .*"red\/cut.png".*"red\/notes.txt"/);
  const passed = await selvedge('data', '--data', 'spoilt', '--skip-unreadable', '--json', '--colour');
  assert.is(jsonOf(passed).notices.length, 1);
  assert.match(passed.err, /2 of 122 pictures cannot be read/);
  writeColours(at('few'), classes, 2);
  await refuses([...train, 'few', '--colour'], 'data/missing-class', /"blue" in /);
  writeFileSync(at('set.csv'), 'path,label\ncolours/red/0.png,\n');
  await refuses([...train, 'set.csv'], 'table/bad-rows', /row 2, no label/);
  await refuses(
    [...train, 'colours', '--image-size', '16', '--colour'],
    'train/image-size',
    /16x16x3: expected larger ones/,
  );
  await refuses([...train, 'colours', '--classes', 'none.txt'], 'classes/no-file', /"none.txt"/);
  writeFileSync(at('names.txt'), 'red\ngreen\ncyan\n');
  await refuses([...train, 'colours', '--classes', 'names.txt'], 'data/unknown-class', /"blue"/);
  rmSync(at('spoilt'), { recursive: true });
});

test('selvedge train refuses options for pictures that do not fit', async () => {
  await refuses(['train', '--image-size', '20'], 'cli/usage', /need "--data"/, 2);
  await refuses(['train', '--data', 'colours', '--image-size', '0'], 'cli/usage', /"--image-size" got "0"/, 2);
  await refuses(['train', '--data', 'colours', '--image-size', 'NaN'], 'cli/usage', /"--image-size" got "NaN"/, 2);
  await refuses(['train', '--data', 'colours', '--colour', '--fit', 'object'], 'cli/usage', /exclude each other/, 2);
  await refuses(['study', '--data', 'colours', '--epochs', '0'], 'cli/usage', /"--epochs" got "0"/, 2);
});

test('selvedge train and study refuse what does not go with a queue, before anything is read', async () => {
  await refuses(['train', '--artefacts', 'a'], 'cli/usage', /"--artefacts" needs "--queue"/, 2);
  await refuses(['study', '--verify', '0.1'], 'cli/usage', /"--verify" needs "--queue"/, 2);
  await refuses(['study', '--queue', 'pglite:'], 'queue/address', /expected postgres/);
  await refuses(['task', '--jobs', '1', '--queue', 'nowhere', 'a'], 'queue/address', /got no address/);
  await refuses(['task', '--artefacts=x', 'a'], 'cli/usage', /"--artefacts" needs "--queue"/, 2);
});

test('selvedge data tells of digits, and of a table of them; classes may have other names', async () => {
  await writeDigits(at('digits'), 12);
  const folderOf = jsonOf(await selvedge('data', '--data', 'digits', '--json'));
  assert.equal([folderOf.train, folderOf.test, folderOf.shape], [100, 20, [28, 28, 1]]);
  const rows = folderOf.classNames.flatMap((name: string) =>
    Array.from({ length: 12 }, (_, i) => `digits/${name}/${String(i).padStart(5, '0')}.png,${name}`),
  );
  writeFileSync(at('digits.csv'), `path,label\n${rows.join('\n')}\n`);
  const table = jsonOf(await selvedge('data', '--data', 'digits.csv', '--json'));
  assert.equal(table.source.files, folderOf.source.files);
  const { out } = await selvedge('data', '--data', 'digits.csv');
  assert.match(
    out,
    /^digits\.csv from the table ".*digits\.csv"\n100 training and 20 test images of 28x28x1, 10 classes\n/,
  );
});

test('selvedge train keeps the settings of Fashion-MNIST as they were', async () => {
  jsonOf(await selvedge('train', '--run', 'usual', '--epochs', '1', '--examples', '100', '--json'));
  const { settings, source } = JSON.parse(readFileSync(at('runs/usual/dropout/config.json'), 'utf8'));
  assert.equal([settings.preparation, settings.splitSeed, source.origin], [undefined, 2023, undefined]);
});

test.run();
