// The edge package alone: bundled, in a context of its own that has no runtime, no code made at run time and no compiler.
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Classifier, createClassifier } from '../../src/edge/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url));
const model = read('assets/models/dropout/dropout.selvedge');
const kernels = await WebAssembly.compile(read('build/edge.wasm'));

/** Of a worker's 300 KB: what a deployment pays for the classifier in JavaScript. */
const MAX_GZIP_BYTES = 4 * 1024;

const { outputFiles, metafile } = await build({
  stdin: { contents: "export { createClassifier } from './src/edge/index.ts';", resolveDir: root, loader: 'ts' },
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'edge',
  platform: 'neutral',
  target: 'es2022',
  metafile: true,
  write: false,
});
const script = outputFiles[0]!.text;

test('the bundle of createClassifier() holds src/edge/ and src/core/ alone, in 4 KB gzipped', () => {
  const inputs = Object.keys(metafile.inputs).filter((file) => file !== '<stdin>');
  assert.ok(inputs.length > 0);
  assert.equal(
    inputs.filter((file) => !/^src\/(?:edge|core)\//.test(file)),
    [],
  );
  const bytes = gzipSync(script, { level: 9 }).length;
  assert.ok(bytes <= MAX_GZIP_BYTES, `${bytes} bytes`);
});

test('createClassifier() works with no eval, no compiler and no globals but crypto and the text decoder, to the same bits', async () => {
  const globals = { crypto: webcrypto, TextDecoder, TextEncoder, model, kernels };
  const context = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
  assert.throws(() => runInContext('eval("1")', context), /Code generation from strings disallowed/);
  runInContext(`${script};globalThis.edge = edge;`, context);
  const classifier = (await runInContext('edge.createClassifier({ model, kernels })', context)) as Classifier;
  const images = Uint8Array.from({ length: 11 * 784 }, (_, i) => (i * 7919) % 256);
  const expected = (await createClassifier({ model, kernels })).classify(images);
  assert.equal(Float32Array.from(classifier.classify(images)), expected);
});

test.run();
