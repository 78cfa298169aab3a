// Runs the function on this machine in Vercel's edge-runtime, which takes a script and hands it compiled modules.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EdgeRuntime, runServer } from 'edge-runtime';
import { build } from 'esbuild';
import './build.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const modules = {};

/** What Vercel does with `?module`. */
const compiled = {
  name: 'compiled-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({
      path: path.replace(/^.*\/|\?module$/g, ''),
      namespace: 'compiled',
    }));
    onLoad({ filter: /./, namespace: 'compiled' }, ({ path }) => {
      modules[path] = new WebAssembly.Module(readFileSync(at(`lib/${path}`)));
      return { contents: `export default compiledModules['${path}'];` };
    });
  },
};

const { outputFiles } = await build({
  stdin: {
    contents: `import answer from './api/index.js'; addEventListener('fetch', (event) => event.respondWith(answer(event.request)));`,
    resolveDir: at('.'),
  },
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  conditions: ['edge-light', 'worker'],
  // The JPEG codec asks where it is, and does without.
  logOverride: { 'empty-import-meta': 'silent' },
  plugins: [compiled],
  write: false,
  logLevel: 'warning',
});

const runtime = new EdgeRuntime({
  initialCode: outputFiles[0].text,
  extend: (context) => Object.assign(context, { compiledModules: modules }),
  // As deployed: nothing is compiled there.
  codeGeneration: { strings: false, wasm: false },
});
const server = await runServer({ runtime, host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) });
console.log(`Serving on ${server.url.replace(/\/$/, '')}`);
