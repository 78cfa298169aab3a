// The commands that find items in pictures, as a user runs them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { type Ended, makeFolder, run, start } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge detect');
const detect = (...args: string[]): Promise<Ended> => run(folder, ['detect', ...args]);
const inFolder = (file: string): string => path.join(folder, file);

/** A pair of trousers, thrice as large as in the data set, and a boot beside it. */
async function drawScene(invert: boolean): Promise<Uint8Array> {
  const { test: set } = await loadFashionMnistSample();
  const [width, height] = [201, 150];
  const pixels = new Uint8Array(width * height).fill(invert ? 255 : 0);
  const lay = (label: number, left: number, top: number, scale: number): void => {
    const item = set.labels.indexOf(label);
    for (let y = 0; y < 28 * scale; y++) {
      for (let x = 0; x < 28 * scale; x++) {
        const level = set.images[item * 784 + Math.floor(y / scale) * 28 + Math.floor(x / scale)]!;
        pixels[(top + y) * width + left + x] = invert ? 255 - level : level;
      }
    }
  };
  lay(1, 10, 30, 3);
  lay(9, 130, 60, 2);
  return encodeGrayPng({ width, height, pixels });
}

test.before(async () => {
  writeFileSync(inFolder('scene.png'), await drawScene(false));
  writeFileSync(inFolder('light.png'), await drawScene(true));
  writeFileSync(
    inFolder('blank.png'),
    encodeGrayPng({ width: 90, height: 40, pixels: new Uint8Array(3600).fill(200) }),
  );
  writeFileSync(inFolder('empty.png'), '');
  writeFileSync(inFolder('cut.png'), (await drawScene(false)).subarray(0, 2000));
  mkdirSync(inFolder('folder'));
});
test.after(remove);

test('selvedge detect tells each item, on dark and on light ground, and draws it', async () => {
  const { code, out, err } = await detect('--json', 'scene.png', 'light.png', '--out', 'boxes.svg');
  assert.equal([code, err], [0, '']);
  const { images, failures, threshold, figure } = JSON.parse(out);
  assert.equal([failures, threshold, path.basename(figure)], [[], 0.5, 'boxes.svg']);
  assert.equal(
    images.map(({ ground, width, height }: Record<string, unknown>) => [ground, width, height]),
    [
      ['dark', 201, 150],
      ['light', 201, 150],
    ],
  );
  for (const { items } of images) {
    const classes = items.map((item: { class: string }) => item.class);
    assert.ok(classes.includes('Trouser') && classes.includes('Ankle boot'), classes.join());
    const { box } = items.find((item: { class: string }) => item.class === 'Trouser');
    assert.ok(box.left > 5 && box.left + box.width < 100 && box.height > 60, JSON.stringify(box));
  }
  const svg = readFileSync(inFolder('boxes.svg'), 'utf8');
  assert.match(svg, /Trouser \d+%/);
  assert.match(svg, /^<svg|^<\?xml/);
});

test('selvedge detect answers for people, writes a .png, and the same at any number of threads', async () => {
  const one = await detect('scene.png', '--threads', '1', '--out', 'boxes.png');
  assert.equal([one.code, one.err], [0, '']);
  assert.match(one.out, /^scene\.png {2}\d+ items?\n {2}.+ \d+\.\d%, \d+ x \d+ at \d+, \d+\n/);
  assert.is(readFileSync(inFolder('boxes.png'))[1], 0x50);
  const two = await detect('scene.png', '--threads', '2');
  assert.is(two.out, one.out.replace(/\nFigure: .*/, ''));
});

test('selvedge detect says where there is nothing, and goes on after what it cannot read', async () => {
  const { code, out, err } = await detect('blank.png', 'empty.png', 'cut.png', 'nowhere.png', 'folder', 'scene.png');
  assert.is(code, 1);
  assert.match(out, /^blank\.png {2}no items found\nscene\.png {2}\d/);
  const lines = err.trim().split('\n');
  assert.is(lines.length, 4);
  assert.match(lines[0]!, /empty\.png.*\[image\/\S+\]$/);
  assert.match(lines[1]!, /cut\.png.*\[image\/truncated\]$/);
  assert.match(lines[2]!, /nowhere\.png.*\[detect\/no-file\]$/);
  assert.match(lines[3]!, /folder.*got a folder \[detect\/no-file\]$/);
});

test('selvedge detect refuses what makes no sense', async () => {
  const refused: [string[], RegExp, number][] = [
    [[], /Missing|IMAGE/, 2],
    [['scene.png', '--threshold', '2'], /above 0 and below 1 \[cli\/usage\]/, 2],
    [['scene.png', '--threshold', 'NaN'], /above 0 and below 1 \[cli\/usage\]/, 2],
    [['scene.png', '--side', '3'], /from 32 to 4096 \[cli\/usage\]/, 2],
    [['scene.png', '--out', 'a.gif'], /\.svg or \.png \[cli\/usage\]/, 2],
    [['scene.png', 'light.png', '--out', 'a.png'], /holds one/, 2],
    [['scene.png', '--run', 'none'], /detect-train --run none \[detect\/no-detector\]/, 1],
  ];
  for (const [args, message, expected] of refused) {
    const { code, out, err } = await detect(...args);
    assert.equal([code, out], [expected, ''], args.join(' '));
    assert.match(err, message);
    assert.is(err.trim().split('\n').length, 1);
  }
});

test('selvedge detect-train trains, is stopped and goes on, and its detector answers', async () => {
  const options = ['detect-train', '--run', 'mine', '--steps', '4', '--batch-size', '2', '--json'];
  const stopped = start(folder, ['detect-train', '--run', 'stopped', '--steps', '100000', '--batch-size', '2']);
  await stopped.hears('Update 50 ');
  stopped.interrupt();
  const { code: stoppedCode, out: said } = await stopped.ended;
  assert.is(stoppedCode, 130);
  assert.match(said, /the same command goes on from there: npx selvedge detect-train --run stopped/);
  const { code, out } = await run(folder, options);
  assert.is(code, 0);
  const { status, steps, validation } = JSON.parse(out);
  assert.equal([status, steps, validation.kinds.length], ['complete', 4, 4]);
  assert.ok(existsSync(inFolder('runs/mine/detector/detector.selvedge')));
  const answer = await detect('scene.png', '--run', 'mine', '--json');
  assert.is(answer.code, 0);
  assert.is(JSON.parse(answer.out).model.training.steps, 4);
  const other = await run(folder, [...options, '--seed', '2']);
  assert.is(other.code, 1);
  assert.match(other.err, /\[detect\/other-training\]/);
  writeFileSync(inFolder('runs/mine/detector/detector.selvedge'), 'no detector');
  assert.match((await detect('scene.png', '--run', 'mine')).err, /\[detect\/foreign\]/);
});

test.run();
