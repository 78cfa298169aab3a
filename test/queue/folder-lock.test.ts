// A lock on a folder: one of several that ask at once has it, and who has lost it takes it from nobody.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lockFolder } from '../../src/queue/folder-lock.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-lock-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** Takes the lock in a process of its own and keeps it for some seconds; answers what it said. */
function holdElsewhere(): Promise<string> {
  const address = new URL('../../src/queue/folder-lock.ts', import.meta.url).href;
  const code = `
    const { lockFolder } = await import(${JSON.stringify(address)});
    try {
      const { release } = await lockFolder(${JSON.stringify(folder)}, 'q');
      await new Promise((resolve) => setTimeout(resolve, 5000));
      await release();
      console.log('held');
    } catch (error) {
      console.log(error.code);
    }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  let said = '';
  child.stdout.on('data', (part) => {
    said += part;
  });
  return new Promise((resolve) => child.on('close', () => resolve(said.trim())));
}

test('of several processes that ask at about the same time one has the lock, and the others are told', async () => {
  const said = await Promise.all([holdElsewhere(), holdElsewhere(), holdElsewhere()]);
  assert.equal(said.sort(), ['held', 'queue/busy', 'queue/busy']);
  await (await lockFolder(folder, 'q')).release();
});

test('who has lost a lock while it was stopped is told, and neither writes nor removes the lock of another', async () => {
  const { requireOwn, release } = await lockFolder(folder, 'q');
  await requireOwn();
  const lock = path.join(folder, 'lock');
  writeFileSync(lock, 'another 0');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.is(await requireOwn().catch((error: { code: string }) => error.code), 'queue/busy');
  await release();
  assert.is(readFileSync(lock, 'utf8'), 'another 0');
});

test.run();
