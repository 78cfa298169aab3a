// The pipeline as users of Bun and of Deno start it, in a copy of the project where no Node is in the path: on the shipped sample, with
// the runtime that the report recorded, and with weights that are the same on both.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntime, installRuntimes, type Runtime, root, runtimeEntries } from '../../scripts/runtimes.ts';
import type { RunConfig } from '../../src/cli/run-files.ts';
import { sha256 } from '../../src/core/sha256.ts';

/** What users type. */
const commands: Readonly<Record<string, readonly string[]>> = {
  bun: ['--bun', 'run', 'pipeline'],
  deno: ['task', 'pipeline'],
};
/** What a checkout holds that the pipeline needs. */
const SOURCES = ['src', 'bin', 'scripts', 'assembly', 'assets', 'package.json', 'deno.json', 'asconfig.json'];
const MODELS = ['baseline', 'dropout'];
const scratch = mkdtempSync(path.join(os.tmpdir(), 'selvedge-runtimes-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));

/** A copy of the project with the same packages, and a path that holds this runtime and nothing else. */
function checkout(runtime: Runtime): { readonly folder: string; readonly searchPath: string } {
  const folder = path.join(scratch, runtime.name);
  for (const name of SOURCES) cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  const packages = path.join(folder, 'node_modules');
  mkdirSync(path.join(packages, '.bin'), { recursive: true });
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name !== 'selvedge' && name !== '.bin')
      symlinkSync(path.join(root, 'node_modules', name), path.join(packages, name));
  }
  symlinkSync('..', path.join(packages, 'selvedge'));
  symlinkSync('../selvedge/bin/selvedge.js', path.join(packages, '.bin', 'selvedge'));
  const searchPath = path.join(scratch, `${runtime.name}-bin`);
  mkdirSync(searchPath);
  symlinkSync(runtime.binary, path.join(searchPath, runtime.name));
  return { folder, searchPath };
}

const digests: Record<string, string[]> = {};

for (const name of Object.keys(commands)) {
  const entry = runtimeEntries.find((candidate) => candidate.name === name)!;
  installRuntimes([entry], console.log);
  const runtime = findRuntime(entry);
  if ('reason' in runtime) {
    console.log(`${name} is left out: ${runtime.reason}`);
    continue;
  }
  const { folder, searchPath } = checkout(runtime);
  const run = (): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr } = spawnSync(name, commands[name]!, {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: searchPath,
        NO_COLOR: '1',
        DENO_DIR: path.join(scratch, 'deno-cache'),
        SELVEDGE_DATA: path.join(folder, 'assets', 'sample'),
      },
    });
    return { status, text: `${stdout}${stderr}` };
  };

  test(`${name} ${commands[name]!.join(' ')} does the study on ${name}, without Node`, async () => {
    const { status, text } = run();
    assert.is(status, 0, text);
    const pipeline = path.join(folder, 'runs', 'pipeline');
    digests[name] = [];
    for (const model of MODELS) {
      const config = JSON.parse(readFileSync(path.join(pipeline, model, 'config.json'), 'utf8')) as RunConfig;
      assert.equal(config.runtime, runtime.reports);
      assert.equal([config.engine.build, config.engine.threads], ['threaded-simd', config.machine.cores]);
      assert.is(config.execution?.kind, 'plan');
      digests[name].push(await sha256(readFileSync(path.join(pipeline, model, 'model', 'weights.bin'))));
    }
    const html = readFileSync(path.join(pipeline, 'report.html'), 'utf8');
    assert.match(html, `${runtime.reports.name} ${runtime.reports.version}`);
  });

  test(`a second ${name} ${commands[name]!.join(' ')} does no work`, () => {
    const { status, text } = run();
    assert.is(status, 0, text);
    assert.not.match(text, /epoch \d+\/\d+/);
  });
}

test('the pipeline ends with the same weights on every runtime', () => {
  const [first, ...others] = Object.values(digests);
  assert.ok(first, 'no runtime was there');
  for (const other of others) assert.equal(other, first);
});

test.run();
