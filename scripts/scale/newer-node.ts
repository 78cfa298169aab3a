// A Node that pg-boss runs on, for tests that themselves run on an older one. Not here: Bun and Deno, which run it as they are.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../test/runtimes/queue/', import.meta.url));
const all = fileURLToPath(new URL('../../test/runtimes/node/', import.meta.url));

const isNewEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
};

/** Its program; undefined where nobody has fetched one. */
export function findNewerNode(): string | undefined {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const known = [
    process.env.SELVEDGE_QUEUE_NODE,
    `${folder}node_modules/node-22/bin/node`,
    `${all}node_modules/node-22/bin/node`,
  ];
  return known.find((file) => file !== undefined && existsSync(file));
}

/** Finds one, or fetches it from the registry; undefined where that fails. */
export function fetchNewerNode(): string | undefined {
  const found = findNewerNode();
  if (found || process.platform !== 'linux' || process.arch !== 'x64') return found;
  try {
    execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: folder, stdio: 'ignore', timeout: 300_000 });
  } catch {
    return undefined;
  }
  return findNewerNode();
}
