import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTable, tableColumns, writeTable } from '../../../src/apps/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-tables-'));
const test = suite('tables');
test.after(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => path.join(folder, name);

async function read(name: string, columns: readonly string[]): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  for await (const batch of readTable(inFolder(name), columns)) {
    for (let i = 0; i < batch.count; i++) rows.push(columns.map((column) => batch.columns[column]![i]));
  }
  return rows;
}
const codeOf = async (run: () => Promise<unknown>): Promise<string> => {
  try {
    await run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test('readTable() passes over empty lines in front of the header, and has none of a file of them alone', async () => {
  for (const before of ['\n', '\r\n \r\n', '\ufeff\n\n']) {
    writeFileSync(inFolder('late.csv'), `${before}a,b\n1,2\n`);
    assert.equal(await tableColumns(inFolder('late.csv')), ['a', 'b']);
    assert.equal(await read('late.csv', ['b', 'a']), [['2', '1']]);
    writeFileSync(inFolder('void.csv'), before);
    assert.is(await codeOf(() => read('void.csv', ['a'])), 'table/empty');
  }
});

test('writeTable() says of a place that takes no file what it is', async () => {
  const columns = [{ name: 'a', type: 'text' }] as const;
  writeFileSync(inFolder('file'), '');
  assert.is(await codeOf(() => writeTable(inFolder('file/t.csv'), { format: 'csv', columns })), 'files/not-written');
});

test('readTable() reads what writeTable() wrote, in every format and over many pieces', async () => {
  const columns = [
    { name: 'name', type: 'text' },
    { name: 'share', type: 'number' },
    { name: 'count', type: 'integer' },
    { name: 'isNew', type: 'boolean' },
  ] as const;
  const names = Array.from({ length: 60_000 }, (_, i) => `"item", ${i}\nsecond line é`);
  for (const format of ['csv', 'jsonl', 'parquet'] as const) {
    const writer = await writeTable(inFolder(`t.${format}`), { format, columns });
    for (let first = 0; first < names.length; first += 20_000) {
      const some = names.slice(first, first + 20_000);
      await writer.write([
        some,
        some.map((_, i) => (first + i) / 8),
        some.map((_, i) => first + i),
        some.map((_, i) => (i % 3 === 1 ? null : i % 2 === 0)),
      ]);
    }
    await writer.finish();
    assert.equal(await tableColumns(inFolder(`t.${format}`)), ['name', 'share', 'count', 'isNew']);
    const rows = await read(`t.${format}`, ['count', 'name', 'share', 'isNew']);
    assert.is(rows.length, 60_000);
    const [count, name, share, isNew] = rows[41_235]!;
    assert.equal([Number(count), name, Number(share)], [41_235, names[41_235], 41_235 / 8]);
    assert.is(String(isNew), 'false');
  }
});

test('readTable() refuses what is no table, with the number of the row', async () => {
  writeFileSync(inFolder('short.csv'), 'a,b\n1,2\n3\n');
  writeFileSync(inFolder('open.csv'), 'a,b\n1,"2\n3,4\n');
  writeFileSync(inFolder('latin.csv'), Uint8Array.of(97, 10, 0xe9, 10));
  writeFileSync(inFolder('head.csv'), 'a,b\n');
  writeFileSync(inFolder('bad.jsonl'), '{"a":1}\n[2]\n');
  writeFileSync(inFolder('empty.jsonl'), '\n');
  writeFileSync(inFolder('torn.parquet'), 'PAR1abcdPAR1');
  assert.is(await codeOf(() => read('short.csv', ['a'])), 'table/malformed');
  assert.is(await codeOf(() => read('open.csv', ['a'])), 'table/malformed');
  assert.is(await codeOf(() => read('latin.csv', ['a'])), 'table/encoding');
  assert.is(await codeOf(() => read('head.csv', ['a'])), 'table/empty');
  assert.is(await codeOf(() => read('head.csv', ['c'])), 'table/columns');
  assert.is(await codeOf(() => read('bad.jsonl', ['a'])), 'table/malformed');
  assert.is(await codeOf(() => read('empty.jsonl', ['a'])), 'table/empty');
  assert.is(await codeOf(() => read('torn.parquet', ['a'])), 'table/parquet');
  assert.is(await codeOf(() => read('none.csv', ['a'])), 'table/no-file');
  assert.is(await codeOf(() => read('none.txt', ['a'])), 'table/format');
});

test.run();
