// The platform interface on Node, and what Bun and Deno have of it: they emulate Node's modules. Invariant: `write` is atomic, `overwrite` and `write` are on the disk when they resolve.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { appendFile, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { concatenate } from '../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { gunzip } from './node-gunzip.ts';
import { inflatesWithin } from './node-inflate.ts';
import { scriptCommand, startProgram } from './node-programs.ts';
import { findProgram, runProgram } from './node-shell.ts';
import { connectWorker, startWorker } from './node-workers.ts';
import type { CommandResult, FileStatus, Files, Machine, Platform, ProcessorTime } from './platform.ts';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
};

/** Runs what changes `file`; a failure names the file and says why in words. */
async function writing<T>(file: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    const reason = reasons[code] ? `${reasons[code]} (${code})` : messageOf(error);
    throw new SelvedgeError('files/not-written', `Cannot write "${file}": ${reason}`, { cause: error });
  }
}

async function writeParts(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

const isMissing = (error: unknown): boolean => {
  const code = (error as { code?: string }).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

/** Reads the whole in one piece: `readFile` of Node reads half a megabyte at a time and joins the pieces. */
async function readBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(bytes, length, size - length);
      if (bytesRead === 0) return bytes.slice(0, length);
      length += bytesRead;
    }
    // Where it has grown, or is of those that do not say how long they are.
    const more = new Uint8Array(1);
    const { bytesRead } = await handle.read(more, 0, 1);
    return bytesRead === 0 ? bytes : concatenate([bytes, more, await handle.readFile()]);
  } finally {
    await handle.close();
  }
}

async function readRange(file: string, byteOffset: number, length: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const bytes = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await handle.read(bytes, read, length - read, byteOffset + read);
      if (bytesRead === 0) return bytes.slice(0, read);
      read += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

const files: Files = {
  join: path.join,
  resolve: path.resolve,
  dirname: path.dirname,
  basename: (file) => path.basename(file),
  fromUrl: fileURLToPath,
  readBytes,
  readText: (file) => readFile(file, 'utf8'),
  readRange,
  write: (file, content) =>
    writing(file, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      const beside = `${file}.${process.pid}.part`;
      try {
        await writeParts(beside, [bytesOf(content)]);
        await rename(beside, file);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    }),
  overwrite: (file, parts) => writing(file, () => writeParts(file, parts)),
  copy: (from, to) => copyFile(from, to),
  append: (file, content) =>
    writing(file, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await appendFile(file, content);
    }),
  async status(file): Promise<FileStatus | undefined> {
    try {
      const found = await stat(file);
      return { bytes: found.size, isFolder: found.isDirectory(), modifiedMs: found.mtimeMs };
    } catch (error) {
      // A link that leads to itself leads nowhere.
      if (isMissing(error) || (error as { code?: string }).code === 'ELOOP') return undefined;
      throw error;
    }
  },
  async list(folder) {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  async entries(folder) {
    try {
      const found = await readdir(folder, { withFileTypes: true });
      return await Promise.all(
        found
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(async (entry) => ({
            name: entry.name,
            isFile: entry.isSymbolicLink()
              ? (await files.status(path.join(folder, entry.name)))?.isFolder === false
              : entry.isFile(),
            isFolder: entry.isDirectory(),
          })),
      );
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  makeFolder: (folder) =>
    writing(folder, async () => {
      await mkdir(folder, { recursive: true });
    }),
  rename,
  async remove(file) {
    await rm(file, { force: true, recursive: true });
  },
};

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Whole cores that the quotas of this process's control group and of all above it leave, or Infinity where there is none.
 * Source: the kernel's cgroup-v2 (`cpu.max`) and sched-bwc (`cpu.cfs_quota_us`) documents.
 *
 * @param read Text of a file, undefined where there is none
 */
export function cgroupCores(read: (file: string) => string | undefined = readIfThere): number {
  const groups = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const pathIn = (controller: string): string =>
    groups.find(([, controllers = '']) => controllers.split(',').includes(controller))?.[2] ?? '/';
  // A container sees its own group as the root, whatever /proc calls it.
  const withParents = (group: string): string[] => {
    const names = group.split('/').filter(Boolean);
    return Array.from({ length: names.length + 1 }, (_, i) =>
      names
        .slice(0, i)
        .map((name) => `/${name}`)
        .join(''),
    );
  };
  const quotas = [
    ...withParents(pathIn('')).map((group) => read(`/sys/fs/cgroup${group}/cpu.max`)?.split(' ')),
    ...withParents(pathIn('cpu')).map((group) =>
      ['quota', 'period'].map((what) => read(`/sys/fs/cgroup/cpu${group}/cpu.cfs_${what}_us`)),
    ),
  ];
  const cores = quotas.map(([quota, period] = []) => Number(quota) / Number(period));
  // "max" and -1 mean no limit.
  return Math.min(...cores.filter((share) => share > 0).map(Math.ceil), Number.POSITIVE_INFINITY);
}

function machine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    architecture: os.arch(),
    operatingSystem: `${os.type()} ${os.release()}`,
    cores: Math.max(1, Math.min(os.availableParallelism(), cgroupCores())),
    memoryBytes: os.totalmem(),
  };
}

async function hostGlue<T>(standIn: unknown, start: () => Promise<T>): Promise<T> {
  // The glue reads `require('worker_threads').Worker` when it runs, so the CommonJS view of the module is the place.
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown };
  const original = threads.Worker;
  // Emscripten turns each unhandled rejection of the whole process into a throw, once more for each start.
  const hooked = ['uncaughtException', 'unhandledRejection'] as const;
  const before = hooked.map((event) => process.rawListeners(event));
  threads.Worker = standIn;
  try {
    return await start();
  } finally {
    threads.Worker = original;
    hooked.forEach((event, i) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[i]!.includes(listener)) process.removeListener(event, listener as () => void);
      }
    });
  }
}

function runCommand(command: string, args: readonly string[], options: { cwd?: string } = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/** Jiffies of /proc/stat are of 10 ms on every kernel that Node runs on (USER_HZ). */
const JIFFY_MS = 10;

function processorTime(): ProcessorTime {
  const { user, system } = process.cpuUsage();
  const ownMs = (user + system) / 1000;
  const processors = os.cpus();
  // Fewer cores than the machine has: its counters tell of work that does not touch ours.
  if (processors.length === 0 || processors.length !== machine().cores) return { ownMs };
  const total = /^cpu +(.*)$/m
    .exec(readIfThere('/proc/stat') ?? '')?.[1]
    ?.split(' ')
    .map(Number);
  if (total) {
    const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = total;
    const busy = user + nice + system + interrupts + softInterrupts;
    return { ownMs, machine: { busyMs: busy * JIFFY_MS, stolenMs: stolen * JIFFY_MS } };
  }
  const busyMs = processors.reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  return { ownMs, machine: { busyMs, stolenMs: 0 } };
}

function peakMemoryBytes(): number {
  // The kernel's maxrss of a fresh process begins at that of the process that started it; its high-water mark does not.
  const highWater = /^VmHWM:\s+(\d+) kB$/m.exec(readIfThere('/proc/self/status') ?? '')?.[1];
  return 1024 * (highWater === undefined ? process.resourceUsage().maxRSS : Number(highWater));
}

function cacheFolder(): string {
  const base =
    process.env.XDG_CACHE_HOME ??
    (process.platform === 'win32' ? process.env.LOCALAPPDATA : undefined) ??
    path.join(os.homedir(), '.cache');
  return path.join(base, 'selvedge');
}

let input: AsyncIterator<Uint8Array> | undefined;

/** What standard input still has. It keeps the process alive only while it is waited for: who writes to it may not end. */
async function nextInput(): Promise<IteratorResult<Uint8Array>> {
  const { stdin } = process;
  input ??= stdin[Symbol.asyncIterator]();
  stdin.ref?.();
  try {
    return await input.next();
  } finally {
    stdin.unref?.();
  }
}

export const platform: Platform = {
  runtime: { name: 'node', version: process.versions.node },
  files,
  terminal: {
    get isTerminal() {
      return process.stderr.isTTY === true;
    },
    get isOutputTerminal() {
      return process.stdout.isTTY === true;
    },
    get columns() {
      return process.stderr.columns ?? 80;
    },
    write: (content) => {
      process.stdout.write(content);
    },
    writeError: (content) => {
      process.stderr.write(content);
    },
  },
  args: process.argv.slice(2),
  mayBlock: true,
  startsPrograms: true,
  reachesAnyHost: true,
  machine,
  environment: (name) => process.env[name],
  environmentVariables: () => ({ ...process.env }) as Record<string, string>,
  homeFolder: () => os.userInfo().homedir,
  workingFolder: () => process.cwd(),
  cacheFolder,
  now: () => performance.now(),
  giveWay: () => new Promise((resolve) => setImmediate(resolve)),
  readUrl: (url) => files.readBytes(fileURLToPath(url)),
  gunzip,
  inflatesWithin,
  startWorker,
  connectWorker,
  hostGlue,
  runCommand,
  startProgram,
  findProgram,
  runProgram,
  scriptCommand,
  inputLines: () => createInterface({ input: process.stdin }),
  inputBytes: () => ({ [Symbol.asyncIterator]: () => ({ next: nextInput }) }),
  processorTime,
  peakMemoryBytes,
  serve: async (answer, place) => (await import('./node-server.ts')).serve(answer, place),
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
    return () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    };
  },
  setExitCode: (code) => {
    process.exitCode = code;
  },
  exit: (code) => process.exit(code),
};
