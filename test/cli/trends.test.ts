import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeIdx } from '../../src/data/idx.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge trends');
const inFolder = (name: string): string => path.join(folder, name);
const trends = (...args: string[]): Promise<Ended> => run(folder, ['trends', ...args]);
test.after(remove);

test.before(() => {
  const rows: string[] = [];
  for (let i = 0; i < 8000; i++) {
    const day = Math.floor(i / 100);
    const time = new Date(Date.UTC(2025, 0, 1 + day)).toISOString();
    rows.push(`${time},${(i * 7) % 10 < (day < 50 ? 3 : 6) ? 'Dress' : 'Bag'},o${i >> 1},p${i % 50}.png`);
  }
  writeFileSync(inFolder('events.csv'), `time,class,order,picture\n${rows.join('\n')}\n`);
  const told = Array.from({ length: 50 }, (_, i) => `p${i}.png,${i < 40 ? 'Sneaker' : ''},${i < 10}`);
  writeFileSync(inFolder('results.csv'), `picture,class,not_clothing\n${told.join('\n')}\n`);
});

test('selvedge trends tells shares by period, their change, and what is bought together', async () => {
  const { code, out, err } = await trends('events.csv', '--period', 'day', '--basket', 'order', '--json');
  assert.equal([code, err], [0, '']);
  const found = JSON.parse(out);
  assert.equal([found.events, found.periods.length, found.corrected], [8000, 80, 'not at all']);
  const dress = found.classes.find(({ name }: { name: string }) => name === 'Dress');
  assert.is(dress.shares[0].share, 0.3);
  assert.equal(
    dress.changes.map(({ at, toldAt }: { at: string; toldAt: string }) => [at, toldAt < '2025-02-25']),
    [['2025-02-20', true]],
  );
  assert.is(found.baskets, 4000);
  const corrected = JSON.parse((await trends('events.csv', '--told-by', 'dropout', '--json')).out);
  assert.match(corrected.corrected, 'not trained on');
  assert.is(corrected.classes.length, 10);
});

test('selvedge trends --results takes classes from what categorise has told, without what is no clothing', async () => {
  const { code, out } = await trends('events.csv', '--results', 'results.csv', '--json');
  assert.is(code, 0);
  const found = JSON.parse(out);
  assert.equal([found.events, found.passedOver], [4800, 3200]);
  const sneaker = found.classes.find(({ name }: { name: string }) => name === 'Sneaker');
  assert.ok(sneaker.shares[0].share > 0.97);
});

test('selvedge trends --styles tells styles of a class with their nearest pictures', async () => {
  const { test: set } = await loadFashionMnistSample();
  writeFileSync(inFolder('images'), encodeIdx({ type: 'uint8', shape: [1000, 28, 28], data: set.images }));
  const args = [
    '--styles',
    'images',
    '--of',
    'ankle boot',
    '--count',
    '3',
    '--threads',
    '1',
    '--out',
    'styles.html',
    '--json',
  ];
  const { code, out, err } = await trends(...args);
  assert.equal([code, err], [0, '']);
  const { styles, stability, pictures } = JSON.parse(out);
  assert.is(styles.length, 3);
  assert.ok(stability > 0.3 && stability <= 1 && pictures > 50);
  assert.match(styles[0].nearest[0], /^images#\d+$/);
  assert.match(readFileSync(inFolder('styles.html'), 'utf8'), /Styles of Ankle boot.*data:image\/png/s);
});

test('selvedge trends refuses what it cannot tell in one line', async () => {
  writeFileSync(inFolder('timeless.csv'), 'class\nBag\n');
  writeFileSync(inFolder('late.csv'), 'time,class\n2025-01-01,Bag\nsoon,Bag\n');
  writeFileSync(inFolder('hat.csv'), 'time,class\n2025-01-01,Hat\n');
  writeFileSync(inFolder('torn.parquet'), 'PAR1');
  writeFileSync(inFolder('events.jsonl'), '{"time": "2025-01-01", "class": "Bag", "order": "a"}\n');
  writeFileSync(inFolder('nano.csv'), 'time,class\n1735689600000000000,Bag\n');
  writeFileSync(inFolder('february.csv'), 'time,class\n2025-02-30,Bag\n');
  writeFileSync(inFolder('breaks.csv'), '\n\n');
  const refused = async (status: number, code: string, ...args: string[]): Promise<void> => {
    const ended = await trends(...args);
    assert.equal([ended.code, ended.out], [status, ''], args.join(' '));
    assert.match(ended.err, new RegExp(`^selvedge: [^\\n]*\\[${code}\\]\\n$`));
  };
  await refused(2, 'cli/usage');
  await refused(1, 'trends/no-times', 'timeless.csv');
  await refused(1, 'trends/time', 'late.csv');
  await refused(1, 'trends/class', 'hat.csv', '--told-by', 'dropout');
  await refused(2, 'cli/usage', 'events.csv', '--told-by', 'somebody');
  await refused(1, 'table/parquet', 'torn.parquet');
  await refused(1, 'table/no-file', 'none.csv');
  await refused(2, 'cli/usage', '--styles', 'none', '--of', 'Hat');
  await refused(1, 'trends/time', 'nano.csv');
  await refused(1, 'trends/time', 'february.csv');
  await refused(1, 'table/empty', 'breaks.csv');
  await refused(1, 'table/columns', 'events.jsonl', '--basket', 'ordr');
  await refused(1, 'table/columns', 'events.csv', '--class', 'kind', '--results', 'results.csv');
  await refused(2, 'cli/usage', 'events.csv', '--out', 'page.html');
  await refused(2, 'cli/usage', 'events.csv', '--count', '3');
  await refused(2, 'cli/usage', 'events.csv', '--item', 'picture');
});

test.run();
