// What commands do where the engine's files are missing and there is no checkout to build them from, as in a damaged installation.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('useEngine() outside a checkout names the missing file and builds nothing', () => {
  const project = mkdtempSync(path.join(os.tmpdir(), 'selvedge-no-checkout-'));
  const folder = path.join(project, 'installed');
  mkdirSync(folder);
  try {
    for (const part of ['src', 'package.json'])
      cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    // The user's own tasks, which are none of ours.
    writeFileSync(path.join(project, 'deno.json'), JSON.stringify({ tasks: { 'build:engine': 'echo mine' } }));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', path.join(folder, 'src', 'cli', 'main.ts'), 'info'],
      { cwd: root, encoding: 'utf8' },
    );
    assert.is(status, 1, stdout);
    assert.match(
      stderr,
      /^selvedge: Cannot read "tfjs-backend-wasm-threaded-simd.wasm" at .*\[files\/engine-file\]\n$/,
    );
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

test.run();
