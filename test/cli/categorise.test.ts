import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTable, writeTable } from '../../src/apps/index.ts';
import { encodeIdx } from '../../src/data/idx.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge categorise');
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
const categorise = (...args: string[]): Promise<Ended> => run(folder, ['categorise', '--threads', '1', ...args]);
const lines = (file: string): string[] => readFileSync(inFolder(file), 'utf8').trimEnd().split('\n');

let labels: Uint8Array;
test.before(async () => {
  const { test: set } = await loadFashionMnistSample();
  labels = set.labels;
  writeFileSync(inFolder('images'), encodeIdx({ type: 'uint8', shape: [1000, 28, 28], data: set.images }));
  mkdirSync(inFolder('shop', 'new'), { recursive: true });
  for (let i = 0; i < 12; i++) {
    const pixels = set.images.subarray(i * 784, (i + 1) * 784);
    const name = i < 6 ? `${i}.png` : `new/${i}.png`;
    writeFileSync(inFolder('shop', name), encodeGrayPng({ width: 28, height: 28, pixels }));
  }
  writeFileSync(inFolder('shop', 'broken.png'), 'no picture');
});
test.after(remove);

test('selvedge categorise tells the class of each image of an IDX file, and which to ask about', async () => {
  const { code, out, err } = await categorise('images', '--out', 'images.csv', '--json');
  assert.equal([code, err], [0, '']);
  const found = JSON.parse(out);
  assert.equal([found.pictures, found.read, found.unread, found.resumed], [1000, 1000, 0, 0]);
  const [header, ...rows] = lines('images.csv');
  assert.is(header, 'picture,class,confidence,outlier,not_clothing,ask,error');
  assert.is(rows.length, 1000);
  const names = Object.keys(found.classes);
  const taken = rows
    .map((row) => row.split(','))
    .flatMap((cells, i) => (cells[5] === 'false' ? [[cells, i] as const] : []));
  const right = taken.filter(([cells, i]) => cells[1] === names[labels[i]!]);
  const sum = Object.values(found.classes as Record<string, number>).reduce((total, count) => total + count, 0);
  assert.is(taken.length, sum);
  assert.is(sum + found.ask.unsure + found.ask.notClothing, 1000);
  assert.ok(right.length / taken.length > 0.96 && taken.length > 700, `${right.length} of ${taken.length}`);
  assert.ok(found.thresholds.errors < 0.02 && found.thresholds.confidence > 0.7);
  assert.is(existsSync(inFolder('images.csv.work')), false);
});

test('selvedge categorise lists what it cannot read and goes on; all sources and tables say the same', async () => {
  const { code, out } = await categorise('shop', '--out', 'shop.csv', '--json');
  assert.is(code, 1);
  const found = JSON.parse(out);
  assert.equal([found.pictures, found.read, found.unread], [13, 12, 1]);
  assert.equal(
    found.failures.map(({ file, code }: { file: string; code: string }) => [file, code]),
    [['broken.png', 'image/unknown-format']],
  );
  const rows = lines('shop.csv').slice(1);
  assert.match(rows.find((row) => row.startsWith('broken'))!, /^broken\.png,,,,,,"?image\/unknown-format: /);
  const images = lines('images.csv').slice(1);
  for (const name of ['0.png', 'new/7.png']) {
    const row = rows.find((each) => each.startsWith(`${name},`))!.split(',');
    const [number] = /\d+/.exec(name)!;
    assert.equal(row[1], images[Number(number)]!.split(',')[1]);
  }
  writeFileSync(
    inFolder('list.csv'),
    `id,path\n${rows.map((row, i) => `${i},shop/${row.split(',')[0]}`).join('\n')}\n`,
  );
  const table = await writeTable(inFolder('list.parquet'), {
    format: 'parquet',
    columns: [{ name: 'path', type: 'text' }],
  });
  await table.write([rows.map((row) => `shop/${row.split(',')[0]}`)]);
  await table.finish();
  assert.is((await categorise('list.csv', '--out', 'by-list.jsonl')).code, 1);
  assert.is((await categorise('list.parquet', '--out', 'by-list.parquet')).code, 1);
  const json = lines('by-list.jsonl').map((line) => JSON.parse(line));
  const columns = ['picture', 'class', 'confidence', 'ask', 'error'];
  for await (const batch of readTable(inFolder('by-list.parquet'), columns)) {
    assert.is(batch.count, 13);
    for (let i = 0; i < 13; i++) {
      const cells = rows[i]!.split(',');
      assert.equal([batch.columns.picture![i], json[i].picture], [`shop/${cells[0]}`, `shop/${cells[0]}`]);
      assert.equal([batch.columns.class![i] ?? '', json[i].class ?? ''], [cells[1], cells[1]]);
      assert.is(batch.columns.ask![i] ?? undefined, json[i].ask);
    }
  }
});

test('selvedge categorise goes on where it was killed, to the same bytes', async () => {
  const program = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url));
  const args = ['categorise', 'images', '--out', 'killed.csv', '--shard-size', '20', '--threads', '1', '--json'];
  const shards = () => (existsSync(inFolder('killed.csv.work')) ? readdirSync(inFolder('killed.csv.work')).length : 0);
  // Again where it was through before it could be killed.
  for (let attempt = 0; attempt < 5; attempt++) {
    rmSync(inFolder('killed.csv'), { force: true });
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (shards() < 3 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill('SIGKILL');
    await ended;
    if (!existsSync(inFolder('killed.csv'))) break;
  }
  assert.is(existsSync(inFolder('killed.csv')), false);
  const { code, out } = await run(folder, args);
  assert.is(code, 0);
  const { resumed } = JSON.parse(out);
  assert.ok(resumed >= 40 && resumed < 1000, `${resumed}`);
  assert.equal(readFileSync(inFolder('killed.csv')), readFileSync(inFolder('images.csv')));
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith('killed')),
    ['killed.csv'],
  );
});

test('selvedge categorise --review asks on one page, --sort copies into folders of classes', async () => {
  const { code, err } = await categorise(
    'shop',
    '--out',
    'r.csv',
    '--review',
    'r.html',
    '--sort',
    'sorted',
    '--threshold',
    '0.99',
  );
  assert.is(code, 1, err);
  const page = readFileSync(inFolder('r.html'), 'utf8');
  assert.match(
    page,
    /^<!doctype html>.*Content-Security-Policy.*Which class is it.*<select.*none of these.*broken\.png/s,
  );
  assert.not.match(page, /src="http|href="http/);
  const asked = lines('r.csv').filter((row) => row.split(',')[5] === 'true').length;
  assert.is(page.match(/<select/g)!.length, asked);
  const sorted = readdirSync(inFolder('sorted'), { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );
  assert.is(sorted.length, 12);
  assert.ok(existsSync(inFolder('sorted', 'Ankle boot', '0.png')));
  assert.is((await categorise('images', '--out', 'i.csv', '--sort', 'of-idx', '--shard-size', '300')).code, 0);
  assert.ok(existsSync(inFolder('of-idx', 'Ankle boot', 'images-0000000.png')));
});

test('selvedge categorise refuses what it cannot do in one line', async () => {
  mkdirSync(inFolder('empty'));
  writeFileSync(inFolder('labels'), encodeIdx({ type: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) }));
  writeFileSync(inFolder('torn.parquet'), 'PAR1');
  const refused = async (status: number, code: string, ...args: string[]): Promise<void> => {
    const ended = await categorise(...args);
    assert.equal([ended.code, ended.out], [status, ''], args.join(' '));
    assert.match(ended.err, new RegExp(`^selvedge: [^\\n]*\\[${code}\\]\\n$`));
  };
  await refused(2, 'cli/usage', 'images');
  await refused(2, 'cli/usage', 'images', '--out', 'x.txt');
  await refused(2, 'cli/usage', 'images', '--out', 'x.csv', '--error-rate', '0');
  await refused(2, 'cli/usage', 'images', '--out', 'x.csv', '--model', 'vgg');
  await refused(1, 'categorise/no-source', 'none', '--out', 'x.csv');
  await refused(1, 'categorise/empty', 'empty', '--out', 'x.csv');
  await refused(1, 'categorise/no-images', 'labels', '--out', 'x.csv');
  await refused(1, 'table/parquet', 'torn.parquet', '--out', 'x.csv');
  await refused(1, 'categorise/no-threshold', 'images', '--out', 'x.csv', '--error-rate', '0.00001');
  assert.is(existsSync(inFolder('x.csv')), false);
});

test('selvedge categorise calibrates a model of a run on its validation images, once', async () => {
  assert.is((await run(folder, ['train', '--run', 'small', '--epochs', '1', '--threads', '1'])).code, 0);
  const args = ['images', '--out', 'own.csv', '--run', 'small', '--error-rate', '0.3', '--json'];
  const first = await categorise(...args);
  assert.is(first.code, 0, first.err);
  assert.match(first.err, 'Calibrating');
  assert.match(JSON.parse(first.out).thresholds.on, /^400 images/);
  const second = await categorise(...args);
  assert.equal([second.err, second.out], ['', first.out]);
  rmSync(inFolder('runs'), { recursive: true });
});

test.run();
