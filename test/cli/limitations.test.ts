// The measures of a run for its report: its own first, of Fashion-MNIST those that ship for the rest, of other data nothing else; pictures only of
// the images that were measured.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gatherLimitations } from '../../src/cli/limitations.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { LoadedData } from '../../src/data/sources.ts';
import { dataMeasures, type LimitationName, limitationSchemas } from '../../src/report/limitations-input.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-limitations-'));
const test = suite('gatherLimitations()');
test.after(() => rmSync(folder, { recursive: true, force: true }));

const names = Object.keys(limitationSchemas) as LimitationName[];
const texts = new Map(
  names.map((name) => [name, readFileSync(new URL(`../../docs/results/${name}.json`, import.meta.url), 'utf8')]),
);
const digests: readonly string[] = JSON.parse(texts.get('labels')!).data.files;

/** As many images as the whole data set, of one pixel each, its own number modulo 251. */
const setOf = (name: string, count: number): Dataset => ({
  name,
  count,
  width: 1,
  height: 1,
  channels: 1,
  classNames: ['one'],
  labels: new Uint8Array(count),
  images: Uint8Array.from({ length: count }, (_, i) => i % 251),
});
const dataOf = (files: readonly string[], source: object = {}): LoadedData => ({
  train: setOf('train', 60_000),
  test: setOf('test', 10_000),
  notices: [],
  source: {
    kind: 'cache',
    description: 'made',
    isSample: false,
    files: files.map((sha256) => ({ name: 'a', bytes: 1, sha256 })),
    ...source,
  } as unknown as LoadedData['source'],
});
const whole = dataOf(digests);
let runs = 0;
function runWith(own: Partial<Record<LimitationName, string>>): string {
  const model = path.join(folder, String(runs++));
  mkdirSync(path.join(model, 'measures'), { recursive: true });
  for (const [name, text] of Object.entries(own)) writeFileSync(path.join(model, 'measures', `${name}.json`), text);
  return model;
}

test('a run without measures has all of those that ship, with the pictures that they name', async () => {
  const found = (await gatherLimitations(runWith({}), 'mine', whole))!;
  assert.is(found.model, 'mine');
  assert.equal(found.absent, {});
  for (const name of names) {
    const { model } = JSON.parse(texts.get(name)!);
    assert.is(model === undefined, dataMeasures.includes(name));
    assert.equal(found.shipped![name], model ? { model: model.name } : {});
  }
  for (const name of names) assert.ok(found[name], name);
  const written = JSON.parse(texts.get('labels')!);
  assert.equal(
    found.labels!.likeliest.map(({ picture }) => picture.pixels[0]),
    written.likeliest.map(({ image }: { image: number }) => image % 251),
  );
  const { low, high } = found.labels!.flips.recall95!;
  assert.ok(low < written.flips.recall && written.flips.recall < high);
  assert.is(found.labels!.flips.pairs.length, written.flips.pairs.length);
  for (const { precision, precision95 } of found.labels!.flips.pairs)
    if (precision95) assert.ok(precision95.low <= precision && precision <= precision95.high);
  const pairs = JSON.parse(texts.get('duplicates')!).pairs;
  for (const { kind, nearest } of found.duplicates!.pairs) {
    assert.equal(
      nearest.map(({ pictures }) => pictures.map(({ pixels }) => pixels[0])),
      pairs[kind].nearest.map(({ first, second }: { first: number; second: number }) => [first % 251, second % 251]),
    );
  }
});

test('whatever the run has measured is its own, and the rest is that which ships', async () => {
  for (const own of names) {
    const mine = { ...JSON.parse(texts.get(own)!), anchors: [{ figure: 'mine', value: 1, source: 'me' }] };
    const found = (await gatherLimitations(runWith({ [own]: JSON.stringify(mine) }), 'mine', whole))!;
    assert.equal(
      Object.keys(found.shipped!),
      names.filter((name) => name !== own),
    );
    for (const name of names) assert.is(found[name]!.anchors[0]?.figure === 'mine', name === own);
  }
  const all = (await gatherLimitations(runWith(Object.fromEntries(texts)), 'mine', whole))!;
  assert.equal(all.shipped, {});
});

test('of other data nothing that ships is told, and of nothing comes nothing', async () => {
  const other = dataOf(digests, { origin: { path: 'mine', choices: {} } });
  assert.is(await gatherLimitations(runWith({}), 'mine', other), undefined);
  const found = await gatherLimitations(runWith({ robustness: texts.get('robustness')! }), 'mine', other);
  assert.equal(found, { model: 'mine', robustness: found!.robustness, shipped: {}, absent: {} });
  assert.ok(found!.robustness);
  assert.is(await gatherLimitations(runWith({}), 'mine', whole, async () => undefined), undefined);
});

test('images that ship by their numbers are not shown of other files', async () => {
  const { labels, duplicates } = (await gatherLimitations(runWith({}), 'mine', dataOf(['another'])))!;
  assert.equal(labels!.likeliest, []);
  assert.is(labels!.knownErrors!.images.length, 6);
  assert.equal(
    duplicates!.pairs.map(({ nearest }) => nearest.length),
    [0, 0, 0],
  );
});

test('a measure that ships is of the model that its file names, and of none it is left out', async () => {
  const { model, ...rest } = JSON.parse(texts.get('robustness')!);
  const gather = (robustness: object) =>
    gatherLimitations(runWith({}), 'mine', whole, async (asked) =>
      asked === 'robustness' ? JSON.stringify(robustness) : texts.get(asked),
    );
  const renamed = await gather({ ...rest, model: { ...model, name: 'another' } });
  assert.is(renamed!.shipped!.robustness!.model, 'another');
  assert.is(renamed!.shipped!.outliers!.model, JSON.parse(texts.get('outliers')!).model.name);
  assert.match((await gather(rest))!.absent!.robustness!, 'model: expected');
});

test('a result that is cut or of another shape: one that ships is left out with the reason, one of the run is an error that names it', async () => {
  for (const name of names) {
    const text = texts.get(name)!;
    for (const broken of [text.slice(0, Math.floor(text.length / 2)), '{}', 'null', '{"data":{"files":[]}}']) {
      const found = (await gatherLimitations(runWith({}), 'mine', whole, async (asked) =>
        asked === name ? broken : texts.get(asked),
      ))!;
      assert.is(found[name], undefined);
      assert.is(Object.keys(found.shipped!).length, names.length - 1);
      assert.equal(Object.keys(found.absent!), [name]);
      assert.match(found.absent![name]!, /^cannot be read: ./);
      try {
        await gatherLimitations(runWith({ [name]: broken }), 'mine', whole);
        assert.unreachable(name);
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        assert.is(code, 'run/format');
        assert.match(message, `${name}.json`);
      }
    }
  }
});

test.run();
