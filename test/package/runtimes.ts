// The package on Node, Bun and Deno, installed by each one's own package manager, with its command line, and with a second tfjs beside it.
// Invariant: the training ends with the same weights everywhere.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bun, deno, missingBinary } from '../../scripts/runtimes/processes.ts';
import { runtimesFolder } from '../../scripts/runtimes/runtime.ts';
import { type Check, lastJson, makeProject, type Packed, run } from './check.ts';

/** What consumer/library.js prints. */
interface Used {
  readonly engine: { readonly threads: number; readonly sharedMemory: boolean };
  readonly epochs: number;
  readonly probabilities: number;
  readonly weights: string;
  readonly answer: { readonly images: readonly { readonly class: string }[] };
}

const newestNode = path.join(runtimesFolder, 'node', 'node_modules', 'node-26', 'bin', 'node');

let weights: string | undefined;

function judge(used: Used): string {
  const { engine, epochs, probabilities, answer } = used;
  const found = [engine.threads, engine.sharedMemory, epochs, probabilities, answer.images[0]?.class].join(' ');
  const expected = '2 true 1 10 Ankle boot';
  if (found !== expected) throw new Error(`Got "${found}", not "${expected}"`);
  weights ??= used.weights;
  if (used.weights !== weights) throw new Error(`The weights are ${used.weights}, not ${weights}`);
  return `weights ${used.weights.slice(0, 12)}`;
}

const selvedge = (project: string): string => path.join(project, 'node_modules', 'selvedge');

async function runProgram({ project }: Packed, ...args: string[]): Promise<unknown> {
  const { out } = await run(project, 'npx', '--no-install', 'selvedge', ...args, '--json');
  return JSON.parse(out);
}

export const runtimeChecks: readonly Check[] = [
  {
    title: 'Node: npm install selvedge; import, train, predict, classify',
    async run({ project }) {
      return judge(lastJson(await run(project, process.execPath, 'library.js')));
    },
  },
  {
    title: 'Node 26: the same installation',
    missing: () => (existsSync(newestNode) ? undefined : 'npm ci --ignore-scripts in test/runtimes/node'),
    async run({ project }) {
      return judge(lastJson(await run(project, newestNode, 'library.js')));
    },
  },
  {
    title: 'Node: npx selvedge info and predict, from the compiled modules',
    async run(packed) {
      const info = JSON.stringify(await runProgram(packed, 'info'));
      if (!info.includes('threaded-simd')) throw new Error(`selvedge info says ${info}`);
      await run(packed.project, process.execPath, 'picture.js');
      const predicted = JSON.stringify(await runProgram(packed, 'predict', 'picture.png'));
      if (!predicted.includes('Ankle boot')) throw new Error(`selvedge predict says ${predicted}`);
      return undefined;
    },
  },
  {
    title: 'Bun: bun add selvedge; the same',
    missing: () => missingBinary(bun),
    async run(packed) {
      const project = makeProject(packed, 'bun', ['library.js']);
      await run(project, bun.binary!, 'add', '--ignore-scripts', 'selvedge');
      const used = judge(lastJson(await run(project, bun.binary!, 'library.js')));
      await run(project, bun.binary!, '--bun', 'x', '--no-install', 'selvedge', 'info');
      return used;
    },
  },
  {
    title: 'Deno: npm:selvedge, from the global cache',
    missing: () => missingBinary(deno),
    async run(packed) {
      const project = makeProject(packed, 'deno', ['library.js']);
      const specifier = `npm:selvedge@${packed.version}`;
      const imports = { selvedge: specifier, 'selvedge/': `${specifier.replace('npm:', 'npm:/')}/` };
      writeFileSync(path.join(project, 'deno.json'), JSON.stringify({ nodeModulesDir: 'none', imports }));
      const used = judge(lastJson(await run(project, deno.binary!, 'run', '--allow-all', 'library.js')));
      await run(project, deno.binary!, 'run', '--allow-all', specifier, 'info');
      return used;
    },
  },
  {
    title: 'Deno: deno add npm:selvedge, in node_modules',
    missing: () => missingBinary(deno),
    async run(packed) {
      const project = makeProject(packed, 'deno-modules', ['library.js']);
      await run(project, deno.binary!, 'add', `npm:selvedge@${packed.version}`);
      return judge(lastJson(await run(project, deno.binary!, 'run', '--allow-all', 'library.js')));
    },
  },
  {
    title: 'a second copy of tfjs-core is refused',
    run: (packed) =>
      refuses(packed, 'second', /two copies of @tensorflow\/tfjs-core/, (project) => {
        cpSync(path.join(project, core), path.join(selvedge(project), core), { recursive: true });
      }),
  },
  {
    title: 'another version of tfjs is refused',
    run: (packed) =>
      refuses(packed, 'other', /expected @tensorflow\/tfjs-core \S+, got 4\.21\.0/, (project) => {
        const file = path.join(project, core, 'dist', 'tf-core.node.js');
        writeFileSync(file, readFileSync(file, 'utf8').replace("version = '4.22.0'", "version = '4.21.0'"));
      }),
  },
];

const core = path.join('node_modules', '@tensorflow', 'tfjs-core');

/** Changes what is installed, and expects the engine not to start. */
async function refuses(
  packed: Packed,
  name: string,
  reason: RegExp,
  change: (project: string) => void,
): Promise<undefined> {
  const project = makeProject(packed, name, ['library.js']);
  cpSync(path.join(packed.project, 'node_modules'), path.join(project, 'node_modules'), { recursive: true });
  change(project);
  const said = await run(project, process.execPath, 'library.js').then(
    () => 'nothing',
    (error: Error) => error.message,
  );
  if (!reason.test(said)) throw new Error(`Expected a refusal, got ${said}`);
  return undefined;
}
