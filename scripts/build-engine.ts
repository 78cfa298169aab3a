// Fills build/ with all that the engine loads at run time: our kernels, the WebAssembly of tfjs and of the image codecs, and the script of
// the pool's workers as a module without imports. `selvedge build` calls it. Invariant: a file is replaced whole.
import { copyFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { EngineFile } from '../src/platform/index.ts';
import { type Built, buildKernels } from './build-kernels.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** What packages bring. A copy beside our own files is found by `import.meta.url` on every runtime and by every bundler. */
const copies = {
  'tfjs-backend-wasm-simd.wasm': '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm',
  'tfjs-backend-wasm-threaded-simd.wasm': '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm',
  'png.wasm': '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
  'jpeg.wasm': '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  'webp.wasm': '@jsquash/webp/codec/dec/webp_dec.wasm',
} as const satisfies Partial<Record<EngineFile, string>>;

const WORKER = 'pool-worker.js' satisfies EngineFile;

/** Whose work the copies are. tfjs's packages name their licence, Apache 2.0, and do not hold its text, which that of the codecs is. */
const notices = [
  ['tfjs-backend-wasm-simd.wasm and tfjs-backend-wasm-threaded-simd.wasm', '@tensorflow/tfjs-backend-wasm', []],
  ['jpeg.wasm', '@jsquash/jpeg', ['codec/LICENSE.codec.md']],
  ['webp.wasm', '@jsquash/webp', ['codec/LICENSE.codec.md']],
  ['png.wasm', '@jsquash/png', ['codec/LICENSE.codec.md', 'LICENSE']],
] as const;
const NOTICE = 'NOTICE.txt';

function noticeText(): string {
  const parts = notices.map(([files, name, texts]) => {
    const manifest = resolve(`${name}/package.json`);
    const { version, license, author } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    const by = typeof author === 'object' ? (author as { name: string }).name : 'Google LLC';
    const read = (text: string): string => readFileSync(path.join(path.dirname(manifest), text), 'utf8').trim();
    return [`${files}\nof ${name} ${version}, by ${by}, under ${license}`, ...texts.map(read)].join('\n\n');
  });
  return `What this folder holds of others.\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Lets `make` write a file beside its place, and puts it there. */
async function replace(file: string, make: (beside: string) => unknown): Promise<Built> {
  const place = `${root}${file}`;
  const beside = `${place}.${process.pid}.part`;
  await make(beside);
  renameSync(beside, place);
  return { file, bytes: statSync(place).size };
}

/** With the licence on top the script is too large to be inlined by a bundler, which a content security policy would then refuse to load. */
function bundleWorker(outfile: string): Promise<unknown> {
  return build({
    entryPoints: [`${root}src/backend/${WORKER}`],
    bundle: true,
    format: 'esm',
    banner: { js: `/*!\n${readFileSync(`${root}LICENSE`, 'utf8')}*/` },
    outfile,
    logLevel: 'silent',
  });
}

/**
 * Builds everything.
 *
 * @param onOutput Hears what the compiler says
 * @returns Names and sizes of the files
 * @throws SelvedgeError `build/failed`
 */
export async function buildEngine(onOutput: (text: string) => void): Promise<Built[]> {
  const built = await buildKernels(onOutput);
  for (const [name, specifier] of Object.entries(copies)) {
    built.push(await replace(`build/${name}`, (beside) => copyFileSync(resolve(specifier), beside)));
  }
  built.push(await replace(`build/${WORKER}`, bundleWorker));
  built.push(await replace(`build/${NOTICE}`, (beside) => writeFileSync(beside, noticeText())));
  return built;
}
