// What each kind of user downloads: the package and what npm installs with it, pages that train, infer or only classify, the edge worker.
// Fails above the limits. Not here: how the worker is put together (worker-size.ts). Invariant: bundles are made of the built package, as
// its users' bundlers would; a file that is loaded only on demand is counted where it is demanded.
//
//   node --import tsx scripts/sizes.ts [--json]
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { type WorkerSize, workerSize } from './worker-size.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What one kind of user downloads. */
export interface Download {
  readonly who: string;
  readonly what: string;
  readonly bytes: number;
  /** As it is transferred; of a package: its tarball. */
  readonly gzipBytes: number;
  /** Of gzipBytes. */
  readonly limit: number;
}

/** A page: what its script imports, and the engine's files that it fetches when it starts. */
interface Page {
  readonly who: string;
  readonly source: string;
  readonly files: readonly string[];
  readonly limit: number;
}

const engine = ['build/kernels-shared.wasm', 'build/tfjs-backend-wasm-threaded-simd.wasm', 'build/pool-worker.js'];

const use = (names: string, entry: string): string => `export { ${names} } from '${entry}';\n`;

/** Limits are a tenth above what was measured when they were set. */
export const pages: readonly Page[] = [
  {
    who: 'page that trains',
    source:
      use('startBackend, buildModel, initializeWeights, fit, fitDefaults, placeDataset', 'selvedge') +
      use('createPredictor, loadFashionMnistSample', 'selvedge'),
    files: engine,
    limit: 540_000,
  },
  {
    who: 'page that infers with tfjs models',
    source:
      use('startBackend', 'selvedge/backend') +
      use('loadModel', 'selvedge/models') +
      use('createPredictor', 'selvedge/plan'),
    files: engine,
    limit: 510_000,
  },
  {
    who: 'page that classifies by selvedge/edge',
    source: use('createClassifier', 'selvedge/edge'),
    files: ['build/edge.wasm', 'assets/models/dropout/dropout.selvedge'],
    limit: 260_000,
  },
];

const TARBALL_LIMIT = 9_600_000;
const INSTALLED_LIMIT = 136_000_000;

const gzipped = (content: Uint8Array): number => gzipSync(content, { level: 9 }).length;

/**
 * Bundles a page and weighs it, with the files that it fetches.
 *
 * @returns What it downloads before it can compute
 */
export async function pageSize({ who, source, files, limit }: Page): Promise<Download> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: root, sourcefile: 'page.js' },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: 'out',
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  const outputs = metafile.outputs;
  const entry = Object.keys(outputs).find((file) => outputs[file]!.entryPoint === 'page.js')!;
  const wanted = new Set([entry]);
  for (const file of wanted) {
    for (const { path: next, kind } of outputs[file]!.imports) if (kind === 'import-statement') wanted.add(next);
  }
  const scripts = outputFiles
    .filter((file) => wanted.has(path.relative(root, file.path).replaceAll('\\', '/')))
    .map(({ contents }) => contents);
  const script = scripts.reduce((sum, content) => sum + gzipped(content), 0);
  const all = [...scripts, ...files.map((file) => readFileSync(path.join(root, file)))];
  return {
    who,
    what: `script ${kilobytes(script)}, ${files.map((file) => path.basename(file)).join(', ')}`,
    bytes: all.reduce((sum, content) => sum + content.length, 0),
    gzipBytes: all.reduce((sum, content) => sum + gzipped(content), 0),
    limit,
  };
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? sum : sum + bytesOf(file);
    return sum + lstatSync(file).size;
  }, 0);
}

/** Folders of all packages that npm installs with ours, as they lie in this checkout. */
function installedFolders(): string[] {
  const found = new Set<string>();
  const visit = (folder: string): void => {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
    const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
      (name) => !manifest.peerDependenciesMeta?.[name]?.optional,
    );
    for (const name of [...Object.keys(manifest.dependencies ?? {}), ...peers]) {
      for (let above = folder; ; above = path.dirname(above)) {
        const place = path.join(above, 'node_modules', name);
        if (existsSync(place)) {
          if (!found.has(place)) visit(add(place));
          break;
        }
        if (above === path.dirname(above)) throw new Error(`${manifest.name} needs ${name}, which is not installed`);
      }
    }
  };
  const add = (place: string): string => {
    found.add(place);
    return place;
  };
  visit(root.replace(/[\\/]$/, ''));
  return [...found];
}

/** The package as npm would pack it, and with all that comes along. */
export function packageSizes(): Download[] {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const [{ size, unpackedSize, entryCount }] = JSON.parse(stdout) as [
    { size: number; unpackedSize: number; entryCount: number },
  ];
  const folders = installedFolders();
  const others = folders.reduce((sum, folder) => sum + bytesOf(folder), 0);
  const ofTfjs = folders
    .filter((folder) => folder.includes('@tensorflow'))
    .reduce((sum, each) => sum + bytesOf(each), 0);
  return [
    {
      who: 'npm: the package',
      what: `${entryCount} files`,
      bytes: unpackedSize,
      gzipBytes: size,
      limit: TARBALL_LIMIT,
    },
    {
      who: 'npm: installed',
      what: `${folders.length + 1} packages, of which tfjs ${kilobytes(ofTfjs)}`,
      bytes: unpackedSize + others,
      gzipBytes: unpackedSize + others,
      limit: INSTALLED_LIMIT,
    },
  ];
}

const workerDownload = (who: string, { parts, bytes, gzipBytes, limit }: WorkerSize): Download => ({
  who,
  what: parts.map((part) => part.name).join(', '),
  bytes,
  gzipBytes,
  limit,
});

function engineFiles(): { readonly name: string; readonly bytes: number; readonly gzipBytes: number }[] {
  return readdirSync(path.join(root, 'build'))
    .filter((name) => /\.wasm$|^pool-worker\.js$/.test(name))
    .sort()
    .map((name) => {
      const content = readFileSync(path.join(root, 'build', name));
      return { name, bytes: content.length, gzipBytes: gzipped(content) };
    });
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(bytes < 1_000_000 ? 1 : 0)} KB`;
}

async function main(words: readonly string[]): Promise<void> {
  const downloads = [
    ...packageSizes(),
    ...(await Promise.all(pages.map(pageSize))),
    workerDownload('edge worker', await workerSize(false)),
    workerDownload('edge worker with image codecs', await workerSize(true)),
  ];
  const files = engineFiles();
  if (words.includes('--json')) console.log(JSON.stringify({ downloads, files }, null, 2));
  else {
    console.log('| who | raw | gzipped | limit | what |\n|---|---|---|---|---|');
    for (const { who, what, bytes, gzipBytes, limit } of downloads) {
      const transferred = who === 'npm: installed' ? '' : kilobytes(gzipBytes);
      console.log(`| ${who} | ${kilobytes(bytes)} | ${transferred} | ${kilobytes(limit)} | ${what} |`);
    }
    console.log('\n| file of build/ | raw | gzipped |\n|---|---|---|');
    for (const { name, bytes, gzipBytes } of files) {
      console.log(`| ${name} | ${kilobytes(bytes)} | ${kilobytes(gzipBytes)} |`);
    }
  }
  for (const { who, gzipBytes, limit } of downloads) {
    if (gzipBytes <= limit) continue;
    console.error(`${who}: ${gzipBytes} bytes are above the limit of ${limit}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
