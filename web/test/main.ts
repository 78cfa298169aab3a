// The tests of the page: builds it, and uses it in Chromium and in Firefox, on hosts with and without its headers.
// Not here: what the page must do (checks.ts). Invariant: the last line is `N passed, N failed`.
//
//   npm run test:web -- [--ci] [--screenshots FOLDER] [chromium | firefox]
//
// --ci: what cannot be had has failed. --screenshots keeps pictures of every view, for people to look at.
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { killProcesses, runProcess } from '../../scripts/runtimes/run-process.ts';
import { root } from '../../scripts/runtimes/runtime.ts';
import { fashionMnistDebianFolder, fashionMnistFiles } from '../../src/data/index.ts';
import { platform } from '../../src/platform/index.ts';
import { browserKinds } from './browsers.ts';
import { testBrowser } from './sessions.ts';

interface Counts {
  passed: number;
  failed: number;
}

/** Reports one thing that holds or does not. */
async function attempt(counts: Counts, title: string, body: () => Promise<void>): Promise<boolean> {
  const start = performance.now();
  try {
    await body();
    counts.passed++;
    console.log(`ok      ${title}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return true;
  } catch (error) {
    counts.failed++;
    console.log(`FAILED  ${title}: ${(error as Error).message}`);
    return false;
  }
}

async function buildSite(folder: string, options: readonly string[]): Promise<void> {
  const words = ['--import', 'tsx', path.join(root, 'scripts', 'web.ts'), 'build', ...options, '--outDir', folder];
  const { code, out, err } = await runProcess(process.execPath, words, { data: 'whole' });
  if (code !== 0) throw new Error(`${out}${err}`.trim());
}

/** The sample's files have the same names, and are a thirtieth. */
const WHOLE_BYTES = 20_000_000;

const holdsWhole = (folder: string): boolean =>
  Object.values(fashionMnistFiles).every(({ name }) => existsSync(path.join(folder, name))) &&
  statSync(path.join(folder, fashionMnistFiles.trainImages.name)).size > WHOLE_BYTES;

/** The whole data set where this machine has it; it is not fetched for a test. */
const findDataFolder = (): string | undefined =>
  [process.env.SELVEDGE_DATA, path.join(platform.cacheFolder(), 'fashion-mnist'), fashionMnistDebianFolder].find(
    (folder) => folder && holdsWhole(folder),
  );

async function testTypes(counts: Counts): Promise<void> {
  await attempt(counts, "the page's types", async () => {
    const words = ['--import', 'tsx', path.join(root, 'scripts', 'web.ts'), 'types'];
    const { code, out, err } = await runProcess(process.execPath, words);
    if (code !== 0) throw new Error(`${out}${err}`.trim());
  });
}

interface Settings {
  readonly mayBeMissing: boolean;
  readonly screenshots: string | undefined;
  readonly names: readonly string[];
}

function readSettings(words: readonly string[]): Settings {
  const at = words.indexOf('--screenshots');
  const screenshots = at < 0 ? undefined : path.resolve(words[at + 1] ?? 'screenshots');
  const names = words.filter((word, i) => !word.startsWith('--') && (at < 0 || i !== at + 1));
  return { mayBeMissing: !words.includes('--ci'), screenshots, names };
}

async function main(words: readonly string[]): Promise<void> {
  const { mayBeMissing, screenshots, names } = readSettings(words);
  const counts: Counts = { passed: 0, failed: 0 };
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-web-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dataFolder = findDataFolder();
  // Whoever runs all runtimes has named the sample.
  if (dataFolder !== undefined) process.env.SELVEDGE_DATA = dataFolder;
  const sites = { plain: path.join(folder, 'plain'), furnished: path.join(folder, 'furnished') };
  await testTypes(counts);
  const isBuilt = await attempt(counts, 'the page is built, as it is and with data and service worker', async () => {
    await buildSite(sites.plain, []);
    await buildSite(sites.furnished, ['--isolate', ...(dataFolder === undefined ? [] : ['--data'])]);
  });
  for (const kind of isBuilt ? browserKinds : []) {
    if (names.length > 0 && !names.includes(kind.name)) continue;
    const reason = kind.missing();
    if (reason === undefined) {
      await testBrowser(kind, { sites, dataFolder, screenshots }, (title, body) =>
        attempt(counts, `${kind.name}: ${title}`, body),
      );
      continue;
    }
    console.log(`${mayBeMissing ? 'skipped' : 'FAILED '} ${kind.name}: ${reason}`);
    if (!mayBeMissing) counts.failed++;
  }
  if (counts.failed > 0) process.exitCode = 1;
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    killProcesses();
    process.exit(128 + os.constants.signals[signal]);
  });
}
await main(process.argv.slice(2));
