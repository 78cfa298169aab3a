// The platform interface on edge runtimes, Cloudflare's workerd and Vercel's edge-runtime: no files, no threads, no compiler of WebAssembly;
// modules come by `provideFiles`, other files by HTTP. Invariant: nothing here needs eval or Node's modules.
import type { FileStatus, Files, Platform } from './platform.ts';
import { absent, withoutPrograms } from './without-programs.ts';

interface EdgeScope {
  /** The versions of Node that `nodejs_compat` pretends to have. */
  readonly process?: { readonly versions?: object };
  Worker?: unknown;
}

const scope = globalThis as EdgeScope;
// Neither tells which version of it runs.
const isCloudflare = globalThis.navigator?.userAgent === 'Cloudflare-Workers';
const runtime = { name: isCloudflare ? 'workerd' : 'edge-runtime', version: 'unknown' };

const refuse = (what: string) => (): never => {
  throw absent(runtime.name, what);
};

async function readUrl(url: URL): Promise<Uint8Array> {
  if (!/^https?:$/.test(url.protocol)) refuse(`read "${url.href}"`)();
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function statusOf(path: string): Promise<FileStatus | undefined> {
  if (!/^https?:/.test(path)) return undefined;
  const { ok, headers } = await fetch(path, { method: 'HEAD' });
  return ok ? { bytes: Number(headers.get('content-length') ?? 0), isFolder: false } : undefined;
}

/** Paths as on POSIX, of files that are never there, but for addresses, which are read by HTTP. */
const files: Files = {
  join: (...parts) => parts.join('/').replace(/(?<!:)\/{2,}/g, '/'),
  resolve: (...parts) => parts.reduce((base, part) => (/^(\/|\w+:)/.test(part) ? part : `${base}/${part}`), ''),
  dirname: (path) => path.slice(0, path.lastIndexOf('/')) || '/',
  basename: (path) => path.slice(path.lastIndexOf('/') + 1),
  fromUrl: ({ href }) => href,
  readBytes: async (path) => (URL.canParse(path) ? readUrl(new URL(path)) : refuse(`read "${path}"`)()),
  readText: async (path) => new TextDecoder().decode(await files.readBytes(path)),
  write: async (path) => refuse(`write "${path}"`)(),
  overwrite: async (path) => refuse(`write "${path}"`)(),
  copy: async (path) => refuse(`copy "${path}"`)(),
  append: async (path) => refuse(`write "${path}"`)(),
  status: statusOf,
  list: async () => [],
  entries: async () => [],
  makeFolder: async (path) => refuse(`make the folder "${path}"`)(),
  rename: async (path) => refuse(`rename "${path}"`)(),
  remove: async () => {},
};

/**
 * Hides `process` from the tfjs glue, which takes a runtime that has one for Node and asks for its modules. On Cloudflare it is an
 * accessor that cannot be removed, but written.
 */
async function withoutProcess<T>(body: () => Promise<T>): Promise<T> {
  const writable = scope as { process?: unknown };
  if (!('process' in scope)) return body();
  const { process } = scope;
  writable.process = undefined;
  try {
    return await body();
  } finally {
    writable.process = process;
  }
}

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
  readUrl,
  startWorker: refuse('start a worker'),
  hostGlue(standIn, start) {
    const { Worker } = scope;
    scope.Worker = standIn;
    return withoutProcess(start).finally(() => {
      scope.Worker = Worker;
    });
  },
};
