// Builds the AssemblyScript kernels: for shared memory, for unshared memory, and those few that edge deployments need. Refuses a module
// with static data or a start function: both would write over emscripten's own data, which lives at the same low addresses.
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SelvedgeError } from '../src/core/errors.ts';
import { KERNELS_SECTION } from '../src/edge/kernels.ts';
import { type EngineFile, platform } from '../src/platform/index.ts';

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

/** Each module and what the compiler is told. Those of the engine share a memory with tfjs; that of edge deployments has one of its own. */
const modules = {
  'kernels-shared.wasm': ['--config', 'asconfig.json', '--target', 'shared'],
  'kernels-unshared.wasm': ['--config', 'asconfig.json', '--target', 'unshared'],
  'edge.wasm': ['--config', 'asconfig.edge.json'],
} as const satisfies Partial<Record<EngineFile, readonly string[]>>;

async function build(name: keyof typeof modules, onOutput: (text: string) => void): Promise<Built> {
  const file = `build/${name}`;
  const beside = `${root}${file}.${process.pid}.part`;
  const { command, args } = platform.scriptCommand(compiler);
  const options = [...modules[name], '--outFile', beside];
  const { code, stdout, stderr } = await platform.runCommand(command, [...args, ...options], { cwd: root });
  onOutput(`${stdout}${stderr}`);
  if (code !== 0) throw failure(`Cannot build "${name}": asc ended with code ${code}`);
  const wasm = readFileSync(beside);
  const forbidden = forbiddenSections(wasm);
  if (forbidden.length > 0) {
    rmSync(beside);
    throw failure(
      `Cannot use "${name}": it holds a ${forbidden.join(' and a ')} section; ` +
        'remove array and string literals, managed types and top-level initialisers from assembly/',
    );
  }
  if (name === 'edge.wasm') appendFileSync(beside, digestSection(wasm));
  renameSync(beside, `${root}${file}`);
  return { file, bytes: statSync(`${root}${file}`).size };
}

/** The digest of a module in a section that engines skip: on the edge a program has the compiled module and not its bytes. */
function digestSection(wasm: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(KERNELS_SECTION);
  const digest = createHash('sha256').update(wasm).digest();
  return Uint8Array.of(0, 1 + name.length + digest.length, name.length, ...name, ...digest);
}

const failure = (message: string): SelvedgeError => new SelvedgeError('build/failed', message);

/**
 * Builds the modules into build/.
 *
 * @param onOutput Hears what the compiler says
 * @returns Their names and sizes
 * @throws SelvedgeError `build/failed`
 */
export async function buildKernels(onOutput: (text: string) => void): Promise<Built[]> {
  mkdirSync(`${root}build`, { recursive: true });
  const built: Built[] = [];
  for (const name of Object.keys(modules) as (keyof typeof modules)[]) built.push(await build(name, onOutput));
  return built;
}
