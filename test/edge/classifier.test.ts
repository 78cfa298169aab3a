// The classifier of the edge package, on the shipped model: what it tells, answers and refuses.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadFashionMnistSample } from '../../src/data/index.ts';
import {
  createClassifier,
  decodeModelFile,
  edgeKernelsDigest,
  encodeModelFile,
  type ModelDescription,
  type Network,
} from '../../src/edge/index.ts';

const bytesOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url));

const file = bytesOf('assets/models/dropout/dropout.selvedge');
const kernels = await WebAssembly.compile(bytesOf('build/edge.wasm'));
const classifier = await createClassifier({ model: file, kernels });
const { test: sample } = await loadFashionMnistSample();
const IMAGE = 28 * 28;
const CLASSES = 10;
const images = sample.images.subarray(0, 100 * IMAGE);

const isCode =
  (code: string) =>
  (error: { code?: string }): boolean =>
    error.code === code;

async function codeOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

test('createClassifier() tells what the file says of its model', () => {
  const { model } = classifier;
  assert.is(model.name, 'dropout');
  assert.equal(model.labels, sample.classNames);
  assert.equal(model.inputShape, [28, 28, 1]);
  assert.is(model.settings.epochs, 50);
  assert.is(model.kernels, edgeKernelsDigest(kernels));
  assert.is(model.formatVersion, 1);
});

test('classify() is right for the images of the sample as often as the file says of the whole test set', () => {
  const probabilities = classifier.classify(sample.images);
  let hits = 0;
  for (let i = 0; i < sample.count; i++) {
    const row = probabilities.subarray(i * CLASSES, (i + 1) * CLASSES);
    assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-5);
    if (row.indexOf(Math.max(...row)) === sample.labels[i]) hits++;
  }
  const { int8 } = classifier.model.accuracy!;
  // Three standard deviations of a share of a thousand.
  const bound = 3 * Math.sqrt((int8 * (1 - int8)) / sample.count);
  assert.ok(Math.abs(hits / sample.count - int8) < bound, `${hits} of ${sample.count}, expected ${int8}`);
});

test('classify() gives an image the same bits in every batch, every call and every classifier', async () => {
  const expected = classifier.classify(images);
  const other = await createClassifier({ model: Uint8Array.from(file), kernels });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 40 }), (first, wanted) => {
      const last = Math.min(100, first + wanted);
      const part = images.subarray(first * IMAGE, last * IMAGE);
      const rows = expected.subarray(first * CLASSES, last * CLASSES);
      assert.equal(classifier.classify(part), rows);
      assert.equal(other.classify(part), rows);
    }),
    { numRuns: 30 },
  );
});

test('classify() fills and returns the array that it is given, and touches no image', () => {
  const before = images.slice();
  const into = new Float32Array(100 * CLASSES);
  assert.is(classifier.classify(images, into), into);
  assert.equal(into, classifier.classify(images));
  assert.equal(images, before);
  assert.is(classifier.classify(new Uint8Array(0)).length, 0);
});

test('classify() asks for no memory where it is given room', () => {
  const into = new Float32Array(100 * CLASSES);
  classifier.classify(images, into);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 30; i++) classifier.classify(images, into);
  assert.ok(process.memoryUsage().arrayBuffers <= before);
});

test('classify() refuses an image of one level, wherever it lies, and answers nothing', () => {
  const [height, width] = [28, 28];
  for (const level of [0, 1, 200, 255]) {
    for (const at of [0, 3]) {
      const some = images.slice(0, 5 * height * width);
      some.fill(level, at * height * width, (at + 1) * height * width);
      const into = new Float32Array(50).fill(-1);
      assert.throws(
        () => classifier.classify(some, into),
        (error: { code?: string; message?: string }) =>
          isCode('image/blank')(error) && error.message!.includes(`image ${at}`),
      );
      assert.ok(into.every((value) => value === -1));
    }
  }
  const faint = new Uint8Array(784);
  faint[400] = 1;
  assert.is(classifier.classify(faint).length, 10);
});

test('classify() refuses parts of images and an array of another length', () => {
  for (const length of [1, IMAGE - 1, IMAGE + 1]) {
    assert.throws(() => classifier.classify(new Uint8Array(length)), isCode('edge/images'));
  }
  const one = new Uint8Array(IMAGE);
  for (const length of [0, CLASSES - 1, CLASSES + 1]) {
    assert.throws(() => classifier.classify(one, new Float32Array(length)), isCode('edge/images'));
  }
  assert.throws(
    () => classifier.classify(new Uint8Array(5)),
    (error: Error) => error.message === 'Cannot classify: expected a multiple of 784 bytes, got 5',
  );
});

test('createClassifier() refuses kernels of another build, of another kind and none', async () => {
  const others = [await WebAssembly.compile(bytesOf('build/kernels-unshared.wasm')), {}, undefined, 5];
  for (const other of others) {
    assert.is(
      await codeOf(() => createClassifier({ model: file, kernels: other as WebAssembly.Module })),
      'edge/kernels',
    );
  }
  const { description, network } = await decodeModelFile(file);
  const earlier = await encodeModelFile({ ...description, kernels: 'a'.repeat(64) }, network);
  assert.is(await codeOf(() => createClassifier({ model: earlier, kernels })), 'edge/kernels');
});

/** The shipped model with a part of it changed, under a right digest. */
async function changed(change: (network: Network) => Partial<Network>): Promise<Uint8Array> {
  const { description, network } = await decodeModelFile(file);
  return encodeModelFile(description as ModelDescription, { ...network, ...change(network) });
}

test('createClassifier() and classify() turn traps, unknown kernels and a memory too large into errors with a code', async () => {
  const unknown = await changed(({ kernels: names }) => ({ kernels: [...names.slice(0, -1), 'planNothing'] }));
  assert.is(await codeOf(() => createClassifier({ model: unknown, kernels })), 'edge/kernels');
  const large = await changed(() => ({ memoryBytes: 65536 * 65536 }));
  const code = await codeOf(() => createClassifier({ model: large, kernels }));
  assert.ok(code === undefined || code === 'edge/memory', `${code}`);
  const outside = (calls: Int32Array): Int32Array => calls.map((word, i) => (i % 4 === 1 ? 0x7fffff00 : word));
  const trapsFirst = await changed(({ derivation }) => ({ derivation: outside(derivation) }));
  assert.is(await codeOf(() => createClassifier({ model: trapsFirst, kernels })), 'edge/kernel-trapped');
  const traps = await createClassifier({
    model: await changed(({ programs }) => ({ programs: programs.map(outside) })),
    kernels,
  });
  assert.throws(() => traps.classify(images), isCode('edge/kernel-trapped'));
});

test.run();
