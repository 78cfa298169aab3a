// Runs the worker on this machine by miniflare, which is Cloudflare's workerd: what `wrangler dev` does, with less to install.
//
//   node start.js [--nodejs-compat]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const { main, compatibility_date: compatibilityDate } = JSON.parse(readFileSync(at('wrangler.json'), 'utf8'));

await build({
  entryPoints: [at(main)],
  outdir: at('dist'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd', 'worker'],
  loader: { '.wasm': 'copy', '.selvedge': 'copy' },
  logLevel: 'warning',
});

const worker = new Miniflare({
  modules: true,
  modulesRoot: at('dist'),
  scriptPath: at('dist/worker.js'),
  modulesRules: [
    { type: 'CompiledWasm', include: ['**/*.wasm'] },
    { type: 'Data', include: ['**/*.selvedge'] },
  ],
  compatibilityDate,
  compatibilityFlags: process.argv.includes('--nodejs-compat') ? ['nodejs_compat'] : ['no_nodejs_compat'],
  host: '127.0.0.1',
  port: Number(process.env.PORT ?? 8787),
});
console.log(`Serving on ${(await worker.ready).href.replace(/\/$/, '')}`);
