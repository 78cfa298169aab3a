// selvedge import, and ONNX files where a model is chosen: evaluated, trained on, told of in one line where they are broken.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileOf, node } from '../models/onnx/files.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge import');
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
test.before(async () => {
  const { code, err } = await selvedge('export', '--format', 'onnx', '--out', 'shipped.onnx');
  assert.is(code, 0, err);
});
test.after(remove);

test('an exported model comes back as a folder with its classes and settings', async () => {
  const { code, out, err } = await selvedge('import', 'shipped.onnx', '--json');
  assert.is(code, 0, err);
  const { folder: made, parameters, classNames, notices } = JSON.parse(out);
  assert.equal([path.basename(made), parameters, classNames[9], notices], ['shipped', 241_546, 'Ankle boot', []]);
  const { userDefinedMetadata } = JSON.parse(readFileSync(inFolder('shipped', 'model.json'), 'utf8'));
  assert.is(userDefinedMetadata.settings.model, 'dropout');
  const named = await selvedge('import', 'shipped.onnx', '--out', 'named', '--classes', 'a,b,c,d,e,f,g,h,i,j');
  assert.is(named.code, 0, named.err);
  assert.match(named.out, /named: model dropout, images \[28, 28, 1\] to 10 classes, 241546 parameters\n/);
});

test('an ONNX file is measured, predicted with, exported and trained on as it is', async () => {
  const measured = await selvedge('measure', 'calibration', '--model-folder', 'shipped.onnx', '--json');
  assert.is(measured.code, 0, measured.err);
  const trained = await selvedge(
    'train',
    '--run',
    'tuned',
    '--from',
    'shipped.onnx',
    '--examples',
    '200',
    '--epochs',
    '1',
  );
  assert.is(trained.code, 0, trained.err);
  const { settings } = JSON.parse(readFileSync(inFolder('runs', 'tuned', 'dropout', 'config.json'), 'utf8'));
  assert.is(settings.from.model, 'dropout');
  const again = await selvedge('export', '--format', 'onnx', '--model-folder', 'shipped.onnx', '--out', 'again.onnx');
  assert.is(again.code, 0, again.err);
  assert.equal(readFileSync(inFolder('again.onnx')), readFileSync(inFolder('shipped.onnx')));
});

test('what is wrong is said in one line, and nothing is written', async () => {
  const whole = readFileSync(inFolder('shipped.onnx'));
  writeFileSync(inFolder('short.onnx'), whole.subarray(0, 5000));
  writeFileSync(inFolder('odd.onnx'), await fileOf({ nodes: [node('HardSwish', ['x'], 'y')] }));
  const cases: [string[], number, RegExp][] = [
    [['import'], 2, /Missing FILE/],
    [['import', 'nothing.onnx'], 1, /got nothing \[import\/file\]/],
    [['import', '.'], 1, /got a folder \[import\/file\]/],
    [['import', 'shipped.onnx', '--out', 'short.onnx'], 1, /\[import\/out\]/],
    [
      ['import', 'shipped.onnx', '--out', 'none', '--classes', 'a,b'],
      1,
      /expected 10 different names.*\[import\/classes\]/,
    ],
    [['import', 'short.onnx'], 1, /short\.onnx": Cannot read 5000 bytes as ONNX.*\[onnx\/format\]/],
    [['import', 'odd.onnx'], 1, /odd\.onnx": Cannot read node "the_y" \(HardSwish\).*\[onnx\/unsupported\]/],
    [['train', '--from', 'short.onnx'], 1, /\[onnx\/format\]/],
    [['measure', 'calibration', '--model-folder', 'odd.onnx'], 1, /\[onnx\/unsupported\]/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, out, err } = await selvedge(...args);
    assert.equal([code, out], [expected, ''], args.join(' '));
    assert.match(err, message);
    assert.not.match(err, /\n\s+at /);
  }
  for (const name of ['none', 'short', 'odd']) assert.not.ok(existsSync(inFolder(name, 'model.json')));
});

test.run();
