// The package in bundles of Vite and esbuild, and to TypeScript. What was built for browsers is served and opened in headless Chromium.
// Invariant: a bundle's engine comes to the same weights as the engine of another bundle, on a page and in a worker.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { runProcess } from '../../scripts/runtimes/run-process.ts';
import { type Check, lastJson, type Packed, root, run, toolsFolder } from './check.ts';
import { chromiumPath, openPage } from './page.ts';

/** What consumer/site/predict.js answers. */
interface Predicted {
  readonly threads: number;
  readonly build: string;
  readonly fallbackReason?: string;
  readonly weights: string;
  readonly probabilities: readonly number[];
}

interface FoundByPage {
  readonly page: Predicted;
  readonly worker: Predicted;
}

let weights: string | undefined;

function judge(found: FoundByPage): string {
  const { page, worker } = found;
  const started = `${page?.build} ${page?.threads} ${page?.fallbackReason}, ${worker?.build} ${worker?.threads}`;
  if (started !== 'simd 1 this thread must not block, threaded-simd 2') throw new Error(JSON.stringify(found));
  sameWeights(page);
  sameWeights(worker);
  return started;
}

function sameWeights(predicted: Predicted): void {
  weights ??= predicted.weights;
  if (predicted.weights !== weights) throw new Error(`The weights are ${predicted.weights}, not ${weights}`);
}

/** Copies the consumer's site into a folder of the project that has the package. */
function makeSite({ project }: Packed, name: string): string {
  const folder = path.join(project, name);
  cpSync(path.join(toolsFolder, 'consumer', 'site'), folder, { recursive: true });
  return folder;
}

const packageFolder = ({ project }: Packed): string => path.join(project, 'node_modules', 'selvedge');

const bundle = (folder: string, options: BuildOptions) =>
  build({
    absWorkingDir: folder,
    bundle: true,
    format: 'esm',
    splitting: true,
    target: 'es2022',
    minify: true,
    logLevel: 'silent',
    logOverride: { 'empty-import-meta': 'silent' },
    ...options,
  });

const chromiumMissing = (): string | undefined =>
  chromiumPath() === undefined ? 'no Chromium: install it, or say in CHROMIUM where it is' : undefined;

/** Fails where a bundle holds code for another kind of runtime. */
function refuseNodeModules(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.m?js$/.test(file)) continue;
    const found = /["']node:\w+["']/.exec(readFileSync(path.join(folder, file), 'utf8'));
    if (found) throw new Error(`${file} of the bundle imports ${found[0]}`);
  }
}

const compilerOptions = {
  target: 'ES2022',
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

function typesCheck(name: string, options: object): Check {
  return {
    title: `TypeScript, ${name}, takes the declarations`,
    async run({ project }) {
      const folder = path.join(project, `types-${name}`);
      mkdirSync(folder);
      cpSync(path.join(toolsFolder, 'consumer', 'types.ts'), path.join(folder, 'types.ts'));
      const settings = { compilerOptions: { ...compilerOptions, ...options }, files: ['types.ts'] };
      writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
      const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const { out, code } = await runProcess(process.execPath, [compiler, '-p', '.'], { cwd: folder });
      // Declarations of tfjs and of vega-lite do not hold by themselves, whatever imports them.
      const lines = out
        .split('\n')
        .filter((line) => /error TS/.test(line) && !/node_modules\/(?!selvedge\/)/.test(line));
      if (lines.length > 0 || code === null) throw new Error(lines.join('\n'));
      return undefined;
    },
  };
}

/** What bundlers for a kind of runtime say of it, and the module that is then the platform. */
const platforms = [
  { conditions: ['workerd', 'worker', 'browser'], module: 'edge.js' },
  { conditions: ['edge-light', 'browser'], module: 'edge.js' },
  { conditions: ['browser'], module: 'browser.js' },
];

export const bundlerChecks: readonly Check[] = [
  {
    title: 'esbuild: each kind of runtime has its own platform, and no module of Node',
    async run(packed) {
      const folder = makeSite(packed, 'platforms');
      for (const { conditions, module } of platforms) {
        const options: BuildOptions = { entryPoints: ['predict.js'], platform: 'browser', conditions, write: false };
        const { metafile, outputFiles } = await bundle(folder, { ...options, outdir: 'out', metafile: true });
        const taken = Object.keys(metafile!.inputs).flatMap((file) => /dist\/platform\/(.*)$/.exec(file)?.[1] ?? []);
        const others = ['node.js', 'bun.js', 'deno.js', 'detect.js', 'browser.js', 'edge.js'];
        const found = others.filter((file) => taken.includes(file)).join();
        if (found !== module) throw new Error(`With ${conditions} the platform is ${found}, not ${module}`);
        const foreign = outputFiles!.find(({ text }) => /["']node:\w+["']/.test(text));
        if (foreign) throw new Error(`With ${conditions} the bundle imports a module of Node`);
      }
      return undefined;
    },
  },
  typesCheck('bundler', { module: 'ESNext', moduleResolution: 'bundler' }),
  typesCheck('node16', { module: 'Node16', moduleResolution: 'node16' }),
  {
    title: 'Vite: a page and a worker, built, served and opened in Chromium',
    missing: chromiumMissing,
    async run(packed) {
      const folder = makeSite(packed, 'vite');
      await run(folder, process.execPath, path.join(toolsFolder, 'node_modules', 'vite', 'bin', 'vite.js'), 'build');
      const built = path.join(folder, 'dist');
      refuseNodeModules(built);
      return judge((await openPage(built)) as FoundByPage);
    },
  },
  {
    title: 'esbuild: the same with provideFiles() and a copy of build/',
    missing: chromiumMissing,
    async run(packed) {
      const folder = makeSite(packed, 'esbuild');
      const built = path.join(folder, 'out');
      const start = "import { provideFiles } from 'selvedge';\nprovideFiles(new URL('./engine/', import.meta.url));\n";
      const predict = path.join(folder, 'predict.js');
      writeFileSync(predict, `${start}${readFileSync(predict, 'utf8')}`);
      await bundle(folder, { entryPoints: ['page.js', 'engine-worker.js'], outdir: built });
      refuseNodeModules(built);
      cpSync(path.join(packageFolder(packed), 'build'), path.join(built, 'engine'), { recursive: true });
      cpSync(path.join(folder, 'index.html'), path.join(built, 'index.html'));
      return judge((await openPage(built)) as FoundByPage);
    },
  },
  {
    title: 'esbuild: selvedge/edge in a page, of our own code only',
    missing: chromiumMissing,
    async run(packed) {
      const folder = makeSite(packed, 'edge');
      const built = path.join(folder, 'out');
      const { metafile } = await bundle(folder, {
        entryPoints: { page: 'classify.js' },
        outdir: built,
        metafile: true,
      });
      const foreign = Object.keys(metafile!.inputs).filter((file) => !/selvedge\/dist|classify/.test(file));
      if (foreign.length > 0) throw new Error(`The bundle holds ${foreign.join(', ')}`);
      const engine = path.join(built, 'engine');
      cpSync(path.join(packageFolder(packed), 'build', 'edge.wasm'), path.join(engine, 'edge.wasm'));
      const model = path.join(packageFolder(packed), 'assets', 'models', 'dropout', 'dropout.selvedge');
      cpSync(model, path.join(engine, 'dropout.selvedge'));
      cpSync(path.join(folder, 'index.html'), path.join(built, 'index.html'));
      const { probabilities } = (await openPage(built)) as { probabilities: number };
      if (probabilities !== 10) throw new Error(`Got ${probabilities} probabilities`);
      return `${readFileSync(path.join(built, 'page.js')).length} bytes of JavaScript`;
    },
  },
  {
    title: 'esbuild --platform=node: one file and a copy of build/',
    async run(packed) {
      const folder = makeSite(packed, 'bundle-node');
      const built = path.join(folder, 'out');
      writeFileSync(
        path.join(folder, 'main.js'),
        `import { provideFiles } from 'selvedge';
import { predictWithEngine } from './predict.js';
provideFiles(new URL('./engine/', import.meta.url));
console.log(JSON.stringify(await predictWithEngine()));`,
      );
      await bundle(folder, {
        entryPoints: ['main.js'],
        outdir: built,
        platform: 'node',
        // tfjs is CommonJS there, which asks for these.
        banner: {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url), __dirname = '';",
        },
      });
      cpSync(path.join(packageFolder(packed), 'build'), path.join(built, 'engine'), { recursive: true });
      if (!existsSync(path.join(built, 'main.js'))) throw new Error('Nothing was built');
      const predicted = lastJson<Predicted>(await run(built, process.execPath, 'main.js'));
      if (predicted.threads !== 2) throw new Error(JSON.stringify(predicted));
      sameWeights(predicted);
      return `${predicted.threads} threads`;
    },
  },
];
