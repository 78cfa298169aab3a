// Builds the AssemblyScript kernels for shared and for unshared memory, and refuses a module with static data or a start
// function: both would write over emscripten's own data, which lives at the same low addresses.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('bin/asc.js', import.meta.resolve('assemblyscript/package.json')));
const START = 8;
const sectionNames: Record<number, string> = { [START]: 'start', 11: 'data', 12: 'data count' };

/** Names of the forbidden sections that a wasm binary holds. */
export function forbiddenSections(wasm: Uint8Array): string[] {
  const found: string[] = [];
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at++]!;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    // A data section that holds zero segments is harmless: one byte, the count. In a start section it is a function's index.
    const isEmpty = id !== START && size === 1 && wasm[at] === 0;
    if (sectionNames[id] && !isEmpty) found.push(sectionNames[id]);
    at += size;
  }
  return found;
}

function build(target: 'shared' | 'unshared'): void {
  const output = `${root}build/kernels-${target}.wasm`;
  const beside = `${output}.${process.pid}.part`;
  const result = spawnSync(
    process.execPath,
    [compiler, '--config', 'asconfig.json', '--target', target, '--outFile', beside],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (result.status !== 0) throw new Error(`Cannot build the ${target} kernels: asc ended with code ${result.status}`);
  const wasm = readFileSync(beside);
  const forbidden = forbiddenSections(wasm);
  if (forbidden.length > 0) {
    rmSync(beside);
    throw new Error(
      `Cannot use the ${target} kernels: they hold a ${forbidden.join(' and a ')} section; ` +
        'remove array and string literals, managed types and top-level initialisers from assembly/',
    );
  }
  renameSync(beside, output);
  console.log(`build/kernels-${target}.wasm  ${(wasm.length / 1024).toFixed(1)} KB`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(`${root}build`, { recursive: true });
  try {
    build('shared');
    build('unshared');
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
