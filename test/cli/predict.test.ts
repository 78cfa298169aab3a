import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fashionMnistClassNames } from '../../src/data/fashion-mnist.ts';
import type { RawImage } from '../../src/data/image-decoder.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { jpegFile, rgbaPng } from '../data/image-files.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge predict');
const predict = (...args: string[]): Promise<Ended> => run(folder, ['predict', ...args]);
const { test: testSet } = await loadFashionMnistSample();

/** A picture of a test example: enlarged, with a rim, on dark or on light ground. */
function pictureOf(index: number, scale: number, rim: number, ground: 'dark' | 'light'): RawImage {
  const side = 28 * scale + 2 * rim;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [row, column] = [Math.floor((y - rim) / scale), Math.floor((x - rim) / scale)];
      const isInside = row >= 0 && row < 28 && column >= 0 && column < 28;
      const level = isInside ? testSet.images[(index * 28 + row) * 28 + column]! : 0;
      data.fill(ground === 'dark' ? level : 255 - level, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return { width: side, height: side, data };
}

test.before(async () => {
  writeFileSync(path.join(folder, 'same.png'), rgbaPng(pictureOf(0, 1, 0, 'dark')));
  writeFileSync(path.join(folder, 'large.jpg'), await jpegFile(pictureOf(0, 9, 40, 'light')));
  writeFileSync(path.join(folder, 'text.png'), 'not a picture');
  writeFileSync(path.join(folder, 'torn.png'), rgbaPng(pictureOf(1, 3, 2, 'dark')));
  truncateSync(path.join(folder, 'torn.png'), 300);
  writeFileSync(
    path.join(folder, 'blank.png'),
    rgbaPng({ width: 40, height: 30, data: new Uint8Array(4800).fill(200) }),
  );
  writeFileSync(path.join(folder, 'moving.gif'), 'GIF89a');
  mkdirSync(path.join(folder, 'folder.png'));
  const { code, err } = await run(folder, ['train', '--run', 'small', '--epochs', '2']);
  assert.is(code, 0, err);
});
test.after(remove);

test('selvedge predict answers for PNG and JPEG, small and large, on dark and on light ground', async () => {
  const { code, out, err } = await predict('--run', 'small', '--json', 'same.png', 'large.jpg');
  assert.equal([code, err], [0, '']);
  const { model, images, failures } = JSON.parse(out);
  assert.equal([model.name, model.settings.epochs, failures], ['dropout', 2, []]);
  assert.equal(
    images.map(({ file, ground }: { file: string; ground: string }) => [file, ground]),
    [
      ['same.png', 'dark'],
      ['large.jpg', 'light'],
    ],
  );
  for (const { class: best, probability, probabilities } of images) {
    assert.equal(Object.keys(probabilities).sort(), [...fashionMnistClassNames].sort());
    const values = Object.values(probabilities) as number[];
    assert.ok(Math.abs(values.reduce((sum, value) => sum + value, 0) - 1) < 1e-5);
    assert.equal([Math.max(...values), probabilities[best]], [probability, probability]);
  }
  const [same, large] = images;
  assert.is(large.class, same.class);
});

test('selvedge predict averages over views where it is told to, by a model of a run and by one that ships', async () => {
  for (const choice of [['--run', 'small'], []]) {
    const [single, mirrored, shifted] = await Promise.all(
      ['single', 'mirrored', 'shifted'].map(async (views) => {
        const { code, out, err } = await predict(...choice, '--json', '--views', views, 'same.png', 'large.jpg');
        assert.is(code, 0, err);
        const found = JSON.parse(out);
        assert.is(found.views, views);
        return found.images.map(({ probabilities }: { probabilities: Record<string, number> }) =>
          fashionMnistClassNames.map((name) => probabilities[name]!),
        ) as number[][];
      }),
    );
    for (const found of [mirrored!, shifted!]) {
      assert.not.equal(found, single);
      for (const row of found) assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-5);
    }
    assert.not.equal(shifted, mirrored);
  }
  const refused = await predict('--views', 'all', 'same.png');
  assert.is(refused.code, 2);
  assert.match(refused.err, /"--views" got "all": expected one of single, mirrored, shifted/);
  const none = await predict('--views', 'shifted', 'none.png');
  assert.is(none.code, 1);
  assert.match(none.err, /^selvedge: Cannot read "none\.png"[^\n]*\n$/);
});

test('selvedge predict shows the likeliest classes, three or as many as wanted', async () => {
  const candidate = String.raw`[A-Z][\w/ -]+ \d+\.\d%`;
  const three = await predict('--run', 'small', 'same.png');
  assert.match(three.out, new RegExp(`^same\\.png  ${candidate}, ${candidate}, ${candidate}\n$`));
  const one = await predict('--run', 'small', '--top=1', 'same.png');
  assert.match(one.out, new RegExp(`^same\\.png  ${candidate}\n$`));
});

test('selvedge predict tells each picture it cannot read, answers for the others and ends with code 1', async () => {
  const bad = ['text.png', 'torn.png', 'blank.png', 'moving.gif', 'folder.png', 'nothing.png'];
  const { code, out, err } = await predict('--run', 'small', '--json', 'same.png', ...bad, 'large.jpg');
  assert.is(code, 1);
  const lines = err.trimEnd().split('\n');
  assert.is(lines.length, bad.length, err);
  for (const [i, file] of bad.entries()) {
    assert.match(lines[i]!, new RegExp(`^selvedge: Cannot .*"${file}".* \\[[\\w-]+/[\\w-]+\\]$`));
  }
  const { images, failures } = JSON.parse(out);
  assert.equal(
    images.map(({ file }: { file: string }) => file),
    ['same.png', 'large.jpg'],
  );
  assert.equal(
    failures.map(({ file, code: reason }: { file: string; code: string }) => [file, reason]),
    [
      ['text.png', 'image/unknown-format'],
      ['torn.png', 'image/truncated'],
      ['blank.png', 'image/blank'],
      ['moving.gif', 'image/unknown-format'],
      ['folder.png', 'predict/no-file'],
      ['nothing.png', 'predict/no-file'],
    ],
  );
});

test('selvedge predict takes a model from any folder', async () => {
  const named = await predict('--model-folder', 'runs/small/dropout/model', 'same.png');
  assert.equal(named, await predict('--run', 'small', '--model', 'dropout', 'same.png'));
});

test('selvedge predict numbers the classes of a model without names and refuses a model of other images', async () => {
  const topology = path.join(folder, 'runs/small/dropout/model/model.json');
  const text = readFileSync(topology, 'utf8');
  const saved = JSON.parse(text);
  writeFileSync(topology, JSON.stringify({ ...saved, userDefinedMetadata: undefined }));
  assert.match((await predict('--run', 'small', 'same.png')).out, /^same\.png {2}class \d /);
  writeFileSync(topology, JSON.stringify({ ...saved, userDefinedMetadata: { classNames: ['a', 'b'] } }));
  assert.match(
    (await predict('--run', 'small', 'same.png')).err,
    /expected 10 class names, got .* \[predict\/class-names\]\n$/,
  );
  writeFileSync(topology, '{');
  assert.match(
    (await predict('--run', 'small', 'same.png')).err,
    /^selvedge: Cannot load the model in .* \[models\/format\]\n$/,
  );
  writeFileSync(topology, text);
});

test('selvedge predict says which model is missing', async () => {
  const { code, out, err } = await predict('--run', 'none', 'same.png');
  assert.equal([code, out], [1, '']);
  assert.match(err, /^selvedge: Cannot load a model from ".*none.*": .* \[models\/not-found\]\n$/);
});

test('selvedge predict refuses options that contradict each other', async () => {
  for (const args of [
    ['--run', 'a', '--model-folder', 'b', 'x.png'],
    ['--model', 'baseline', 'x.png'],
    ['--model', 'dropout', '--model-folder', 'b', 'x.png'],
    ['--threads', 'none', 'x.png'],
    [],
    ['--top', '0', 'x.png'],
  ]) {
    const { code, out, err } = await predict(...args);
    assert.equal([code, out], [2, ''], err);
    assert.match(err, /^selvedge: .* \[cli\/usage\]\n$/);
  }
});

test('selvedge predict has trained models of its own: the best, and a small one', async () => {
  const shipped = fileURLToPath(new URL('../../assets/models/dropout/model.json', import.meta.url));
  const { userDefinedMetadata } = JSON.parse(readFileSync(shipped, 'utf8'));
  assert.ok(userDefinedMetadata.accuracy >= 0.911);
  for (const [model, args] of [
    ['best', []],
    ['best', ['--model', 'best']],
    ['distilled', ['--model', 'distilled']],
    ['dropout', ['--model', 'dropout']],
  ] as const) {
    const { code, out, err } = await predict(...args, '--json', 'same.png', 'large.jpg');
    assert.is(code, 0, err);
    const told = JSON.parse(out);
    assert.is(told.model.name, model);
    assert.ok(told.model.accuracy.int8 > 0.91);
    for (const { class: best } of told.images) assert.is(best, testSet.classNames[testSet.labels[0]!]);
  }
});

test.run();
