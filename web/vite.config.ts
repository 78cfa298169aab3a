// How the page is served and built: any base path, strict headers, and the files it fetches by name beside it.
// Not here: anything of the page. Invariant: what `vite` serves, `vite preview` serves and a host serves has the same addresses.
//
// SELVEDGE_WEB_DATA: a folder with the four .gz files of the whole data set, to be served and built along.
// SELVEDGE_WEB_ISOLATE=1: build the service worker in that adds COOP and COEP where a host cannot.
import { defineConfig } from 'vite';
import { pageHeaders } from './site/headers.ts';
import { siteFiles } from './site/site-files.ts';

const dataFolder = process.env.SELVEDGE_WEB_DATA || undefined;
const isIsolating = process.env.SELVEDGE_WEB_ISOLATE === '1';

/** What the engine's modules for browsers import of other packages. */
const dependencies = [
  '@jsquash/jpeg/codec/dec/mozjpeg_dec.js',
  '@jsquash/webp/codec/dec/webp_dec.js',
  '@tensorflow/tfjs-backend-cpu',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js',
  '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-layers',
  'citty',
  'cli-progress',
  'jpeg-js/lib/decoder.js',
  'pako',
  'valibot',
  'vega',
  'vega-interpreter',
  'vega-lite',
];

export default defineConfig({
  // Relative: the site works under any path of any host.
  base: './',
  plugins: [siteFiles({ dataFolder, isIsolating })],
  define: {
    __HAS_DATA__: JSON.stringify(dataFolder !== undefined),
    __HAS_ISOLATING_WORKER__: JSON.stringify(isIsolating),
  },
  server: { headers: pageHeaders, fs: { allow: ['..'] } },
  preview: { headers: pageHeaders },
  worker: { format: 'es' },
  // The engine finds its WebAssembly beside its modules, which bundled dependencies would move it away from.
  // What it imports itself is named: Vite would find it only when it is needed, and load the page anew in the middle of a training.
  optimizeDeps: { exclude: ['selvedge'], include: dependencies.map((name) => `selvedge > ${name}`) },
  build: {
    target: 'es2022',
    // Our policy refuses code and styles that come as data: addresses.
    assetsInlineLimit: 0,
    // The engine is fetched when it is first needed; its size is no surprise.
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
  },
});
