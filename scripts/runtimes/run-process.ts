// Child processes of `npm run test:runtimes`, and the end of all of them where it is interrupted. Not here: what they are for.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from './runtime.ts';

const LIMIT_MS = 3_600_000;

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface ProcessOptions {
  /** Default: the root of the project. */
  readonly cwd?: string;
  /** Data set of the run; default: the shipped sample. */
  readonly data?: 'sample' | 'whole';
  /** The process is killed, without warning, as soon as this file exists. */
  readonly killWhenThere?: string;
}

const running = new Set<ChildProcess>();

/** Ends a process and all that it started. */
function kill(child: ChildProcess): void {
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Ends all processes that still run. */
export function killProcesses(): void {
  for (const child of running) kill(child);
}

/** Runs a program to its end; one that cannot be started has ended with code 127. */
export function runProcess(binary: string, args: readonly string[], options: ProcessOptions = {}): Promise<Ended> {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const sample = options.data === 'whole' ? {} : { SELVEDGE_DATA: path.join(root, 'assets', 'sample') };
  const child = spawn(binary, args, {
    cwd: options.cwd ?? root,
    env: { ...inherited, NO_COLOR: '1', ...sample },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that its end can be the end of everything it started.
    detached: process.platform !== 'win32',
  });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const { killWhenThere: file } = options;
  const watch = file === undefined ? undefined : setInterval(() => existsSync(file) && kill(child), 5);
  const limit = setTimeout(() => kill(child), LIMIT_MS);
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearInterval(watch);
      clearTimeout(limit);
      running.delete(child);
      resolve({ code, signal, out, err });
    };
    child.on('error', (error) => {
      err += error.message;
      end(127, null);
    });
    // What it leaves running would hold the pipes open.
    child.on('exit', () => kill(child));
    child.on('close', end);
  });
}

/** What went wrong, with what the process said of it. */
export const describeFailure = (what: string, { code, signal, err }: Ended): string =>
  `${what}: ended with ${signal ?? `code ${code}`}\n${err.trimEnd()}`;
