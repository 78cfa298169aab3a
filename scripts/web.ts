// Serves, builds, checks and tests the page in web/, whose packages it installs when they are first needed.
// Not here: the page, and how Vite serves it (web/vite.config.ts). Invariant: the data set is found where the command line finds it.
//
//   node --import tsx scripts/web.ts serve [--data] [options of vite…]
//   node --import tsx scripts/web.ts build [--data] [--isolate] [options of vite build…]
//   node --import tsx scripts/web.ts types
//   node --import tsx scripts/web.ts test [options of web/test/main.ts…]
//
// --data puts the whole data set beside the page; without it the page has the shipped sample, and what its user gives it.
// --isolate adds a service worker that makes threads possible on hosts that cannot send COOP and COEP.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fashionMnistDebianFolder, loadFashionMnist, type SourceKind } from '../src/data/index.ts';
import { platform } from '../src/platform/index.ts';
import { installPackages, root } from './runtimes/runtime.ts';

const webFolder = path.join(root, 'web');
const OUTPUT = 'dist';

/** Installs the page's packages where they are not there yet. */
function installWeb(say: (line: string) => void): void {
  if (!existsSync(path.join(webFolder, 'node_modules', '.package-lock.json'))) installPackages(webFolder, say);
}

/**
 * A folder with the four files of the whole data set, fetched if need be.
 *
 * @throws Error if only the shipped sample is in reach
 */
async function findDataFolder(say: (line: string) => void): Promise<string> {
  const { source, notices } = await loadFashionMnist();
  const cache = path.join(platform.cacheFolder(), 'fashion-mnist');
  const folders: Readonly<Partial<Record<SourceKind, string | undefined>>> = {
    folder: process.env.SELVEDGE_DATA,
    cache,
    debian: fashionMnistDebianFolder,
    // What is fetched is kept there.
    http: cache,
    apt: cache,
    sample: undefined,
  };
  const folder = folders[source.kind];
  if (folder !== undefined) {
    say(`The whole data set comes along, from ${source.description}`);
    return path.resolve(folder);
  }
  const reasons = notices.map((notice) => `\n  ${notice}`).join('');
  throw new Error(
    `Cannot put the data set beside the page: expected the whole of it, got ${source.description}${reasons}`,
  );
}

/** Runs this Node with some arguments. */
function runNode(args: readonly string[], cwd: string, environment: Record<string, string> = {}): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const vite = path.join(webFolder, 'node_modules', 'vite', 'bin', 'vite.js');

/** Types of the page, against the built package, and of its tests. */
async function checkTypes(): Promise<number> {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const compiler = path.join(path.dirname(manifest), 'bin', 'tsc');
  const codes = [await runNode([compiler, '-p', 'web'], root), await runNode([compiler, '-p', 'web/test'], root)];
  return Math.max(...codes);
}

async function main([command, ...words]: readonly string[]): Promise<number> {
  const say = (line: string): void => console.log(line);
  const options = words.filter((word) => word !== '--data' && word !== '--isolate');
  if (!['serve', 'build', 'types', 'test'].includes(command ?? '')) {
    throw new Error(`Unknown command "${command}": expected serve, build, types or test`);
  }
  installWeb(say);
  if (command === 'types') return checkTypes();
  if (command === 'test') return runNode(['--import', 'tsx', path.join('web', 'test', 'main.ts'), ...words], root);
  const environment = {
    SELVEDGE_WEB_DATA: words.includes('--data') ? await findDataFolder(say) : '',
    SELVEDGE_WEB_ISOLATE: words.includes('--isolate') ? '1' : '',
  };
  if (command === 'serve') return runNode([vite, ...options], webFolder, environment);
  const code = await runNode([vite, 'build', '--outDir', OUTPUT, '--emptyOutDir', ...options], webFolder, environment);
  if (code === 0 && !options.includes('--outDir')) {
    say(`Built ${path.join('web', OUTPUT)}: any host can serve it, under any path`);
  }
  return code;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
