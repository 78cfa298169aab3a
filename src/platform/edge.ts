// The platform interface on edge runtimes, Cloudflare's workerd and Vercel's edge-runtime: no files, no threads, no compiler of WebAssembly;
// modules come by `provideFiles`. Invariant: nothing here needs eval or Node's modules.
import type { Files, Platform } from './platform.ts';
import { absent, withoutPrograms } from './without-programs.ts';

const scope = globalThis as { EdgeRuntime?: unknown; process?: unknown; Worker?: unknown };
const isCloudflare = globalThis.navigator?.userAgent === 'Cloudflare-Workers';
const runtime = isCloudflare
  ? { name: 'workerd', version: 'unknown' }
  : { name: 'edge-runtime', version: String(scope.EdgeRuntime ?? 'unknown') };

const refuse = (what: string) => (): never => {
  throw absent(runtime.name, what);
};

/** Paths as on POSIX, of files that are never there. */
const files: Files = {
  join: (...parts) => parts.join('/').replace(/\/{2,}/g, '/'),
  resolve: (...parts) => parts.reduce((base, part) => (part.startsWith('/') ? part : `${base}/${part}`), ''),
  dirname: (path) => path.slice(0, path.lastIndexOf('/')) || '/',
  basename: (path) => path.slice(path.lastIndexOf('/') + 1),
  fromUrl: ({ href }) => href,
  readBytes: async (path) => refuse(`read "${path}"`)(),
  readText: async (path) => refuse(`read "${path}"`)(),
  write: async (path) => refuse(`write "${path}"`)(),
  overwrite: async (path) => refuse(`write "${path}"`)(),
  append: async (path) => refuse(`write "${path}"`)(),
  status: async () => undefined,
  list: async () => [],
  entries: async () => [],
  makeFolder: async (path) => refuse(`make the folder "${path}"`)(),
  rename: async (path) => refuse(`rename "${path}"`)(),
  remove: async () => {},
};

export const platform: Platform = {
  ...withoutPrograms(runtime),
  files,
  machine: () => ({
    cpu: 'unknown',
    architecture: 'wasm32',
    operatingSystem: runtime.name,
    cores: 1,
    memoryBytes: 0,
  }),
  mayBlock: false,
  readUrl: async ({ href }) => refuse(`read ${href}`)(),
  startWorker: refuse('start a worker'),
  async hostGlue(standIn, start) {
    // With `process` in sight the glue takes the runtime for Node and asks for its modules.
    const { process, Worker } = scope;
    scope.process = undefined;
    scope.Worker = standIn;
    try {
      return await start();
    } finally {
      scope.process = process;
      scope.Worker = Worker;
    }
  },
};
