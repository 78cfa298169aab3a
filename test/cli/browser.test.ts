// The commands as functions, on the platform at hand; that of a browser runs them in npm run test:runtimes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { standInOf } from '../../scripts/build-tasks.ts';
import { type Observer, runCommand } from '../../src/cli/browser.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';
import { provideFiles } from '../../src/platform/index.ts';

const home = process.cwd();
const { SELVEDGE_DATA } = process.env;
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-browser-'));
test.before(() => {
  process.chdir(folder);
  process.env.SELVEDGE_DATA = fileURLToPath(sampleFolderUrl());
});
test.after(() => {
  process.chdir(home);
  if (SELVEDGE_DATA === undefined) delete process.env.SELVEDGE_DATA;
  else process.env.SELVEDGE_DATA = SELVEDGE_DATA;
  rmSync(folder, { recursive: true });
});

async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCommand(words, { write: (text) => (out += text), writeError: (text) => (err += text) });
  return { code, out, err };
}

test('runCommand() answers with the exit code and what a command says', async () => {
  const { code, out } = await run('data', '--json');
  assert.is(code, 0);
  assert.is(JSON.parse(out).train, 2000);
  const wrong = await run('weave');
  assert.is(wrong.code, 2);
  assert.match(wrong.err, /Unknown command "weave": expected one of info, data/);
});

test('runCommand() runs tasks of deno.json, and again only what changed', async () => {
  const first = await run('task', 'explore');
  assert.is(first.code, 0, first.err);
  assert.match(readFileSync(path.join(folder, 'runs', 'data.json'), 'utf8'), /"train": 2000/);
  const second = await run('task', 'explore');
  assert.match(second.err, /data .*cached/);
  assert.match(second.err, /explore .*cached/);
  const sources = path.join(folder, 'src', 'all');
  writeFileSync(sources, 'what somebody else left there');
  const third = await run('task', 'explore');
  assert.match(third.err, /explore .*cached/);
});

test('runCommand() runs a task again when the program comes with other sources of it, and those before it not', async () => {
  const own = new URL('../../build/tasks.json', import.meta.url);
  const packaged = JSON.parse(readFileSync(own, 'utf8')) as { sources: Record<string, string> };
  const other = path.join(folder, 'other-tasks.json');
  const sources = { ...packaged.sources, 'src/all': 'another digest' };
  writeFileSync(other, JSON.stringify({ ...packaged, sources }));
  provideFiles({ 'tasks.json': pathToFileURL(other) });
  try {
    const { code, err } = await run('task', 'explore');
    assert.is(code, 0, err);
    assert.match(err, /data .*cached/);
    assert.match(err, /explore/);
    assert.not.match(err, /explore .*cached/);
  } finally {
    provideFiles({ 'tasks.json': own });
  }
});

test('runCommand() tells an observer of tasks, updates and epochs, also of those inside a task', async () => {
  const heard: string[] = [];
  const observer: Observer = {
    onTask: (event) =>
      heard.push(`${event.planned.task.name} ${event.kind === 'end' ? event.result.outcome : 'start'}`),
    onProgress: (model, { epoch, step, steps }) => heard.push(`${model} ${epoch}: ${step}/${steps}`),
    onEpoch: (model, { epoch }, epochs) => heard.push(`${model} epoch ${epoch}/${epochs}`),
  };
  const command = 'selvedge train --model baseline --examples 60 --batch-size 30 --epochs 1';
  writeFileSync(path.join(folder, 'observed.json'), JSON.stringify({ tasks: { short: command } }));
  const silent = { write: () => undefined, writeError: () => undefined };
  const code = await runCommand(['task', '--config', 'observed.json', 'short'], { ...silent, observer });
  assert.is(code, 0);
  assert.equal(heard, ['short start', 'baseline 1: 1/2', 'baseline 1: 2/2', 'baseline epoch 1/1', 'short ran']);
});

test('runCommand() refuses a second command while one runs', async () => {
  const running = run('info');
  try {
    await run('info');
    assert.unreachable('two at once');
  } catch (error) {
    assert.is((error as { code: string }).code, 'cli/busy');
  }
  await running;
});

test('standInOf() makes a path that its pattern means', () => {
  assert.equal(
    ['src/core/**', 'src/data/*.ts', 'assembly/**/*.ts', 'asconfig*.json', 'src/cli/train.ts'].map(standInOf),
    ['src/core/all', 'src/data/all.ts', 'assembly/all.ts', 'asconfigall.json', 'src/cli/train.ts'],
  );
});

test.run();
