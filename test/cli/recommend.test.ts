// selvedge index, similar and recommend as a user runs them: what they print and write, and a clear error for each wrong input.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEmbedder, decodeIndex, findSimilar, requireSameModel } from '../../src/apps/recommend/portable.ts';
import { encodeIdx } from '../../src/data/index.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge index, similar, recommend');
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
const write = (file: string, content: string | Uint8Array): void => writeFileSync(path.join(folder, file), content);
const jsonOf = ({ code, out, err }: Ended) => {
  assert.is(code, 0, err);
  return JSON.parse(out);
};
const fails = ({ code, out, err }: Ended, status: number, expected: RegExp): void => {
  assert.equal([code, out], [status, '']);
  assert.match(err, expected);
  assert.is(err.trim().split('\n').length, 1, err);
};

test.before(async () => {
  const { test: set } = await loadFashionMnistSample();
  mkdirSync(path.join(folder, 'pictures', 'more'), { recursive: true });
  mkdirSync(path.join(folder, 'nothing'));
  for (let i = 0; i < 12; i++) {
    const pixels = set.images.subarray(i * 784, (i + 1) * 784);
    write(`pictures/${i < 6 ? '' : 'more/'}p${i}.png`, encodeGrayPng({ width: 28, height: 28, pixels }));
  }
  write('pictures/notes.txt', 'no picture');
  write('some.idx', encodeIdx({ type: 'uint8', shape: [12, 28, 28], data: set.images.slice(0, 12 * 784) }));
  write('small.idx', encodeIdx({ type: 'uint8', shape: [1, 2, 2], data: Uint8Array.of(1, 2, 3, 4) }));
});
test.after(remove);

test('selvedge index makes a catalogue of a folder of pictures, by their paths', async () => {
  const json = jsonOf(await selvedge('index', 'pictures', '--out', 'shop.index', '--model', 'dropout', '--json'));
  assert.equal([json.items, json.dimension, json.model.name, json.unreadable], [12, 138, 'dropout', []]);
  assert.ok(existsSync(path.join(folder, 'shop.index')));
  const found = jsonOf(
    await selvedge('similar', 'pictures/p3.png', '--catalogue', 'shop.index', '--count', '2', '--json'),
  );
  assert.is(found.images[0].similar[0].id, 'p3.png');
  assert.ok(found.images[0].similar[0].similarity > 0.999);
  assert.is(found.images[0].similar.length, 2);
});

test('selvedge index gives the same bytes at any number of threads, and of the test set without a source', async () => {
  for (const threads of ['1', '2']) {
    const { code, err } = await selvedge(
      'index',
      '--out',
      `${threads}.index`,
      '--model',
      'dropout',
      '--threads',
      threads,
    );
    assert.is(code, 0, err);
  }
  assert.ok(readFileSync(path.join(folder, '1.index')).equals(readFileSync(path.join(folder, '2.index'))));
  const { out } = await selvedge(
    'similar',
    '--item',
    'test-0',
    '--catalogue',
    '1.index',
    '--count',
    '3',
    '--out',
    'p.html',
  );
  assert.match(out, /^test-0\n {2}test-\d+ +9\d\.\d% {2}Ankle boot\n/);
  assert.match(readFileSync(path.join(folder, 'p.html'), 'utf8'), /^<!doctype html>.*test-0.*Ankle boot/s);
});

test('selvedge index --edge writes the model by which a worker finds what selvedge similar finds', async () => {
  for (const name of ['dropout', 'best']) {
    const into = ['--model', name, '--out', 'edge.index', '--edge', 'edge.selvedge'];
    const json = jsonOf(await selvedge('index', 'pictures', ...into, '--json'));
    const read = (file: string): Uint8Array => readFileSync(path.join(folder, file));
    assert.is(json.edgeBytes, read('edge.selvedge').length);
    const { test: set } = await loadFashionMnistSample();
    const pixels = set.images.slice(0, 5 * 784);
    const asked = ['p0', 'p1', 'p2', 'p3', 'p4'].map((file) => `pictures/${file}.png`);
    const { images } = jsonOf(await selvedge('similar', ...asked, '--catalogue', 'edge.index', '--json'));
    const catalogue = await decodeIndex(read('edge.index'));
    const kernels = await WebAssembly.compile(readFileSync('build/edge.wasm'));
    const embedder = await createEmbedder({ model: read('edge.selvedge'), kernels });
    requireSameModel(catalogue, { name: embedder.modelName, digest: embedder.modelDigest });
    findSimilar(catalogue, embedder.embed(pixels).vectors).forEach((found, i) => {
      const expected: { id: string; similarity: number }[] = images[i].similar;
      assert.equal(
        found.map(({ row }) => catalogue.ids[row]),
        expected.map(({ id }) => id),
      );
      found.forEach(({ similarity }, k) => {
        assert.ok(Math.abs(similarity - expected[k]!.similarity) < 2e-6);
      });
    });
  }
});

test('selvedge index --edge refuses a folder, and the file of the index', async () => {
  const into = ['--out', 'x.index', '--model', 'dropout'];
  fails(await selvedge('index', 'pictures', ...into, '--edge', 'pictures'), 1, /got a folder \[index\/bad-output\]/);
  fails(await selvedge('index', 'pictures', ...into, '--edge', './x.index'), 2, /name the same file/);
  assert.not(existsSync(path.join(folder, 'x.index')));
});

test('selvedge index takes an IDX file of images, and refuses others', async () => {
  const json = jsonOf(
    await selvedge('index', 'some.idx', '--out', 'idx.index', '--model', 'dropout', '--no-pictures', '--json'),
  );
  assert.is(json.items, 12);
  const asked = ['--item', 'image-1', '--catalogue', 'idx.index'];
  assert.is((await selvedge('similar', ...asked)).code, 0);
  fails(await selvedge('similar', ...asked, '--out', 'p2.html'), 1, /made by --no-pictures \[index\/no-pictures\]/);
  const into = ['--out', 'x.index', '--model', 'dropout'];
  fails(await selvedge('index', 'small.idx', ...into), 1, /expected uint8 images of 28x28x1 .* \[index\/shape\]/);
  fails(await selvedge('index', 'nothing', ...into), 1, /got none; of IDX files .* \[index\/no-pictures\]/);
  fails(await selvedge('index', 'nowhere', ...into), 1, /got nothing \[index\/no-source\]/);
  fails(await selvedge('index', 'pictures/notes.txt', ...into), 1, /\[idx\//);
  fails(await selvedge('index', 'pictures'), 2, /out.*\[cli\/usage\]/i);
  assert.not(existsSync(path.join(folder, 'x.index')));
});

test('selvedge index names pictures that cannot be read, and passes over them when told to', async () => {
  mkdirSync(path.join(folder, 'broken'));
  write('broken/a.png', readFileSync(path.join(folder, 'pictures', 'p0.png')));
  write('broken/b.png', 'no picture');
  const args = ['index', 'broken', '--out', 'b.index', '--model', 'dropout'];
  fails(
    await selvedge(...args),
    1,
    /of 2 pictures 1 cannot be read, "b\.png" first: .*--skip-unreadable \[index\/unreadable\]/,
  );
  const json = jsonOf(await selvedge(...args, '--skip-unreadable', '--json'));
  assert.equal([json.items, json.unreadable.length, json.unreadable[0].name], [1, 1, 'b.png']);
});

test('selvedge similar refuses foreign, cut and other models’ indexes, and says what to do', async () => {
  const whole = readFileSync(path.join(folder, 'shop.index'));
  write('cut.index', whole.subarray(0, 900));
  write('text.index', 'hello');
  const ask = (file: string, ...more: string[]) => selvedge('similar', 'pictures/p0.png', '--catalogue', file, ...more);
  fails(await ask('cut.index'), 1, /\[index\/truncated\]/);
  fails(await ask('text.index'), 1, /expected a file of "selvedge index".*\[index\/foreign\]/);
  fails(await ask('none.index'), 1, /got nothing \[index\/no-file\]/);
  fails(await ask('shop.index', '--model', 'best'), 1, /expected model "dropout" of digest .*\[index\/other-model\]/);
  fails(await selvedge('similar', '--catalogue', 'shop.index'), 2, /"--item", one of them.*\[cli\/usage\]/);
  fails(await selvedge('similar', '--item', 'hat', '--catalogue', 'shop.index'), 1, /\[catalogue\/unknown-id\]/);
  const { code, err } = await selvedge('similar', 'none.png', 'pictures/p0.png', '--catalogue', 'shop.index');
  assert.is(code, 1);
  assert.match(err, /\[similar\/no-file\]/);
});

test('selvedge recommend gives a list with reasons, on any number of threads the same', async () => {
  write(
    'history.jsonl',
    [
      '{"time":"2026-03-01","event":"purchase","item":"p0.png","shopper":"ada"}',
      '{"time":"2026-03-02","event":"like","item":"more/p7.png","shopper":"bo"}',
    ].join('\n'),
  );
  const ask = (...more: string[]) =>
    selvedge('recommend', '--history', 'history.jsonl', '--catalogue', 'shop.index', ...more);
  fails(await ask(), 1, /events of 2 shoppers, "ada" and "bo".*--shopper \[recommend\/many-shoppers\]/);
  const { out, err } = await ask('--shopper', 'ada', '--count', '5', '--out', 'for-ada.html');
  assert.is(err, '');
  assert.match(out, /Like the ankle boot you kept \(p0\.png\)/);
  assert.not.match(out, /^p0\.png/m);
  assert.match(readFileSync(path.join(folder, 'for-ada.html'), 'utf8'), /For ada.*the ankle boot/s);
  const [one, two] = await Promise.all(
    ['1', '2'].map((threads) => ask('--shopper', 'ada', '--threads', threads, '--json')),
  );
  assert.equal(jsonOf(one!), jsonOf(two!));
  const cold = jsonOf(await ask('--shopper', 'cy', '--count', '4', '--json'));
  assert.equal([cold.events, cold.recommendations.length], [0, 4]);
  assert.is(cold.recommendations[0].reason.words, 'Popular with other shoppers');
});

test('selvedge recommend names each line and option that it does not understand', async () => {
  const ask = (line: string, ...more: string[]) => {
    write('wrong.jsonl', line);
    return selvedge('recommend', '--history', 'wrong.jsonl', '--catalogue', 'shop.index', ...more);
  };
  fails(await ask('{"event":"view","item":"p0.png"}'), 1, /line 1 of "wrong\.jsonl".*\[events\/no-time\]/);
  fails(await ask('{"time"'), 1, /\[events\/not-json\]/);
  fails(await ask('{"time":1,"event":"view","item":"hat"}'), 1, /\[catalogue\/unknown-id\]/);
  fails(await ask('', '--diversity', '1'), 2, /\[cli\/usage\]/);
  fails(await ask('', '--half-life', '0'), 2, /\[cli\/usage\]/);
  fails(await ask('', '--now', 'today'), 2, /\[cli\/usage\]/);
  fails(await ask('', '--out', 'list.pdf'), 2, /\.html \[cli\/usage\]/);
  const none = await selvedge('recommend', '--history', 'no.jsonl', '--catalogue', 'shop.index');
  fails(none, 1, /got nothing \[events\/no-file\]/);
});

test('selvedge measure retrieval and recommendation say what was searched, and that shoppers are made', async () => {
  const retrieval = jsonOf(await selvedge('measure', 'retrieval', '--json'));
  assert.equal([retrieval.amongTest.queries, retrieval.amongTest.gallery], [1000, 999]);
  assert.ok(retrieval.amongTraining.meanAveragePrecision > 0.85);
  const recommendation = jsonOf(await selvedge('measure', 'recommendation', '--json'));
  assert.match(recommendation.shoppersAre, /^made/);
  assert.ok(recommendation.lists.recommended.ndcg > recommendation.lists['same class'].ndcg);
});

test.run();
