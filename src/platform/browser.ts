// The platform interface in a browser: on a page's main thread or, as it should be for an engine with threads, in a worker.
// Invariant: whatever a page's content security policy forbids, eval and inline scripts, is not needed.
import type { Files, Machine, Platform, PlatformWorker } from './platform.ts';
import { absent, withoutPrograms } from './without-programs.ts';

const brands: readonly (readonly [RegExp, string])[] = [
  [/Firefox\/([\d.]+)/, 'firefox'],
  [/Edg\/([\d.]+)/, 'edge'],
  [/Chrom(?:e|ium)\/([\d.]+)/, 'chromium'],
  [/Version\/([\d.]+).*Safari/, 'safari'],
];

function findRuntime(): Platform['runtime'] {
  const agent = navigator.userAgent;
  for (const [pattern, name] of brands) {
    const version = pattern.exec(agent)?.[1];
    if (version !== undefined) return { name, version };
  }
  return { name: 'browser', version: agent };
}

const runtime = findRuntime();

async function readUrl(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const refuse = (what: string) => (): never => {
  throw absent(runtime.name, what);
};

const files: Files = {
  join: (...parts) => parts.join('/').replace(/(?<!:)\/{2,}/g, '/'),
  resolve: (...parts) => parts.reduce((base, part) => (/^(\/|\w+:)/.test(part) ? part : `${base}/${part}`), ''),
  dirname: (path) => path.slice(0, path.lastIndexOf('/')) || '/',
  basename: (path) => path.slice(path.lastIndexOf('/') + 1),
  fromUrl: ({ href }) => href,
  readBytes: (path) => readUrl(new URL(path)),
  readText: async (path) => new TextDecoder().decode(await readUrl(new URL(path))),
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

function machine(): Machine {
  return {
    cpu: 'unknown',
    architecture: 'wasm32',
    operatingSystem: navigator.platform,
    cores: Math.max(1, navigator.hardwareConcurrency),
    memoryBytes: ((navigator as { deviceMemory?: number }).deviceMemory ?? 0) * 2 ** 30,
  };
}

function startWorker(script: URL, data: unknown): PlatformWorker {
  const worker = new Worker(script, { type: 'module' });
  worker.postMessage(data);
  return {
    onEnd: (listener) => {
      let ended = false;
      worker.onerror = (event) => {
        event.preventDefault();
        if (!ended) listener(event.message || `cannot load ${script.href}`);
        ended = true;
      };
    },
    terminate: async () => worker.terminate(),
  };
}

export const platform: Platform = {
  ...withoutPrograms(runtime),
  files,
  machine,
  // A page's main thread must not wait; workers may.
  mayBlock: typeof document === 'undefined',
  readUrl,
  startWorker,
  async hostGlue(standIn, start) {
    const scope = globalThis as { Worker?: unknown };
    const { Worker } = scope;
    scope.Worker = standIn;
    try {
      return await start();
    } finally {
      scope.Worker = Worker;
    }
  },
};
