import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../src/data/index.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge generate');
const generate = (...args: string[]): Promise<Ended> => run(folder, ['generate', ...args]);
const inFolder = (file: string): string => path.join(folder, file);

test.before(async () => {
  const { test: set } = await loadFashionMnistSample();
  for (const [index, file] of ['boot.png', 'other.png'].entries()) {
    const pixels = set.images.subarray(index * 784, (index + 1) * 784);
    writeFileSync(inFolder(file), encodeGrayPng({ width: 28, height: 28, pixels }));
  }
  writeFileSync(inFolder('text.bin'), 'no generator, whatever its name says');
});
test.after(remove);

test('selvedge generate makes the same sheet and digest at any number of threads', async () => {
  const ask = ['--class', 'dress', '--count', '16', '--seed', '7', '--steps', '2', '--json'];
  const { code, out, err } = await generate(...ask, '--threads', '1');
  assert.equal([code, err], [0, '']);
  const { sha256, count, files, classes, seed } = JSON.parse(out);
  assert.equal([count, classes, seed, files.length], [16, { dress: 1 }, 7, 1]);
  const { width, height } = await decodeImage(readFileSync(inFolder('designs.png')), { name: 'designs.png' });
  assert.equal([width, height], [448, 448]);
  const again = await generate(...ask, '--threads', '2');
  assert.is(JSON.parse(again.out).sha256, sha256);
  const other = await generate(...ask.map((word) => (word === '7' ? '8' : word)));
  assert.is.not(JSON.parse(other.out).sha256, sha256);
});

test('selvedge generate writes a file a picture into a folder', async () => {
  const { code, out } = await generate('--class', 'bag:2,shirt:1', '--count', '3', '--steps', '1', '--out', 'bags');
  assert.is(code, 0);
  assert.match(out, /^3 pictures of bag \(2\), shirt \(1\): .*bags\n$/);
  assert.equal(
    ['1.png', '2.png', '3.png', '4.png'].map((file) => existsSync(path.join(folder, 'bags', file))),
    [true, true, true, false],
  );
});

test('selvedge generate --from varies a picture of the class that it sees, --to goes to another', async () => {
  const varied = await generate('--from', 'boot.png', '--count', '2', '--steps', '2', '--strength', '.4', '--json');
  assert.is(varied.code, 0, varied.err);
  const { classes, strength, count } = JSON.parse(varied.out);
  assert.equal([classes, strength, count], [{ 'Ankle boot': 1 }, 0.4, 2]);
  const styled = await generate('--from', 'boot.png', '--class', 'sandal', '--count', '1', '--steps', '2', '--json');
  assert.equal(JSON.parse(styled.out).classes, { sandal: 1 });
  const way = await generate('--from', 'boot.png', '--to', 'other.png', '--count', '3', '--steps', '2', '--json');
  assert.is(way.code, 0, way.err);
  assert.equal([JSON.parse(way.out).count, Object.keys(JSON.parse(way.out).toClasses).length], [3, 1]);
});

test('selvedge generate refuses what makes no sense, in one line with a code, and writes nothing', async () => {
  const cases: [RegExp, ...string[]][] = [
    [/Cannot generate "hat": expected one of T-shirt\/top, .* \[generate\/class\]\n$/, '--class', 'hat'],
    [/Missing --class.* \[cli\/usage\]\n$/],
    [/"--count" got "0": expected a whole number from 1 .* \[cli\/usage\]\n$/, '--class', 'bag', '--count', '0'],
    [/"--seed" got "x".* \[cli\/usage\]\n$/, '--class', 'bag', '--seed', 'x'],
    [/"--class" got "bag:-1".* \[cli\/usage\]\n$/, '--class', 'bag:-1'],
    [/"--guidance" got "11".* \[cli\/usage\]\n$/, '--class', 'bag', '--guidance', '11'],
    [/"--to" needs "--from" \[cli\/usage\]\n$/, '--class', 'bag', '--to', 'boot.png'],
    [/"--strength" needs "--from".* \[cli\/usage\]\n$/, '--class', 'bag', '--strength', '.5'],
    [/"--updates" needs "--train" \[cli\/usage\]\n$/, '--class', 'bag', '--updates', '5'],
    [/"--train" and "--class" exclude .* \[cli\/usage\]\n$/, '--class', 'bag', '--train', 'g.bin'],
    [/"--out" got .* ends in \.png, or a folder \[cli\/usage\]\n$/, '--class', 'bag', '--out', 'a.jpg', '--steps', '1'],
    [/got nothing \[generate\/no-file\]\n/, '--from', 'nothing.png'],
    [/\[image\/|\[picture|\[png|\[decode|\[generate/, '--from', 'text.bin'],
    [/got nothing \[generate\/no-file\]\n$/, '--class', 'bag', '--generator', 'nothing.bin'],
    [/\[generate\/foreign\]\n$/, '--class', 'bag', '--generator', 'text.bin'],
  ];
  for (const [message, ...args] of cases) {
    const { code, out, err } = await generate('--out', 'refused.png', ...args);
    assert.ok(code !== 0 && out === '', args.join(' '));
    assert.match(err, message);
    assert.not.match(err, /\n\s+at /);
    assert.not(existsSync(inFolder('refused.png')));
  }
});

test('selvedge generate --train writes a generator that --generator takes', async () => {
  const trained = await generate('--train', 'own.bin', '--updates', '1', '--json');
  assert.is(trained.code, 0, trained.err);
  assert.ok(JSON.parse(trained.out).bytes <= 4e6);
  const used = await generate('--generator', 'own.bin', '--class', 'Coat', '--count', '1', '--steps', '1');
  assert.is(used.code, 0, used.err);
});

test.run();
