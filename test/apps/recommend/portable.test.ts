// What finds similar items on edge runtimes: the vectors and answers of the engine, without it, beside the limits of a worker.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleWorker, limits } from '../../../scripts/worker-size.ts';
import { exportEmbedder, makeCatalogue, openEmbedder, searchCatalogue } from '../../../src/apps/recommend/index.ts';
import { createEmbedder, findSimilar } from '../../../src/apps/recommend/portable.ts';
import { startBackend } from '../../../src/backend/index.ts';
import * as tf from '../../../src/backend/tfjs.ts';
import { loadFashionMnistSample } from '../../../src/data/sources.ts';
import { edgeKernelsDigest } from '../../../src/edge/index.ts';
import { readShippedFile } from '../../../src/models/index.ts';
import { restoreModel } from '../../../src/plan/index.ts';

const test = suite('similar items on the edge');
const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (file: string): Uint8Array => readFileSync(path.join(root, file));
let engine: Awaited<ReturnType<typeof startBackend>>;
let kernels: WebAssembly.Module;
let file: Uint8Array;

test.before(async () => {
  engine = await startBackend({ threads: 1 });
  kernels = await WebAssembly.compile(read('build/edge.wasm') as Uint8Array<ArrayBuffer>);
});
test.after(() => engine.stop());

test('createEmbedder() has the vectors of the engine up to rounding, and findSimilar() its items', async () => {
  const { model, description } = await restoreModel(await readShippedFile('dropout'));
  const { labels: classNames } = description;
  const { numTensors } = tf.memory();
  file = await exportEmbedder(model, { classNames, kernels: edgeKernelsDigest(kernels) });
  assert.is(tf.memory().numTensors, numTensors);
  const [embedder, edge] = [await openEmbedder(model), await createEmbedder({ model: file, kernels })];
  const facts = ({ modelName, modelDigest, dimension, classes, shape }: typeof edge) =>
    [modelName, modelDigest, dimension, classes, shape] as const;
  assert.equal(facts(edge), facts(embedder));
  const { test: set } = await loadFashionMnistSample();
  const images = set.images.slice(0, 300 * 784);
  const ids = Array.from({ length: 300 }, (_, i) => `item-${i}`);
  const catalogue = await makeCatalogue(embedder, { ids, images, classNames });
  const [expected, got] = [embedder, edge].map((one) => one.embed(images));
  for (const of of ['vectors', 'probabilities'] as const) {
    assert.is(got![of].length, expected![of].length);
    got![of].forEach((value, i) => {
      assert.ok(Math.abs(value - expected![of][i]!) < 1e-6, `${of} ${i}`);
    });
  }
  const without = new Uint8Array(300).fill(1, 3, 9);
  const lists = await searchCatalogue(catalogue, expected!.vectors, { count: 5, without });
  findSimilar(catalogue, got!.vectors, { count: 5, without }).forEach((found, query) => {
    assert.equal(
      found.map(({ row }) => row),
      lists[query]!.map(({ row }) => row),
    );
  });
  embedder.dispose();
  model.dispose();
});

test('exportEmbedder() refuses a model that does not end in a softmax, and leaves no tensor', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [4, 4, 1] }),
      tf.layers.dense({ units: 3, activation: 'relu' }),
      tf.layers.dense({ units: 2, activation: 'sigmoid' }),
    ],
  });
  const { numTensors } = tf.memory();
  const options = { classNames: ['a', 'b'], kernels: edgeKernelsDigest(kernels) };
  try {
    await exportEmbedder(model, options);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: string }).code, 'export/unsupported');
  }
  assert.is(tf.memory().numTensors, numTensors);
  model.dispose();
});

test('createEmbedder() refuses a classifier, and findSimilar() what fits no catalogue', async () => {
  const codeOf = async (action: () => unknown): Promise<unknown> => {
    try {
      await action();
      return undefined;
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  const model = await readShippedFile('dropout');
  assert.is(await codeOf(() => createEmbedder({ model, kernels })), 'embedding/no-features');
  const catalogue = { vectors: new Uint16Array(4), dimension: 2, count: 2 };
  assert.is(await codeOf(() => findSimilar(catalogue, new Float32Array(3))), 'search/shape');
  assert.is(await codeOf(() => findSimilar(catalogue, new Float32Array(2), { count: 0 })), 'search/count');
  assert.is(await codeOf(() => findSimilar(catalogue, Float32Array.of(Number.NaN, 0))), 'search/not-finite');
});

test('a worker that finds similar items has no tfjs and no platform, and fits into the limit of one without codecs', async () => {
  const { script, sources } = await bundleWorker(
    `export { createEmbedder, decodeIndex, findSimilar, requireSameModel } from './src/apps/recommend/portable.ts';`,
  );
  const foreign = sources.filter((name) => /tensorflow|src\/(backend|platform|models|plan)/.test(name));
  assert.equal(foreign, []);
  const bytes = [script.contents, read('build/edge.wasm'), file].map(
    (content) => gzipSync(content, { level: 9 }).length,
  );
  const sum = bytes.reduce((all, own) => all + own, 0);
  assert.ok(sum < limits.withoutCodecs, `${bytes.join(' + ')} = ${sum} bytes`);
});

test.run();
