// Builds the AssemblyScript kernels for shared and for unshared memory, and refuses a module with static data or a start
// function: both would write over emscripten's own data, which lives at the same low addresses.
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SelvedgeError } from '../src/core/errors.ts';
import { platform } from '../src/platform/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = new URL('bin/asc.js', import.meta.resolve('assemblyscript/package.json'));
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

/** A file that was built. */
export interface Built {
  readonly file: string;
  readonly bytes: number;
}

async function build(target: 'shared' | 'unshared', onOutput: (text: string) => void): Promise<Built> {
  const file = `build/kernels-${target}.wasm`;
  const beside = `${root}${file}.${process.pid}.part`;
  const { command, args } = platform.scriptCommand(compiler);
  const options = ['--config', 'asconfig.json', '--target', target, '--outFile', beside];
  const { code, stdout, stderr } = await platform.runCommand(command, [...args, ...options], { cwd: root });
  onOutput(`${stdout}${stderr}`);
  if (code !== 0) throw failure(`Cannot build the ${target} kernels: asc ended with code ${code}`);
  const wasm = readFileSync(beside);
  const forbidden = forbiddenSections(wasm);
  if (forbidden.length > 0) {
    rmSync(beside);
    throw failure(
      `Cannot use the ${target} kernels: they hold a ${forbidden.join(' and a ')} section; ` +
        'remove array and string literals, managed types and top-level initialisers from assembly/',
    );
  }
  renameSync(beside, `${root}${file}`);
  return { file, bytes: wasm.length };
}

const failure = (message: string): SelvedgeError => new SelvedgeError('build/failed', message);

/**
 * Builds both targets into build/.
 *
 * @param onOutput Hears what the compiler says
 * @returns Their names and sizes
 * @throws SelvedgeError `build/failed`
 */
export async function buildKernels(onOutput: (text: string) => void): Promise<Built[]> {
  mkdirSync(`${root}build`, { recursive: true });
  return [await build('shared', onOutput), await build('unshared', onOutput)];
}
