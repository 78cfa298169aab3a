// The pipeline in browsers: the tasks of deno.json by the same planner in a worker of a page, on the shipped sample, with files in the origin's
// own file system, and with the weights that Node ends with. A part of npm run test:runtimes; its argument is the name of the browser.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Browser,
  type BrowserKind,
  chromium,
  findBinary,
  firefox,
  type Page,
  startBrowser,
  versionOf,
} from '../../scripts/runtimes/browser-drivers.ts';
import { ISOLATION, POLICY } from '../../scripts/runtimes/browsers.ts';
import { bundle } from '../../scripts/runtimes/bundle.ts';
import { type FileServer, serveFiles } from '../../scripts/runtimes/file-server.ts';
import { runProcess } from '../../scripts/runtimes/run-process.ts';
import { root } from '../../scripts/runtimes/runtime.ts';
import type { RunConfig } from '../../src/cli/run-files.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';
import type { BrowserCommand, BrowserCommandAnswer } from './browser-commands.ts';

const kind: BrowserKind = process.argv[2] === 'firefox' ? firefox : chromium;
const MODELS = ['baseline', 'dropout'];
const INDEX =
  '<!doctype html><html lang="en"><title>Pipeline</title><script type="module" src="/src/any/page.js"></script>';
/** The page lends the threads: Firefox may hang where a worker starts its own. */
const PAGE = `
  import { lendWorkers } from './src/platform/index.ts';
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  const port = lendWorkers();
  worker.postMessage({ port }, [port]);
  const ask = (request: unknown) => new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => resolve({ problem: message || 'the worker cannot be loaded' });
    worker.postMessage(request);
  });
  Object.assign(globalThis, { ask });`;

let server: FileServer;
let browser: Browser;
let page: Page;

async function ask<T extends BrowserCommandAnswer>(request: BrowserCommand): Promise<T> {
  const answer = await page.evaluate(`ask(${JSON.stringify(request)}).then(JSON.stringify)`);
  const found = JSON.parse(answer as string) as T;
  if ('problem' in found) throw new Error(found.problem);
  return found;
}

const run = (...words: string[]): Promise<{ code: number; text: string }> => ask({ words, environment: {} });
const read = async (...paths: string[]) =>
  (await ask<{ files: readonly { sha256: string; text: string }[] }>({ paths })).files;

test.before(async () => {
  const source = `import './test/runtimes/browser-commands.ts';`;
  const worker = await bundle({ source, platform: 'browser', format: 'esm', charts: true });
  const script = await bundle({ source: PAGE, platform: 'browser', format: 'esm' });
  server = await serveFiles({
    contents: { '/index.html': INDEX, '/src/any/page.js': script, '/src/any/worker.js': worker },
    headers: { 'content-security-policy': POLICY, ...ISOLATION },
  });
  browser = await startBrowser(kind);
  page = await browser.open(`${server.address}index.html`);
});
test.after(async () => {
  await browser?.close();
  await server?.close();
});

test(`task pipeline does the study in ${kind.name}, with SIMD and threads`, async () => {
  const { code, text } = await run('task', 'pipeline');
  assert.is(code, 0, text);
  assert.match(text, /small real sample/);
  const version = kind.reportedVersion(versionOf(findBinary(kind)!));
  for (const model of MODELS) {
    const [config] = await read(`/runs/pipeline/${model}/config.json`);
    const { runtime, engine, machine, execution } = JSON.parse(config!.text) as RunConfig;
    assert.equal(runtime, { name: kind.name, version });
    assert.equal([engine.build, engine.threads], ['threaded-simd', machine.cores]);
    assert.is(execution?.kind, 'plan');
  }
  const [report] = await read('/runs/pipeline/report.html');
  assert.match(report!.text, `${kind.name} ${version}`);
  assert.ok(report!.text.includes('<svg'), 'the report has its figures');
});

test('a second task pipeline does no work', async () => {
  const { code, text } = await run('task', 'pipeline');
  assert.is(code, 0, text);
  assert.not.match(text, /epoch \d+\/\d+/);
  assert.match(text, /up to date/);
});

test('nothing broke the content security policy', () => {
  assert.equal(server.reports, []);
});

test('the weights are those of Node', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-browser-pipeline-'));
  try {
    const program = path.join(root, 'bin', 'selvedge.js');
    const data = fileURLToPath(sampleFolderUrl());
    for (const model of MODELS) {
      const words = ['train', '--run', 'pipeline', '--model', model, '--epochs', '5', '--data', data];
      const { code, err } = await runProcess(process.execPath, [program, ...words], { cwd: folder });
      assert.is(code, 0, err);
      const trained = (place: string): string => `runs/pipeline/${model}/${place}`;
      const own = await sha256(readFileSync(path.join(folder, trained('model/weights.bin'))));
      assert.is((await read(`/${trained('model/weights.bin')}`))[0]!.sha256, own, model);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
