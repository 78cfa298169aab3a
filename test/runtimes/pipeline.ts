// The pipeline as users of Node, Bun and Deno start it, each in a copy of the project where no other runtime is in the path: on the shipped
// sample, with the runtime that the report recorded, and with weights that are the same on all of them. A part of npm run test:runtimes.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bun, deno, missingBinary, thisNode } from '../../scripts/runtimes/processes.ts';
import { root } from '../../scripts/runtimes/runtime.ts';
import type { RunConfig } from '../../src/cli/run-files.ts';
import { sha256 } from '../../src/core/sha256.ts';

/** What users type. npm starts the same program as the second word of the first. */
const commands = [
  { runtime: thisNode, words: ['node', 'bin/selvedge.js', 'task', 'pipeline'] },
  { runtime: bun, words: ['bun', '--bun', 'run', 'pipeline'] },
  { runtime: deno, words: ['deno', 'task', 'pipeline'] },
] as const;
/** What a fresh checkout has not, and what the pipeline does not need. */
const LEFT_OUT = [
  '.git',
  '.selvedge',
  'bench',
  'build',
  'dist',
  'docs',
  'examples',
  'node_modules',
  'runs',
  'test',
  'web',
];
const MODELS = ['baseline', 'dropout'];
const LIMIT_MS = 600_000;
/** Of what a failed program said, in characters. */
const MOST_TEXT = 4_000;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'selvedge-pipeline-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));

/** A copy of the project with the same packages, and a path that holds this runtime and nothing else. */
function checkout(name: string, binary: string): { readonly folder: string; readonly searchPath: string } {
  const folder = path.join(scratch, name);
  for (const source of readdirSync(root)) {
    if (!LEFT_OUT.includes(source)) cpSync(path.join(root, source), path.join(folder, source), { recursive: true });
  }
  const packages = path.join(folder, 'node_modules');
  mkdirSync(path.join(packages, '.bin'), { recursive: true });
  for (const installed of readdirSync(path.join(root, 'node_modules'))) {
    if (installed !== 'selvedge' && installed !== '.bin')
      symlinkSync(path.join(root, 'node_modules', installed), path.join(packages, installed));
  }
  symlinkSync('..', path.join(packages, 'selvedge'));
  symlinkSync('../selvedge/bin/selvedge.js', path.join(packages, '.bin', 'selvedge'));
  const searchPath = path.join(scratch, `${name}-bin`);
  mkdirSync(searchPath);
  symlinkSync(binary, path.join(searchPath, name));
  return { folder, searchPath };
}

const digests: string[][] = [];

for (const { runtime, words } of commands) {
  const [program, ...args] = words;
  const typed = words.join(' ');
  let place: ReturnType<typeof checkout>;
  const run = (): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: place.folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: place.searchPath,
        NO_COLOR: '1',
        DENO_DIR: path.join(scratch, 'deno-cache'),
        SELVEDGE_DATA: path.join(place.folder, 'assets', 'sample'),
      },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    return { status, text: `${stdout}${stderr}${error?.message ?? ''}`.slice(-MOST_TEXT) };
  };

  test(`${typed} does the study on ${runtime.reports.name}, with SIMD and threads`, async () => {
    assert.is(missingBinary(runtime), undefined);
    place = checkout(program, runtime.binary!);
    const { status, text } = run();
    assert.is(status, 0, text);
    const pipeline = path.join(place.folder, 'runs', 'pipeline');
    const found: string[] = [];
    for (const model of MODELS) {
      const config = JSON.parse(readFileSync(path.join(pipeline, model, 'config.json'), 'utf8')) as RunConfig;
      assert.equal(config.runtime, runtime.reports);
      assert.equal([config.engine.build, config.engine.threads], ['threaded-simd', config.machine.cores]);
      assert.is(config.execution?.kind, 'plan');
      found.push(await sha256(readFileSync(path.join(pipeline, model, 'model', 'weights.bin'))));
    }
    digests.push(found);
    const html = readFileSync(path.join(pipeline, 'report.html'), 'utf8');
    assert.match(html, `${runtime.reports.name} ${runtime.reports.version}`);
  });

  test(`a second ${typed} does no work`, () => {
    const { status, text } = run();
    assert.is(status, 0, text);
    assert.not.match(text, /epoch \d+\/\d+/);
  });
}

test('the pipeline ends with the same weights on every runtime', () => {
  assert.is(digests.length, commands.length);
  for (const other of digests.slice(1)) assert.equal(other, digests[0]);
});

test.run();
