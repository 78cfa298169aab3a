// The shipped model file: what `selvedge export` makes of the shipped weights, and small enough for a worker.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import { decodeModelFile, edgeKernelsDigest } from '../../src/edge/index.ts';
import { loadModel, weightsDigest } from '../../src/models/index.ts';
import { exportModel } from '../../src/plan/index.ts';
import { platform } from '../../src/platform/index.ts';

/** Of a worker of 300 KB, what its JavaScript does not need. */
const MAX_GZIP_BYTES = 270 * 1024;

const folder = new URL('../../assets/models/dropout/', import.meta.url);
const file = readFileSync(new URL('dropout.selvedge', folder));
const wasm = readFileSync(new URL('../../build/edge.wasm', import.meta.url));

test('dropout.selvedge is what `selvedge export` makes of the shipped weights, bit for bit', async () => {
  const { description } = await decodeModelFile(file);
  const engine = await startBackend({ threads: 1 });
  const { model, metadata } = await loadModel(platform.files.fromUrl(folder));
  const { accuracy } = description;
  const made = await exportModel(model, {
    name: model.name,
    labels: metadata.classNames as string[],
    settings: metadata.settings as Record<string, unknown>,
    kernels: edgeKernelsDigest(await WebAssembly.compile(wasm)),
    ...(accuracy ? { accuracy } : {}),
  });
  assert.is(description.fingerprint, await weightsDigest(model));
  assert.is(accuracy?.float32, metadata.accuracy);
  assert.is(accuracy?.images, metadata.testImages);
  assert.ok(100 * (accuracy!.float32 - accuracy!.int8) <= 0.2);
  assert.equal(
    made,
    Uint8Array.from(file),
    'kernels or plan changed: npx selvedge export --out assets/models/dropout/dropout.selvedge',
  );
  model.dispose();
  await engine.stop();
});

test('dropout.selvedge and its kernels take at most 270 KB gzipped', () => {
  const bytes = [file, wasm].map((part) => gzipSync(part, { level: 9 }).length);
  assert.ok(bytes[0]! + bytes[1]! <= MAX_GZIP_BYTES, `${bytes}`);
});

test.run();
