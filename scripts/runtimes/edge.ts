// Edge runtimes: Cloudflare's workerd through miniflare, and Vercel's edge-runtime, both of test/runtimes. The contract suite is one bundled
// script there; WebAssembly is compiled before, other files come by HTTP. Invariant: eval and the compiler of WebAssembly are off.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EngineFile } from '../../src/platform/index.ts';
import type { ContractReport } from '../../test/contract/contract.ts';
import type { EdgeFingerprint, EdgeLimits } from '../../test/contract/edge-worker.ts';
import { bundle } from './bundle.ts';
import { dataFolder } from './data-folder.ts';
import { type FileServer, serveFiles } from './file-server.ts';
import {
  type FingerprintRequest,
  type FingerprintTaken,
  type RuntimeEntry,
  type RuntimeSession,
  root,
  runtimesFolder,
} from './runtime.ts';

/** The engine where there are no threads, the kernels of selvedge/edge, and the codecs. */
const MODULES = [
  'kernels-unshared.wasm',
  'tfjs-backend-wasm-simd.wasm',
  'edge.wasm',
  'png.wasm',
  'jpeg.wasm',
  'webp.wasm',
] as const satisfies readonly EngineFile[];
/** Of the workerd that is pinned, or earlier. */
const COMPATIBILITY_DATE = '2026-07-01';
const packages = path.join(runtimesFolder, 'node_modules');

const moduleBytes = (name: string): Buffer<ArrayBuffer> => readFileSync(path.join(root, 'build', name));

/** Asks a worker that is ready. */
type Ask = (address: string) => Promise<{ readonly status: number; text(): Promise<string> }>;

interface Started {
  readonly ask: Ask;
  close(): Promise<void>;
}

async function askJson<T>(ask: Ask, target: string): Promise<T> {
  const response = await ask(`http://worker${target}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return JSON.parse(text) as T;
}

/** The suite, and that this is the edge: nothing was evaluated or compiled, because nothing can be. */
async function runContract(ask: Ask): Promise<ContractReport> {
  const report = await askJson<ContractReport>(ask, '/contract');
  const { evaluates, compiles } = await askJson<EdgeLimits>(ask, '/limits');
  const limits = [
    { title: 'text cannot be evaluated here', ...(evaluates ? { problem: 'it can' } : {}) },
    { title: 'WebAssembly cannot be compiled here', ...(compiles ? { problem: 'it can' } : {}) },
  ];
  return { ...report, results: [...report.results, ...limits] };
}

async function takeFingerprint(
  { ask, files }: Started & { readonly files: FileServer },
  { model, data, images }: FingerprintRequest,
): Promise<FingerprintTaken> {
  const query = new URLSearchParams({ model, images: `${images}` });
  if (data === 'whole') query.set('data', new URL('data', files.address).href);
  return askJson<EdgeFingerprint>(ask, `/fingerprint?${query}`);
}

/** Package by package as far as it is used here; their types are there only where they are installed. */
interface Miniflare {
  new (options: object): { dispatchFetch: Ask; dispose(): Promise<void>; readonly ready: Promise<unknown> };
}

interface EdgeVm {
  new (options: object): { dispatchFetch: Ask };
}

const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(path.join(packages, file)).href)) as T;

async function startWorkerd(files: FileServer, compatibilityFlags: readonly string[]): Promise<Started> {
  const imports = MODULES.map((name, i) => `import module${i} from './${name}';`).join('\n');
  const modules = MODULES.map((name, i) => `'${name}': module${i}`).join(', ');
  const source = `${imports}
    import { answer } from './test/contract/edge-worker.ts';
    export default { fetch: (request: Request) => answer(request, { ${modules} }) };`;
  const script = await bundle({ source, platform: 'edge', format: 'esm', base: files.address });
  const { Miniflare } = await load<{ Miniflare: Miniflare }>('miniflare/dist/src/index.js');
  const miniflare = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'worker.js', contents: script },
      ...MODULES.map((name) => ({ type: 'CompiledWasm', path: name, contents: moduleBytes(name) })),
    ],
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags,
  });
  await miniflare.ready;
  return { ask: (address) => miniflare.dispatchFetch(address), close: () => miniflare.dispose() };
}

/** It takes one classic script, which has no modules to import: what it is given beside that are globals. */
async function startEdgeRuntime(files: FileServer): Promise<Started> {
  const source = `
    import { answer } from './test/contract/edge-worker.ts';
    declare const engineFiles: Parameters<typeof answer>[1];
    addEventListener('fetch', (event) => {
      const { request, respondWith } = event as unknown as { request: Request; respondWith(answer: Promise<Response>): void };
      respondWith.call(event, answer(request, engineFiles));
    });`;
  const script = await bundle({ source, platform: 'edge', format: 'iife', base: files.address });
  const engineFiles = Object.fromEntries(MODULES.map((name) => [name, new WebAssembly.Module(moduleBytes(name))]));
  const { EdgeRuntime } = await load<{ EdgeRuntime: EdgeVm }>('edge-runtime/dist/index.js');
  const runtime = new EdgeRuntime({
    initialCode: script,
    extend: (context: object) => Object.assign(context, { engineFiles }),
    // As deployed: Vercel compiles before, too.
    codeGeneration: { strings: false, wasm: false },
  });
  return { ask: (address) => runtime.dispatchFetch(address), close: async () => {} };
}

/** A runtime of the edge. */
function entryOf(
  name: string,
  reports: string,
  { program, version }: { readonly program: string; readonly version: () => string },
  start: (files: FileServer) => Promise<Started>,
): RuntimeEntry {
  return {
    kind: 'runtime',
    name,
    packages: runtimesFolder,
    missing: () => (existsSync(program) ? undefined : `${path.relative(root, program)} is not there`),
    async open(): Promise<RuntimeSession> {
      const files = await serveFiles({ dataFolder: dataFolder() });
      const { ask, close } = await start(files).catch(async (error) => {
        await files.close();
        throw error;
      });
      return {
        version: version(),
        reports: { name: reports, version: 'unknown' },
        hasThreads: false,
        runContract: () => runContract(ask),
        takeFingerprint: (request) => takeFingerprint({ ask, close, files }, request),
        close: async () => {
          await close();
          await files.close();
        },
      };
    },
  };
}

const workerd = path.join(packages, 'workerd', 'bin', 'workerd');
const ofCloudflare = {
  program: workerd,
  version: () => spawnSync(process.execPath, [workerd, '--version'], { encoding: 'utf8' }).stdout.trim(),
};
const edgeRuntime = path.join(packages, 'edge-runtime', 'package.json');
const ofVercel = {
  program: edgeRuntime,
  // Its command has no such option.
  version: () => `edge-runtime ${(JSON.parse(readFileSync(edgeRuntime, 'utf8')) as { version: string }).version}`,
};

/** In the order they are run in. Newer dates of Cloudflare's have `nodejs_compat` by default. */
export const edgeRuntimes: readonly RuntimeEntry[] = [
  entryOf('workerd', 'workerd', ofCloudflare, (files) => startWorkerd(files, [])),
  entryOf('workerd-nodejs', 'workerd', ofCloudflare, (files) => startWorkerd(files, ['nodejs_compat'])),
  entryOf('edge-runtime', 'edge-runtime', ofVercel, startEdgeRuntime),
];
