import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import { fashionMnistClassNames } from '../../src/data/fashion-mnist.ts';
import { decodeImage } from '../../src/data/index.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { initializeWeights, saveModel } from '../../src/models/index.ts';
import { encodeGrayPng } from '../../src/report/index.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge explain');
const explain = (...args: string[]): Promise<Ended> => run(folder, ['explain', ...args]);
const inFolder = (file: string): string => path.join(folder, file);

test.before(async () => {
  const { test: set } = await loadFashionMnistSample();
  for (const [index, file] of ['first.png', 'second.png'].entries()) {
    const pixels = set.images.subarray(index * 784, (index + 1) * 784);
    writeFileSync(inFolder(file), encodeGrayPng({ width: 28, height: 28, pixels }));
  }
  writeFileSync(
    inFolder('blank.png'),
    encodeGrayPng({ width: 40, height: 40, pixels: new Uint8Array(1600).fill(200) }),
  );
  const engine = await startBackend({ threads: 1 });
  const dense = tf.sequential({
    name: 'flat',
    layers: [
      tf.layers.flatten({ inputShape: [28, 28, 1] }),
      tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: 'glorotUniform' }),
    ],
  });
  initializeWeights(dense, 1);
  await saveModel(dense, inFolder('flat'), { classNames: fashionMnistClassNames });
  await engine.stop();
});
test.after(remove);

test('selvedge explain tells the class and draws the map in letters', async () => {
  const { code, out, err } = await explain('first.png');
  assert.equal([code, err], [0, '']);
  assert.match(out, /^first\.png {2}Ankle boot \d+\.\d%\n/);
  assert.match(out, /grad-cam of block_3_2_relu: deletion 0\.\d{3}, insertion 0\.\d{3}/);
  assert.match(out, /at random: deletion/);
  assert.match(out, /[#%@]{3}/);
});

test('selvedge explain --json has maps, curves and completeness of every method, the same bits at any number of threads', async () => {
  const { code, out, err } = await explain('--json', '--method', 'all', '--threads', '1', 'first.png', 'second.png');
  assert.equal([code, err], [0, '']);
  const { model, images, failures } = JSON.parse(out);
  assert.equal([model.name, failures, images.length], ['best', [], 2]);
  for (const image of images) {
    assert.is(image.explained.class, image.class);
    assert.equal(
      image.explanations.map(({ method }: { method: string }) => method).join(),
      'grad-cam,saliency,smooth-grad,integrated-gradients,occlusion',
    );
    for (const { map, deletion, insertion } of image.explanations) {
      assert.equal([map.length, map[0].length, deletion.probabilities.length], [28, 28, 29]);
      assert.ok(deletion.area >= 0 && deletion.area <= 1 && insertion.area >= 0 && insertion.area <= 1);
    }
    const { map, completeness } = image.explanations[3];
    const sum = map.flat().reduce((total: number, value: number) => total + value, 0);
    assert.ok(Math.abs(sum - completeness.sum) < 1e-3 * Math.abs(sum));
    assert.ok(completeness.error < 0.1 * Math.abs(completeness.difference));
  }
  const again = await explain('--json', '--method', 'all', '--threads', '2', 'first.png', 'second.png');
  assert.is(again.out, out);
});

test('selvedge explain --class explains another class than the likeliest, and names those that there are', async () => {
  const { code, out } = await explain('first.png', '--class', 'sandal', '--method', 'occlusion', '--json');
  assert.is(code, 0);
  const [image] = JSON.parse(out).images;
  assert.equal([image.class, image.explained.class], ['Ankle boot', 'Sandal']);
  const wrong = await explain('first.png', '--class', 'Hat');
  assert.equal([wrong.code, wrong.out], [2, '']);
  assert.match(wrong.err, /got "Hat": expected one of T-shirt\/top, .*\[cli\/usage\]\n$/);
});

test('selvedge explain --test-images explains images of the test set by their numbers', async () => {
  const { code, out } = await explain('--test-images', '0,23', '--method', 'saliency', '--json');
  assert.is(code, 0);
  const { images } = JSON.parse(out);
  assert.equal(images.map(({ file, truth }: { file: string; truth: string }) => [file, truth])[0], [
    'test image 0',
    'Ankle boot',
  ]);
  assert.is(images.length, 2);
  const [same] = JSON.parse((await explain('first.png', '--method', 'saliency', '--json')).out).images;
  assert.equal(images[0].explanations, same.explanations);
});

test('selvedge explain --out writes a figure as SVG, HTML and PNG', async () => {
  for (const ending of ['svg', 'html', 'png']) {
    const { code, err } = await explain('first.png', 'second.png', '--out', `figure.${ending}`);
    assert.equal([code, err], [0, '']);
  }
  assert.match(readFileSync(inFolder('figure.svg'), 'utf8'), /^<\?xml[^>]*>\s*<svg .*grad-cam/s);
  assert.match(readFileSync(inFolder('figure.html'), 'utf8'), /^<!doctype html>.*first\.png.*places at random/s);
  const { width, height } = await decodeImage(readFileSync(inFolder('figure.png')), { name: 'figure.png' });
  assert.equal([width, height], [2 * 28 * 8 + 8, 2 * 28 * 8 + 8]);
});

test('selvedge explain tells each picture it cannot read, as predict does, and explains the others', async () => {
  const { code, out, err } = await explain('--json', 'blank.png', 'first.png', 'none.png');
  assert.is(code, 1);
  const { images, failures } = JSON.parse(out);
  assert.equal(
    images.map(({ file }: { file: string }) => file),
    ['first.png'],
  );
  assert.equal(
    failures.map((failure: { code: string }) => failure.code),
    ['image/blank', 'explain/no-file'],
  );
  assert.is(err.trimEnd().split('\n').length, 2);
  const none = await explain('blank.png', '--out', 'none.svg');
  assert.is(none.code, 1);
  assert.throws(() => readFileSync(inFolder('none.svg')));
});

test('selvedge explain says that grad-cam needs a convolution, and explains a model without one by all others', async () => {
  const { code, out, err } = await explain('first.png', '--model-folder', 'flat');
  assert.equal([code, out], [1, '']);
  assert.match(err, /^selvedge: Cannot explain model "flat" by grad-cam: .* \[explain\/no-convolution\]\n$/);
  const all = await explain('first.png', '--model-folder', 'flat', '--method', 'all', '--json');
  assert.is(all.code, 0, all.err);
  assert.is(JSON.parse(all.out).images[0].explanations.length, 4);
});

test('selvedge explain --evaluate measures methods on test images, the same at any number of threads', async () => {
  const words = ['--evaluate', '3', '--model', 'dropout', '--method', 'grad-cam', '--json'];
  const { code, out, err } = await explain(...words, '--threads', '1');
  assert.is(code, 0, err);
  const result = JSON.parse(out);
  assert.equal([result.images, result.model, result.randomisation.images], [3, 'dropout', 3]);
  assert.equal(
    result.orders.map(({ order }: { order: string }) => order),
    ['grad-cam', 'random', 'brightness'],
  );
  assert.match(result.weightsSha256, /^[0-9a-f]{64}$/);
  assert.is(result.randomisation.methods[0].stages.length, 5);
  assert.is((await explain(...words, '--threads', '2')).out, out);
  const text = await explain('--evaluate', '2', '--method', 'saliency', '--model', 'dropout');
  assert.match(text.out, /^Explanations of dropout on 2 test images.*\nsaliency .*\nrandom .*\nbrightness /s);
});

test('selvedge explain refuses what makes no sense, in one line', async () => {
  for (const [code, pattern, ...args] of [
    [2, /Missing IMAGE/],
    [2, /"--out" got "a.gif"/, 'first.png', '--out', 'a.gif'],
    [2, /"--steps" got "0"/, 'first.png', '--steps', '0'],
    [2, /"--steps" belongs to "--method integrated-gradients"/, 'first.png', '--steps', '9'],
    [2, /"--layer" belongs to "--method grad-cam"/, 'first.png', '--layer', 'a', '--method', 'saliency'],
    [2, /"--method" got "lime"/, 'first.png', '--method', 'lime'],
    [2, /takes images of the test set/, 'first.png', '--evaluate', '3'],
    [2, /takes images of the test set/, 'first.png', '--test-images', '3'],
    [2, /expected numbers from 0 to 999/, '--test-images', '3,1000'],
    [2, /"--test-images" got "x"/, '--test-images', '3,x'],
    [2, /"--evaluate" and "--out" exclude/, '--evaluate', '3', '--out', 'a.svg'],
    [2, /"--evaluate" got "0"/, '--evaluate', '0'],
    [1, /expected at most the 1000 of the test set/, '--evaluate', '1001'],
    [1, /by layer "dense".*expected one of stem_conv/, 'first.png', '--layer', 'dense'],
    [2, /"--model" got "x" without "--run"/, 'first.png', '--model', 'x'],
    [2, /exclude each other/, 'first.png', '--run', 'a', '--model-folder', 'b'],
    [1, /models\/not-found/, 'first.png', '--run', 'none'],
  ] as const) {
    const ended = await explain(...args);
    assert.equal([ended.code, ended.out], [code, ''], ended.err);
    assert.match(ended.err, pattern);
    const lines = ended.err
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('selvedge: '));
    assert.is(lines.length, 1, ended.err);
  }
});

test.run();
