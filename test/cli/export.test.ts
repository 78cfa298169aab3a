import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClassifier, decodeModelFile } from '../../src/edge/index.ts';
import { decodeMessage } from '../../src/models/onnx/index.ts';
import { type Ended, makeFolder, run, start } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge export');
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
const shipped = fileURLToPath(new URL('../../assets/models/dropout/', import.meta.url));
const exportModel = (...args: string[]): Promise<Ended> => run(folder, ['export', ...args]);
/** Of an int8 model on the thousand images of the sample; the whole test set is another matter. */
const LENIENT = ['--max-loss', '5'];

test.before(async () => {
  const { code, err } = await run(folder, ['train', '--run', 'small', '--model', 'baseline', '--epochs', '1']);
  assert.is(code, 0, err);
});
test.after(remove);

test('selvedge export writes the shipped model where nothing else is named, and says what it measured', async () => {
  const { code, out, err } = await exportModel('--json', ...LENIENT);
  assert.is(code, 0, err);
  const told = JSON.parse(out);
  const bytes = readFileSync(inFolder('dropout.selvedge'));
  assert.is(path.basename(told.file), 'dropout.selvedge');
  assert.is(told.bytes, bytes.length);
  assert.ok(Math.abs(told.gzipBytes - gzipSync(bytes).length) < 2000);
  assert.is(told.accuracy.images, 1000);
  assert.ok(told.accuracy.float32 > 0.9 && Math.abs(told.accuracy.float32 - told.accuracy.int8) < 0.02);
  const { description } = await decodeModelFile(bytes);
  assert.equal([description.fingerprint, description.accuracy], [told.fingerprint, told.accuracy]);
  const known = await decodeModelFile(readFileSync(path.join(shipped, 'dropout.selvedge')));
  assert.equal({ ...description, accuracy: undefined }, { ...known.description, accuracy: undefined });
});

test('selvedge export writes the model of a run to a folder that it makes, and describes it', async () => {
  const file = inFolder('new', 'folder', 'small.selvedge');
  const { code, out, err } = await exportModel(
    '--run',
    'small',
    '--model',
    'baseline',
    '--out',
    file,
    '--max-loss',
    '5',
  );
  assert.is(code, 0, err);
  assert.match(out, /small\.selvedge: model baseline, \d+\.\d KB, \d+\.\d KB gzipped\n/);
  assert.match(
    out,
    /\naccuracy on 1000 test images: 0\.\d{4} with float32 weights, 0\.\d{4} with int8 \([+-]?\d+\.\d\d points\)\n/,
  );
  const kernels = await WebAssembly.compile(readFileSync(new URL('../../build/edge.wasm', import.meta.url)));
  const classifier = await createClassifier({ model: readFileSync(file), kernels });
  assert.equal([classifier.model.name, classifier.model.settings.epochs], ['baseline', 1]);
  assert.is(classifier.classify(Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 251)).length, 30);
  assert.equal(readdirSync(path.dirname(file)), ['small.selvedge']);
});

test('selvedge export --format onnx writes a model of a run, and models that ship, and says what goes in and out', async () => {
  const { code, out, err } = await exportModel('--run', 'small', '--model', 'baseline', '--format', 'onnx');
  assert.equal([code, err], [0, '']);
  assert.match(
    out,
    /baseline\.onnx: model baseline, \d+\.\d KB, ONNX opset 17\n.*\[batch, 1, 28, 28\].*\[batch, 10\]\n$/,
  );
  const { graph } = await decodeMessage('Model', readFileSync(inFolder('baseline.onnx')));
  assert.equal([graph!.name, graph!.node.at(-1)!.opType], ['baseline', 'Softmax']);
  const best = await exportModel('--model', 'best', '--format', 'onnx', '--out', 'ten.onnx', '--json');
  assert.is(best.code, 0, best.err);
  assert.equal([JSON.parse(best.out).opset, JSON.parse(best.out).input], [17, ['batch', 1, 28, 28]]);
  assert.is(readFileSync(inFolder('ten.onnx')).length, JSON.parse(best.out).bytes);
});

test('selvedge export replaces a file only when the new one is whole', async () => {
  const file = inFolder('kept.selvedge');
  writeFileSync(file, 'as it was');
  const refused = await exportModel('--out', file, '--max-loss', '-1');
  assert.is(refused.code, 2);
  assert.match(refused.err, /Option "--max-loss" got "-1"/);
  const program = start(folder, ['export', '--out', file, ...LENIENT]);
  await program.hears('Measuring');
  program.interrupt();
  assert.is((await program.ended).code, 130);
  assert.is(readFileSync(file, 'utf8'), 'as it was');
  const { code: done, err } = await exportModel('--out', file, ...LENIENT);
  assert.is(done, 0, err);
  await decodeModelFile(readFileSync(file));
  assert.equal(
    readdirSync(folder).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('selvedge export refuses weights that int8 cannot hold, and writes nothing', async () => {
  // One weight in each column of the dense layers is so large that the others round to zero beside it.
  const wild = inFolder('wild');
  mkdirSync(wild);
  const json = JSON.parse(readFileSync(path.join(shipped, 'model.json'), 'utf8'));
  delete json.weightsSha256;
  writeFileSync(path.join(wild, 'model.json'), JSON.stringify(json));
  const bytes = Uint8Array.from(readFileSync(path.join(shipped, 'weights.bin')));
  const weights = new Float32Array(bytes.buffer);
  let at = 0;
  for (const { name, shape } of json.weightsManifest[0].weights as { name: string; shape: number[] }[]) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (name.includes('dense') && shape.length === 2) weights.fill(60, at, at + shape[1]!);
    at += size;
  }
  writeFileSync(path.join(wild, 'weights.bin'), bytes);
  const { code, err } = await exportModel('--model-folder', 'wild', '--out', 'wild.selvedge', '--max-loss', '0');
  assert.is(code, 1);
  assert.match(
    err,
    /int8 weights cost \d+\.\d\d points of accuracy on 1000 test images, expected at most 0; .*\[export\/accuracy\]\n$/,
  );
  assert.not.ok(existsSync(inFolder('wild.selvedge')));
  rmSync(wild, { recursive: true });
});

test('selvedge export names what is wrong with its options, its model and its place', async () => {
  const cases: [string[], number, RegExp][] = [
    [['--model', 'baseline'], 2, /Option "--model" needs "--run"/],
    [['--format', 'onnx', '--model', 'baseline'], 2, /"--model" got "baseline" without "--run"/],
    [['--format', 'onnx', '--max-loss', '1'], 2, /"--max-loss" needs "--format selvedge"/],
    [['--format', 'onnx', '--data', '.'], 2, /"--data" needs "--format selvedge"/],
    [['--format', 'onnx', '--out', '.'], 1, /got a folder \[export\/out\]/],
    [['--format', 'h5'], 2, /--format/],
    [['--run', 'small', '--model-folder', 'x'], 2, /exclude each other/],
    [['--model-folder', 'nowhere'], 1, /holds no model\.json.*\[models\/not-found\]/],
    [['--run', 'small', '--model', 'dropout'], 1, /\[models\/not-found\]/],
    [['--out', '.', ...LENIENT], 1, /expected the name of a file, got a folder \[export\/out\]/],
    [['--out', path.join('dropout.selvedge', 'inside'), ...LENIENT], 1, /\[files\/not-written\]/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, out, err } = await exportModel(...args);
    assert.equal([code, out], [expected, ''], args.join(' '));
    assert.match(err, message);
  }
});

test.run();
