// Packs the package, offers it in a registry of this machine, installs it in empty projects, and uses it as its users do.
// Not here: what is cheap to know without packing (test/package.test.ts). Invariant: the last line is `N passed, N failed`.
//
//   node --import tsx scripts/test-package.ts [--ci] [PART OF A TITLE…]
//
// --ci: what cannot be had has failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundlerChecks } from '../test/package/bundlers.ts';
import { type Check, makeProject, type Packed, root, run, toolsFolder } from '../test/package/check.ts';
import { startRegistry } from '../test/package/registry.ts';
import { runtimeChecks } from '../test/package/runtimes.ts';
import { tarballChecks } from '../test/package/tarball.ts';
import { bun, missingBinary } from './runtimes/processes.ts';
import { killProcesses } from './runtimes/run-process.ts';
import { installPackages, runtimesFolder } from './runtimes/runtime.ts';

const LINE_LIMIT = 300;
const LINES_LIMIT = 60;

const checks: readonly Check[] = [...tarballChecks, ...runtimeChecks, ...bundlerChecks];

function pack(folder: string): string {
  // The task has built everything.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout, stderr, status } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  return path.join(folder, (JSON.parse(stdout) as [{ filename: string }])[0].filename);
}

async function main(words: readonly string[]): Promise<void> {
  const mayBeMissing = !words.includes('--ci');
  const parts = words.filter((word) => !word.startsWith('--'));
  const wanted = checks.filter(({ title }) => parts.length === 0 || parts.some((part) => title.includes(part)));
  if (wanted.length === 0) throw new Error(`No check has ${parts.join(' or ')} in its title`);
  if (!existsSync(path.join(toolsFolder, 'node_modules', 'publint'))) installPackages(toolsFolder, console.log);
  if (missingBinary(bun) !== undefined) installPackages(runtimesFolder, console.log);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-package-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = pack(folder);
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const registry = await startRegistry(manifest, file);
  useRegistry(registry.address, folder);
  let passed = 0;
  let failed = 0;
  try {
    const packed: Packed = {
      version: manifest.version,
      file,
      registry: registry.address,
      folder,
      project: path.join(folder, 'node'),
    };
    makeProject(packed, 'node', ['library.js', 'picture.js']);
    await run(packed.project, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', 'selvedge');
    for (const check of wanted) {
      const reason = check.missing?.();
      if (reason !== undefined) {
        console.log(`${mayBeMissing ? 'skipped' : 'FAILED '} ${check.title}: ${reason}`);
        if (!mayBeMissing) failed++;
        continue;
      }
      const start = performance.now();
      const found = await check.run(packed).catch((error: unknown) => error as Error);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      if (found instanceof Error) {
        failed++;
        console.log(`FAILED  ${check.title}, ${seconds} s\n${shorten(found.message)}`);
      } else {
        passed++;
        console.log(`ok      ${check.title}, ${seconds} s${found === undefined ? '' : `: ${found}`}`);
      }
    }
  } finally {
    await registry.close();
  }
  if (failed > 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed`);
}

/** A stack that quotes a minified bundle is as long as the bundle. */
const shorten = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.slice(0, LINE_LIMIT))
    .slice(0, LINES_LIMIT)
    .join('\n');

/** Every package manager asks our registry, and none believes what it has cached of the package. */
function useRegistry(address: string, folder: string): void {
  process.env.npm_config_registry = address;
  process.env.NPM_CONFIG_REGISTRY = address;
  for (const name of ['DENO_DIR', 'BUN_INSTALL_CACHE_DIR']) {
    process.env[name] = path.join(folder, name.toLowerCase());
    mkdirSync(process.env[name]);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    killProcesses();
    process.exit(128 + os.constants.signals[signal]);
  });
}
await main(process.argv.slice(2));
