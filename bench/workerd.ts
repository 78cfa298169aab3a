// The edge worker in Cloudflare's workerd, started as a process: the binary is that of examples/cloudflare, fetched when it is needed.
// Not here: what is measured (edge.ts). Invariant: nothing of miniflare's own stands between us and the worker.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerSize } from '../scripts/worker-size.ts';
import { SelvedgeError } from '../src/core/errors.ts';
import { platform } from '../src/platform/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = path.join(root, 'examples', 'cloudflare');
const COMPATIBILITY_DATE = '2026-07-30';
const START_LIMIT_MS = 30_000;
/** Ticks of /proc are of 10 ms on every kernel that Node runs on (USER_HZ). */
const TICK_MS = 10;

export interface Workerd {
  readonly binary: string;
  readonly version: string;
}

/** Finds workerd, and fetches it once where it is not there. */
export async function findWorkerd(onProgress?: (line: string) => void): Promise<Workerd> {
  if (!existsSync(path.join(packages, 'node_modules', 'workerd'))) {
    onProgress?.('fetching workerd into examples/cloudflare, once');
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { code, stderr } = await platform.runCommand('npm', args, { cwd: packages });
    if (code !== 0) throw new SelvedgeError('bench/edge', `Cannot fetch workerd: npm ci said ${stderr.trim()}`);
  }
  const { default: binary } = createRequire(path.join(packages, 'package.json'))('workerd') as { default: string };
  const { stdout } = await platform.runCommand(binary, ['--version']);
  return { binary, version: stdout.trim() };
}

/** Writes the bundled worker and its configuration; answers with the path of the latter. */
export async function prepareWorker(flags: readonly string[]): Promise<string> {
  const folder = path.join(platform.cacheFolder(), 'bench', `edge${flags.map((flag) => `-${flag}`).join('')}`);
  const { script } = await workerSize(true);
  const files = [...script.matchAll(/from\s*"\.\/([^"]+\.(?:wasm|selvedge))"/g)].map(([, file]) => file!);
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  writeFileSync(path.join(folder, 'worker.js'), script);
  const modules = files.map(
    (file) => `(name = "./${file}", ${file.endsWith('.wasm') ? 'wasm' : 'data'} = embed "${file}")`,
  );
  const config = path.join(folder, 'config.capnp');
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js"), ${modules.join(', ')}],
    compatibilityDate = "${COMPATIBILITY_DATE}",
    compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(', ')}],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  );
  return config;
}

export interface RunningWorker {
  readonly url: string;
  /** Processor time that it has used. */
  processorMs(): number;
  stop(): Promise<void>;
}

/** Starts a process; resolves when it takes requests. */
export async function startWorker({ binary }: Workerd, config: string): Promise<RunningWorker> {
  const child = spawn(binary, ['serve', config, '--control-fd=3'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  try {
    const url = `http://127.0.0.1:${await portOf(child)}`;
    return { url, stop, processorMs: () => processorMsOf(child.pid!) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** It tells its port as a line of JSON. */
function portOf(child: ChildProcess): Promise<number> {
  let said = '';
  let complaint = '';
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      reject(new SelvedgeError('bench/edge', `Cannot start the worker: ${what}: ${complaint.trim()}`));
    };
    const late = setTimeout(() => fail('no port in time'), START_LIMIT_MS);
    child.stderr!.on('data', (chunk) => (complaint += chunk));
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => fail(`workerd ended with code ${code}`));
    child.stdio[3]!.on('data', (chunk) => {
      said += chunk;
      const port = /"port":\s*(\d+)/.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}

/** User and system time, fields 14 and 15; 0 where there is no /proc. Source: proc(5). */
function processorMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}
