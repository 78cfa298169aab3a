// How large a whole edge worker is, bundled, minified and gzipped part by part: JavaScript, kernels, the shipped model, image codecs.
// Fails above the limits. Not here: what other users of the package download. Invariant: what is counted is what a deployment uploads.
//
//   node --import tsx scripts/worker-size.ts [--json]
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type OutputFile } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bytes, gzipped. */
export const limits = { withCodecs: 450_000, withoutCodecs: 300_000 } as const;

export interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

export interface WorkerSize {
  readonly parts: readonly Part[];
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly limit: number;
  /** Files that the JavaScript was made of, from the root of the project. */
  readonly sources: readonly string[];
  readonly script: string;
}

const MODEL = 'assets/models/dropout/dropout.selvedge';
const KERNELS = 'build/edge.wasm';
const codecs = ['build/png.wasm', 'build/jpeg.wasm'];

/** The worker of examples/cloudflare, from the sources, with or without codecs. */
function entry(withCodecs: boolean): string {
  const imports = withCodecs ? codecs.map((file, i) => `import codec${i} from './${file}';`) : [];
  return [
    `import model from './${MODEL}';`,
    `import kernels from './${KERNELS}';`,
    ...imports,
    `import { createClassifier } from './src/edge/index.ts';`,
    `import { createApp${withCodecs ? ', createImageDecoder' : ''} } from './src/serve/index.ts';`,
    'export default createApp({',
    '  classifier: createClassifier({ model, kernels }),',
    withCodecs ? '  decodeImage: createImageDecoder({ png: codec0, jpeg: codec1 }),' : '',
    '});',
  ].join('\n');
}

/** Bundles TypeScript that imports from the root of the project as a worker's is: its script, and the files that it was made of. */
export async function bundleWorker(contents: string): Promise<{ script: OutputFile; sources: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts', sourcefile: 'worker.ts' },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker'],
    external: ['*.wasm', '*.selvedge'],
    logLevel: 'error',
  });
  return { script: outputFiles[0]!, sources: Object.keys(metafile.inputs).sort() };
}

/** Bundles the worker and weighs it. */
export async function workerSize(withCodecs: boolean): Promise<WorkerSize> {
  const { script, sources } = await bundleWorker(entry(withCodecs));
  const read = (file: string): Part => partOf(path.basename(file), readFileSync(path.join(root, file)));
  const parts = [partOf('worker.js', script.contents), ...[KERNELS, MODEL, ...(withCodecs ? codecs : [])].map(read)];
  return {
    parts,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    gzipBytes: parts.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0),
    limit: withCodecs ? limits.withCodecs : limits.withoutCodecs,
    sources,
    script: script.text,
  };
}

function partOf(name: string, content: Uint8Array): Part {
  return { name, bytes: content.length, gzipBytes: gzipSync(content, { level: 9 }).length };
}

function tableOf(title: string, { parts, bytes, gzipBytes, limit }: WorkerSize): string {
  const row = (name: string, raw: number, gzipped: number): string =>
    `${name.padEnd(20)} ${(raw / 1000).toFixed(1).padStart(8)} KB ${(gzipped / 1000).toFixed(1).padStart(8)} KB gzipped`;
  const verdict = gzipBytes <= limit ? `within ${limit / 1000} KB` : `ABOVE ${limit / 1000} KB`;
  return [
    title,
    ...parts.map((part) => `  ${row(part.name, part.bytes, part.gzipBytes)}`),
    `  ${row('total', bytes, gzipBytes)}, ${verdict}`,
  ].join('\n');
}

async function main(words: readonly string[]): Promise<void> {
  const [withCodecs, withoutCodecs] = [await workerSize(true), await workerSize(false)];
  const sizes = Object.entries({ withCodecs, withoutCodecs });
  if (words.includes('--json')) {
    const shown = sizes.map(([name, { sources: _, script: __, ...size }]) => [name, size]);
    console.log(JSON.stringify(Object.fromEntries(shown), null, 2));
  } else {
    console.log(`${tableOf('The whole worker', withCodecs)}\n${tableOf('Without image codecs', withoutCodecs)}`);
  }
  if (sizes.some(([, { gzipBytes, limit }]) => gzipBytes > limit)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
