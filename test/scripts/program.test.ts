// When a checkout's command line runs as it was built. Not here: that it does what its sources do, which the tests of cli/ run it for.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isFresh, sourcesDigest, stampFile } from '../../scripts/program.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'selvedge-program-'));
const test = suite('program');
test.after(() => rmSync(root, { recursive: true, force: true }));

const engineFiles = ['kernels-shared.wasm', 'tfjs-backend-wasm-threaded-simd.wasm', 'pool-worker.js'];

function write(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

test.before.each(() => {
  rmSync(root, { recursive: true, force: true });
  for (const name of engineFiles) write(`build/${name}`, '');
  write('src/cli/main.ts', 'main');
  write('src/backend/pool-worker.js', 'worker');
  write('scripts/build-program.ts', 'build');
  write('package-lock.json', '{}');
  write(stampFile, `${sourcesDigest(root)}\n`);
});

test('isFresh() goes by the content of sources, not by their time', () => {
  assert.ok(isFresh(root));
  utimesSync(path.join(root, 'src/cli/main.ts'), new Date(), new Date());
  assert.ok(isFresh(root));
  write('src/cli/main.ts', 'other');
  assert.not(isFresh(root));
});

test('isFresh() sees what was added, moved, and packages that changed', () => {
  write('src/core/errors.ts', '');
  assert.not(isFresh(root));
  rmSync(path.join(root, 'src/core'), { recursive: true });
  assert.ok(isFresh(root));
  write('package-lock.json', '{"name": ""}');
  assert.not(isFresh(root));
});

test('isFresh() is false without an engine or a stamp', () => {
  rmSync(path.join(root, 'build', engineFiles[0]!));
  assert.not(isFresh(root));
  write(`build/${engineFiles[0]}`, '');
  assert.ok(isFresh(root));
  rmSync(path.join(root, stampFile));
  assert.not(isFresh(root));
});

test.run();
