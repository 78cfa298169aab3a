// The platform interface in a browser: on a page's main thread or, as it should be for an engine with threads, in a worker.
// Invariant: whatever a page's content security policy forbids, eval and inline scripts, is not needed.

import type { FolderHandle } from './browser-files.ts';
import { originPrivateFiles, writing } from './browser-files.ts';
import { borrowed } from './browser-lending.ts';
import { isAddress } from './browser-paths.ts';
import { startWorker } from './browser-worker.ts';
import type { FileStatus, Files, Machine, Platform } from './platform.ts';
import { withoutPrograms } from './without-programs.ts';

const brands: readonly (readonly [RegExp, string])[] = [
  [/Firefox\/([\d.]+)/, 'firefox'],
  [/Edg\/([\d.]+)/, 'edge'],
  [/Chrom(?:e|ium)\/([\d.]+)/, 'chromium'],
  [/Version\/([\d.]+).*Safari/, 'safari'],
];

function findRuntime(): { name: string; version: string } {
  const agent = navigator.userAgent;
  for (const [pattern, name] of brands) {
    const version = pattern.exec(agent)?.[1];
    if (version !== undefined) return { name, version };
  }
  return { name: 'browser', version: agent };
}

/** What is used of `navigator.userAgentData`, which Chromium and its kin have on secure pages. */
interface UserAgentData {
  getHighEntropyValues(names: readonly string[]): Promise<{ fullVersionList?: { brand: string; version: string }[] }>;
}

const runtime = findRuntime();
// Chromium's agent string has but the first of its numbers; the others come at its next turn, long before an engine has started.
(navigator as { userAgentData?: UserAgentData }).userAgentData?.getHighEntropyValues(['fullVersionList']).then(
  ({ fullVersionList = [] }) => {
    const own = fullVersionList.find(({ brand }) => brand.toLowerCase().endsWith(runtime.name));
    if (own) runtime.version = own.version;
  },
  () => undefined,
);

async function readUrl(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Cannot read "${url.href}": the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function statusOfAddress(address: string): Promise<FileStatus | undefined> {
  const head = /^https?:/i.test(address) ? await fetch(address, { method: 'HEAD' }) : undefined;
  const length = head?.headers.get('content-length') ?? undefined;
  // Of what is compressed on the way it is the compressed length, and some servers answer GET alone.
  if (head?.ok && length !== undefined && !head.headers.has('content-encoding')) {
    return { bytes: Number(length), isFolder: false };
  }
  if (head && (head.status === 404 || head.status === 410)) return undefined;
  const whole = await fetch(address);
  return whole.ok ? { bytes: (await whole.arrayBuffer()).byteLength, isFolder: false } : undefined;
}

const stored = originPrivateFiles({
  root: async () => {
    const { storage } = navigator as { storage?: Partial<StorageManager> };
    if (!storage?.getDirectory) throw new DOMException('no storage', 'SecurityError');
    return (await storage.getDirectory()) as unknown as FolderHandle;
  },
  withLock: async (name, body) => {
    const { locks } = navigator as { locks?: LockManager };
    return locks ? locks.request(name, body) : body();
  },
});

const readOnly = (path: string): Promise<never> =>
  writing(path, () => Promise.reject(new Error('it is an address, which can only be read')));

/** Files of this origin, and addresses, by which what came with the program is read. */
const files: Files = {
  ...stored,
  fromUrl: ({ href }) => href,
  readBytes: (path) => (isAddress(path) ? readUrl(new URL(path)) : stored.readBytes(path)),
  readText: async (path) => new TextDecoder().decode(await files.readBytes(path)),
  write: (path, content) => (isAddress(path) ? readOnly(path) : stored.write(path, content)),
  overwrite: (path, parts) => (isAddress(path) ? readOnly(path) : stored.overwrite(path, parts)),
  append: (path, content) => (isAddress(path) ? readOnly(path) : stored.append(path, content)),
  status: (path) => (isAddress(path) ? statusOfAddress(path) : stored.status(path)),
  // A server does not tell what it has.
  list: async (path) => (isAddress(path) ? [] : stored.list(path)),
  entries: async (path) => (isAddress(path) ? [] : stored.entries(path)),
  makeFolder: (path) => (isAddress(path) ? readOnly(path) : stored.makeFolder(path)),
  rename: (from, to) => {
    const address = [from, to].find(isAddress);
    return address === undefined ? stored.rename(from, to) : readOnly(address);
  },
  remove: (path) => (isAddress(path) ? readOnly(path) : stored.remove(path)),
};

const turns: (() => void)[] = [];
let channel: MessageChannel | undefined;

/** A message to oneself: timers wait 4 ms from the fifth that one starts from another (HTML, timer initialisation steps). */
function giveWay(): Promise<void> {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => turns.shift()?.();
  }
  const { port2 } = channel;
  return new Promise((resolve) => {
    turns.push(resolve);
    port2.postMessage(undefined);
  });
}

function machine(): Machine {
  return {
    cpu: 'unknown',
    architecture: 'wasm32',
    operatingSystem: navigator.platform || 'unknown',
    cores: Math.max(1, navigator.hardwareConcurrency),
    memoryBytes: ((navigator as { deviceMemory?: number }).deviceMemory ?? 0) * 2 ** 30,
  };
}

export const platform: Platform = {
  ...withoutPrograms(runtime),
  files,
  machine,
  // A page's main thread must not wait; workers may.
  mayBlock: typeof document === 'undefined',
  ...(globalThis.crossOriginIsolated === false && {
    sharedMemoryLack: 'its server must isolate the page, by the headers COOP: same-origin and COEP: require-corp',
  }),
  giveWay,
  readUrl,
  startWorker: (script, data) => startWorker(script, data, borrowed()),
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
