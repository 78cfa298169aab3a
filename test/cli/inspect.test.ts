import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge inspect');
const inspect = (...args: string[]): Promise<Ended> => run(folder, ['inspect', ...args]);
const inFolder = (file: string): string => path.join(folder, file);

/** An IDX file of grey images. */
function writeIdx(file: string, images: readonly Uint8Array[]): void {
  const header = Buffer.alloc(16);
  [0x803, images.length, 28, 28].forEach((value, i) => {
    header.writeUInt32BE(value, 4 * i);
  });
  writeFileSync(inFolder(file), Buffer.concat([header, ...images]));
}

test.before(async () => {
  const { train } = await loadFashionMnistSample();
  const boots = [...train.labels.keys()]
    .filter((i) => train.labels[i] === 9)
    .map((i) => train.images.slice(i * 784, (i + 1) * 784));
  writeIdx('good.idx', boots.slice(0, 50));
  writeIdx('few.idx', boots.slice(0, 20));
  const shirt = train.images.slice(train.labels.indexOf(0) * 784, (train.labels.indexOf(0) + 1) * 784);
  writeIdx('seen.idx', [boots[50]!, shirt]);
});
test.after(remove);

test('selvedge inspect learns from good pictures and tells what deviates, with a figure', async () => {
  const trained = await inspect('train', 'good.idx', '--out', 'm', '--false-alarms', '0.1', '--json');
  assert.equal([trained.code, trained.err], [0, '']);
  assert.equal(JSON.parse(trained.out).good, { learntFrom: 37, heldOut: 13 });
  const found = await inspect('run', 'm', 'seen.idx', '--out', 'f.svg', '--json');
  assert.equal([found.code, found.err], [0, '']);
  const { images, drift, failures } = JSON.parse(found.out);
  assert.equal([drift, failures, images.length], [null, [], 2]);
  assert.is(images[1].verdict, 'deviates');
  assert.ok(images[1].score > images[0].score && images[1].map.length === 28);
  assert.match(readFileSync(inFolder('f.svg'), 'utf8'), /^<\?xml/);
});

test('selvedge inspect refuses what makes no sense in one line, and leaves no file', async () => {
  const cases: [string[], RegExp][] = [
    [['train', 'few.idx', '--out', 'x'], /at least 35 good pictures, got 20.*\[inspect\/few\]/],
    [['train', 'good.idx', '--out', 'x', '--false-alarms', 'NaN'], /"NaN".*\[cli\/usage\]/],
    [['train', 'good.idx'], /Missing --out.*\[cli\/usage\]/],
    [['train', 'nowhere', '--out', 'x'], /"nowhere".*\[inspect\/no-file\]/],
    [['run', 'good.idx', 'seen.idx'], /\[inspect\/foreign\]/],
    [['run', 'nowhere', 'seen.idx'], /\[inspect\/no-model\]/],
    [['look', 'seen.idx'], /"look".*\[cli\/usage\]/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await inspect(...args);
    assert.ok(code !== 0 && out === '', args.join(' '));
    assert.match(err, message);
    assert.is(err.trim().split('\n').length, 1);
  }
  assert.not(existsSync(inFolder('x')));
});

test('selvedge inspect-network refuses what makes no sense in one line', async () => {
  for (const option of [
    ['--epochs', '0'],
    ['--seed', '-1'],
    ['--threads', 'x'],
  ]) {
    const { code, err } = await run(folder, ['inspect-network', ...option]);
    assert.ok(code !== 0, option.join(' '));
    assert.match(err, /^[^\n]*\[[a-z]+\/[a-z-]+\]\n$/);
  }
});

test.run();
