// Programs of a test of many: started, paused, killed and waited for by their number. Not here: what they are asked. Invariant: `stopAll` leaves
// none behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sampleFolderUrl } from '../../src/data/sample.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Program {
  readonly name: string;
  /** Of its process. */
  readonly id: number;
  /** Its exit code, null where a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly isRunning: () => boolean;
  readonly output: () => string;
  signal(signal: NodeJS.Signals): void;
}

export interface Programs {
  /** Starts `selvedge` with arguments. */
  selvedge(name: string, args: readonly string[]): Program;
  /** Starts a script of this checkout. */
  script(name: string, script: string, args: readonly string[]): Program;
  /** Everything that any of them wrote. */
  written(): string;
  stopAll(): Promise<void>;
}

/** Programs on some Node, in a folder, on the sample that ships. */
export function createPrograms(node: string, folder: string): Programs {
  const all: Program[] = [];
  const start = (name: string, args: readonly string[]): Program => {
    const { FORCE_COLOR: _, ...inherited } = process.env;
    const child: ChildProcess = spawn(node, args, {
      cwd: folder,
      env: { ...inherited, SELVEDGE_DATA: fileURLToPath(sampleFolderUrl()) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk;
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    let isRunning = true;
    const ended = new Promise<number | null>((resolve) => {
      child.on('error', (error) => keep(Buffer.from(String(error))));
      child.on('close', (code) => {
        isRunning = false;
        resolve(code);
      });
    });
    const program: Program = {
      name,
      id: child.pid ?? 0,
      ended,
      isRunning: () => isRunning,
      output: () => output,
      signal: (signal) => void (isRunning && child.kill(signal)),
    };
    all.push(program);
    return program;
  };
  return {
    selvedge: (name, args) => start(name, [`${root}bin/selvedge.js`, ...args]),
    script: (name, script, args) =>
      start(name, ['--import', `${root}node_modules/tsx/dist/loader.mjs`, `${root}${script}`, ...args]),
    written: () => all.map(({ output }) => output()).join('\n'),
    async stopAll() {
      for (const program of all) program.signal('SIGCONT');
      for (const program of all) program.signal('SIGKILL');
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
