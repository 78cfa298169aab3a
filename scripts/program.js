// Whether dist/program/, the command line as one file, was built of these very sources. Plain JavaScript, because bin/selvedge.js asks
// before anything reads TypeScript. Not here: how it is built (build-program.ts). Invariant: told by content; times of files mean nothing.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Where the build notes what it was made of. Not in the package. */
export const stampFile = 'dist/program/sources.sha256';

/** Without these the command line builds the engine first, by scripts in TypeScript. */
const engineFiles = ['kernels-shared.wasm', 'tfjs-backend-wasm-threaded-simd.wasm', 'pool-worker.js'];

/**
 * The digest of everything that dist/program/ is made of.
 *
 * @param {string} root The checkout
 */
export function sourcesDigest(root) {
  const hash = createHash('sha256');
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const files = sources.filter((file) => /\.[jt]s$/.test(file)).map((file) => path.join('src', file));
  for (const file of [...files, 'scripts/build-program.ts', 'package-lock.json'].sort()) {
    const content = readFileSync(path.join(root, file));
    hash.update(`${file.replaceAll('\\', '/')} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

/**
 * Whether a checkout's command line may run as it was built.
 *
 * @param {string} root The checkout
 */
export function isFresh(root) {
  const stamp = path.join(root, stampFile);
  if (![stamp, ...engineFiles.map((file) => path.join(root, 'build', file))].every((file) => existsSync(file)))
    return false;
  return readFileSync(stamp, 'utf8').trim() === sourcesDigest(root);
}
